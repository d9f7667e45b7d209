"""Responses of a provider that are late, large, redirected or malformed. None of them causes an unexpected error (S6)."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from holdall.accounts.oauth.model import ProviderUnavailable
from holdall.accounts.oauth.provider_client import ProviderClient
from holdall.platform.errors import HoldallError
from tests.support.oidc_issuer import (
    ACCESS_TOKEN,
    CLAIMS,
    ISSUER_URL,
    FakeIssuer,
    FakeResponse,
    install_fake_issuer,
    make_flow,
    sign_id_token,
)

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> FakeIssuer:
    return install_fake_issuer(monkeypatch)


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
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
        {"token_endpoint_auth_methods_supported": 7},
    ],
)
def test_discovery_document_with_a_forbidden_url_is_rejected(issuer: FakeIssuer, document: dict[str, Any]) -> None:
    issuer.discovery_document.update(document)

    with pytest.raises(ProviderUnavailable):
        issuer.provider.create_authorization_url(make_flow())


@pytest.mark.parametrize(
    "url", ["http://issuer.example.test", "http://127.0.0.1.example.test", "ftp://x.test", "", "https://"]
)
def test_issuer_with_a_forbidden_url_gets_no_request(issuer: FakeIssuer, url: str) -> None:
    with pytest.raises(ProviderUnavailable):
        issuer.configure(url).create_authorization_url(make_flow())
    assert issuer.requests == []


@pytest.mark.parametrize(
    ("response", "reason"),
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
@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/jwks"])
def test_invalid_response_makes_the_provider_unavailable(
    issuer: FakeIssuer, path: str, response: FakeResponse, reason: str
) -> None:
    issuer.responses[path] = response

    with pytest.raises(ProviderUnavailable) as caught:
        issuer.exchange()

    assert (caught.value.code, issuer.failure_reasons) == ("provider_unavailable", [reason])
    assert issuer.requested_paths()[-1] == path


@pytest.mark.parametrize(
    "error",
    [ProtocolError("cut"), NewConnectionError(None, "no"), MaxRetryError(None, ISSUER_URL), OSError(), UnicodeError()],  # type: ignore[arg-type]
)
def test_failed_connection_makes_the_provider_unavailable(issuer: FakeIssuer, error: Exception) -> None:
    def fail() -> None:
        raise error

    issuer.responses["/token"] = fail

    with pytest.raises(ProviderUnavailable):
        issuer.exchange()
    assert issuer.failure_reasons == ["unreachable"]


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/jwks"])
def test_all_requests_of_a_step_share_one_time_limit(issuer: FakeIssuer, path: str) -> None:
    issuer.responses[path] = lambda: time.sleep(5)
    issuer.provider = issuer.configure(timeout=0.1)
    started_at = time.monotonic()

    with pytest.raises(ProviderUnavailable):
        issuer.exchange()

    assert time.monotonic() - started_at < 2
    assert issuer.failure_reasons == ["timeout"]


def test_no_request_is_sent_after_the_time_limit(issuer: FakeIssuer) -> None:
    with pytest.raises(ProviderUnavailable):
        issuer.configure(timeout=0.0).create_authorization_url(make_flow())

    assert issuer.requests == []


def test_each_step_has_a_time_limit_of_its_own(issuer: FakeIssuer) -> None:
    issuer.provider = issuer.configure(timeout=0.2)
    issuer.provider.create_authorization_url(make_flow())
    time.sleep(0.3)

    assert issuer.exchange().subject == "person-1"


@pytest.mark.parametrize(
    "response",
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
def test_token_response_that_is_no_fault_of_the_user_makes_the_provider_unavailable(
    issuer: FakeIssuer, response: Any
) -> None:
    issuer.responses["/token"] = response

    with pytest.raises(ProviderUnavailable):
        issuer.exchange()


def test_no_secret_is_in_an_error_or_a_log(issuer: FakeIssuer, capsys: pytest.CaptureFixture[str]) -> None:
    texts = [repr(issuer.provider), repr(issuer.provider.client)]
    for response in (
        FakeResponse(b'{"error": "canary-of-a-body"}', 400),
        FakeResponse(b"canary-of-a-body"),
        {"id_token": "canary.of.it"},
    ):
        issuer.responses["/token"] = response
        with pytest.raises(HoldallError) as caught:
            issuer.exchange(code="canary-of-a-code", code_verifier="canary-of-a-verifier")
        texts += [repr(caught.value), caught.value.detail, *issuer.failure_reasons]

    assert "canary" not in " ".join(texts) + capsys.readouterr().out


@given(
    path=st.sampled_from([DISCOVERY, "/token", "/jwks"]),
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["keys", "kid", "kty", "alg", "n", "e", "x", "y", "crv", "issuer", "sub"]), inner
            )
        ),
        max_leaves=9,
    ),
    key=st.dictionaries(
        st.sampled_from(["kid", "kty", "crv", "x", "y", "alg", "key_ops"]),
        st.none() | st.integers() | st.text() | st.lists(st.text(max_size=3), max_size=1),
    ),
)
def test_any_json_is_an_error_of_the_provider(path: str, body: Any, key: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        issuer = install_fake_issuer(patch)
        issuer.responses["/jwks"]["keys"][0] |= key
        issuer.responses[path] = FakeResponse(json.dumps(body).encode())
        with pytest.raises(HoldallError):
            issuer.exchange()


@given(
    key=st.dictionaries(
        st.sampled_from(["kty", "crv", "x", "y", "n", "e", "d", "alg", "key_ops", "use"]),
        st.none() | st.integers() | st.text(max_size=9) | st.lists(st.text(max_size=3), max_size=1) | st.just({}),
        min_size=1,
    )
)
def test_any_key_verifies_the_token_or_is_an_error_of_the_provider(key: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        issuer = install_fake_issuer(patch)
        issuer.responses["/jwks"]["keys"][0] |= key
        try:
            issuer.exchange()
        except HoldallError:
            return


def test_only_an_issuer_on_this_machine_may_name_urls_on_it() -> None:
    client = ProviderClient("home", "http://localhost:3000", 1.0)

    assert client.check_url("http://127.0.0.1:3000/token") == "http://127.0.0.1:3000/token"
    with pytest.raises(ProviderUnavailable):
        client.check_url("http://10.0.0.1/token")
