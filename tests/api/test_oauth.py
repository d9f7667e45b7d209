"""OAuth (S6): a state works once, in one browser, at the callback of one provider."""

import base64
import hashlib
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from urllib3.exceptions import ConnectTimeoutError

from tests.support import users
from tests.support.aws import FakeAws
from tests.support.browser import Browser
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.oauth import FakeProviders, ProviderUser, install_providers
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
    return [
        row
        for row in fake_aws.find_rows("credentials", record_type="challenge")
        if row["pk"].startswith("CHALLENGE#ho#")
    ]


def test_start_redirects_to_the_provider_with_state_nonce_and_challenge(
    providers: FakeProviders, browser: Browser, fake_aws: FakeAws
) -> None:
    response = browser.get("/auth/oauth/issuer/start?returnTo=/files")

    assert response.status == 302
    location = response.headers["location"]
    assert location.startswith(f"{ISSUER_URL}/authorize?")
    parameters = query_parameters(location)
    assert (parameters["response_type"], parameters["client_id"], parameters["code_challenge_method"]) == (
        "code",
        "us",
        "S256",
    )
    assert parameters["redirect_uri"] == "https://files.example.test/api/v1/auth/oauth/issuer/callback"
    assert parameters["state"].startswith("ho_")
    (row,) = state_rows(fake_aws)
    assert parameters["state"].split("_")[2] not in str(row)  # only the digest is stored
    assert parameters["nonce"] in row["payload"]


def test_verifier_matches_the_challenge(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    location = browser.get("/auth/oauth/issuer/start").headers["location"]
    assert browser.get(providers.authorize("issuer", location, provider_user)).status == 302

    form = next(each.body for each in providers.requests if each.url == f"{ISSUER_URL}/token")
    verifier = parse_qs((form or b"").decode())["code_verifier"][0]
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert digest == query_parameters(location)["code_challenge"]


def test_start_sets_a_cookie_that_binds_the_state_to_the_browser(providers: FakeProviders, browser: Browser) -> None:
    browser.get("/auth/oauth/issuer/start")

    assert browser.session_cookie.startswith("ho_")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"} <= browser.cookie_attributes


def test_state_cookie_is_not_a_session(providers: FakeProviders, browser: Browser, client: Client) -> None:
    browser.get("/auth/oauth/issuer/start")

    assert browser.get("/auth/me").status == 401
    # A user who abandoned the sign-in can still use a token in this browser.
    assert browser.send("GET", "/auth/me", authorization=f"Bearer {client.access_token}").status == 200


def test_sign_ins_of_one_browser_do_not_end_each_other(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    first, second = (browser.get("/auth/oauth/issuer/start").headers["location"] for _ in range(2))

    assert browser.get(providers.authorize("issuer", second, provider_user)).status == 302
    browser.session_cookie = ""
    first = browser.get("/auth/oauth/issuer/start").headers["location"]
    browser.get("/auth/oauth/github/start")
    assert browser.get(providers.authorize("issuer", first, provider_user)).status == 302


@pytest.mark.parametrize("return_to", ["/", "/files", "/files?kind=image&x=%2F", "/a//b", "/~ada/#part"])
def test_callback_redirects_to_the_requested_path(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, return_to: str
) -> None:
    response = providers.sign_in(browser, provider_user, return_to=return_to)

    assert (response.status, response.headers["location"]) == (302, return_to)


@pytest.mark.parametrize(
    "return_to",
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
def test_redirect_to_another_site_is_rejected(
    providers: FakeProviders, browser: Browser, fake_aws: FakeAws, return_to: str
) -> None:
    response = browser.get(f"/auth/oauth/issuer/start?returnTo={quote(return_to, safe='')}")

    assert (response.status, browser.session_cookie, state_rows(fake_aws)) == (422, "", [])


@pytest.mark.parametrize("name", ["unknown", "google", "ISSUER", "issuer2", "..", "a" * 33])
def test_unknown_provider_is_not_found(providers: FakeProviders, browser: Browser, name: str) -> None:
    assert browser.get(f"/auth/oauth/{name}/start").status in {404, 422}
    assert browser.get(f"/auth/oauth/{name}/callback?state=x&code=y").status in {401, 404, 422}


def test_provider_without_a_client_is_not_found(providers: FakeProviders, browser: Browser, fake_aws: FakeAws) -> None:
    fake_aws.ssm.delete_parameter(Name="/holdall/test/oauth-issuer")

    assert browser.get("/auth/oauth/issuer/start").status == 404


def test_state_works_once(providers: FakeProviders, browser: Browser, provider_user: ProviderUser) -> None:
    callback = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)
    binding = browser.session_cookie
    assert browser.get(callback).status == 302

    for cookie in (browser.session_cookie, binding):
        response = Browser(cookie).get(callback)
        assert (response.status, response.problem()["code"]) == (401, "invalid_token")
    assert providers.requested_paths().count("/token") == 1


def test_state_is_rejected_in_another_browser(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, fake_aws: FakeAws
) -> None:
    callback = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)
    other = Browser()
    other.get("/auth/oauth/issuer/start")

    for stranger in (Browser(), other, Browser(query_parameters(callback)["state"])):
        assert stranger.get(callback).problem()["code"] == "invalid_token"
    assert providers.requested_paths().count("/token") == 0
    assert browser.get(callback).status == 302  # the other browsers have not used it up


def test_state_is_rejected_at_the_callback_of_another_provider(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    callback = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)

    assert browser.get(callback.replace("/issuer/", "/github/")).problem()["code"] == "invalid_token"
    assert browser.get(callback).status == 302


def test_state_expires_after_ten_minutes(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, frozen_clock: FrozenClock
) -> None:
    location = browser.get("/auth/oauth/issuer/start").headers["location"]
    frozen_clock.advance(minutes=10)

    assert browser.get(providers.authorize("issuer", location, provider_user)).problem()["code"] == "invalid_token"


@pytest.mark.parametrize("state", ["", "x", f"ho_{'0' * 26}_{'0' * 26}", "é", "a" * 512])
def test_unknown_state_is_rejected(providers: FakeProviders, browser: Browser, state: str) -> None:
    response = browser.get(f"/auth/oauth/issuer/callback?{urlencode({'state': state, 'code': 'c'})}")

    assert (response.status, response.problem()["code"]) == (401, "invalid_token")


def test_callback_requires_a_state(providers: FakeProviders, browser: Browser) -> None:
    assert browser.get("/auth/oauth/issuer/callback?code=c").status == 422


@pytest.mark.parametrize(
    "error_parameters",
    [{"error": "access_denied", "error_description": "No.", "error_uri": "https://issuer.example.test/why"}, {}],
)
def test_denied_sign_in_creates_no_session(
    providers: FakeProviders, browser: Browser, fake_aws: FakeAws, error_parameters: dict[str, str]
) -> None:
    state = query_parameters(browser.get("/auth/oauth/issuer/start").headers["location"])["state"]
    response = browser.get(f"/auth/oauth/issuer/callback?{urlencode({'state': state, **error_parameters})}")

    assert (response.status, response.problem()["code"]) == (401, "access_denied")
    assert state_rows(fake_aws) == []
    assert browser.session_cookie.startswith("ho_")


def test_additional_callback_parameters_are_ignored(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    callback = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)
    parameters = urlencode({"scope": "openid", "authuser": "0", "hd": "example.test", "something": "new"})

    assert browser.get(f"{callback}&{parameters}").status == 302


def test_callback_of_another_issuer_is_rejected(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    callback = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)

    response = browser.get(f"{callback}&{urlencode({'iss': 'https://evil.test'})}")
    assert (response.status, response.problem()["code"]) == (401, "oauth_failed")


def test_unavailable_provider_is_a_503_at_both_steps(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    callback = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)
    providers.responses["/token"] = FakeResponse(b"down", 502)
    responses = [browser.get(callback)]
    providers.take_offline()
    responses.append(browser.get("/auth/oauth/issuer/start"))

    for response in responses:
        assert (response.status, response.problem()["code"]) == (503, "provider_unavailable")
        assert int(response.headers["retry-after"]) > 0


def test_provider_that_does_not_respond_is_a_503_within_five_seconds(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser
) -> None:
    def hang() -> None:
        time.sleep(8)
        raise ConnectTimeoutError

    callback = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)
    providers.responses["/token"] = hang
    started_at = time.monotonic()
    response = browser.get(callback)

    assert (response.status, response.problem()["code"]) == (503, "provider_unavailable")
    assert time.monotonic() - started_at < 5


def test_log_contains_no_secret_of_a_sign_in(
    providers: FakeProviders, browser: Browser, provider_user: ProviderUser, capsys: pytest.CaptureFixture[str]
) -> None:
    callback = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], provider_user)
    binding = browser.session_cookie
    assert browser.get(callback).status == 302
    browser.get(callback)

    log = "".join(capsys.readouterr())
    for canary in (
        "canary-of",
        "a-code",
        query_parameters(callback)["state"],
        binding,
        browser.session_cookie,
        str(provider_user.email),
    ):
        assert canary not in log
