"""A Python client that is generated from docs/openapi.json signs up, uploads, lists and deletes."""

import hashlib
import importlib
import json
import os
import subprocess
import sys
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from infra.build.openapi import OPENAPI_PATH
from tests.support import users
from tests.support.client import build_http_api_event, find_handler

PACKAGE = "holdall_client"
CONTENT = b"Dear reader"
CONFIG = {
    "post_hooks": [],  # formatting the code takes longer than generating it
    "content_type_overrides": {"application/x-ndjson": "text/plain"},
}


class GeneratedClient:
    """The generated package, by the names of its operations and models."""

    def __init__(self, token: str = "") -> None:
        client_module = importlib.import_module(f"{PACKAGE}.client")
        arguments = {"base_url": "https://files.example.test", "raise_on_unexpected_status": True}
        arguments |= {"httpx_args": {"transport": httpx.MockTransport(call_handler)}}
        client = client_module.AuthenticatedClient if token else client_module.Client
        self._client = client(**arguments, **({"token": token} if token else {}))

    def call(self, tag: str, operation: str, *args: Any, **kwargs: Any) -> Any:
        module = importlib.import_module(f"{PACKAGE}.api.{tag}.{operation}")
        return module.sync(*args, client=self._client, **kwargs)


def call_handler(request: httpx.Request) -> httpx.Response:
    """Pass a request to the handler of its route, as API Gateway does."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    event = build_http_api_event(request.method, request.url.raw_path.decode(), headers, request.read() or None)
    response = find_handler(event["rawPath"])(event, None)
    return httpx.Response(response["statusCode"], headers=response["headers"], text=response["body"])


@pytest.fixture(scope="module")
def package_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate the client. Anything in the document that the generator does not understand fails the test."""
    directory = tmp_path_factory.mktemp("generated")
    config = directory / "config.json"
    config.write_text(json.dumps(CONFIG))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    command += ["--path", str(OPENAPI_PATH), "--config", str(config), "--output-path", str(directory / PACKAGE)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert result.returncode == 0, result.stdout + result.stderr
    return directory


@pytest.fixture
def models(package_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(package_directory)
    return importlib.import_module(f"{PACKAGE}.models")


def test_generated_client_signs_up_uploads_lists_and_deletes(models: Any) -> None:
    email, password = users.unique_email(), users.PASSWORD
    anonymous = GeneratedClient()

    signed_up = anonymous.call("accounts", "sign_up", body=models.SignUpRequest(email=email, password=password))
    assert signed_up.data.user.email == email

    signed_in = anonymous.call("sessions", "login", body=models.LoginRequest(email=email, password=password))
    assert isinstance(signed_in, models.TokenEnvelope)
    client = GeneratedClient(signed_in.data.access_token)

    sha256 = hashlib.sha256(CONTENT).hexdigest()
    upload = client.call(
        "uploads",
        "init_upload",
        body=models.InitUploadRequest(
            filename="letter.txt", size=len(CONTENT), content_type="text/plain", sha256=sha256
        ),
    ).data
    put = requests.put(upload.url, CONTENT, headers=upload.headers.to_dict(), timeout=10)
    assert put.status_code == 200, put.text
    committed = client.call("uploads", "commit_upload", body=models.CommitUploadRequest(upload_id=upload.upload_id))
    assert committed.data.file.id == upload.file_id

    page = client.call("files", "list_files", kind=models.ListFilesKind.FILE, limit=10)
    assert [(file.id, file.name, file.size) for file in page.data] == [(upload.file_id, "letter.txt", len(CONTENT))]
    assert isinstance(page.data[0].created_at, datetime)
    assert page.pagination.has_next is False

    assert isinstance(client.call("files", "delete_file", upload.file_id), models.FileEnvelope)
    assert client.call("files", "list_files").data == []

    purged = client.call("files", "delete_file", upload.file_id, permanent=True)
    assert isinstance(purged, models.JobAcceptedEnvelope)


def test_generated_client_uploads_small_files(models: Any) -> None:
    client = GeneratedClient(str(users.create_client().access_token))
    file = importlib.import_module(f"{PACKAGE}.types").File

    raw = client.call("direct_uploads", "upload_file", body=file(BytesIO(CONTENT)), filename="raw.txt")
    form = models.FileForm(file=file(BytesIO(CONTENT), "form.txt", "text/plain"))
    in_form = client.call("direct_uploads", "upload_file", body=form)

    uploaded = [each.data.file for each in (raw, in_form)]
    assert [(each.name, each.content_type, each.size) for each in uploaded] == [
        ("raw.txt", "application/octet-stream", len(CONTENT)),
        ("form.txt", "text/plain", len(CONTENT)),
    ]
    assert {each.sha256 for each in uploaded} == {hashlib.sha256(CONTENT).hexdigest()}


def test_generated_client_parses_problems(models: Any) -> None:
    body = models.SignUpRequest(email="no address", password=users.PASSWORD)
    problem = GeneratedClient().call("accounts", "sign_up", body=body)

    assert isinstance(problem, models.Problem)
    assert (problem.status, problem.code, problem.errors[0].pointer) == (422, "invalid", "/email")
