"""A user with a project, and the resources that a measured request needs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyotp

from holdall.platform.config import settings
from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.factories import make_upload_request
from tests.support.image_samples import make_photo


@contextmanager
def email_verification_on() -> Iterator[None]:
    """Require verification of email addresses."""
    os.environ["EMAIL_VERIFICATION"] = "on"
    settings.cache_clear()
    yield
    os.environ["EMAIL_VERIFICATION"] = "off"
    settings.cache_clear()


@dataclass(frozen=True)
class Scenario:
    """A client with a public project. Its methods prepare the requests that a test measures."""

    client: Client
    fake_aws: FakeAws
    project_id: str

    @classmethod
    def create(cls, fake_aws: FakeAws) -> "Scenario":
        """Create a user with a public project that has one variant."""
        client = users.create_client()
        client.get("/auth/me").data()  # a process reads the public keys when it verifies its first token
        settings = {"visibility": "public", "variants": [{"name": "thumb", "width": 20, "height": 20, "fit": "cover"}]}
        project = client.post("/projects", {"name": "Holiday", "settings": settings}).created()
        return cls(client, fake_aws, project["id"])

    @property
    def email(self) -> str:
        return str(self.client.user["email"])

    @property
    def password(self) -> str:
        return users.PASSWORD

    @property
    def credentials(self) -> dict[str, Any]:
        """Return the body of a sign-in."""
        return {"email": self.email, "password": self.password}

    def upload(self, content: bytes | None = None, **overrides: Any) -> dict[str, Any]:
        """Return an upload whose bytes are stored and which is not committed."""
        content = make_photo() if content is None else content
        body = make_upload_request(content, projectId=self.project_id, **overrides)
        upload: dict[str, Any] = self.client.post("/files/init-upload", body).created()
        self.fake_aws.put_object(upload, content)
        return upload

    def create_file(self, content: bytes | None = None, **overrides: Any) -> str:
        """Return the ID of a file whose upload was committed."""
        upload_id = self.upload(content, **overrides)["uploadId"]
        return str(self.client.post("/files/commit", {"uploadId": upload_id}).data()["fileId"])

    def create_image(self) -> str:
        """Return the ID of an image that was committed. Its variant is not rendered yet."""
        return self.create_file()

    def create_document(self) -> str:
        """Return the ID of a file that is not an image."""
        return self.create_file(b"Dear reader", filename="letter.txt", contentType="text/plain")

    def create_versions(self) -> str:
        """Return the ID of a file that is not an image and has two versions."""
        file_id = self.create_document()
        self.create_file(b"Dear readers", filename="letter.txt", contentType="text/plain", fileId=file_id)
        return file_id

    def create_rendered_image(self) -> str:
        """Return the ID of an image whose variant is stored under `media/`."""
        file_id = self.create_image()
        self.fake_aws.run_workers()
        return file_id

    def start_mfa_login(self) -> str:
        """Return the MFA token of a sign-in and a recovery code, joined by a space."""
        codes = self.client.post("/auth/2fa/enable", {"code": self.set_up_totp()}).data()["recoveryCodes"]
        return f"{Client().post('/auth/login', self.credentials).data()['mfaToken']} {codes[0]}"

    def emailed_token(self, kind: str) -> str:
        """Return the token in the newest email of a kind."""
        return next(
            str(each["token"]) for each in reversed(mailbox.receive_emails(self.fake_aws)) if each["kind"] == kind
        )

    def verification_token(self) -> str:
        """Return the token of a sign-up whose email address is not verified yet."""
        email = users.unique_email()
        with email_verification_on():
            Client().post("/auth/sign-up", {"email": email, "password": self.password}).data()
        return self.emailed_token("email-verification")

    def set_up_totp(self) -> str:
        """Return a code of a TOTP secret that was just set up."""
        return pyotp.TOTP(self.client.post("/auth/2fa/setup").data()["secret"]).now()
