"""A provider's answers that are none: too late, too long, from elsewhere, or without sense. None of them makes us stumble."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from holdall.accounts.oauth import provider_client, providers
from holdall.platform.errors import HoldallError, ServiceUnavailable
from tests.support.oidc_issuer import (
    ACCESS_TOKEN,
    CLAIMS,
    ISSUER_URL,
    PROVIDER,
    REDIRECT_URI,
    FakeIssuer,
    FakeResponse,
    install_fake_issuer,
    sign_id_token,
)

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> FakeIssuer:
    return install_fake_issuer(monkeypatch)


def start_authorization(**overrides: Any) -> str:
    said: dict[str, Any] = {"redirect_uri": REDIRECT_URI, "state": "s", "nonce": "n", "code_challenge": "c"}
    return providers.create_authorization_url(PROVIDER, **said | overrides)


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": f"{ISSUER_URL}/"},
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
def test_a_document_that_leads_elsewhere(issuer: FakeIssuer, document: dict[str, Any]) -> None:
    issuer.discovery_document.update(document)

    with pytest.raises(ServiceUnavailable):
        start_authorization()


@pytest.mark.parametrize(
    "url", ["http://issuer.example.test", "http://127.0.0.1.example.test", "ftp://x.test", "", "https://"]
)
def test_an_issuer_that_may_not_be_asked(issuer: FakeIssuer, url: str) -> None:
    with pytest.raises(ServiceUnavailable):
        providers.create_authorization_url(
            providers.oidc("issuer", url, "us", "s"),
            redirect_uri=REDIRECT_URI,
            state="s",
            nonce="n",
            code_challenge="c",
        )
    assert issuer.requests == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (FakeResponse(b"{}", 302), "status"),
        (FakeResponse(b"{}", 500), "status"),
        (FakeResponse(b"{}", 503), "status"),
        (FakeResponse(b"{}", 307), "status"),
        (FakeResponse(b"{}", 429), "too_many_requests"),
        (FakeResponse(b"[" + b"1," * (128 * 1024) + b"1]"), "too_large"),
        (FakeResponse(b"{}", content_type="text/html"), "not_json"),
        (FakeResponse(b"{}", content_type=""), "not_json"),
        (FakeResponse(b'{"a":'), "not_json"),
        (FakeResponse(b"\xff\xfe"), "not_json"),
        (FakeResponse(b"[" * 100_000), "not_json"),
    ],
)
@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/jwks", "/userinfo"])
def test_an_answer_that_is_none(issuer: FakeIssuer, path: str, said: FakeResponse, reason: str) -> None:
    issuer.return_id_token(sign_id_token(CLAIMS | {"email": None}))
    issuer.responses[path] = said

    with pytest.raises(ServiceUnavailable) as caught:
        issuer.exchange()

    assert (caught.value.code, issuer.failure_reasons) == ("provider_unavailable", [reason])
    assert issuer.requested_paths()[-1] == path


@pytest.mark.parametrize(
    "error",
    [ProtocolError("cut"), NewConnectionError(None, "no"), MaxRetryError(None, ISSUER_URL), OSError(), UnicodeError()],  # type: ignore[arg-type]
)
def test_nobody_answers(issuer: FakeIssuer, error: Exception) -> None:
    def fail() -> None:
        raise error

    issuer.responses["/token"] = fail

    with pytest.raises(ServiceUnavailable):
        issuer.exchange()
    assert issuer.failure_reasons == ["unreachable"]


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/jwks"])
def test_all_requests_together_have_so_long(issuer: FakeIssuer, path: str) -> None:
    issuer.responses[path] = lambda: time.sleep(5)
    begin = time.monotonic()

    with pytest.raises(ServiceUnavailable):
        issuer.exchange(timeout=0.1)

    assert time.monotonic() - begin < 2
    assert issuer.failure_reasons == ["timeout"]


def test_time_that_is_over_asks_nobody(issuer: FakeIssuer) -> None:
    with pytest.raises(ServiceUnavailable):
        start_authorization(timeout=0.0)

    assert issuer.requests == []


@pytest.mark.parametrize(
    "told",
    [
        FakeResponse(b'{"error": "invalid_client"}', 401),
        FakeResponse(b'{"error": "redirect_uri_mismatch"}'),
        {},
        [],
        {"access_token": ACCESS_TOKEN},
        {"access_token": ACCESS_TOKEN, "token_type": "mac", "id_token": sign_id_token(CLAIMS)},
        {"access_token": ACCESS_TOKEN, "id_token": sign_id_token(CLAIMS)},
        FakeResponse(
            json.dumps(
                {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": sign_id_token(CLAIMS)}
            ).encode(),
            404,
        ),
        {"access_token": ACCESS_TOKEN, "token_type": "Bearer"},
        {"access_token": 1, "token_type": "Bearer"},
    ],
)
def test_an_answer_that_no_code_explains(issuer: FakeIssuer, told: Any) -> None:
    issuer.responses["/token"] = told

    with pytest.raises(ServiceUnavailable):
        issuer.exchange()


def test_an_access_token_that_would_break_a_header(issuer: FakeIssuer) -> None:
    issuer.return_id_token(sign_id_token(CLAIMS | {"email": None}))
    issuer.responses["/token"]["access_token"] = "a\r\nx-more: b"

    with pytest.raises(ServiceUnavailable):
        issuer.exchange()
    assert issuer.failure_reasons == ["access_token"]
    assert "/userinfo" not in issuer.requested_paths()


def test_nothing_of_secrets_and_answers_is_told(issuer: FakeIssuer, capsys: pytest.CaptureFixture[str]) -> None:
    told = [repr(PROVIDER)]
    for answer in (
        FakeResponse(b'{"error": "canary-of-a-body"}', 400),
        FakeResponse(b"canary-of-a-body"),
        {"id_token": "canary.of.it"},
    ):
        issuer.responses["/token"] = answer
        with pytest.raises(HoldallError) as caught:
            issuer.exchange(code="canary-of-a-code", code_verifier="canary-of-a-verifier")
        told += [repr(caught.value), caught.value.detail, *issuer.failure_reasons]

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
        issuer = install_fake_issuer(patch)
        issuer.return_id_token(sign_id_token(CLAIMS | {"email": None}))
        issuer.responses["/jwks"]["keys"][0] |= changed
        issuer.responses[path] = FakeResponse(json.dumps(told).encode())
        with pytest.raises(HoldallError):
            issuer.exchange()


def test_addresses_of_this_machine_are_for_issuers_of_this_machine() -> None:
    home = providers.oidc("home", "http://localhost:3000", "us", "s")

    talk = provider_client.ProviderClient(home)

    assert talk.check_url("http://127.0.0.1:3000/token") == "http://127.0.0.1:3000/token"
    with pytest.raises(ServiceUnavailable):
        talk.check_url("http://10.0.0.1/token")
