"""Somebody with a project, and the few things that have to be there before a request can be measured."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import pyotp

from holdall.platform.config import settings
from tests.support import mailbox
from tests.support.aws import FakeAws, make_photo, make_upload_request
from tests.support.client import Client

_numbers = count(1)
_PASSWORD = "correct horse battery"


@contextmanager
def email_verification_on() -> Iterator[None]:
    """A stage that asks each address for proof."""
    os.environ["EMAIL_VERIFICATION"] = "on"
    settings.cache_clear()
    yield
    os.environ["EMAIL_VERIFICATION"] = "off"
    settings.cache_clear()


@dataclass(frozen=True)
class Scenario:
    """A client with a public project. The methods do what a test does not measure."""

    client: Client
    fake_aws: FakeAws
    project_id: str
    email: str
    password: str

    @classmethod
    def create(cls, fake_aws: FakeAws) -> "Scenario":
        """Somebody with an account and a public project with one variant, and nobody else."""
        email = f"user{next(_numbers)}@example.test"
        Client().post("/auth/sign-up", {"email": email, "password": _PASSWORD}).created()
        data = Client().post("/auth/login", {"email": email, "password": _PASSWORD}).data()
        client = Client(data["accessToken"], data["user"], data["refreshToken"])
        client.get("/auth/me").data()  # the public keys are read once per process, by whoever shows the first token
        settings = {"visibility": "public", "variants": [{"name": "thumb", "width": 20, "height": 20, "fit": "cover"}]}
        project = client.post("/projects", {"name": "Holiday", "settings": settings}).created()
        return cls(client, fake_aws, project["id"], email, _PASSWORD)

    @property
    def credentials(self) -> dict[str, Any]:
        """What signs the client in."""
        return {"email": self.email, "password": self.password}

    def upload(self, content: bytes | None = None, **overrides: Any) -> dict[str, Any]:
        """An upload whose bytes have arrived and which nobody has committed."""
        content = make_photo() if content is None else content
        asked = make_upload_request(content, projectId=self.project_id, **overrides)
        made: dict[str, Any] = self.client.post("/files/init-upload", asked).created()
        self.fake_aws.put_object(made, content)
        return made

    def create_file(self, content: bytes | None = None, **overrides: Any) -> str:
        """The id of a file whose upload was committed."""
        upload_id = self.upload(content, **overrides)["uploadId"]
        return str(self.client.post("/files/commit", {"uploadId": upload_id}).data()["fileId"])

    def create_image(self) -> str:
        """The id of an image that was committed; its variant is not drawn yet."""
        return self.create_file()

    def create_document(self) -> str:
        """The id of a file that is no image."""
        return self.create_file(b"Dear reader", filename="letter.txt", contentType="text/plain")

    def create_rendered_image(self) -> str:
        """The id of an image whose variant lies under `media/`."""
        file_id = self.create_image()
        self.fake_aws.run_workers()
        return file_id

    def start_mfa_login(self) -> str:
        """The token of a login that wants a second factor, and a recovery code beside it, joined by a blank."""
        codes = self.client.post("/auth/2fa/enable", {"code": self.set_up_totp()}).data()["recoveryCodes"]
        return f"{Client().post('/auth/login', self.credentials).data()['mfaToken']} {codes[0]}"

    def emailed_token(self, kind: str) -> str:
        """The secret of the newest letter of a kind."""
        return next(
            str(each["token"]) for each in reversed(mailbox.receive_emails(self.fake_aws)) if each["kind"] == kind
        )

    def verification_token(self) -> str:
        """The secret of a letter to somebody who wants to sign up where addresses are verified."""
        email = self.new_email()
        with email_verification_on():
            Client().post("/auth/sign-up", {"email": email, "password": self.password}).data()
        return self.emailed_token("email-verification")

    def set_up_totp(self) -> str:
        """A code of a seed that was just set up."""
        return pyotp.TOTP(self.client.post("/auth/2fa/setup").data()["secret"]).now()

    def new_email(self) -> str:
        """An address that nobody has."""
        return f"new{next(_numbers)}-{self.email}"
