"""OAuth (S6): the way to a provider and back is gone once, by one browser, to the provider where it was begun."""

import base64
import hashlib
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from urllib3.exceptions import ConnectTimeoutError

from tests.api import people
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock, Installed
from tests.api.provider import Browser, Person, Providers, install
from tests.unit.accounts.oauth_issuer import URL, Said


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch, installed: Installed, cloud: Cloud) -> Providers:
    return install(monkeypatch, installed, cloud)


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def person() -> Person:
    return Person(people.new_address())


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def states(cloud: Cloud) -> list[dict[str, Any]]:
    return [row for row in cloud.rows("credentials", record_kind="challenge") if "#state#" in row["pk"]]


def test_a_start_leads_to_the_provider_with_a_state_a_nonce_and_a_challenge(
    providers: Providers, browser: Browser, cloud: Cloud
) -> None:
    answer = browser.get("/auth/oauth/issuer/start?returnTo=/files")

    assert answer.status == 302
    location = answer.headers["location"]
    assert location.startswith(f"{URL}/authorize?")
    asked = query_of(location)
    assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", "us", "S256")
    assert asked["redirect_uri"] == "https://files.example.test/api/v1/auth/oauth/issuer/callback"
    assert asked["state"].startswith("ho_")
    (row,) = states(cloud)
    assert asked["state"].split("_")[2] not in str(row)  # a digest alone is kept
    assert asked["nonce"] in row["content"]


def test_the_verifier_that_is_shown_is_that_of_the_challenge(
    providers: Providers, browser: Browser, person: Person
) -> None:
    location = browser.get("/auth/oauth/issuer/start").headers["location"]
    assert browser.get(providers.authorize("issuer", location, person)).status == 302

    form = next(each.body for each in providers.asked if each.url == f"{URL}/token")
    verifier = parse_qs((form or b"").decode())["code_verifier"][0]
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert digest == query_of(location)["code_challenge"]


def test_a_start_binds_the_state_to_the_browser_for_as_long_as_it_counts(
    providers: Providers, browser: Browser
) -> None:
    browser.get("/auth/oauth/issuer/start")

    assert browser.cookie.startswith("ho_")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"} <= browser.attributes


def test_the_cookie_that_binds_says_nobodys_name(providers: Providers, browser: Browser, client: Client) -> None:
    browser.get("/auth/oauth/issuer/start")

    assert browser.get("/auth/me").status == 401
    # Whoever began a sign-in and changed their mind can still use a token in this browser.
    assert browser.ask("GET", "/auth/me", authorization=f"Bearer {client.token}").status == 200


def test_two_sign_ins_that_one_browser_begins_do_not_end_each_other(
    providers: Providers, browser: Browser, person: Person
) -> None:
    first, second = (browser.get("/auth/oauth/issuer/start").headers["location"] for _ in range(2))

    assert browser.get(providers.authorize("issuer", second, person)).status == 302
    browser.cookie = ""
    first = browser.get("/auth/oauth/issuer/start").headers["location"]
    browser.get("/auth/oauth/github/start")
    assert browser.get(providers.authorize("issuer", first, person)).status == 302


@pytest.mark.parametrize("to", ["/", "/files", "/files?kind=image&x=%2F", "/a//b", "/~ada/#part"])
def test_who_comes_back_is_led_to_where_they_wanted(
    providers: Providers, browser: Browser, person: Person, to: str
) -> None:
    answer = providers.sign_in(browser, person, to=to)

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
def test_nobody_is_led_elsewhere(providers: Providers, browser: Browser, cloud: Cloud, to: str) -> None:
    answer = browser.get(f"/auth/oauth/issuer/start?returnTo={quote(to, safe='')}")

    assert (answer.status, browser.cookie, states(cloud)) == (422, "", [])


@pytest.mark.parametrize("name", ["nobody", "google", "ISSUER", "issuer2", "..", "a" * 33])
def test_a_provider_that_is_not_configured_is_not_there(providers: Providers, browser: Browser, name: str) -> None:
    assert browser.get(f"/auth/oauth/{name}/start").status in {404, 422}
    assert browser.get(f"/auth/oauth/{name}/callback?state=x&code=y").status in {401, 404, 422}


def test_a_provider_without_its_client_is_not_there(providers: Providers, browser: Browser, cloud: Cloud) -> None:
    cloud.ssm.delete_parameter(Name="/holdall/test/oauth-issuer")

    assert browser.get("/auth/oauth/issuer/start").status == 404


def test_a_state_counts_once(providers: Providers, browser: Browser, person: Person) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], person)
    binding = browser.cookie
    assert browser.get(back).status == 302

    for cookie in (browser.cookie, binding):
        again = Browser(cookie).get(back)
        assert (again.status, again.problem()["code"]) == (401, "invalid_token")
    assert providers.paths().count("/token") == 1


def test_login_csrf_a_state_is_worth_nothing_in_another_browser(
    providers: Providers, browser: Browser, person: Person, cloud: Cloud
) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], person)
    other = Browser()
    other.get("/auth/oauth/issuer/start")

    for stranger in (Browser(), other, Browser(query_of(back)["state"])):
        assert stranger.get(back).problem()["code"] == "invalid_token"
    assert providers.paths().count("/token") == 0
    assert browser.get(back).status == 302  # and nobody else has used it up


def test_a_state_is_worth_nothing_at_the_callback_of_another_provider(
    providers: Providers, browser: Browser, person: Person
) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], person)

    assert browser.get(back.replace("/issuer/", "/github/")).problem()["code"] == "invalid_token"
    assert browser.get(back).status == 302


def test_a_state_lives_ten_minutes(providers: Providers, browser: Browser, person: Person, frozen: Clock) -> None:
    location = browser.get("/auth/oauth/issuer/start").headers["location"]
    frozen.forward(minutes=10)

    assert browser.get(providers.authorize("issuer", location, person)).problem()["code"] == "invalid_token"


@pytest.mark.parametrize("state", ["", "x", f"ho_{'0' * 26}_{'0' * 26}", "é", "a" * 512])
def test_what_is_no_state_of_ours_is_refused(providers: Providers, browser: Browser, state: str) -> None:
    answer = browser.get(f"/auth/oauth/issuer/callback?{urlencode({'state': state, 'code': 'c'})}")

    assert (answer.status, answer.problem()["code"]) == (401, "invalid_token")


def test_a_callback_without_a_state_is_not_valid(providers: Providers, browser: Browser) -> None:
    assert browser.get("/auth/oauth/issuer/callback?code=c").status == 422


@pytest.mark.parametrize(
    "brought",
    [{"error": "access_denied", "error_description": "No.", "error_uri": "https://issuer.example.test/why"}, {}],
)
def test_who_changes_their_mind_is_not_let_in(
    providers: Providers, browser: Browser, cloud: Cloud, brought: dict[str, str]
) -> None:
    state = query_of(browser.get("/auth/oauth/issuer/start").headers["location"])["state"]
    answer = browser.get(f"/auth/oauth/issuer/callback?{urlencode({'state': state, **brought})}")

    assert (answer.status, answer.problem()["code"]) == (401, "oauth_refused")
    assert states(cloud) == []
    assert browser.cookie.startswith("ho_")


def test_what_a_provider_adds_is_passed_over(providers: Providers, browser: Browser, person: Person) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], person)
    more = urlencode({"scope": "openid", "authuser": "0", "hd": "example.test", "something": "new"})

    assert browser.get(f"{back}&{more}").status == 302


def test_who_speaks_for_another_issuer_is_refused(providers: Providers, browser: Browser, person: Person) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], person)

    answer = browser.get(f"{back}&{urlencode({'iss': 'https://evil.test'})}")
    assert (answer.status, answer.problem()["code"]) == (401, "oauth_failed")


def test_a_provider_that_is_down_is_a_503_at_both_steps(providers: Providers, browser: Browser, person: Person) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], person)
    providers.answers["/token"] = Said(b"down", 502)
    answers = [browser.get(back)]
    providers.document_is_gone()
    answers.append(browser.get("/auth/oauth/issuer/start"))

    for answer in answers:
        assert (answer.status, answer.problem()["code"]) == (503, "provider_unavailable")
        assert int(answer.headers["retry-after"]) > 0


def test_a_provider_that_is_silent_is_a_503_within_five_seconds(
    providers: Providers, browser: Browser, person: Person
) -> None:
    def silent() -> None:
        time.sleep(8)
        raise ConnectTimeoutError

    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], person)
    providers.answers["/token"] = silent
    began = time.monotonic()
    answer = browser.get(back)

    assert (answer.status, answer.problem()["code"]) == (503, "provider_unavailable")
    assert time.monotonic() - began < 5


def test_no_secret_of_a_sign_in_is_logged(
    providers: Providers, browser: Browser, person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    back = providers.authorize("issuer", browser.get("/auth/oauth/issuer/start").headers["location"], person)
    binding = browser.cookie
    assert browser.get(back).status == 302
    browser.get(back)

    logged = "".join(capsys.readouterr())
    for canary in ("canary-of", "a-code", query_of(back)["state"], binding, browser.cookie, str(person.email)):
        assert canary not in logged
