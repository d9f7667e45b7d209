"""The OAuth protocol over sockets: with a certified OpenID Connect provider, and with an imitation of GitHub.

It needs no deployed stack, but the network, which the unit tests switch off.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdall.accounts.oauth.github import GitHub
from holdall.accounts.oauth.model import Identity, OAuthFailed, ProviderUnavailable
from holdall.accounts.oauth.openid_connect import OpenIDConnect
from holdall.accounts.oauth.provider import AuthCodeFlow, AuthorizationResponse, Provider, new_code_verifier
from holdall.accounts.oauth.provider_client import TIMEOUT_SECONDS
from tests.support.oidc import fake_github as fake
from tests.support.oidc.fake_github import ApiPath, Fault, run_github
from tests.support.oidc.login_browser import sign_in
from tests.support.oidc.provider import Algorithm, RunningProvider, run_provider

_CALLBACK = "http://localhost:9/api/v1/auth/oauth/callback"
_LOGIN = "ada@example.test"


@pytest.fixture(scope="module")
def oidc_provider() -> Iterator[RunningProvider]:
    with run_provider([_CALLBACK]) as running:
        yield running


@pytest.fixture
def github_server() -> Iterator[fake.RunningGitHub]:
    with run_github() as running:
        yield running


def configure_oidc(server: RunningProvider, secret: str | None = None) -> Provider:
    return OpenIDConnect(
        name="oidc",
        issuer=server.url,
        client_id=server.client_id,
        client_secret=secret or server.client_secret,
    )


def configure_github(server: fake.RunningGitHub, timeout: float = TIMEOUT_SECONDS) -> Provider:
    return GitHub(
        client_id=server.client_id,
        client_secret=server.client_secret,
        issuer=server.url,
        api_url=server.url,
        timeout=timeout,
    )


class SignIn:
    """A sign-in with a provider, up to the callback."""

    def __init__(self, provider: Provider, login: str = _LOGIN) -> None:
        self.provider = provider
        self.flow = AuthCodeFlow(_CALLBACK, "a state", "a nonce", new_code_verifier())
        callback = sign_in(provider.create_authorization_url(self.flow), login)
        self.callback_params = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}

    def exchange(self, **overrides: Any) -> Identity:
        """Exchange the code for an identity. `overrides` replaces values of the flow and of the callback."""
        code = overrides.pop("code", self.callback_params["code"])
        iss = overrides.pop("iss", self.callback_params.get("iss"))
        return self.provider.fetch_identity(replace(self.flow, **overrides), AuthorizationResponse(code, iss))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_certified_provider_returns_an_identity(algorithm: Algorithm) -> None:
    with run_provider([_CALLBACK], algorithm=algorithm) as running:
        sign_in_attempt = SignIn(configure_oidc(running))

        assert sign_in_attempt.callback_params["state"] == "a state"
        assert sign_in_attempt.exchange() == Identity(running.url, _LOGIN, _LOGIN, True, f"Person of {_LOGIN}")  # noqa: FBT003


def test_client_secret_can_be_sent_in_the_body() -> None:
    with run_provider([_CALLBACK], auth_method="client_secret_post") as running:
        assert SignIn(configure_oidc(running)).exchange().subject == _LOGIN


def test_unverified_address_is_reported(oidc_provider: RunningProvider) -> None:
    identity = SignIn(configure_oidc(oidc_provider), f"unverified-{_LOGIN}").exchange()

    assert (identity.email, identity.email_verified) == (_LOGIN, False)


def test_user_without_an_address_has_an_identity(oidc_provider: RunningProvider) -> None:
    identity = SignIn(configure_oidc(oidc_provider), f"addressless-{_LOGIN}").exchange()

    assert (identity.subject, identity.email, identity.email_verified) == (f"addressless-{_LOGIN}", None, False)


def test_code_is_accepted_once(oidc_provider: RunningProvider) -> None:
    sign_in_attempt = SignIn(configure_oidc(oidc_provider))
    sign_in_attempt.exchange()

    with pytest.raises(OAuthFailed):
        sign_in_attempt.exchange()


@pytest.mark.parametrize(
    "overrides",
    [
        {"code": "made-up"},
        {"code_verifier": new_code_verifier()},
        {"redirect_uri": "http://localhost:9/elsewhere"},
        {"nonce": "another"},
        {"iss": None},
        {"iss": "http://127.0.0.1:1"},
    ],
    ids=lambda each: next(iter(each)),
)
def test_values_of_another_flow_are_rejected(oidc_provider: RunningProvider, overrides: dict[str, Any]) -> None:
    with pytest.raises(OAuthFailed) as caught:
        SignIn(configure_oidc(oidc_provider)).exchange(**overrides)

    assert caught.value.code == "oauth_failed"


def test_wrong_client_secret_is_reported_as_an_unavailable_provider(oidc_provider: RunningProvider) -> None:
    sign_in_attempt = SignIn(configure_oidc(oidc_provider))
    sign_in_attempt.provider = configure_oidc(oidc_provider, "wrong")

    with pytest.raises(ProviderUnavailable):
        sign_in_attempt.exchange()


def test_github_returns_an_identity(github_server: fake.RunningGitHub) -> None:
    identity = SignIn(configure_github(github_server)).exchange()

    assert (identity.issuer, identity.email, identity.email_verified) == (github_server.url, _LOGIN, True)
    assert identity.subject.isdecimal()
    assert SignIn(configure_github(github_server)).exchange() == identity
    assert SignIn(configure_github(github_server), f"unverified-{_LOGIN}").exchange().subject != identity.subject


def test_unverified_address_of_github_is_reported(github_server: fake.RunningGitHub) -> None:
    github_server.behavior.email_verified = False

    identity = SignIn(configure_github(github_server)).exchange()

    assert (identity.email, identity.email_verified) == (_LOGIN, False)


def test_github_without_the_email_scope_returns_no_address(github_server: fake.RunningGitHub) -> None:
    github_server.behavior.email_scope_granted = False

    identity = SignIn(configure_github(github_server)).exchange()

    assert (identity.email, identity.email_verified) == (None, False)


def test_wrong_state_of_github_is_visible_in_the_callback(github_server: fake.RunningGitHub) -> None:
    github_server.behavior.sends_wrong_state = True

    assert SignIn(configure_github(github_server)).callback_params["state"] == "another"


@pytest.mark.parametrize(
    "overrides", [{"code": "made-up"}, {"code_verifier": new_code_verifier()}], ids=["code", "verifier"]
)
def test_error_of_github_with_status_200_is_rejected(
    github_server: fake.RunningGitHub, overrides: dict[str, Any]
) -> None:
    with pytest.raises(OAuthFailed):
        SignIn(configure_github(github_server)).exchange(**overrides)


@pytest.mark.parametrize("fault", ["slow", "error", "garbage", "drip"])
@pytest.mark.parametrize("path", ["/login/oauth/access_token", "/user", "/user/emails"])
def test_faulty_github_is_unavailable_within_the_timeout(
    github_server: fake.RunningGitHub, path: ApiPath, fault: Fault
) -> None:
    sign_in_attempt = SignIn(configure_github(github_server, timeout=0.5))
    github_server.behavior.faults[path] = fault
    started_at = time.monotonic()

    with pytest.raises(ProviderUnavailable):
        sign_in_attempt.exchange()

    assert time.monotonic() - started_at < 3


def test_slow_provider_is_unavailable_within_five_seconds(github_server: fake.RunningGitHub) -> None:
    sign_in_attempt = SignIn(configure_github(github_server))
    github_server.behavior.faults["/user"] = "drip"
    started_at = time.monotonic()

    with pytest.raises(ProviderUnavailable):
        sign_in_attempt.exchange()

    assert 3.9 < time.monotonic() - started_at < 5


def test_closed_port_is_an_unavailable_provider() -> None:
    with closing(create_server(("127.0.0.1", 0))) as socket:
        port = socket.getsockname()[1]

    with pytest.raises(ProviderUnavailable):
        start_sign_in(f"http://127.0.0.1:{port}")


def test_silent_server_is_an_unavailable_provider() -> None:
    with closing(create_server(("127.0.0.1", 0))) as socket, pytest.raises(ProviderUnavailable):
        start_sign_in(f"http://127.0.0.1:{socket.getsockname()[1]}", timeout=0.3)


def test_redirect_of_an_issuer_is_not_followed() -> None:
    paths: list[str] = []

    class Redirecting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(302)
            self.send_header("location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name in the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        with pytest.raises(ProviderUnavailable):
            start_sign_in(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()

    assert paths == ["/.well-known/openid-configuration"]


def start_sign_in(issuer: str, timeout: float = TIMEOUT_SECONDS) -> str:
    provider = OpenIDConnect(name="oidc", issuer=issuer, client_id="us", client_secret="secret", timeout=timeout)
    return provider.create_authorization_url(AuthCodeFlow(_CALLBACK, "s", "n", new_code_verifier()))
