"""The links in emails: each leads to a page with one act, works once, and then leads to a new one."""

import re

import pytest
from playwright.sync_api import Browser, expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support.console import Console
from tests.support.e2e.actions import create_superuser
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import PASSWORD, Client, Server, new_email
from tests.support.e2e.mailbox import Mailbox
from tests.support.e2e.stage_settings import auth_settings
from tests.support.recorded_page import RecordedPage
from tests.support.source_tree import ROOT

_PHOTO = ROOT / "docs" / "demo" / "photo.jpg"


@pytest.fixture
def console(recorded_page: RecordedPage, deployment: E2EEnvironment) -> Console:
    return Console.open(recorded_page, deployment)


def expect_dead(console: Console, link: str, act: str, *, way_out: str) -> None:
    """Open a link that was used, try its act, and check that the page says so and leads to `way_out`."""
    console.page.goto(link)
    button = console.page.get_by_role("button", name=act)
    expect(button).to_be_visible()
    for field in console.page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    button.click()
    expect(console.page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    expect(console.page.get_by_role("link", name=way_out)).to_be_visible()
    console.check_accessibility()


@pytest.mark.serial  # other tests sign up without a verification
def test_new_address_is_verified_by_the_newest_link_and_no_other(
    console: Console, deployment: E2EEnvironment, mailbox: Mailbox
) -> None:
    page, email = console.page, new_email()
    with auth_settings(deployment, EMAIL_VERIFICATION="on"):
        console.goto("/sign-up")
        page.get_by_label("Email").fill(email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Make account").click()
        expect(page.get_by_role("heading", name="Look in your mail")).to_be_visible()
        (first,) = mailbox.wait_for_email(email).links
        page.get_by_role("button", name="Send it again").click()
        expect(page.get_by_text("Sent again.")).to_be_visible()
        (newest,) = mailbox.wait_for_email(email, 2).links

        expect_dead(console, first, "Confirm address", way_out="Sign up again")
        page.goto(newest)
        expect(page).to_have_url(re.compile("/verify-email$"))  # the secret is no longer in the address
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Confirm address").click()
        expect(page.get_by_role("heading", name="Projects")).to_be_visible()


def test_new_address_of_an_account_counts_when_its_link_was_opened(
    console: Console, client: Client, mailbox: Mailbox
) -> None:
    page, new = console.page, new_email()
    console.sign_in(client.email)
    console.goto("/account/security")
    section = page.get_by_role("region", name="Email address")
    section.get_by_label("New email address").fill(new)
    section.get_by_label("Password", exact=True).fill(PASSWORD)
    section.get_by_role("button", name="Send link").click()
    expect(page.get_by_role("log")).to_contain_text("Look in the mail of the new address")
    (link,) = mailbox.wait_for_email(new).links

    page.goto(link)
    expect(page).to_have_url(re.compile("/confirm-email$"))
    page.get_by_role("button", name="Confirm address").click()
    expect(page.get_by_role("log")).to_contain_text("Your email address is changed")
    console.goto("/account/security")
    expect(section).to_contain_text(f"You sign in with {new}.")
    expect_dead(console, link, "Confirm address", way_out="Change the address again")


def test_invited_person_chooses_a_password_and_is_signed_in(
    console: Console, api: Server, deployment: E2EEnvironment, mailbox: Mailbox
) -> None:
    page, email = console.page, new_email()
    superuser = create_superuser(api, AwsState.from_deployment(deployment))
    superuser.post("/users", {"email": email, "roles": ["user"]}).data()
    (link,) = mailbox.wait_for_email(email).links

    page.goto(link)
    expect(page).to_have_url(re.compile("/accept-invitation$"))
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Accept invitation").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    expect_dead(console, link, "Accept invitation", way_out="Sign in")


def test_withdrawn_invitation_to_a_project_says_whom_to_ask(
    console: Console, client: Client, api: Server, mailbox: Mailbox
) -> None:
    page, other = console.page, new_email()
    Client(api).post("/auth/sign-up", {"email": other, "password": PASSWORD}).data()
    project_id = client.post("/projects", {"name": "Holiday"}).data()["id"]
    invitation = client.post(f"/projects/{project_id}/invitations", {"email": other, "role": "viewer"}).data()
    (link,) = mailbox.wait_for_email(other).links
    assert client.delete(f"/projects/{project_id}/invitations/{invitation['id']}").status == 204

    page.goto(link)
    console.enter(other)
    page.get_by_role("button", name="Join project").click()
    expect(page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    expect(page.get_by_text("Ask the person who invited you for a new invitation.")).to_be_visible()
    page.get_by_role("link", name="Go to your projects").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()


def test_new_person_signs_up_uploads_and_a_stranger_downloads_what_the_link_shares(
    console: Console, browser: Browser
) -> None:
    page = console.page
    console.goto("/sign-up")
    page.get_by_label("Email").fill(new_email())
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make account").click()
    page.get_by_role("listitem").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Drop files anywhere")).to_be_visible()
    console.upload(_PHOTO)
    console.file("photo.jpg").dblclick()
    page.get_by_role("button", name="New link").click()
    page.get_by_role("dialog", name="New link").get_by_role("button", name="Make link").click()
    url = page.get_by_label("Link", exact=True).input_value()

    stranger = browser.new_context()
    tab = stranger.new_page()
    tab.goto(url)
    expect(tab.get_by_role("heading", name="photo.jpg")).to_be_visible()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "photo.jpg"
    assert download.value.path().read_bytes() == _PHOTO.read_bytes()
    stranger.close()
