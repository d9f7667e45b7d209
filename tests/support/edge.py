"""The edge store of the suites in this process: a bucket without versions behind an endpoint of its own."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO, RawIOBase
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest, AWSResponse, HeadersDict
from urllib3 import HTTPResponse

from holdall.platform import originals
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


def answer(monkeypatch: pytest.MonkeyPatch, respond: Callable[[AWSRequest], AWSResponse | None]) -> None:
    """Let a function see all requests to the edge store, from now on. None lets a request through."""
    real_client = originals._get_edge_client

    def get_client(*args: Any) -> Any:
        client = real_client.__wrapped__(*args)
        client.meta.events.register("before-send.s3", lambda request, **_: respond(request))
        return client

    get_client.cache_clear = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setattr(originals, "_get_edge_client", get_client)


def respond_with(request: AWSRequest, status: int, body: RawIOBase | None = None, **headers: str) -> AWSResponse:
    """Return a response of the edge store. The names of headers have underscores."""
    raw: Any = HTTPResponse(body=body or BytesIO(), status=status, preload_content=False)
    values: Any = HeadersDict({name.replace("_", "-"): value for name, value in headers.items()})
    return AWSResponse(str(request.url), status, values, raw)
