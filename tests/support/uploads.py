"""Uploads of a small text file."""

from typing import Any

from holdall.uploads import service as uploads
from holdall.uploads.model import CommitUploadRequest, CommitUploadResponse
from tests.support.callers import get_project, make_caller
from tests.support.client import Client
from tests.support.factories import make_upload_request

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


def init_upload(client: Client, content: bytes = b"content", **overrides: Any) -> dict[str, Any]:
    """Initiate an upload, and return the response."""
    upload: dict[str, Any] = client.post(
        "/files/init-upload", make_upload_request(content, **{**TEXT_FILE, **overrides})
    ).created()
    return upload


def commit_upload(client: Client, upload: dict[str, Any]) -> CommitUploadResponse:
    """Commit an upload through the service, as another request does while one is processed."""
    project = get_project(upload["uploadId"].partition("-")[0])
    request = CommitUploadRequest.model_validate({"uploadId": upload["uploadId"]})
    return uploads.commit(make_caller(client), project, request)
