"""What the wire tells browsers: which pages may ask, and what an answer may do."""

import pytest

from infra.local.e2e_environment import E2EEnvironment
from tests.support import image_samples as images
from tests.support.e2e.actions import create_project, init_upload, upload_bytes, upload_file, wait_until_processed
from tests.support.e2e.client import Client, Server, request_url

_ALLOWED_ORIGIN = "http://localhost:5173"
_OTHER_ORIGIN = "https://evil.example"
_PREFLIGHT_HEADERS = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


def test_a_page_of_an_allowed_origin_may_ask(cloudfront: Server) -> None:
    answer = cloudfront.request(
        "OPTIONS", "/api/v1/projects", headers={"origin": _ALLOWED_ORIGIN, **_PREFLIGHT_HEADERS}
    )

    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == _ALLOWED_ORIGIN
    assert "POST" in answer.headers["access-control-allow-methods"].split(", ")
    assert {"authorization", "content-type"} <= set(answer.headers["access-control-allow-headers"].split(", "))
    assert answer.headers["vary"].lower() == "origin"


@pytest.mark.parametrize(
    "origin", [_OTHER_ORIGIN, "null", "http://localhost:5173.evil.example", "https://localhost:5173"]
)
def test_a_page_of_another_origin_may_not_ask(origin: str, cloudfront: Server) -> None:
    preflight = cloudfront.request("OPTIONS", "/api/v1/projects", headers={"origin": origin, **_PREFLIGHT_HEADERS})
    preflight.problem(403, "origin_not_allowed")
    assert "access-control-allow-origin" not in preflight.headers

    answer = cloudfront.request("GET", "/api/v1/health", headers={"origin": origin})
    assert "access-control-allow-origin" not in answer.headers
    assert "origin" in answer.headers["vary"].lower()


def test_an_answer_may_be_read_by_an_allowed_page(cloudfront: Server) -> None:
    for path in ("/api/v1/health", "/api/v1/auth/me", "/api/v1/nowhere"):
        answer = cloudfront.request("GET", path, headers={"origin": _ALLOWED_ORIGIN})
        assert answer.headers["access-control-allow-origin"] == _ALLOWED_ORIGIN
        assert "x-request-id" in answer.headers["access-control-expose-headers"]


def test_the_bucket_lets_our_pages_write_by_a_signed_url(client: Client, deployment: E2EEnvironment) -> None:
    photo, own = images.make_noise_photo(60), deployment.outputs["ConsoleUrl"].rstrip("/")
    for origin in (own, _ALLOWED_ORIGIN):
        begun = init_upload(client, photo)
        asked = ",".join(name for name in begun["headers"] if name != "content-length")
        headers = {"access-control-request-method": "PUT", "access-control-request-headers": asked}

        preflight = request_url(begun["url"], method="OPTIONS", headers={"origin": origin, **headers})
        refused = request_url(begun["url"], method="OPTIONS", headers={"origin": _OTHER_ORIGIN, **headers})
        written = request_url(begun["url"], method="PUT", headers={**begun["headers"], "origin": origin}, body=photo)

        assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (200, origin)
        assert refused.status == 403
        assert (written.status, written.headers["access-control-allow-origin"]) == (200, origin)
        assert "x-amz-version-id" in written.headers["access-control-expose-headers"]


def test_every_answer_has_its_security_headers(client: Client, cloudfront: Server) -> None:
    project_id = create_project(client, visibility="public")
    file = wait_until_processed(
        client, upload_file(client, images.make_noise_photo(61), projectId=project_id)["fileId"]
    )
    media = request_url(file["variants"][0]["url"])
    page, docs = cloudfront.request("GET", "/"), cloudfront.request("GET", "/api/v1/docs")
    api, error = cloudfront.request("GET", "/api/v1/health"), cloudfront.request("GET", "/api/v1/nowhere")

    for answer in (media, page, docs, api, error):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["strict-transport-security"].startswith("max-age=63072000")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe-eval" not in answer.headers["content-security-policy"]
        assert "server" not in answer.headers or "Python" not in answer.headers["server"]
    for answer in (api, error, media, page):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert "sandbox" in media.headers["content-security-policy"]
    assert media.headers["cross-origin-resource-policy"] == "cross-origin"
    assert page.headers["cross-origin-resource-policy"] == "same-origin"


def test_what_is_somebodys_own_is_stored_nowhere(client: Client) -> None:
    file_id = upload_file(client, images.make_noise_photo(62))["fileId"]
    for path in ("/auth/me", "/projects", "/files", f"/files/{file_id}", f"/files/{file_id}/content", "/nowhere"):
        assert client.get(path).headers["cache-control"] == "no-store"


def test_the_api_by_its_own_address_has_the_headers_that_matter(api_gateway: Server) -> None:
    for path in ("/api/v1/health", "/api/v1/nowhere"):
        headers = api_gateway.request("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["strict-transport-security"].startswith("max-age=63072000")


def test_the_console_answers_for_its_places_and_not_for_missing_files(cloudfront: Server) -> None:
    page = cloudfront.request("GET", "/")
    assert (page.status, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert page.headers["cache-control"] == "no-cache"
    assert cloudfront.request("GET", "/projects/any").content == page.content
    assert cloudfront.request("GET", "/missing.js").status in (403, 404)
    assert cloudfront.request("GET", "/style.css").headers["content-type"].startswith("text/css")


def test_a_refused_upload_is_told_why(client: Client) -> None:
    photo = images.make_noise_photo(63)
    begun = init_upload(client, photo)
    assert upload_bytes(begun, photo).status == 200
    refused = request_url(
        begun["url"], method="PUT", headers={**begun["headers"], "origin": _ALLOWED_ORIGIN}, body=photo
    )
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (412, _ALLOWED_ORIGIN)
