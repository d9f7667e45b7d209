"""Sign-in with a provider in a browser: what fails leads back to a page of the console, never to JSON."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from holdall.accounts.service import oauth
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.browser import Browser
from tests.support.client import Response
from tests.support.fixtures import OverrideSettings
from tests.support.oauth import FakeProviders, ProviderUser, install_providers, sign_in_browser
from tests.support.oidc_issuer import FakeResponse

_NAVIGATION = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch, override_settings: OverrideSettings, fake_aws: FakeAws) -> FakeProviders:
    return install_providers(monkeypatch, override_settings, fake_aws)


@pytest.fixture
def provider_user() -> ProviderUser:
    return ProviderUser(users.unique_email())


def navigate(browser: Browser, path: str) -> Response:
    """Open a path as a browser does when a person follows a link."""
    return browser.send("GET", path, accept=_NAVIGATION)


def start(browser: Browser, return_to: str = "/projects/1?kind=image") -> str:
    """Start a sign-in, and return the URL at the provider."""
    return navigate(browser, f"/auth/oauth/issuer/start?{urlencode({'returnTo': return_to})}").headers["location"]


def denied(url: str) -> str:
    """Return the callback of a person who says no at the provider, whose texts must not reach a page."""
    state = parse_qs(urlsplit(url).query)["state"][0]
    texts = {"error": "access_denied", "error_description": "Call 555-0100", "error_uri": "https://evil.test"}
    return f"/auth/oauth/issuer/callback?{urlencode({'state': state, **texts})}"


def led_to(response: Response) -> tuple[str, dict[str, str]]:
    """Return the path and the query of a redirect to a page of this site."""
    assert response.status == 302, response.text
    location = urlsplit(response.headers["location"])
    assert (location.scheme, location.netloc, location.fragment) == ("", "", "")
    return location.path, {name: values[0] for name, values in parse_qs(location.query).items()}


def test_denied_sign_in_leads_to_the_sign_in_with_its_code_and_the_requested_path(providers: FakeProviders) -> None:
    browser = Browser()
    response = navigate(browser, denied(start(browser)))

    assert led_to(response) == ("/sign-in", {"error": "access_denied", "next": "/projects/1?kind=image"})
    assert browser.session_cookie == ""  # the sign-in is over
    assert response.text == ""
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("code", "user", "sign_up"),
    [
        ("email_unverified", ProviderUser("ada@example.com", email_verified=False), "open"),
        ("sign_up_closed", ProviderUser("ada@example.com"), "invite"),
    ],
)
def test_refused_person_is_told_why(
    providers: FakeProviders, override_settings: OverrideSettings, code: str, user: ProviderUser, sign_up: str
) -> None:
    override_settings(SIGN_UP=sign_up)
    browser = Browser()
    response = navigate(browser, providers.authorize("issuer", start(browser, "/"), user))

    assert led_to(response) == ("/sign-in", {"error": code, "next": "/"})


def test_owner_of_a_taken_address_and_of_a_disabled_account_is_told_which_it_is(
    providers: FakeProviders, provider_user: ProviderUser, fake_aws: FakeAws
) -> None:
    taken = ProviderUser(users.sign_up(users.unique_email())["email"], subject="2002")
    browser = Browser()
    response = navigate(browser, providers.authorize("issuer", start(browser, "/"), taken))
    assert led_to(response) == ("/sign-in", {"error": "email_taken", "next": "/"})

    providers.sign_in(browser, provider_user)
    fake_aws.update_row(f"USER#{browser.get('/auth/me').data()['id']}", "USER", status="disabled")
    browser = Browser()
    response = navigate(browser, providers.authorize("issuer", start(browser, "/"), provider_user))
    assert led_to(response) == ("/sign-in", {"error": "invalid_credentials", "next": "/"})
    assert browser.session_cookie == ""


def test_provider_that_is_down_leads_to_the_sign_in_at_both_steps(
    providers: FakeProviders, provider_user: ProviderUser
) -> None:
    browser = Browser()
    callback = providers.authorize("issuer", start(browser), provider_user)
    providers.responses["/token"] = FakeResponse(b"down", 502)
    path, query = led_to(navigate(browser, callback))
    assert (path, query["error"]) == ("/sign-in", "provider_unavailable")

    providers.take_offline()
    assert led_to(navigate(browser, "/auth/oauth/issuer/start")) == ("/sign-in", {"error": "provider_unavailable"})


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("issuer/callback?state=ho_forged&code=c", "invalid_token"),
        ("issuer/callback?code=c", "invalid"),
        ("unknown/callback?state=x&code=y", "invalid_token"),
        ("unknown/start", "not_found"),
        ("issuer/start?returnTo=//evil.test", "invalid"),
    ],
)
def test_what_belongs_to_no_sign_in_of_this_browser_leads_to_the_sign_in_and_ends_none(
    providers: FakeProviders, provider_user: ProviderUser, path: str, code: str
) -> None:
    browser = Browser()
    callback = providers.authorize("issuer", start(browser), provider_user)

    assert led_to(navigate(browser, f"/auth/oauth/{path}")) == ("/sign-in", {"error": code})
    assert led_to(navigate(browser, callback))[0] == "/projects/1"


def test_failure_of_ours_leads_to_the_sign_in(providers: FakeProviders, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(oauth, "start", fail)

    assert led_to(navigate(Browser(), "/auth/oauth/issuer/start")) == ("/sign-in", {"error": "internal_error"})


def test_program_gets_the_problem_itself(providers: FakeProviders) -> None:
    browser = Browser()
    callback = denied(start(browser))

    assert browser.get(callback).problem()["code"] == "access_denied"
    assert navigate(browser, "/auth/me").problem()["code"] == "unauthenticated"  # only sign-ins have a page


def test_link_leads_to_the_security_page_whatever_becomes_of_it(
    providers: FakeProviders, provider_user: ProviderUser
) -> None:
    email = users.unique_email()
    users.sign_up(email)
    browser = sign_in_browser(email)
    cookie = browser.session_cookie

    def link() -> str:
        return str(browser.send_same_origin("POST", "/auth/identities/issuer/link").data()["url"])

    assert led_to(navigate(browser, denied(link()))) == ("/account/security", {"error": "access_denied"})
    linked = navigate(browser, providers.authorize("issuer", link(), provider_user))
    assert led_to(linked) == ("/account/security", {"linked": "issuer"})
    again = navigate(browser, providers.authorize("issuer", link(), provider_user))
    assert led_to(again) == ("/account/security", {"error": "identity_taken"})
    assert browser.session_cookie == cookie  # the session goes on
