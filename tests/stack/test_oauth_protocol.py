"""Signing in by another's word, over real sockets: with a certified OpenID Connect provider, and with what looks like GitHub.

The deployed stack has no part in it; only the network does, which the rules' own suite has switched off.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdall.accounts import oauth
from holdall.accounts.oauth import Identity, Provider
from holdall.errors import Unauthenticated, Unavailable
from tests.oidc import github as fake
from tests.oidc.browser import sign_in
from tests.oidc.github import Fault, Path, github
from tests.oidc.server import Algorithm, Running, provider

_CALLBACK = "http://localhost:9/api/v1/auth/oauth/callback"
_LOGIN = "ada@example.test"


@pytest.fixture(scope="module")
def real() -> Iterator[Running]:
    with provider([_CALLBACK]) as running:
        yield running


@pytest.fixture
def site() -> Iterator[fake.Running]:
    with github() as running:
        yield running


def of(running: Running) -> Provider:
    return oauth.oidc("oidc", running.issuer, running.client_id, running.client_secret)


def of_site(site: fake.Running) -> Provider:
    return oauth.github(site.client_id, site.client_secret, site=site.url, api=site.url)


class Visit:
    """Somebody who goes to a provider and comes back."""

    def __init__(self, to: Provider, login: str = _LOGIN) -> None:
        self.to, self.verifier, self.nonce = to, oauth.new_verifier(), "a nonce"
        start = oauth.authorize_url(
            to,
            redirect_uri=_CALLBACK,
            state="a state",
            nonce=self.nonce,
            code_challenge=oauth.challenge(self.verifier),
        )
        self.brought = {name: values[0] for name, values in parse_qs(urlsplit(sign_in(start, login)).query).items()}

    def exchange(self, **otherwise: Any) -> Identity:
        """Hand in what the browser brought, but for what is said otherwise."""
        said: dict[str, Any] = {
            "code": self.brought["code"],
            "verifier": self.verifier,
            "redirect_uri": _CALLBACK,
            "nonce": self.nonce,
            "iss": self.brought.get("iss"),
        }
        return oauth.exchange(self.to, **said | otherwise)


@pytest.mark.parametrize("claims_at_userinfo", [True, False], ids=["userinfo", "token"])
@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_real_provider_tells_who_somebody_is(*, algorithm: Algorithm, claims_at_userinfo: bool) -> None:
    with provider([_CALLBACK], algorithm=algorithm, claims_at_userinfo=claims_at_userinfo) as running:
        visit = Visit(of(running))

        assert visit.brought["state"] == "a state"
        assert visit.exchange() == Identity(running.issuer, _LOGIN, _LOGIN, True, f"Person of {_LOGIN}")  # noqa: FBT003


def test_a_provider_that_takes_the_secret_in_the_form() -> None:
    with provider([_CALLBACK], auth_method="client_secret_post") as running:
        assert Visit(of(running)).exchange().subject == _LOGIN


def test_an_address_that_the_provider_did_not_verify(real: Running) -> None:
    known = Visit(of(real), f"unverified-{_LOGIN}").exchange()

    assert (known.email, known.email_verified) == (_LOGIN, False)


def test_somebody_without_an_address_is_somebody_still(real: Running) -> None:
    known = Visit(of(real), f"addressless-{_LOGIN}").exchange()

    assert (known.subject, known.email, known.email_verified) == (f"addressless-{_LOGIN}", None, False)


def test_a_code_is_taken_once(real: Running) -> None:
    visit = Visit(of(real))
    visit.exchange()

    with pytest.raises(Unauthenticated):
        visit.exchange()


@pytest.mark.parametrize(
    "otherwise",
    [
        {"code": "made-up"},
        {"verifier": oauth.new_verifier()},
        {"redirect_uri": "http://localhost:9/elsewhere"},
        {"nonce": "another"},
        {"iss": None},
        {"iss": "http://127.0.0.1:1"},
    ],
    ids=lambda each: next(iter(each)),
)
def test_what_does_not_belong_together_is_refused(real: Running, otherwise: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated) as caught:
        Visit(of(real)).exchange(**otherwise)

    assert caught.value.code == "oauth_failed"


def test_a_wrong_secret_of_ours_is_no_fault_of_who_signs_in(real: Running) -> None:
    visit = Visit(of(real))
    visit.to = oauth.oidc("oidc", real.issuer, real.client_id, "wrong")

    with pytest.raises(Unavailable):
        visit.exchange()


def test_github_tells_who_somebody_is(site: fake.Running) -> None:
    known = Visit(of_site(site)).exchange()

    assert (known.issuer, known.email, known.email_verified) == (site.url, _LOGIN, True)
    assert known.subject.isdecimal()
    assert Visit(of_site(site)).exchange() == known
    assert Visit(of_site(site), f"unverified-{_LOGIN}").exchange().subject != known.subject


def test_github_did_not_verify_the_address(site: fake.Running) -> None:
    site.switches.email_verified = False

    known = Visit(of_site(site)).exchange()

    assert (known.email, known.email_verified) == (_LOGIN, False)


def test_github_may_not_tell_the_address(site: fake.Running) -> None:
    site.switches.email_scope = False

    known = Visit(of_site(site)).exchange()

    assert (known.email, known.email_verified) == (None, False)


def test_github_brings_back_another_state(site: fake.Running) -> None:
    site.switches.wrong_state = True

    assert Visit(of_site(site)).brought["state"] == "another"


@pytest.mark.parametrize(
    "otherwise", [{"code": "made-up"}, {"verifier": oauth.new_verifier()}], ids=["code", "verifier"]
)
def test_github_refuses_with_a_status_that_says_otherwise(site: fake.Running, otherwise: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        Visit(of_site(site)).exchange(**otherwise)


@pytest.mark.parametrize("fault", ["slow", "error", "garbage", "drip"])
@pytest.mark.parametrize("path", ["/login/oauth/access_token", "/user", "/user/emails"])
def test_a_github_in_trouble_is_unavailable_in_time(site: fake.Running, path: Path, fault: Fault) -> None:
    visit = Visit(of_site(site))
    site.switches.faults[path] = fault
    begin = time.monotonic()

    with pytest.raises(Unavailable):
        visit.exchange(patience=0.5)

    assert time.monotonic() - begin < 3


def test_a_slow_provider_is_given_up_within_five_seconds(site: fake.Running) -> None:
    visit = Visit(of_site(site))
    site.switches.faults["/user"] = "drip"
    begin = time.monotonic()

    with pytest.raises(Unavailable):
        visit.exchange()

    assert 3.9 < time.monotonic() - begin < 5


def test_nobody_listens() -> None:
    with closing(create_server(("127.0.0.1", 0))) as socket:
        port = socket.getsockname()[1]

    with pytest.raises(Unavailable):
        start(f"http://127.0.0.1:{port}")


def test_somebody_listens_and_says_nothing() -> None:
    with closing(create_server(("127.0.0.1", 0))) as socket, pytest.raises(Unavailable):
        start(f"http://127.0.0.1:{socket.getsockname()[1]}", patience=0.3)


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
        with pytest.raises(Unavailable):
            start(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()

    assert asked == ["/.well-known/openid-configuration"]


def start(issuer: str, patience: float = oauth.PATIENCE) -> str:
    """Begin a sign-in with an issuer."""
    return oauth.authorize_url(
        oauth.oidc("oidc", issuer, "us", "secret"),
        redirect_uri=_CALLBACK,
        state="s",
        nonce="n",
        code_challenge="c",
        patience=patience,
    )
