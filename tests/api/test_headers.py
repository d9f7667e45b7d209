"""Headers on every answer (P4), and the id that leads from an answer to its log lines."""

from typing import Any

import pytest

from tests.api import contract
from tests.api.client import Client
from tests.api.contract import Route

ALWAYS = {
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "referrer-policy": "no-referrer",
}
PATHS = {
    "projectId": "0" * 12,
    "fileId": f"{'0' * 12}-{'0' * 26}",
    "asset": "start.js",
    "sessionId": "0" * 26,
    "provider": "none",
    "userId": "0" * 26,
    "invitationId": f"{'0' * 12}-{'0' * 26}",
    "keyId": f"{'0' * 12}-{'0' * 26}-{'0' * 26}",
    "name": "nobody",
    "role": "nobody",
    "permission": "nothing.at.all",
}


@pytest.mark.parametrize("route", contract.routes(), ids=contract.named)
def test_every_answer_carries_them(client: Client, visitor: Client, route: Route) -> None:
    for somebody in (client, visitor):
        answer = somebody.request(route.method, route.path.format(**PATHS), {} if route.body else None)
        assert ALWAYS.items() <= answer.headers.items()
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-request-id"]
        if not route.public or answer.status >= 400:
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_so_do_answers_to_what_is_not_there(visitor: Client) -> None:
    for answer in (visitor.get("/nothing"), visitor.request("PUT", "/health")):
        assert ALWAYS.items() <= answer.headers.items()
        assert answer.headers["cache-control"] == "no-store"


def test_so_does_a_mistake_of_ours(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a secret of ours: arn:aws:dynamodb:eu-central-1:123456789012:table/main")

    monkeypatch.setattr("holdall.accounts.service.entry.login", broken)
    answer = visitor.post("/auth/login", {"email": "a@example.test", "password": "x"})

    assert (answer.status, answer.problem()["code"]) == (500, "internal_error")
    assert ALWAYS.items() <= answer.headers.items()
    assert "arn" not in answer.text
    assert "Runtime" not in answer.text


@pytest.mark.parametrize("origin", ["https://files.example.test", "https://app.example.test"])
def test_an_origin_of_the_list_may_read(visitor: Client, origin: str) -> None:
    for path in ("/health", "/nothing", "/projects"):
        headers = visitor.get(path, headers={"origin": origin}).headers
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
def test_no_other_origin_may(visitor: Client, origin: str) -> None:
    headers = visitor.get("/health", headers={"origin": origin}).headers

    assert not [name for name in headers if name.startswith("access-control")]
    assert headers["vary"] == "origin"


@pytest.mark.parametrize("given", ["a", "A.b_c-9", "x" * 64])
def test_a_valid_request_id_is_kept(visitor: Client, given: str) -> None:
    answer = visitor.get("/health", headers={"x-request-id": given})

    assert answer.headers["x-request-id"] == given
    assert answer.json()["requestId"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\nb", "a/b", "é", '"', "\x00", "a,b"])
def test_another_request_id_is_replaced(visitor: Client, given: str) -> None:
    answer = visitor.get("/health", headers={"x-request-id": given})

    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 26


def test_each_request_has_an_id_of_its_own(visitor: Client) -> None:
    assert visitor.get("/health").headers["x-request-id"] != visitor.get("/health").headers["x-request-id"]
