"""Links over HTTP, for someone without an account: through CloudFront and API Gateway to Lambda with its own rights, and S3."""

from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from tests.support.e2e.actions import create_project, run_concurrently, upload_file, wait_until_processed
from tests.support.e2e.client import Client, Response, Server, request_url
from tests.support.e2e.load_rounds import retry_while_busy
from tests.support.factories import make_upload_request
from tests.support.image_samples import make_photo
from tests.support.share_page import find_form_in

pytestmark = pytest.mark.serial

PASSWORD = "open sesame please"
TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}
_PAGE = "text/html; charset=utf-8"
_FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def file_id(client: Client) -> str:
    return str(upload_file(client, b"content", projectId=create_project(client), **TEXT_FILE)["fileId"])


def share(client: Client, file_id: str, **fields: Any) -> Any:
    return client.post(f"/files/{file_id}/shares", {"permission": "read", **fields}).data()


def own_headers(response: Response) -> dict[str, str]:
    """Return the headers that are not different for each request through CloudFront and API Gateway."""
    others = ("date", "via", "x-amz-cf-id", "apigw-requestid")
    return {name: value for name, value in response.headers.items() if name not in others}


def send(server: Server, page: Response, action: str, **fields: str) -> Response:
    """Send a form of a page without a file."""
    form = find_form_in(page.content.decode(), action)
    body = urlencode({**form.fields, **fields}).encode()
    return server.request("POST", form.action, headers={"content-type": _FORM}, body=body)


def send_file(server: Server, page: Response, name: str, content: bytes) -> Response:
    """Send the form of a page with a file, as `requests` makes it."""
    form = find_form_in(page.content.decode(), "/upload")
    files = {"file": (name, content, "application/octet-stream")}
    prepared = requests.Request("POST", "http://localhost", data=form.fields, files=files).prepare()
    assert isinstance(prepared.body, bytes)
    headers = {"content-type": str(prepared.headers["content-type"])}
    return server.request("POST", form.action, headers=headers, body=prepared.body)


def test_stranger_downloads_with_a_password_from_the_page(client: Client, file_id: str, cloudfront: Server) -> None:
    url = urlsplit(share(client, file_id, password=PASSWORD)["url"])
    assert url.netloc == cloudfront.host
    locked = cloudfront.request("GET", url.path)
    refused = send(cloudfront, locked, url.path, password="wrong")
    opened = send(cloudfront, locked, url.path, password=PASSWORD)
    led = send(cloudfront, opened, "/download")

    assert [each.status for each in (locked, refused, opened, led)] == [200, 403, 200, 303]
    assert b"notes.txt" not in locked.content + refused.content
    assert b"notes.txt" in opened.content
    for page in (locked, refused, opened):
        headers = page.headers
        assert (headers["content-type"], headers["cache-control"]) == (_PAGE, "no-store")
        assert (headers["x-robots-tag"], headers["referrer-policy"]) == ("noindex, nofollow", "no-referrer")
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    downloaded = request_url(led.headers["location"])
    assert (downloaded.status, downloaded.content) == (200, b"content")
    assert downloaded.headers["content-disposition"].startswith('attachment; filename="notes.txt"')


def test_stranger_uploads_through_a_link_by_the_page_and_by_the_api(
    client: Client, file_id: str, anonymous: Client, cloudfront: Server
) -> None:
    created = share(client, file_id, permission="write")
    path = urlsplit(created["url"]).path
    by_form = send_file(cloudfront, cloudfront.request("GET", path), "gift.txt", b"a gift")
    request = make_upload_request(b"another gift", filename="other.txt", contentType="text/plain")
    upload = anonymous.post(f"/s/{created['token']}/init-upload", request).data()
    sent = request_url(upload["url"], method=upload["method"], headers=upload["headers"], body=b"another gift")
    committed = anonymous.post(f"/s/{created['token']}/commit", {"uploadId": upload["uploadId"]}).data()

    assert (by_form.status, sent.status) == (200, 200)
    assert "“<bdi>gift.txt</bdi>” was uploaded" in by_form.content.decode()
    assert committed == {"name": "other.txt", "size": 12, "version": 1}
    files = client.get(f"/files?projectId={file_id.partition('-')[0]}").data()
    assert sorted((each["name"], each["size"]) for each in files) == [
        ("gift.txt", 6),
        ("notes.txt", 7),
        ("other.txt", 12),
    ]


def test_largest_file_of_a_form_arrives_and_a_larger_one_leads_back(
    client: Client, file_id: str, cloudfront: Server
) -> None:
    path = urlsplit(share(client, file_id, permission="write")["url"]).path
    page = cloudfront.request("GET", path)
    largest = send_file(cloudfront, page, "large.bin", b"x" * 4 * 1024**2)
    too_large = send_file(cloudfront, page, "large.bin", b"x" * 5 * 1024**2)

    assert largest.status == 200, largest.content[:500]
    assert (too_large.status, too_large.headers["location"]) == (303, f"{path}?tooLarge=true")
    led_back = cloudfront.request("GET", too_large.headers["location"])
    assert led_back.status == 413
    assert b"The file is too large. This page takes files of up to 4 MB." in led_back.content


def test_64_parallel_downloads_of_a_share_for_10_are_10(client: Client, file_id: str, anonymous: Client) -> None:
    created = share(client, file_id, maxDownloads=10)
    path = f"/s/{created['token']}/download"
    responses = run_concurrently(64, lambda _: retry_while_busy(lambda: anonymous.post(path)))

    statuses = [each.status for each in responses]
    assert sorted(statuses) == [200] * 10 + [404] * 54
    [shown] = client.get(f"/files/{file_id}/shares").data()
    assert (shown["downloads"], shown["status"]) == (10, "used_up")
    uses = client.get(f"/files/{file_id}/shares/{created['id']}/uses?limit=100").data()
    assert [each["action"] for each in uses] == ["download"] * 10
    urls = {each.data()["url"] for each in responses if each.status == 200}
    assert {request_url(url).content for url in urls} == {b"content"}


def test_link_that_was_revoked_is_like_one_that_never_was(client: Client, file_id: str, cloudfront: Server) -> None:
    created = share(client, file_id, permission="write")
    path = urlsplit(created["url"]).path
    before = cloudfront.request("GET", path)
    client.delete(f"/files/{file_id}/shares/{created['id']}")
    request_id = {"x-request-id": "the-same-for-both"}
    revoked, unknown = (cloudfront.request("GET", each, headers=request_id) for each in (path, f"/s/hs_{'0' * 26}"))

    assert (before.status, revoked.status) == (200, 404)
    assert revoked.content == unknown.content
    assert revoked.headers["content-type"] == _PAGE
    assert own_headers(revoked) == own_headers(unknown)
    assert send(cloudfront, before, "/download").status == 404


def test_preview_of_an_image_is_a_variant_that_s3_serves(client: Client, cloudfront: Server) -> None:
    file_id = upload_file(client, make_photo(), projectId=create_project(client))["fileId"]
    wait_until_processed(client, file_id)
    token = share(client, file_id)["token"]
    shown = Client(cloudfront).get(f"/s/{token}").data()["preview"]
    page = cloudfront.request("GET", f"/s/{token}")

    preview = request_url(shown["url"])
    assert (preview.status, preview.headers["content-type"]) == (200, "image/webp")
    assert b'<img class="preview"' in page.content


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "application/pdf"])
def test_type_that_may_run_scripts_is_an_attachment(client: Client, anonymous: Client, content_type: str) -> None:
    content = b"<script>alert(1)</script>"
    uploaded = upload_file(
        client, content, projectId=create_project(client), filename="page.html", contentType=content_type
    )
    token = share(client, uploaded["fileId"])["token"]
    downloaded = request_url(anonymous.post(f"/s/{token}/download").data()["url"])

    assert anonymous.get(f"/s/{token}").data()["preview"] is None
    assert (downloaded.status, downloaded.content) == (200, content)
    assert downloaded.headers["content-disposition"].startswith("attachment;")
