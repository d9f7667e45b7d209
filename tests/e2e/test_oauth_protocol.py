"""Signing in by another's word, over real sockets: with a certified OpenID Connect provider, and with what looks like GitHub.

The deployed stack has no part in it; only the network does, which the rules' own suite has switched off.
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
def test_a_real_provider_tells_who_somebody_is(algorithm: Algorithm) -> None:
    with run_provider([_CALLBACK], algorithm=algorithm) as running:
        visit = SignIn(configure_oidc(running))

        assert visit.callback_params["state"] == "a state"
        assert visit.exchange() == Identity(running.url, _LOGIN, _LOGIN, True, f"Person of {_LOGIN}")  # noqa: FBT003


def test_a_provider_that_takes_the_secret_in_the_form() -> None:
    with run_provider([_CALLBACK], auth_method="client_secret_post") as running:
        assert SignIn(configure_oidc(running)).exchange().subject == _LOGIN


def test_an_address_that_the_provider_did_not_verify(oidc_provider: RunningProvider) -> None:
    known = SignIn(configure_oidc(oidc_provider), f"unverified-{_LOGIN}").exchange()

    assert (known.email, known.email_verified) == (_LOGIN, False)


def test_somebody_without_an_address_is_somebody_still(oidc_provider: RunningProvider) -> None:
    known = SignIn(configure_oidc(oidc_provider), f"addressless-{_LOGIN}").exchange()

    assert (known.subject, known.email, known.email_verified) == (f"addressless-{_LOGIN}", None, False)


def test_a_code_is_taken_once(oidc_provider: RunningProvider) -> None:
    visit = SignIn(configure_oidc(oidc_provider))
    visit.exchange()

    with pytest.raises(OAuthFailed):
        visit.exchange()


@pytest.mark.parametrize(
    "otherwise",
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
def test_what_does_not_belong_together_is_refused(oidc_provider: RunningProvider, otherwise: dict[str, Any]) -> None:
    with pytest.raises(OAuthFailed) as caught:
        SignIn(configure_oidc(oidc_provider)).exchange(**otherwise)

    assert caught.value.code == "oauth_failed"


def test_a_wrong_secret_of_ours_is_no_fault_of_who_signs_in(oidc_provider: RunningProvider) -> None:
    visit = SignIn(configure_oidc(oidc_provider))
    visit.provider = configure_oidc(oidc_provider, "wrong")

    with pytest.raises(ProviderUnavailable):
        visit.exchange()


def test_github_tells_who_somebody_is(github_server: fake.RunningGitHub) -> None:
    known = SignIn(configure_github(github_server)).exchange()

    assert (known.issuer, known.email, known.email_verified) == (github_server.url, _LOGIN, True)
    assert known.subject.isdecimal()
    assert SignIn(configure_github(github_server)).exchange() == known
    assert SignIn(configure_github(github_server), f"unverified-{_LOGIN}").exchange().subject != known.subject


def test_github_did_not_verify_the_address(github_server: fake.RunningGitHub) -> None:
    github_server.behavior.email_verified = False

    known = SignIn(configure_github(github_server)).exchange()

    assert (known.email, known.email_verified) == (_LOGIN, False)


def test_github_may_not_tell_the_address(github_server: fake.RunningGitHub) -> None:
    github_server.behavior.email_scope_granted = False

    known = SignIn(configure_github(github_server)).exchange()

    assert (known.email, known.email_verified) == (None, False)


def test_github_brings_back_another_state(github_server: fake.RunningGitHub) -> None:
    github_server.behavior.sends_wrong_state = True

    assert SignIn(configure_github(github_server)).callback_params["state"] == "another"


@pytest.mark.parametrize(
    "otherwise", [{"code": "made-up"}, {"code_verifier": new_code_verifier()}], ids=["code", "verifier"]
)
def test_github_refuses_with_a_status_that_says_otherwise(
    github_server: fake.RunningGitHub, otherwise: dict[str, Any]
) -> None:
    with pytest.raises(OAuthFailed):
        SignIn(configure_github(github_server)).exchange(**otherwise)


@pytest.mark.parametrize("fault", ["slow", "error", "garbage", "drip"])
@pytest.mark.parametrize("path", ["/login/oauth/access_token", "/user", "/user/emails"])
def test_a_github_in_trouble_is_unavailable_in_time(
    github_server: fake.RunningGitHub, path: ApiPath, fault: Fault
) -> None:
    visit = SignIn(configure_github(github_server, timeout=0.5))
    github_server.behavior.faults[path] = fault
    begin = time.monotonic()

    with pytest.raises(ProviderUnavailable):
        visit.exchange()

    assert time.monotonic() - begin < 3


def test_a_slow_provider_is_given_up_within_five_seconds(github_server: fake.RunningGitHub) -> None:
    visit = SignIn(configure_github(github_server))
    github_server.behavior.faults["/user"] = "drip"
    begin = time.monotonic()

    with pytest.raises(ProviderUnavailable):
        visit.exchange()

    assert 3.9 < time.monotonic() - begin < 5


def test_nobody_listens() -> None:
    with closing(create_server(("127.0.0.1", 0))) as socket:
        port = socket.getsockname()[1]

    with pytest.raises(ProviderUnavailable):
        start_sign_in(f"http://127.0.0.1:{port}")


def test_somebody_listens_and_says_nothing() -> None:
    with closing(create_server(("127.0.0.1", 0))) as socket, pytest.raises(ProviderUnavailable):
        start_sign_in(f"http://127.0.0.1:{socket.getsockname()[1]}", timeout=0.3)


def test_an_issuer_that_leads_elsewhere_is_not_followed() -> None:
    asked: list[str] = []

    class Leading(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # so it is named in the class above
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Leading) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        with pytest.raises(ProviderUnavailable):
            start_sign_in(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()

    assert asked == ["/.well-known/openid-configuration"]


def start_sign_in(issuer: str, timeout: float = TIMEOUT_SECONDS) -> str:
    provider = OpenIDConnect(name="oidc", issuer=issuer, client_id="us", client_secret="secret", timeout=timeout)
    return provider.create_authorization_url(AuthCodeFlow(_CALLBACK, "s", "n", new_code_verifier()))
