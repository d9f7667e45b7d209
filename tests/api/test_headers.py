"""Headers of every response (P4), CORS, and request IDs."""

from typing import Any

import pytest

from tests.support import contract
from tests.support.client import Client

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "referrer-policy": "no-referrer",
}
PATH_VALUES = {
    "projectId": "0" * 12,
    "fileId": f"{'0' * 12}-{'0' * 26}",
    "number": "1",
    "jobId": f"{'0' * 12}-{'0' * 26}",
    "uploadId": f"{'0' * 12}-{'0' * 26}",
    "shareId": f"{'0' * 12}-{'0' * 26}",
    "token": "unknown",
    "partNumber": "1",
    "asset": "start.js",
    "sessionId": "0" * 26,
    "provider": "none",
    "userId": "0" * 26,
    "invitationId": f"{'0' * 12}-{'0' * 26}",
    "keyId": f"{'0' * 12}-{'0' * 26}-{'0' * 26}",
    "name": "unknown",
    "task": "unknown",
    "role": "unknown",
    "permission": "nothing.at.all",
}


def test_every_response_has_security_headers(client: Client, anonymous: Client) -> None:
    for route in contract.list_routes():
        for caller in (client, anonymous):
            response = caller.request(route.method, route.path.format(**PATH_VALUES), {} if route.body else None)
            assert SECURITY_HEADERS.items() <= response.headers.items(), route.name
            assert "frame-ancestors 'none'" in response.headers["content-security-policy"], route.name
            assert response.headers["x-request-id"], route.name
            if not route.is_public or response.status >= 400:
                assert response.headers["cache-control"] == "no-store", route.name
                assert response.headers["content-security-policy"].startswith("default-src 'none'"), route.name


def test_response_to_an_unknown_path_or_method_has_security_headers(anonymous: Client) -> None:
    for response in (anonymous.get("/nothing"), anonymous.request("PUT", "/health")):
        assert SECURITY_HEADERS.items() <= response.headers.items()
        assert response.headers["cache-control"] == "no-store"


def test_internal_error_has_security_headers_and_reveals_nothing(
    anonymous: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("a secret: arn:aws:dynamodb:eu-central-1:123456789012:table/main")

    monkeypatch.setattr("holdall.accounts.service.sign_in.login", fail)
    response = anonymous.post("/auth/login", {"email": "a@example.test", "password": "x"})

    assert (response.status, response.problem()["code"]) == (500, "internal_error")
    assert SECURITY_HEADERS.items() <= response.headers.items()
    assert "arn" not in response.text
    assert "Runtime" not in response.text


@pytest.mark.parametrize("origin", ["https://files.example.test", "https://app.example.test"])
def test_allowed_origin_may_read_responses(anonymous: Client, origin: str) -> None:
    for path in ("/health", "/nothing", "/projects"):
        headers = anonymous.get(path, headers={"origin": origin}).headers
        assert headers["access-control-allow-origin"] == origin
        assert headers["access-control-allow-credentials"] == "true"
        assert "x-request-id" in headers["access-control-expose-headers"]
        assert headers["vary"] == "origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        "https://files.example.test.evil.test",
        "http://files.example.test",
        "https://files.example.test:8443",
        "https://FILES.example.test",
        "https://files.example.test,https://app.example.test",
        "null",
        "*",
        "",
    ],
)
def test_other_origin_may_not_read_responses(anonymous: Client, origin: str) -> None:
    headers = anonymous.get("/health", headers={"origin": origin}).headers

    assert not [name for name in headers if name.startswith("access-control")]
    assert headers["vary"] == "origin"


@pytest.mark.parametrize("request_id", ["a", "A.b_c-9", "x" * 64])
def test_valid_request_id_is_kept(anonymous: Client, request_id: str) -> None:
    response = anonymous.get("/health", headers={"x-request-id": request_id})

    assert response.headers["x-request-id"] == request_id
    assert response.json()["requestId"] == request_id


@pytest.mark.parametrize("request_id", ["", "x" * 65, "a b", "a\nb", "a/b", "é", '"', "\x00", "a,b"])
def test_invalid_request_id_is_replaced(anonymous: Client, request_id: str) -> None:
    response = anonymous.get("/health", headers={"x-request-id": request_id})

    assert response.headers["x-request-id"] != request_id
    assert len(response.headers["x-request-id"]) == 26


def test_request_ids_are_unique(anonymous: Client) -> None:
    assert anonymous.get("/health").headers["x-request-id"] != anonymous.get("/health").headers["x-request-id"]
