"""Somebody with a project, and the few things that have to be there before a request can be measured."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import pyotp

from holdall.config import settings
from tests.api import post
from tests.api.client import Client
from tests.api.cloud import Cloud, announce, photo

_numbers = count(1)
_PASSWORD = "correct horse battery"


@contextmanager
def verifying() -> Iterator[None]:
    """A stage that asks each address for proof."""
    os.environ["EMAIL_VERIFICATION"] = "on"
    settings.cache_clear()
    yield
    os.environ["EMAIL_VERIFICATION"] = "off"
    settings.cache_clear()


@dataclass(frozen=True)
class Scene:
    """A client with a public project. The methods do what a test does not measure."""

    client: Client
    cloud: Cloud
    project_id: str
    email: str
    password: str

    @classmethod
    def new(cls, cloud: Cloud) -> "Scene":
        """Somebody with an account and a public project with one variant, and nobody else."""
        cloud.forget()  # moto copies whole tables for each transaction: with the rows of all tests before, some 100 MB
        email = f"house{next(_numbers)}@example.test"
        Client().post("/auth/sign-up", {"email": email, "password": _PASSWORD}).created()
        data = Client().post("/auth/login", {"email": email, "password": _PASSWORD}).data()
        client = Client(data["accessToken"], data["user"], data["refreshToken"])
        client.get("/auth/me").data()  # the public keys are read once per process, by whoever shows the first token
        settings = {"visibility": "public", "variants": [{"name": "thumb", "width": 20, "height": 20, "fit": "cover"}]}
        project = client.post("/projects", {"name": "Holiday", "settings": settings}).created()
        return cls(client, cloud, project["id"], email, _PASSWORD)

    @property
    def credentials(self) -> dict[str, Any]:
        """What signs the client in."""
        return {"email": self.email, "password": self.password}

    def begun(self, content: bytes | None = None, **said: Any) -> dict[str, Any]:
        """An upload whose bytes have arrived and which nobody has committed."""
        content = photo() if content is None else content
        asked = announce(content, projectId=self.project_id, **said)
        made: dict[str, Any] = self.client.post("/files/init-upload", asked).created()
        self.cloud.put(made, content)
        return made

    def committed(self, content: bytes | None = None, **said: Any) -> str:
        """The id of a file whose upload was committed."""
        upload_id = self.begun(content, **said)["uploadId"]
        return str(self.client.post("/files/commit", {"uploadId": upload_id}).data()["fileId"])

    def image(self) -> str:
        """The id of an image that was committed; its variant is not drawn yet."""
        return self.committed()

    def document(self) -> str:
        """The id of a file that is no image."""
        return self.committed(b"Dear reader", filename="letter.txt", contentType="text/plain")

    def drawn(self) -> str:
        """The id of an image whose variant lies under `media/`."""
        file_id = self.image()
        self.cloud.work()
        return file_id

    def known_login(self) -> str:
        """The token of a login that wants a second factor, and a recovery code beside it, joined by a blank."""
        codes = self.client.post("/auth/2fa/enable", {"code": self.second_factor()}).data()["recoveryCodes"]
        return f"{Client().post('/auth/login', self.credentials).data()['mfaToken']} {codes[0]}"

    def link(self, kind: str) -> str:
        """The secret of the newest letter of a kind."""
        return next(str(each["detail"]) for each in reversed(post.posted(self.cloud)) if each["kind"] == kind)

    def asked(self) -> str:
        """The secret of a letter to somebody who wants to sign up where addresses are verified."""
        email = self.new_email()
        with verifying():
            Client().post("/auth/sign-up", {"email": email, "password": self.password}).data()
        return self.link("verify")

    def second_factor(self) -> str:
        """A code of a seed that was just set up."""
        return pyotp.TOTP(self.client.post("/auth/2fa/setup").data()["secret"]).now()

    def new_email(self) -> str:
        """An address that nobody has."""
        return f"scene{next(_numbers)}-{self.email}"
