"""Sign-in with providers, through CloudFront: with a certified OpenID Connect provider, and with an imitation of GitHub."""

import time
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from pyotp import TOTP

from infra.local.e2e_environment import E2EEnvironment
from tests.support.e2e.browser import Browser
from tests.support.e2e.client import Client, Response, Server, create_client, new_email
from tests.support.oidc import fake_github as fake
from tests.support.oidc import stage
from tests.support.oidc.fake_github import run_github
from tests.support.oidc.login_browser import sign_in

pytestmark = pytest.mark.serial  # the stage names one port for each provider

_TIMEOUT_SECONDS = 5  # of a provider that does not respond


class ProviderBrowser(Browser):
    """A browser that also goes to the pages of providers."""

    def sign_in_with(self, provider_name: str, login: str, return_to: str = "/") -> Response:
        """Sign in at a provider, and return the response to the callback."""
        redirect = self.get(f"/auth/oauth/{provider_name}/start?returnTo={return_to}")
        assert redirect.status == 302, redirect.content
        return self.follow_callback(sign_in(redirect.headers["location"], login))

    def follow_callback(self, callback_url: str) -> Response:
        """Open the URL to which the provider redirected."""
        assert callback_url.startswith(f"{self.origin}/api/v1/auth/oauth/")
        return self.get(callback_url.removeprefix(f"{self.origin}/api/v1"))

    def current_user(self) -> dict[str, str]:
        """Return the user who is signed in."""
        user: dict[str, str] = self.get("/auth/me").data()
        self.csrf_token = user["csrfToken"]
        return user

    def linked_providers(self) -> list[str]:
        return [each["provider"] for each in self.get("/auth/identities").data()]


@pytest.fixture(scope="module")
def origin(deployment: E2EEnvironment) -> str:
    """Return the origin of the console."""
    return deployment.outputs["ConsoleUrl"].removesuffix("/")


@pytest.fixture(scope="module", autouse=True)
def oidc(deployment: E2EEnvironment) -> Iterator[None]:
    """Run the provider `oidc` of the stage."""
    with stage.run_stage_provider(deployment):
        yield


@pytest.fixture(scope="module")
def github_server(deployment: E2EEnvironment) -> Iterator[fake.RunningGitHub]:
    """Run the provider `github` of the stage."""
    with run_github(stage.provider_ports(deployment)["github"]) as running:
        stage.store_client_credentials(deployment, "github", running.client_id, running.client_secret)
        yield running


@pytest.fixture
def browser(cloudfront: Server, origin: str) -> ProviderBrowser:
    return ProviderBrowser(cloudfront, origin)


@pytest.fixture
def other_browser(cloudfront: Server, origin: str) -> ProviderBrowser:
    return ProviderBrowser(cloudfront, origin)


@pytest.mark.parametrize("name", ["oidc", "github"])
def test_new_user_of_a_provider_gets_an_account_and_signs_in_again(
    name: str, browser: ProviderBrowser, other_browser: ProviderBrowser, github_server: fake.RunningGitHub
) -> None:
    login = new_email()

    response = browser.sign_in_with(name, login, "/files?sort=name")

    assert (response.status, response.headers["location"]) == (302, "/files?sort=name")
    user = browser.current_user()
    assert (user["email"], user["name"]) == (login, f"Person of {login}")
    assert browser.linked_providers() == [name]
    assert [project["personal"] for project in browser.get("/projects").json()["data"]] == [True]
    other_browser.sign_in_with(name, login)
    assert other_browser.current_user()["id"] == user["id"]


def test_state_is_bound_to_the_browser(browser: ProviderBrowser, other_browser: ProviderBrowser) -> None:
    callback = sign_in(browser.get("/auth/oauth/oidc/start").headers["location"], new_email())

    other_browser.follow_callback(callback).problem(401, "invalid_token")

    other_browser.get("/auth/me").problem(401, "unauthenticated")


def test_state_is_accepted_once(browser: ProviderBrowser, other_browser: ProviderBrowser) -> None:
    callback = sign_in(browser.get("/auth/oauth/oidc/start").headers["location"], new_email())
    other_browser.session_cookie = browser.session_cookie
    assert browser.follow_callback(callback).status == 302

    other_browser.follow_callback(callback).problem(401, "invalid_token")


def test_callback_is_bound_to_the_provider(browser: ProviderBrowser) -> None:
    callback = sign_in(browser.get("/auth/oauth/oidc/start").headers["location"], new_email())

    browser.follow_callback(callback.replace("/oidc/", "/github/")).problem(401, "invalid_token")


def test_unverified_address_of_a_provider_is_rejected(browser: ProviderBrowser) -> None:
    browser.sign_in_with("oidc", f"unverified-{new_email()}").problem(403, "email_unverified")

    browser.get("/auth/me").problem(401, "unauthenticated")


def test_account_with_an_unverified_address_is_not_linked_automatically(
    browser: ProviderBrowser, client: Client
) -> None:
    # Pre-hijacking: otherwise the user who created the account could use it together with the owner of the address.
    browser.sign_in_with("oidc", client.email).problem(409, "email_taken")


def test_identity_is_linked_and_unlinked_by_its_user(
    browser: ProviderBrowser, other_browser: ProviderBrowser, api_gateway: Server
) -> None:
    client, login = create_client(api_gateway), new_email()
    browser.sign_in(client.email)

    url = browser.post("/auth/identities/oidc/link").data()["url"]
    assert browser.follow_callback(sign_in(url, login)).status == 302

    assert browser.linked_providers() == ["oidc"]
    other_browser.sign_in_with("oidc", login)
    assert other_browser.current_user()["id"] == client.user["id"]
    assert browser.delete("/auth/identities/oidc").status == 204
    other_browser.get("/auth/me").problem(401, "invalid_token")  # the other sessions were revoked
    assert browser.linked_providers() == []


def test_identity_of_another_user_cannot_be_linked(
    browser: ProviderBrowser, other_browser: ProviderBrowser, api_gateway: Server
) -> None:
    login = new_email()
    other_browser.sign_in_with("oidc", login)
    browser.sign_in(create_client(api_gateway).email)

    url = browser.post("/auth/identities/oidc/link").data()["url"]
    browser.follow_callback(sign_in(url, login)).problem(409, "identity_taken")


def test_last_sign_in_method_cannot_be_removed(browser: ProviderBrowser) -> None:
    browser.sign_in_with("oidc", new_email())
    browser.current_user()

    browser.delete("/auth/identities/oidc").problem(409, "last_sign_in_method")


def test_sign_in_with_a_provider_needs_the_second_factor(
    browser: ProviderBrowser, other_browser: ProviderBrowser, api_gateway: Server
) -> None:
    client, login = create_client(api_gateway), new_email()
    browser.sign_in(client.email)
    browser.follow_callback(sign_in(browser.post("/auth/identities/oidc/link").data()["url"], login))
    totp_secret = browser.post("/auth/2fa/setup").data()["secret"]
    browser.post("/auth/2fa/enable", {"code": TOTP(totp_secret).now()}).data()

    location = other_browser.sign_in_with("oidc", login, "/files").headers["location"]

    page, _, mfa_token = location.partition("#mfaToken=")
    assert page == "/files"
    other_browser.get("/auth/me").problem(401, "unauthenticated")
    body = {"mfaToken": unquote(mfa_token), "code": TOTP(totp_secret).at(int(time.time()) + 30), "mode": "cookie"}
    assert other_browser.post("/auth/2fa/verify", body).data()["user"]["id"] == client.user["id"]
    assert other_browser.current_user()["id"] == client.user["id"]


@pytest.mark.parametrize("return_to", ["https://elsewhere.example", "//elsewhere.example", "/%5Celsewhere", "files"])
def test_return_to_another_site_is_rejected(return_to: str, browser: ProviderBrowser) -> None:
    browser.get(f"/auth/oauth/oidc/start?returnTo={return_to}").problem(422, "invalid")


def test_authorization_request_has_pkce_state_and_nonce(browser: ProviderBrowser, origin: str) -> None:
    query = parse_qs(urlsplit(browser.get("/auth/oauth/oidc/start").headers["location"]).query)

    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [f"{origin}/api/v1/auth/oauth/oidc/callback"]
    assert {"state", "nonce", "code_challenge"} <= set(query)


def test_unreachable_provider_returns_503_within_five_seconds(browser: ProviderBrowser) -> None:
    started_at = time.monotonic()

    browser.get("/auth/oauth/unreachable/start").problem(503, "provider_unavailable")

    assert time.monotonic() - started_at < _TIMEOUT_SECONDS


def test_slow_provider_returns_503_within_five_seconds(
    browser: ProviderBrowser, github_server: fake.RunningGitHub
) -> None:
    callback = sign_in(browser.get("/auth/oauth/github/start").headers["location"], new_email())
    github_server.behavior.faults["/login/oauth/access_token"] = "slow"
    started_at = time.monotonic()
    try:
        response = browser.follow_callback(callback)
    finally:
        github_server.behavior.faults.clear()

    response.problem(503, "provider_unavailable")
    assert response.headers["retry-after"]
    assert time.monotonic() - started_at < _TIMEOUT_SECONDS


def test_unknown_provider_is_not_found(browser: ProviderBrowser) -> None:
    browser.get("/auth/oauth/google/start").problem(404, "not_found")
