"""Signing in with somebody else's account, through CloudFront: with a certified provider, and with what looks like GitHub."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from pyotp import TOTP

from infra.local.e2e_environment import E2EEnvironment
from tests.support.e2e.client import PASSWORD, Client, Response, Server, create_client, new_email, read_session_cookie
from tests.support.oidc import fake_github as fake
from tests.support.oidc.fake_github import run_github
from tests.support.oidc.login_browser import sign_in
from tests.support.oidc.provider import run_provider

_TIMEOUT_SECONDS = 5  # seconds, for a provider that does not answer


@dataclass
class Browser:
    """Somebody at our pages, with the cookie that a browser keeps."""

    server: Server
    origin: str
    session_cookie: str = ""
    csrf_token: str = field(default="", repr=False)

    def get(self, path: str) -> Response:
        return self._store_cookie(Client(self.server).get(path, **self._cookie_header()))

    def post(self, path: str, body: object = None) -> Response:
        return self._store_cookie(
            Client(self.server).post(
                path, body, **self._cookie_header(), x_csrf_token=self.csrf_token, origin=self.origin
            )
        )

    def delete(self, path: str) -> Response:
        return self._store_cookie(
            Client(self.server).delete(path, **self._cookie_header(), x_csrf_token=self.csrf_token, origin=self.origin)
        )

    def log_in(self, email: str) -> None:
        """Sign in with the password."""
        said = {"email": email, "password": PASSWORD, "mode": "cookie"}
        self.csrf_token = self.post("/auth/login", said).data()["csrfToken"]

    def sign_in_with(self, provider_name: str, login: str, return_to: str = "/") -> Response:
        """Start, sign in at the provider, come back: what the callback answers."""
        started = self.get(f"/auth/oauth/{provider_name}/start?returnTo={return_to}")
        assert started.status == 302, started.content
        return self.follow_callback(sign_in(started.headers["location"], login))

    def follow_callback(self, callback_url: str) -> Response:
        """Open the address that the provider sent us to."""
        assert callback_url.startswith(f"{self.origin}/api/v1/auth/oauth/")
        return self.get(callback_url.removeprefix(f"{self.origin}/api/v1"))

    def current_user(self) -> dict[str, str]:
        """Who is signed in."""
        told: dict[str, str] = self.get("/auth/me").data()
        self.csrf_token = told["csrfToken"]
        return told

    def linked_providers(self) -> list[str]:
        return [one["provider"] for one in self.get("/auth/identities").data()]

    def _cookie_header(self) -> dict[str, str]:
        return {"cookie": self.session_cookie} if self.session_cookie else {}

    def _store_cookie(self, response: Response) -> Response:
        if "set-cookie" in response.headers:
            self.session_cookie = read_session_cookie(response)
        return response


@pytest.fixture(scope="module")
def origin(deployment: E2EEnvironment) -> str:
    """Where our pages come from."""
    return deployment.outputs["ConsoleUrl"].removesuffix("/")


@pytest.fixture(scope="module", autouse=True)
def oidc(deployment: E2EEnvironment, origin: str) -> Iterator[None]:
    """The provider that the stage names `oidc`."""
    port = _provider_ports(deployment)["oidc"]
    with run_provider([f"{origin}/api/v1/auth/oauth/oidc/callback"], port=port) as running:
        for name in ("oidc", "unreachable"):
            _store_client_credentials(deployment, name, running.client_id, running.client_secret)
        yield


@pytest.fixture(scope="module")
def github_server(deployment: E2EEnvironment) -> Iterator[fake.RunningGitHub]:
    """The site that the stage names `github`."""
    with run_github(_provider_ports(deployment)["github"]) as running:
        _store_client_credentials(deployment, "github", running.client_id, running.client_secret)
        yield running


@pytest.fixture
def browser(cloudfront: Server, origin: str) -> Browser:
    return Browser(cloudfront, origin)


@pytest.fixture
def other_browser(cloudfront: Server, origin: str) -> Browser:
    """Another browser."""
    return Browser(cloudfront, origin)


@pytest.mark.parametrize("name", ["oidc", "github"])
def test_a_stranger_gets_an_account_and_finds_it_again(
    name: str, browser: Browser, other_browser: Browser, github_server: fake.RunningGitHub
) -> None:
    login = new_email()

    came_back = browser.sign_in_with(name, login, "/files?sort=name")

    assert (came_back.status, came_back.headers["location"]) == (302, "/files?sort=name")
    me = browser.current_user()
    assert (me["email"], me["name"]) == (login, f"Person of {login}")
    assert browser.linked_providers() == [name]
    assert [project["personal"] for project in browser.get("/projects").json()["data"]] == [True]
    other_browser.sign_in_with(name, login)
    assert other_browser.current_user()["id"] == me["id"]


def test_a_state_belongs_to_the_browser_that_began(browser: Browser, other_browser: Browser) -> None:
    callback = sign_in(browser.get("/auth/oauth/oidc/start").headers["location"], new_email())

    other_browser.follow_callback(callback).problem(401, "invalid_token")

    other_browser.get("/auth/me").problem(401, "unauthenticated")


def test_a_state_counts_once(browser: Browser, other_browser: Browser) -> None:
    callback = sign_in(browser.get("/auth/oauth/oidc/start").headers["location"], new_email())
    other_browser.session_cookie = browser.session_cookie
    assert browser.follow_callback(callback).status == 302

    other_browser.follow_callback(callback).problem(401, "invalid_token")


def test_a_callback_belongs_to_its_provider(browser: Browser) -> None:
    callback = sign_in(browser.get("/auth/oauth/oidc/start").headers["location"], new_email())

    browser.follow_callback(callback.replace("/oidc/", "/github/")).problem(401, "invalid_token")


def test_an_address_that_the_provider_does_not_vouch_for_opens_nothing(browser: Browser) -> None:
    browser.sign_in_with("oidc", f"unverified-{new_email()}").problem(403, "email_unverified")

    browser.get("/auth/me").problem(401, "unauthenticated")


def test_an_account_that_proved_no_address_is_not_linked_by_itself(browser: Browser, client: Client) -> None:
    # Pre-hijacking: whoever made it may have been a stranger, and would get in beside the owner.
    browser.sign_in_with("oidc", client.email).problem(409, "email_taken")


def test_an_identity_is_linked_by_whoever_is_signed_in_and_unlinked_again(
    browser: Browser, other_browser: Browser, api_gateway: Server
) -> None:
    client, login = create_client(api_gateway), new_email()
    browser.log_in(client.email)

    url = browser.post("/auth/identities/oidc/link").data()["url"]
    assert browser.follow_callback(sign_in(url, login)).status == 302

    assert browser.linked_providers() == ["oidc"]
    other_browser.sign_in_with("oidc", login)
    assert other_browser.current_user()["id"] == client.user["id"]
    assert browser.delete("/auth/identities/oidc").status == 204
    other_browser.get("/auth/me").problem(401, "invalid_token")  # the other sessions ended
    assert browser.linked_providers() == []


def test_an_identity_of_somebody_else_is_not_taken(
    browser: Browser, other_browser: Browser, api_gateway: Server
) -> None:
    login = new_email()
    other_browser.sign_in_with("oidc", login)
    browser.log_in(create_client(api_gateway).email)

    url = browser.post("/auth/identities/oidc/link").data()["url"]
    browser.follow_callback(sign_in(url, login)).problem(409, "identity_taken")


def test_the_last_way_in_stays(browser: Browser) -> None:
    browser.sign_in_with("oidc", new_email())
    browser.current_user()

    browser.delete("/auth/identities/oidc").problem(409, "last_sign_in_method")


def test_a_sign_in_with_a_provider_asks_for_the_second_factor_too(
    browser: Browser, other_browser: Browser, api_gateway: Server
) -> None:
    client, login = create_client(api_gateway), new_email()
    browser.log_in(client.email)
    browser.follow_callback(sign_in(browser.post("/auth/identities/oidc/link").data()["url"], login))
    seed = browser.post("/auth/2fa/setup").data()["secret"]
    browser.post("/auth/2fa/enable", {"code": TOTP(seed).now()}).data()

    to = other_browser.sign_in_with("oidc", login, "/files").headers["location"]

    page, _, secret = to.partition("#mfaToken=")
    assert page == "/files"
    other_browser.get("/auth/me").problem(401, "unauthenticated")
    said = {"mfaToken": unquote(secret), "code": TOTP(seed).at(int(time.time()) + 30), "mode": "cookie"}
    assert other_browser.post("/auth/2fa/verify", said).data()["user"]["id"] == client.user["id"]
    assert other_browser.current_user()["id"] == client.user["id"]


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

    browser.get("/auth/oauth/unreachable/start").problem(503, "provider_unavailable")

    assert time.monotonic() - began < _TIMEOUT_SECONDS


def test_a_provider_that_never_answers_is_503_within_five_seconds(
    browser: Browser, github_server: fake.RunningGitHub
) -> None:
    callback = sign_in(browser.get("/auth/oauth/github/start").headers["location"], new_email())
    github_server.behavior.faults["/login/oauth/access_token"] = "slow"
    began = time.monotonic()
    try:
        answer = browser.follow_callback(callback)
    finally:
        github_server.behavior.faults.clear()

    answer.problem(503, "provider_unavailable")
    assert answer.headers["retry-after"]
    assert time.monotonic() - began < _TIMEOUT_SECONDS


def test_a_provider_that_is_not_configured_is_not_found(browser: Browser) -> None:
    browser.get("/auth/oauth/google/start").problem(404, "not_found")


def _provider_ports(deployment: E2EEnvironment) -> dict[str, int]:
    """The ports of the providers that the stage names."""
    told = deployment.cloud.lambda_client().get_function_configuration(FunctionName=deployment.outputs["AuthFunction"])
    providers = json.loads(told["Environment"]["Variables"]["OAUTH_PROVIDERS"])
    return {one["name"]: urlsplit(one.get("issuer") or one["site"]).port for one in providers}


def _store_client_credentials(
    deployment: E2EEnvironment, provider_name: str, client_id: str, client_secret: str
) -> None:
    """Keep who we are at a provider, as an operator does."""
    told = json.dumps({"clientId": client_id, "clientSecret": client_secret})
    parameter = f"/Holdall-local/oauth-{provider_name}"
    deployment.cloud.client("ssm").put_parameter(Name=parameter, Value=told, Type="SecureString", Overwrite=True)
