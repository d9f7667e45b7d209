"""Sign-in with a provider in the console: the button, the provider's own pages, and the way back, whatever happened there."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support.console import Console
from tests.support.e2e.client import Client, new_email
from tests.support.oidc.stage import run_stage_provider
from tests.support.recorded_page import RecordedPage

pytestmark = pytest.mark.serial  # the stage names one port for each provider


@pytest.fixture(scope="module", autouse=True)
def _provider(deployment: E2EEnvironment) -> Iterator[None]:
    with run_stage_provider(deployment):
        yield


@pytest.fixture
def console(recorded_page: RecordedPage, deployment: E2EEnvironment) -> Console:
    return Console.open(recorded_page, deployment)


def agree(console: Console, login: str) -> None:
    """Sign in at the provider, and let it tell Holdall who that is."""
    page = console.page
    page.get_by_placeholder("Enter any login").fill(login)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def cancel(console: Console) -> None:
    console.page.get_by_role("link", name="Cancel").click()


def test_provider_signs_a_new_person_in_and_leads_to_the_requested_page(console: Console) -> None:
    page = console.page
    console.goto("/sign-in?next=/account")
    page.get_by_role("link", name="Continue with oidc").click()
    login = new_email()
    agree(console, login)

    expect(page.get_by_role("heading", name="Account")).to_be_visible()
    expect(page.get_by_label("Email")).to_have_value(login)


def test_person_who_says_no_at_the_provider_reads_what_to_do_and_still_gets_to_the_requested_page(
    console: Console, client: Client
) -> None:
    page = console.page
    console.goto("/sign-in?next=/account/devices")
    page.get_by_role("link", name="Continue with oidc").click()
    cancel(console)

    expect(page.get_by_role("alert")).to_contain_text("You did not agree at the provider")
    console.check_accessibility()
    console.enter(client.email)
    expect(page.get_by_role("heading", name="Devices")).to_be_visible()


def test_provider_that_is_down_leads_back_with_a_sentence(console: Console) -> None:
    page = console.page
    console.goto("/sign-in")
    page.get_by_role("link", name="Continue with unreachable").click()

    expect(page.get_by_role("alert")).to_contain_text("The provider does not answer")
    expect(page.get_by_role("button", name="Sign in")).to_be_enabled()


def test_text_in_the_address_is_never_shown(console: Console) -> None:
    console.goto("/sign-in?error=Call%20555-0100")

    expect(console.page.get_by_role("alert")).to_have_text(
        "The provider could not sign you in. Try again, or sign in another way."
    )
    expect(console.page.get_by_text("555-0100")).to_have_count(0)


def test_link_of_an_identity_is_told_on_the_security_page_when_it_worked_and_when_not(
    console: Console, client: Client
) -> None:
    page = console.page
    console.sign_in(client.email)
    console.goto("/account/security")
    section = page.get_by_role("region", name="Linked accounts")
    item = section.get_by_role("listitem").filter(has_text="oidc")
    item.get_by_role("button", name="Link").click()
    cancel(console)
    expect(section.get_by_role("alert")).to_contain_text("nothing has changed")
    expect(section.get_by_role("alert")).to_be_in_viewport()
    expect(page).to_have_url(re.compile("/account/security$"))

    login = new_email()
    item.get_by_role("button", name="Link").click()
    agree(console, login)
    expect(page.get_by_role("log")).to_contain_text("oidc is linked")
    expect(section).to_contain_text(login)
    expect(page).to_have_url(re.compile("/account/security$"))

    console.goto("/account/security?linked=github")  # an address alone links nothing
    expect(section).to_contain_text(login)
    expect(page.get_by_role("log")).to_be_empty()
