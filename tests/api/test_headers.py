"""Headers on every answer (P4), and the id that leads from an answer to its log lines."""

from typing import Any

import pytest

from tests.support import contract
from tests.support.client import Client
from tests.support.contract import Route

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "referrer-policy": "no-referrer",
}
PATH_VALUES = {
    "projectId": "0" * 12,
    "fileId": f"{'0' * 12}-{'0' * 26}",
    "asset": "start.js",
    "sessionId": "0" * 26,
    "provider": "none",
    "userId": "0" * 26,
    "invitationId": f"{'0' * 12}-{'0' * 26}",
    "keyId": f"{'0' * 12}-{'0' * 26}-{'0' * 26}",
    "name": "unknown",
    "role": "unknown",
    "permission": "nothing.at.all",
}


@pytest.mark.parametrize("route", contract.list_routes(), ids=contract.route_id)
def test_every_answer_carries_them(client: Client, anonymous: Client, route: Route) -> None:
    for somebody in (client, anonymous):
        answer = somebody.request(route.method, route.path.format(**PATH_VALUES), {} if route.body else None)
        assert SECURITY_HEADERS.items() <= answer.headers.items()
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-request-id"]
        if not route.is_public or answer.status >= 400:
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_so_do_answers_to_what_is_not_there(anonymous: Client) -> None:
    for answer in (anonymous.get("/nothing"), anonymous.request("PUT", "/health")):
        assert SECURITY_HEADERS.items() <= answer.headers.items()
        assert answer.headers["cache-control"] == "no-store"


def test_so_does_a_mistake_of_ours(anonymous: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a secret of ours: arn:aws:dynamodb:eu-central-1:123456789012:table/main")

    monkeypatch.setattr("holdall.accounts.service.sign_in.login", broken)
    answer = anonymous.post("/auth/login", {"email": "a@example.test", "password": "x"})

    assert (answer.status, answer.problem()["code"]) == (500, "internal_error")
    assert SECURITY_HEADERS.items() <= answer.headers.items()
    assert "arn" not in answer.text
    assert "Runtime" not in answer.text


@pytest.mark.parametrize("origin", ["https://files.example.test", "https://app.example.test"])
def test_an_origin_of_the_list_may_read(anonymous: Client, origin: str) -> None:
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
def test_no_other_origin_may(anonymous: Client, origin: str) -> None:
    headers = anonymous.get("/health", headers={"origin": origin}).headers

    assert not [name for name in headers if name.startswith("access-control")]
    assert headers["vary"] == "origin"


@pytest.mark.parametrize("given", ["a", "A.b_c-9", "x" * 64])
def test_a_valid_request_id_is_kept(anonymous: Client, given: str) -> None:
    answer = anonymous.get("/health", headers={"x-request-id": given})

    assert answer.headers["x-request-id"] == given
    assert answer.json()["requestId"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\nb", "a/b", "é", '"', "\x00", "a,b"])
def test_another_request_id_is_replaced(anonymous: Client, given: str) -> None:
    answer = anonymous.get("/health", headers={"x-request-id": given})

    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 26


def test_each_request_has_an_id_of_its_own(anonymous: Client) -> None:
    assert anonymous.get("/health").headers["x-request-id"] != anonymous.get("/health").headers["x-request-id"]
