"""Somebody with a project, and the few things that have to be there before a request can be measured."""

from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.api.client import Client
from tests.api.cloud import Cloud, announce, photo

_numbers = count(1)


@dataclass(frozen=True)
class Scene:
    """A client with a public project. The methods do what a test does not measure."""

    client: Client
    cloud: Cloud
    project_id: str
    email: str
    password: str

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

    def new_email(self) -> str:
        """An address that nobody has."""
        return f"scene{next(_numbers)}-{self.email}"
