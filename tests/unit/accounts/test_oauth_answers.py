"""A provider's answers that are none: too late, too long, from elsewhere, or without sense. None of them makes us stumble."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from holdall.accounts import oauth, oauth_http
from holdall.errors import Failure, Unavailable
from tests.unit.accounts.oauth_issuer import (
    CALLBACK,
    CLAIMS,
    PROVIDER,
    TOKEN,
    URL,
    Issuer,
    Said,
    in_place_of_the_network,
    signed,
)

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    return in_place_of_the_network(monkeypatch)


def start(**otherwise: Any) -> str:
    said: dict[str, Any] = {"redirect_uri": CALLBACK, "state": "s", "nonce": "n", "code_challenge": "c"}
    return oauth.authorize_url(PROVIDER, **said | otherwise)


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": f"{URL}/"},
        {"issuer": "https://other.example.test"},
        {"issuer": None},
        {"authorization_endpoint": None},
        {"token_endpoint": "http://issuer.example.test/token"},
        {"token_endpoint": "http://localhost/token"},
        {"token_endpoint": "https://user@issuer.example.test/token"},
        {"token_endpoint": "//issuer.example.test/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://[::1/"},
        {"jwks_uri": 7},
        {"userinfo_endpoint": "ftp://issuer.example.test"},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
        {"token_endpoint_auth_methods_supported": 7},
    ],
)
def test_a_document_that_leads_elsewhere(issuer: Issuer, document: dict[str, Any]) -> None:
    issuer.document.update(document)

    with pytest.raises(Unavailable):
        start()


@pytest.mark.parametrize(
    "url", ["http://issuer.example.test", "http://127.0.0.1.example.test", "ftp://x.test", "", "https://"]
)
def test_an_issuer_that_may_not_be_asked(issuer: Issuer, url: str) -> None:
    with pytest.raises(Unavailable):
        oauth.authorize_url(
            oauth.oidc("issuer", url, "us", "s"), redirect_uri=CALLBACK, state="s", nonce="n", code_challenge="c"
        )
    assert issuer.asked == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (Said(b"{}", 302), "status"),
        (Said(b"{}", 500), "status"),
        (Said(b"{}", 503), "status"),
        (Said(b"{}", 307), "status"),
        (Said(b"{}", 429), "too_many_requests"),
        (Said(b"[" + b"1," * (128 * 1024) + b"1]"), "too_large"),
        (Said(b"{}", kind="text/html"), "not_json"),
        (Said(b"{}", kind=""), "not_json"),
        (Said(b'{"a":'), "not_json"),
        (Said(b"\xff\xfe"), "not_json"),
        (Said(b"[" * 100_000), "not_json"),
    ],
)
@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/jwks", "/userinfo"])
def test_an_answer_that_is_none(issuer: Issuer, path: str, said: Said, reason: str) -> None:
    issuer.gives(signed(CLAIMS | {"email": None}))
    issuer.answers[path] = said

    with pytest.raises(Unavailable) as caught:
        issuer.exchange()

    assert (caught.value.code, issuer.reasons) == ("provider_unavailable", [reason])
    assert issuer.paths()[-1] == path


@pytest.mark.parametrize(
    "error",
    [ProtocolError("cut"), NewConnectionError(None, "no"), MaxRetryError(None, URL), OSError(), UnicodeError()],  # type: ignore[arg-type]
)
def test_nobody_answers(issuer: Issuer, error: Exception) -> None:
    def fail() -> None:
        raise error

    issuer.answers["/token"] = fail

    with pytest.raises(Unavailable):
        issuer.exchange()
    assert issuer.reasons == ["unreachable"]


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/jwks"])
def test_all_requests_together_have_so_long(issuer: Issuer, path: str) -> None:
    issuer.answers[path] = lambda: time.sleep(5)
    begin = time.monotonic()

    with pytest.raises(Unavailable):
        issuer.exchange(patience=0.1)

    assert time.monotonic() - begin < 2
    assert issuer.reasons == ["slow"]


def test_time_that_is_over_asks_nobody(issuer: Issuer) -> None:
    with pytest.raises(Unavailable):
        start(patience=0.0)

    assert issuer.asked == []


@pytest.mark.parametrize(
    "told",
    [
        Said(b'{"error": "invalid_client"}', 401),
        Said(b'{"error": "redirect_uri_mismatch"}'),
        {},
        [],
        {"access_token": TOKEN},
        {"access_token": TOKEN, "token_type": "mac", "id_token": signed(CLAIMS)},
        {"access_token": TOKEN, "id_token": signed(CLAIMS)},
        Said(json.dumps({"access_token": TOKEN, "token_type": "Bearer", "id_token": signed(CLAIMS)}).encode(), 404),
        {"access_token": TOKEN, "token_type": "Bearer"},
        {"access_token": 1, "token_type": "Bearer"},
    ],
)
def test_an_answer_that_no_code_explains(issuer: Issuer, told: Any) -> None:
    issuer.answers["/token"] = told

    with pytest.raises(Unavailable):
        issuer.exchange()


def test_an_access_token_that_would_break_a_header(issuer: Issuer) -> None:
    issuer.gives(signed(CLAIMS | {"email": None}))
    issuer.answers["/token"]["access_token"] = "a\r\nx-more: b"

    with pytest.raises(Unavailable):
        issuer.exchange()
    assert issuer.reasons == ["access_token"]
    assert "/userinfo" not in issuer.paths()


def test_nothing_of_secrets_and_answers_is_told(issuer: Issuer, capsys: pytest.CaptureFixture[str]) -> None:
    told = [repr(PROVIDER)]
    for answer in (
        Said(b'{"error": "canary-of-a-body"}', 400),
        Said(b"canary-of-a-body"),
        {"id_token": "canary.of.it"},
    ):
        issuer.answers["/token"] = answer
        with pytest.raises(Failure) as caught:
            issuer.exchange(code="canary-of-a-code", verifier="canary-of-a-verifier")
        told += [repr(caught.value), caught.value.detail, *issuer.reasons]

    assert "canary" not in " ".join(told) + capsys.readouterr().out


@given(
    path=st.sampled_from([DISCOVERY, "/token", "/jwks", "/userinfo"]),
    told=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["keys", "kid", "kty", "alg", "n", "e", "x", "y", "crv", "issuer", "sub"]), inner
            )
        ),
        max_leaves=9,
    ),
    changed=st.dictionaries(
        st.sampled_from(["kid", "kty", "crv", "x", "y", "alg", "key_ops"]), st.none() | st.integers() | st.text()
    ),
)
def test_no_answer_makes_us_stumble(path: str, told: Any, changed: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        issuer = in_place_of_the_network(patch)
        issuer.gives(signed(CLAIMS | {"email": None}))
        issuer.answers["/jwks"]["keys"][0] |= changed
        issuer.answers[path] = Said(json.dumps(told).encode())
        with pytest.raises(Failure):
            issuer.exchange()


def test_addresses_of_this_machine_are_for_issuers_of_this_machine() -> None:
    home = oauth.oidc("home", "http://localhost:3000", "us", "s")

    talk = oauth_http.Conversation(home)

    assert talk.address("http://127.0.0.1:3000/token") == "http://127.0.0.1:3000/token"
    with pytest.raises(Unavailable):
        talk.address("http://10.0.0.1/token")
