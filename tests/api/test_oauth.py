"""OAuth (S6): the way to a provider and back is gone once, by one browser, to the provider where it was begun."""

import base64
import hashlib
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from urllib3.exceptions import ConnectTimeoutError

from tests.api.conftest import FrozenClock, OverrideSettings
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.oauth import Browser, FakeProviders, ProviderUser, install_providers
from tests.support.oidc_issuer import ISSUER_URL, FakeResponse


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch, override_settings: OverrideSettings, fake_aws: FakeAws) -> FakeProviders:
    return install_providers(monkeypatch, override_settings, fake_aws)


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def provider_user() -> ProviderUser:
    return ProviderUser(users.unique_email())


def query_parameters(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def state_rows(fake_aws: FakeAws) -> list[dict[str, Any]]:
    return [row for row in fake_aws.find_rows("credentials", record_type="challenge") if "#state#" in row["pk"]]


def test_a_start_leads_to_the_provider_with_a_state_a_nonce_and_a_challenge(
    providers: FakeProviders, browser: Browser, fake_aws: FakeAws
) -> None:
    answer = browser.get("/auth/oauth/issuer/start?returnTo=/files")

    assert answer.status == 302
    location = answer.headers["location"]
    assert location.startswith(f"{ISSUER_URL}/authorize?")
    asked = query_parameters(location)
    assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", "us", "S256")
    assert asked["redirect_uri"] == "https://files.example.test/api/v1/auth/oauth/issuer/callback"
    assert asked["state"].startswith("ho_")
    (row,) = state_rows(fake_aws)
    assert asked["state"].split("_")[2] not in str(row)  # a digest alone is kept
    assert asked["nonce"] in row["content"]


def test_the_verifier_that_is_shown_is_that_of_the_challenge(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    location = browser.get("/auth/oauth/issuer/start").headers["location"]
    assert browser.get(providers.authorize("issuer", location, provider_user)).status == 302

    form = next(each.body for each in providers.requests if each.url == f"{ISSUER_URL}/token")
    verifier = parse_qs((form or b"").decode())["code_verifier"][0]
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert digest == query_parameters(location)["code_challenge"]


def test_a_start_binds_the_state_to_the_browser_for_as_long_as_it_counts(
    providers: FakeProviders, browser: Browser
) -> None:
    browser.get("/auth/oauth/issuer/start")

    assert browser.session_cookie.startswith("ho_")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"} <= browser.cookie_attributes


def test_the_cookie_that_binds_says_nobodys_name(providers: FakeProviders, browser: Browser, client: Client) -> None:
    browser.get("/auth/oauth/issuer/start")

    assert browser.get("/auth/me").status == 401
    # Whoever began a sign-in and changed their mind can still use a token in this browser.
    assert browser.send("GET", "/auth/me", authorization=f"Bearer {client.access_token}").status == 200


def test_two_sign_ins_that_one_browser_begins_do_not_end_each_other(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    first, second = (browser.get("/auth/oauth/issuer/start").headers["location"] for _ in range(2))

    assert browser.get(providers.authorize("issuer", second, provider_user)).status == 302
    browser.session_cookie = ""
    first = browser.get("/auth/oauth/issuer/start").headers["location"]
    browser.get("/auth/oauth/github/start")
    assert browser.get(providers.authorize("issuer", first, provider_user)).status == 302


@pytest.mark.parametrize("to", ["/", "/files", "/files?kind=image&x=%2F", "/a//b", "/~ada/#part"])
def test_who_comes_back_is_led_to_where_they_wanted(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, to: str
) -> None:
    answer = providers.sign_in(browser, provider_user, return_to=to)

    assert (answer.status, answer.headers["location"]) == (302, to)


@pytest.mark.parametrize(
    "to",
    [
        "//evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "https://evil.test",
        "https:evil.test",
        "javascript:alert(1)",
        "files",
        "",
        "/a\\b",
        "/\r\nset-cookie: x=y",
        "/\n",
        "/a\n",
        "\n/",
        "/\t/evil.test",
        "/ ",
        "/\x00",
        "/é",
        "/" + "a" * 512,
    ],
)
def test_nobody_is_led_elsewhere(providers: FakeProviders, browser: Browser, fake_aws: FakeAws, to: str) -> None:
    answer = browser.get(f"/auth/oauth/issuer/start?returnTo={quote(to, safe='')}")

    assert (answer.status, browser.session_cookie, state_rows(fake_aws)) == (422, "", [])


@pytest.mark.parametrize("name", ["unknown", "google", "ISSUER", "issuer2", "..", "a" * 33])
def test_a_provider_that_is_not_configured_is_not_there(providers: FakeProviders, browser: Browser, name: str) -> None:
    assert browser.get(f"/auth/oauth/{name}/start").status in {404, 422}
    assert browser.get(f"/auth/oauth/{name}/callback?state=x&code=y").status in {401, 404, 422}


def test_a_provider_without_its_client_is_not_there(
    providers: FakeProviders, browser: Browser, fake_aws: FakeAws
) -> None:
    fake_aws.ssm.delete_parameter(Name="/holdall/test/oauth-issuer")

    assert browser.get("/auth/oauth/issuer/start").status == 404


def test_a_state_counts_once(providers: FakeProviders, browser: Browser, provider_user: ProviderUser) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)
    binding = browser.session_cookie
    assert browser.get(back).status == 302

    for cookie in (browser.session_cookie, binding):
        again = Browser(cookie).get(back)
        assert (again.status, again.problem()["code"]) == (401, "invalid_token")
    assert providers.requested_paths().count("/token") == 1


def test_login_csrf_a_state_is_worth_nothing_in_another_browser(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, fake_aws: FakeAws
) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)
    other = Browser()
    other.get("/auth/oauth/issuer/start")

    for stranger in (Browser(), other, Browser(query_parameters(back)["state"])):
        assert stranger.get(back).problem()["code"] == "invalid_token"
    assert providers.requested_paths().count("/token") == 0
    assert browser.get(back).status == 302  # and nobody else has used it up


def test_a_state_is_worth_nothing_at_the_callback_of_another_provider(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)

    assert browser.get(back.replace("/issuer/", "/github/")).problem()["code"] == "invalid_token"
    assert browser.get(back).status == 302


def test_a_state_lives_ten_minutes(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, frozen_clock: FrozenClock
) -> None:
    location = browser.get("/auth/oauth/issuer/start").headers["location"]
    frozen_clock.advance(minutes=10)

    assert browser.get(providers.authorize("issuer", location, provider_user)).problem()["code"] == "invalid_token"


@pytest.mark.parametrize("state", ["", "x", f"ho_{'0' * 26}_{'0' * 26}", "é", "a" * 512])
def test_what_is_no_state_of_ours_is_refused(providers: FakeProviders, browser: Browser, state: str) -> None:
    answer = browser.get(f"/auth/oauth/issuer/callback?{urlencode({'state': state, 'code': 'c'})}")

    assert (answer.status, answer.problem()["code"]) == (401, "invalid_token")


def test_a_callback_without_a_state_is_not_valid(providers: FakeProviders, browser: Browser) -> None:
    assert browser.get("/auth/oauth/issuer/callback?code=c").status == 422


@pytest.mark.parametrize(
    "brought",
    [{"error": "access_denied", "error_description": "No.", "error_uri": "https://issuer.example.test/why"}, {}],
)
def test_who_changes_their_mind_is_not_let_in(
    providers: FakeProviders, browser: Browser, fake_aws: FakeAws, brought: dict[str, str]
) -> None:
    state = query_parameters(browser.get("/auth/oauth/issuer/start").headers["location"])["state"]
    answer = browser.get(f"/auth/oauth/issuer/callback?{urlencode({'state': state, **brought})}")

    assert (answer.status, answer.problem()["code"]) == (401, "oauth_refused")
    assert state_rows(fake_aws) == []
    assert browser.session_cookie.startswith("ho_")


def test_what_a_provider_adds_is_passed_over(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)
    more = urlencode({"scope": "openid", "authuser": "0", "hd": "example.test", "something": "new"})

    assert browser.get(f"{back}&{more}").status == 302


def test_who_speaks_for_another_issuer_is_refused(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)

    answer = browser.get(f"{back}&{urlencode({'iss': 'https://evil.test'})}")
    assert (answer.status, answer.problem()["code"]) == (401, "oauth_failed")


def test_a_provider_that_is_down_is_a_503_at_both_steps(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)
    providers.responses["/token"] = FakeResponse(b"down", 502)
    answers = [browser.get(back)]
    providers.take_offline()
    answers.append(browser.get("/auth/oauth/issuer/start"))

    for answer in answers:
        assert (answer.status, answer.problem()["code"]) == (503, "provider_unavailable")
        assert int(answer.headers["retry-after"]) > 0


def test_a_provider_that_is_silent_is_a_503_within_five_seconds(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    def silent() -> None:
        time.sleep(8)
        raise ConnectTimeoutError

    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)
    providers.responses["/token"] = silent
    began = time.monotonic()
    answer = browser.get(back)

    assert (answer.status, answer.problem()["code"]) == (503, "provider_unavailable")
    assert time.monotonic() - began < 5


def test_no_secret_of_a_sign_in_is_logged(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, capsys: pytest.CaptureFixture[str]
) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)
    binding = browser.session_cookie
    assert browser.get(back).status == 302
    browser.get(back)

    logged = "".join(capsys.readouterr())
    for canary in (
        "canary-of",
        "a-code",
        query_parameters(back)["state"],
        binding,
        browser.session_cookie,
        str(provider_user.email),
    ):
        assert canary not in logged
