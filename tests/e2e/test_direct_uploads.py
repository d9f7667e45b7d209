"""Direct uploads over HTTP, as clients send them: raw bodies, and the forms of `requests` (U1, U2)."""

import hashlib
import http.client
import json
import secrets

import pytest
import requests

from holdall.http.file_body import MAX_FILE_BYTES
from tests.support import image_samples as images
from tests.support.e2e.actions import create_project, run_concurrently, wait_until_processed
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import BASE_PATH, Client, Response, Server, request_url

_NAME = "Gr\u00f6\u00dfe \u6771\u4eac; \u201cfinal\u201d.bin"
_LARGEST = secrets.token_bytes(MAX_FILE_BYTES)
_INIT_UPLOAD = "/api/v1/files/init-upload"


@pytest.fixture(params=["api_gateway", "cloudfront"])
def caller(request: pytest.FixtureRequest, client: Client) -> Client:
    """Return a client of API Gateway, and then of CloudFront."""
    return Client(request.getfixturevalue(request.param), client.access_token)


def _post_form(caller: Client, to: str, name: str, content: bytes, content_type: str = "") -> Response:
    """Send a form as `requests` makes it."""
    file = (name, content, content_type) if content_type else (name, content)
    form = requests.Request("POST", "http://localhost", files={"file": file}).prepare()
    assert isinstance(form.body, bytes)
    return caller.post(to, form.body, content_type=str(form.headers["content-type"]))


def _read_sha256(caller: Client, file_id: str) -> str:
    """Return the digest of the content that S3 serves."""
    redirect = caller.get(f"/files/{file_id}/content")
    return hashlib.sha256(request_url(redirect.headers["location"]).content).hexdigest()


def test_largest_raw_body_is_stored(caller: Client) -> None:
    created = caller.post("/upload/file?filename=a.bin", _LARGEST, content_type="application/octet-stream")

    file = created.data()["file"]
    assert (created.status, file["size"], file["status"]) == (201, MAX_FILE_BYTES, "ready")
    assert file["sha256"] == hashlib.sha256(_LARGEST).hexdigest() == _read_sha256(caller, file["id"])


def test_form_with_the_largest_file_is_stored(caller: Client) -> None:
    created = _post_form(caller, "/upload/file", _NAME, _LARGEST)

    file = created.data()["file"]
    assert (created.status, file["name"], file["size"], file["status"]) == (201, _NAME, MAX_FILE_BYTES, "ready")
    assert _read_sha256(caller, file["id"]) == hashlib.sha256(_LARGEST).hexdigest()


@pytest.mark.parametrize("excess", [1, 64 * 1024])
def test_larger_file_is_refused_with_the_way_to_upload_it(caller: Client, excess: int) -> None:
    content = _LARGEST + b"x" * excess
    raw = caller.post("/upload/file?filename=a.bin", content, content_type="application/octet-stream")
    form = _post_form(caller, "/upload/file", "a.bin", content)

    for response in (raw, form):
        assert _INIT_UPLOAD in response.problem(413, "body_too_large")["detail"]


@pytest.mark.parametrize("size", [MAX_FILE_BYTES, MAX_FILE_BYTES + 1])
def test_body_of_an_unknown_length_has_the_same_limit(caller: Client, size: int) -> None:
    server, content = caller.server, _LARGEST + b"x"
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    chunks = (content[start : min(start + 65536, size)] for start in range(0, size, 65536))
    headers = {"host": server.host, "authorization": f"Bearer {caller.access_token}", "content-type": "image/png"}
    path = f"{server.prefix}{BASE_PATH}/upload/file?filename=a.png"
    connection.request("POST", path, chunks, headers, encode_chunked=True)
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()

    if size > MAX_FILE_BYTES:
        assert (response.status, body["code"]) == (413, "body_too_large")
    else:
        assert (response.status, body["data"]["file"]["size"]) == (201, size)


def test_text_that_is_not_utf8_is_stored_as_it_is(caller: Client) -> None:
    content = "Größe;Straße\r\n".encode("latin-1") * 1000

    file = _post_form(caller, "/upload/file", "table.csv", content, "text/csv").data()["file"]
    assert (file["contentType"], file["size"]) == ("text/csv", len(content))
    assert _read_sha256(caller, file["id"]) == hashlib.sha256(content).hexdigest()


def test_image_has_the_urls_that_its_variants_will_have(cloudfront: Server, client: Client) -> None:
    project_id, photo = create_project(client, visibility="public"), images.make_noise_photo(3)
    caller = Client(cloudfront, client.access_token)

    created = _post_form(caller, f"/upload/image?projectId={project_id}", "photo.jpg", photo, "image/jpeg").data()
    planned = [variant["url"] for variant in created["file"]["variants"]]
    rendered = wait_until_processed(client, created["fileId"])

    assert [variant["url"] for variant in rendered["variants"]] == planned
    assert {variant["status"] for variant in rendered["variants"]} == {"ready"}
    for url in planned:
        assert request_url(url).headers["content-type"] == "image/webp"


def test_concurrent_requests_with_one_idempotency_key_create_one_file(client: Client, aws_state: AwsState) -> None:
    project_id, content = create_project(client), b"Dear reader"
    path = f"/upload/file?filename=a.txt&projectId={project_id}"

    responses = run_concurrently(
        8, lambda _: client.post(path, content, content_type="text/plain", idempotency_key="once")
    )
    aws_state.wait_until_queues_empty()

    assert {response.status for response in responses} == {201}
    assert len({json.dumps(response.data()) for response in responses}) == 1
    assert aws_state.recorded_quota(project_id) == (len(content), 1)
    assert len(aws_state.originals(project_id)) == 1
