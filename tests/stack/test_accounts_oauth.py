"""Signing in with somebody else's account, through CloudFront: with a certified provider, and with what looks like GitHub."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from pyotp import TOTP

from infra.local.testing import Running
from tests.oidc import github as fake
from tests.oidc.browser import sign_in
from tests.oidc.github import github
from tests.oidc.server import provider
from tests.stack.client import PASSWORD, Answer, Client, Server, cookie_of, new_email, signed_in

_PATIENCE = 5  # seconds, for a provider that does not answer


@dataclass
class Browser:
    """Somebody at our pages, with the cookie that a browser keeps."""

    edge: Server
    origin: str
    cookie: str = ""
    csrf: str = field(default="", repr=False)

    def get(self, path: str) -> Answer:
        return self._keep(Client(self.edge).get(path, **self._sent()))

    def post(self, path: str, body: object = None) -> Answer:
        return self._keep(
            Client(self.edge).post(path, body, **self._sent(), x_csrf_token=self.csrf, origin=self.origin)
        )

    def delete(self, path: str) -> Answer:
        return self._keep(Client(self.edge).delete(path, **self._sent(), x_csrf_token=self.csrf, origin=self.origin))

    def log_in(self, email: str) -> None:
        """Sign in with the password."""
        said = {"email": email, "password": PASSWORD, "mode": "cookie"}
        self.csrf = self.post("/auth/login", said).data()["csrfToken"]

    def go(self, name: str, login: str, return_to: str = "/") -> Answer:
        """Start, sign in at the provider, come back: what the callback answers."""
        started = self.get(f"/auth/oauth/{name}/start?returnTo={return_to}")
        assert started.status == 302, started.content
        return self.come_back(sign_in(started.headers["location"], login))

    def come_back(self, callback: str) -> Answer:
        """Open the address that the provider sent us to."""
        assert callback.startswith(f"{self.origin}/api/v1/auth/oauth/")
        return self.get(callback.removeprefix(f"{self.origin}/api/v1"))

    def me(self) -> dict[str, str]:
        """Who is signed in."""
        told: dict[str, str] = self.get("/auth/me").data()
        self.csrf = told["csrfToken"]
        return told

    def providers(self) -> list[str]:
        return [one["provider"] for one in self.get("/auth/identities").data()]

    def _sent(self) -> dict[str, str]:
        return {"cookie": self.cookie} if self.cookie else {}

    def _keep(self, answer: Answer) -> Answer:
        if "set-cookie" in answer.headers:
            self.cookie = cookie_of(answer)
        return answer


@pytest.fixture(scope="module")
def origin(deployed: Running) -> str:
    """Where our pages come from."""
    return deployed.outputs["ConsoleUrl"].removesuffix("/")


@pytest.fixture(scope="module", autouse=True)
def oidc(deployed: Running, origin: str) -> Iterator[None]:
    """The provider that the stage names `oidc`."""
    port = _configured(deployed)["oidc"]
    with provider([f"{origin}/api/v1/auth/oauth/oidc/callback"], port=port) as running:
        for name in ("oidc", "nobody"):
            _tell_client(deployed, name, running.client_id, running.client_secret)
        yield


@pytest.fixture(scope="module")
def site(deployed: Running) -> Iterator[fake.Running]:
    """The site that the stage names `github`."""
    with github(_configured(deployed)["github"]) as running:
        _tell_client(deployed, "github", running.client_id, running.client_secret)
        yield running


@pytest.fixture
def browser(edge: Server, origin: str) -> Browser:
    return Browser(edge, origin)


@pytest.fixture
def other(edge: Server, origin: str) -> Browser:
    """Another browser."""
    return Browser(edge, origin)


@pytest.mark.parametrize("name", ["oidc", "github"])
def test_a_stranger_gets_an_account_and_finds_it_again(
    name: str, browser: Browser, other: Browser, site: fake.Running
) -> None:
    login = new_email()

    came_back = browser.go(name, login, "/files?sort=name")

    assert (came_back.status, came_back.headers["location"]) == (302, "/files?sort=name")
    me = browser.me()
    assert (me["email"], me["name"]) == (login, f"Person of {login}")
    assert browser.providers() == [name]
    assert [project["personal"] for project in browser.get("/projects").json()["data"]] == [True]
    other.go(name, login)
    assert other.me()["id"] == me["id"]


def test_a_state_belongs_to_the_browser_that_began(browser: Browser, other: Browser) -> None:
    callback = sign_in(browser.get("/auth/oauth/oidc/start").headers["location"], new_email())

    other.come_back(callback).problem(401, "invalid_token")

    other.get("/auth/me").problem(401, "unauthenticated")


def test_a_state_counts_once(browser: Browser, other: Browser) -> None:
    callback = sign_in(browser.get("/auth/oauth/oidc/start").headers["location"], new_email())
    other.cookie = browser.cookie
    assert browser.come_back(callback).status == 302

    other.come_back(callback).problem(401, "invalid_token")


def test_a_callback_belongs_to_its_provider(browser: Browser) -> None:
    callback = sign_in(browser.get("/auth/oauth/oidc/start").headers["location"], new_email())

    browser.come_back(callback.replace("/oidc/", "/github/")).problem(401, "invalid_token")


def test_an_address_that_the_provider_does_not_vouch_for_opens_nothing(browser: Browser) -> None:
    browser.go("oidc", f"unverified-{new_email()}").problem(403, "email_unverified")

    browser.get("/auth/me").problem(401, "unauthenticated")


def test_an_account_that_proved_no_address_is_not_linked_by_itself(browser: Browser, client: Client) -> None:
    # Pre-hijacking: whoever made it may have been a stranger, and would get in beside the owner.
    browser.go("oidc", client.email).problem(409, "email_taken")


def test_an_identity_is_linked_by_whoever_is_signed_in_and_unlinked_again(
    browser: Browser, other: Browser, direct: Server
) -> None:
    client, login = signed_in(direct), new_email()
    browser.log_in(client.email)

    url = browser.post("/auth/identities/oidc/link").data()["url"]
    assert browser.come_back(sign_in(url, login)).status == 302

    assert browser.providers() == ["oidc"]
    other.go("oidc", login)
    assert other.me()["id"] == client.user["id"]
    assert browser.delete("/auth/identities/oidc").status == 204
    other.get("/auth/me").problem(401, "invalid_token")  # the other sessions ended
    assert browser.providers() == []


def test_an_identity_of_somebody_else_is_not_taken(browser: Browser, other: Browser, direct: Server) -> None:
    login = new_email()
    other.go("oidc", login)
    browser.log_in(signed_in(direct).email)

    url = browser.post("/auth/identities/oidc/link").data()["url"]
    browser.come_back(sign_in(url, login)).problem(409, "identity_taken")


def test_the_last_way_in_stays(browser: Browser) -> None:
    browser.go("oidc", new_email())
    browser.me()

    browser.delete("/auth/identities/oidc").problem(409, "last_way_in")


def test_a_sign_in_with_a_provider_asks_for_the_second_factor_too(
    browser: Browser, other: Browser, direct: Server
) -> None:
    client, login = signed_in(direct), new_email()
    browser.log_in(client.email)
    browser.come_back(sign_in(browser.post("/auth/identities/oidc/link").data()["url"], login))
    seed = browser.post("/auth/2fa/setup").data()["secret"]
    browser.post("/auth/2fa/enable", {"code": TOTP(seed).now()}).data()

    to = other.go("oidc", login, "/files").headers["location"]

    page, _, secret = to.partition("#mfaToken=")
    assert page == "/files"
    other.get("/auth/me").problem(401, "unauthenticated")
    said = {"mfaToken": unquote(secret), "code": TOTP(seed).at(int(time.time()) + 30), "mode": "cookie"}
    assert other.post("/auth/2fa/verify", said).data()["user"]["id"] == client.user["id"]
    assert other.me()["id"] == client.user["id"]


@pytest.mark.parametrize("return_to", ["https://elsewhere.example", "//elsewhere.example", "/%5Celsewhere", "files"])
def test_nobody_is_sent_elsewhere_in_the_end(return_to: str, browser: Browser) -> None:
    browser.get(f"/auth/oauth/oidc/start?returnTo={return_to}").problem(422, "invalid")


def test_the_provider_is_asked_with_pkce_a_state_and_a_nonce(browser: Browser, origin: str) -> None:
    asked = parse_qs(urlsplit(browser.get("/auth/oauth/oidc/start").headers["location"]).query)

    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{origin}/api/v1/auth/oauth/oidc/callback"]
    assert {"state", "nonce", "code_challenge"} <= set(asked)


def test_a_provider_that_is_down_is_503_within_five_seconds(browser: Browser) -> None:
    began = time.monotonic()

    browser.get("/auth/oauth/nobody/start").problem(503, "provider_unavailable")

    assert time.monotonic() - began < _PATIENCE


def test_a_provider_that_never_answers_is_503_within_five_seconds(browser: Browser, site: fake.Running) -> None:
    callback = sign_in(browser.get("/auth/oauth/github/start").headers["location"], new_email())
    site.switches.faults["/login/oauth/access_token"] = "slow"
    began = time.monotonic()
    try:
        answer = browser.come_back(callback)
    finally:
        site.switches.faults.clear()

    answer.problem(503, "provider_unavailable")
    assert answer.headers["retry-after"]
    assert time.monotonic() - began < _PATIENCE


def test_a_provider_that_is_not_configured_is_not_found(browser: Browser) -> None:
    browser.get("/auth/oauth/google/start").problem(404, "not_found")


def _configured(deployed: Running) -> dict[str, int]:
    """The ports of the providers that the stage names."""
    told = deployed.cloud.functions().get_function_configuration(FunctionName=deployed.outputs["AuthFunction"])
    providers = json.loads(told["Environment"]["Variables"]["OAUTH_PROVIDERS"])
    return {one["name"]: urlsplit(one.get("issuer") or one["site"]).port for one in providers}


def _tell_client(deployed: Running, name: str, client_id: str, client_secret: str) -> None:
    """Keep who we are at a provider, as an operator does."""
    told = json.dumps({"clientId": client_id, "clientSecret": client_secret})
    parameter = f"/Holdall-local/oauth-{name}"
    deployed.cloud.client("ssm").put_parameter(Name=parameter, Value=told, Type="SecureString", Overwrite=True)
