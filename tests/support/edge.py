"""The edge store of the suites in this process: a bucket without versions behind an endpoint of its own."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.factories import make_upload_request
from tests.support.settings import EDGE_URL

CREDENTIALS = json.dumps({"accessKeyId": "edge-key", "secretAccessKey": "secret-of-the-edge-store"})
PARAMETER = "/holdall/test/edge-credentials"


@dataclass(frozen=True)
class EdgeProject:
    """A project whose new files are in the edge store."""

    fake_aws: FakeAws
    client: Client
    id: str

    @classmethod
    def create(cls, fake_aws: FakeAws, client: Client, **settings: Any) -> "EdgeProject":
        body = {"name": "Site", "settings": {"storage": "edge", **settings}}
        return cls(fake_aws, client, client.post("/projects", body).created()["id"])

    def init(self, content: bytes, **overrides: Any) -> dict[str, Any]:
        """Initiate an upload of a text file, and return the response."""
        text = {"filename": "notes.txt", "contentType": "text/plain", "projectId": self.id}
        body = make_upload_request(content, **{**text, **overrides})
        upload: dict[str, Any] = self.client.post("/files/init-upload", body).created()
        assert (upload["url"] or EDGE_URL).startswith(EDGE_URL)
        return upload

    def put(self, upload: dict[str, Any], content: bytes) -> None:
        self.fake_aws.put_object(upload, content, bucket="edge")

    def upload(self, content: bytes, **overrides: Any) -> dict[str, Any]:
        """Upload and commit a file, and return it."""
        upload = self.init(content, **overrides)
        self.put(upload, content)
        committed = self.client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
        file: dict[str, Any] = committed["file"]
        return file

    def key(self, file: dict[str, Any]) -> str:
        """Return the key of the current original."""
        rows = self.fake_aws.find_rows("main", pk=f"FILE#{file['id']}", sk="FILE")
        return str(json.loads(rows[0]["current"])["key"])

    def overwrite(self, key: str, content: bytes) -> None:
        """Damage an object at the edge."""
        self.fake_aws.s3.put_object(Bucket="edge", Key=key, Body=content)


def sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
