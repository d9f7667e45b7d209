"""CORS and security headers, as browsers see them."""

import re

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


def test_preflight_of_an_allowed_origin_is_accepted(cloudfront: Server) -> None:
    response = cloudfront.request(
        "OPTIONS", "/api/v1/projects", headers={"origin": _ALLOWED_ORIGIN, **_PREFLIGHT_HEADERS}
    )

    assert response.status == 204
    assert response.headers["access-control-allow-origin"] == _ALLOWED_ORIGIN
    assert "POST" in response.headers["access-control-allow-methods"].split(", ")
    assert {"authorization", "content-type"} <= set(response.headers["access-control-allow-headers"].split(", "))
    assert response.headers["vary"].lower() == "origin"


@pytest.mark.parametrize(
    "origin", [_OTHER_ORIGIN, "null", "http://localhost:5173.evil.example", "https://localhost:5173"]
)
def test_preflight_of_another_origin_is_rejected(origin: str, cloudfront: Server) -> None:
    preflight = cloudfront.request("OPTIONS", "/api/v1/projects", headers={"origin": origin, **_PREFLIGHT_HEADERS})
    preflight.problem(403, "origin_not_allowed")
    assert "access-control-allow-origin" not in preflight.headers

    response = cloudfront.request("GET", "/api/v1/health", headers={"origin": origin})
    assert "access-control-allow-origin" not in response.headers
    assert "origin" in response.headers["vary"].lower()


def test_responses_can_be_read_by_an_allowed_origin(cloudfront: Server) -> None:
    for path in ("/api/v1/health", "/api/v1/auth/me", "/api/v1/nowhere"):
        response = cloudfront.request("GET", path, headers={"origin": _ALLOWED_ORIGIN})
        assert response.headers["access-control-allow-origin"] == _ALLOWED_ORIGIN
        assert "x-request-id" in response.headers["access-control-expose-headers"]


def test_bucket_accepts_presigned_uploads_of_allowed_origins(client: Client, deployment: E2EEnvironment) -> None:
    photo, own = images.make_noise_photo(60), deployment.outputs["ConsoleUrl"].rstrip("/")
    for origin in (own, _ALLOWED_ORIGIN):
        upload = init_upload(client, photo)
        names = ",".join(name for name in upload["headers"] if name != "content-length")
        headers = {"access-control-request-method": "PUT", "access-control-request-headers": names}

        preflight = request_url(upload["url"], method="OPTIONS", headers={"origin": origin, **headers})
        refused = request_url(upload["url"], method="OPTIONS", headers={"origin": _OTHER_ORIGIN, **headers})
        written = request_url(upload["url"], method="PUT", headers={**upload["headers"], "origin": origin}, body=photo)

        assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (200, origin)
        assert refused.status == 403
        assert (written.status, written.headers["access-control-allow-origin"]) == (200, origin)
        assert "x-amz-version-id" in written.headers["access-control-expose-headers"]


def test_every_response_has_security_headers(client: Client, cloudfront: Server) -> None:
    project_id = create_project(client, visibility="public")
    file = wait_until_processed(
        client, upload_file(client, images.make_noise_photo(61), projectId=project_id)["fileId"]
    )
    media = request_url(file["variants"][0]["url"])
    page, docs = cloudfront.request("GET", "/"), cloudfront.request("GET", "/api/v1/docs")
    api, error = cloudfront.request("GET", "/api/v1/health"), cloudfront.request("GET", "/api/v1/nowhere")

    for response in (media, page, docs, api, error):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["strict-transport-security"].startswith("max-age=63072000")
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
        assert "unsafe-eval" not in response.headers["content-security-policy"]
        assert "server" not in response.headers or "Python" not in response.headers["server"]
    for response in (api, error, media, page):
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert "unsafe-inline" not in response.headers["content-security-policy"]
    assert "sandbox" in media.headers["content-security-policy"]
    assert media.headers["cross-origin-resource-policy"] == "cross-origin"
    assert page.headers["cross-origin-resource-policy"] == "same-origin"


def test_responses_with_private_data_are_not_cached(client: Client) -> None:
    file_id = upload_file(client, images.make_noise_photo(62))["fileId"]
    for path in ("/auth/me", "/projects", "/files", f"/files/{file_id}", f"/files/{file_id}/content", "/nowhere"):
        assert client.get(path).headers["cache-control"] == "no-store"


def test_api_gateway_sends_the_important_headers_itself(api_gateway: Server) -> None:
    for path in ("/api/v1/health", "/api/v1/nowhere"):
        headers = api_gateway.request("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["strict-transport-security"].startswith("max-age=63072000")


def test_console_serves_its_routes_but_no_missing_files(cloudfront: Server) -> None:
    page = cloudfront.request("GET", "/")
    assert (page.status, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert page.headers["cache-control"] == "no-cache"
    assert cloudfront.request("GET", "/projects/any").content == page.content
    assert cloudfront.request("GET", "/missing.js").status in (403, 404)
    script = re.search(rb'src="(/_app/immutable/[^"]+)"', page.content)
    assert script
    hashed = cloudfront.request("GET", script[1].decode())
    assert hashed.headers["content-type"].startswith("text/javascript")
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert b"<script>" not in page.content  # the policy above allows none
    assert b"style=" not in page.content


def test_rejected_upload_has_cors_headers(client: Client) -> None:
    photo = images.make_noise_photo(63)
    upload = init_upload(client, photo)
    assert upload_bytes(upload, photo).status == 200
    refused = request_url(
        upload["url"], method="PUT", headers={**upload["headers"], "origin": _ALLOWED_ORIGIN}, body=photo
    )
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (412, _ALLOWED_ORIGIN)
