"""Accounts in the console: sign-up, sign-in, the links in emails, the second factor, and sessions."""

import re
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support.console import Console
from tests.support.e2e.client import PASSWORD, Client, Server, new_email
from tests.support.e2e.mailbox import Mailbox
from tests.support.recorded_page import RecordedPage

_NEW_PASSWORD = "another horse battery"


@pytest.fixture
def console(recorded_page: RecordedPage, deployment: E2EEnvironment) -> Console:
    return Console.open(recorded_page, deployment)


def test_sign_up_leads_to_the_projects_and_sign_out_back(console: Console) -> None:
    page, email = console.page, new_email()
    console.goto("/")
    page.get_by_role("link", name="Make an account").click()
    expect(page.get_by_role("heading", name="Make an account")).to_be_visible()
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make account").click()

    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    expect(page.get_by_text("Your own")).to_be_visible()
    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Holdall")).to_be_visible()
    console.goto("/projects")
    expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fprojects"))
    # Without a session, no request is refused: the console knows that it has none.
    assert [error for error in console.recorded.errors if "401" in error] == []


def test_wrong_password_is_told_at_the_field_and_next_is_kept(console: Console, client: Client) -> None:
    page = console.page
    console.goto("/sign-in?next=/account/devices")
    console.enter(client.email, "wrong password")

    expect(page.get_by_role("alert")).to_contain_text("The email address or the password is wrong.")
    console.check_accessibility()
    console.enter(client.email)
    expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    expect(page.get_by_text("This device")).to_be_visible()


def test_second_factor_is_set_up_and_asked_for(console: Console, client: Client) -> None:
    page = console.page
    console.sign_in(client.email)
    console.goto("/account/security")
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    console.check_accessibility()
    totp = pyotp.TOTP(page.locator("code").inner_text())
    page.get_by_label("Code").fill(totp.now())
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("Keep these recovery codes")).to_be_visible()
    section = page.get_by_role("region", name="Second factor")
    recovery_code, other_code = (section.get_by_role("listitem").nth(index).inner_text() for index in range(2))
    section.get_by_role("button", name="Done").click()
    expect(section).to_contain_text("On since")

    page.context.clear_cookies()
    console.goto("/sign-in")
    console.enter(client.email)
    expect(page.get_by_label("Code")).to_be_focused()
    assert page.url.endswith("/sign-in")  # no secret in the address
    page.get_by_label("Code").fill(recovery_code)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()

    console.goto("/account/security")
    section.get_by_role("button", name="New recovery codes").click()
    expect(section.get_by_role("listitem").first).to_be_visible()
    assert other_code not in section.inner_text()
    section.get_by_role("button", name="Done").click()
    section.get_by_role("button", name="Turn off").click()
    expect(section.get_by_role("button", name="Set up")).to_be_visible()
    assert "accessToken" in client.post("/auth/login", {"email": client.email, "password": PASSWORD}).data()


def test_link_in_the_email_resets_the_password_once(console: Console, client: Client, mailbox: Mailbox) -> None:
    page = console.page
    console.goto("/forgot-password")
    page.get_by_label("Email").fill(client.email)
    page.get_by_role("button", name="Send link").click()
    expect(page.get_by_role("heading", name="Look in your mail")).to_be_visible()
    console.check_accessibility()
    (link,) = mailbox.wait_for_email(client.email).links

    page.goto(link)
    expect(page).to_have_url(re.compile("/reset-password$"))  # the secret is no longer in the address
    page.get_by_label("New password", exact=True).fill(_NEW_PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status")).to_contain_text("Your password is changed")
    console.enter(client.email, _NEW_PASSWORD)
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()

    page.goto(link)
    page.get_by_label("New password", exact=True).fill(_NEW_PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    expect(page.get_by_role("link", name="Send a new link")).to_be_visible()


def test_member_joins_a_project_from_the_email(console: Console, client: Client, api: Server, mailbox: Mailbox) -> None:
    project_id = client.post("/projects", {"name": "Holiday"}).data()["id"]
    other = new_email()
    Client(api).post("/auth/sign-up", {"email": other, "password": PASSWORD}).data()
    client.post(f"/projects/{project_id}/invitations", {"email": other, "role": "editor"}).data()
    (link,) = mailbox.wait_for_email(other).links

    console.page.goto(link)
    console.enter(other)
    console.page.get_by_role("button", name="Join project").click()
    expect(console.page.get_by_role("heading", name="Holiday")).to_be_visible()
    expect(console.page.get_by_role("button", name="Upload", exact=True)).to_be_enabled()


def test_session_that_ends_during_an_upload_is_renewed_and_the_upload_goes_on(
    console: Console, client: Client, tmp_path: Path
) -> None:
    page, file = console.page, tmp_path / "late.txt"
    file.write_text("late")
    console.sign_in(client.email)
    page.get_by_role("listitem").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Drop files anywhere")).to_be_visible()

    page.context.clear_cookies()
    page.get_by_label("Files to upload").set_input_files(file)
    dialog = page.get_by_role("dialog", name="Please sign in again")
    expect(dialog).to_be_visible()
    expect(page.get_by_text("Waiting for sign-in")).to_be_attached()
    console.check_accessibility()
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_be_hidden()
    expect(console.file("late.txt")).to_be_visible()


def test_sign_out_in_one_tab_ends_the_other(console: Console, client: Client) -> None:
    console.sign_in(client.email)
    other = console.page.context.new_page()
    other.goto(console.url + "/account")

    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("heading", name="Sign in to Holdall")).to_be_visible()
    expect(console.page.get_by_role("heading", name="Sign in to Holdall")).to_be_visible()
