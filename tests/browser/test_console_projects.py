"""Projects in the console: their members and keys."""

import pytest
from playwright.sync_api import expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support.console import Console
from tests.support.e2e.actions import add_member
from tests.support.e2e.client import Client, Server, create_client, new_email, request_url
from tests.support.e2e.mailbox import Mailbox
from tests.support.recorded_page import RecordedPage


@pytest.fixture
def console(recorded_page: RecordedPage, deployment: E2EEnvironment, client: Client) -> Console:
    """Return the console at the files of a new project."""
    console = Console.open(recorded_page, deployment)
    console.sign_in(client.email)
    console.page.get_by_role("button", name="New project").click()
    console.page.get_by_role("dialog").get_by_label("Name").fill("Holiday")
    console.page.get_by_role("button", name="Make project").click()
    expect(console.page.get_by_role("heading", name="Holiday")).to_be_visible()
    return console


def test_owner_invites_and_withdraws(console: Console, mailbox: Mailbox) -> None:
    page, email = console.page, new_email()
    page.get_by_role("link", name="Members").click()
    expect(page.get_by_text("(you)")).to_be_visible()
    page.get_by_role("button", name="Invite").click()
    page.get_by_role("dialog").get_by_label("Email").fill(email)
    console.check_accessibility()
    page.get_by_role("button", name="Send invitation").click()

    withdraw = page.get_by_role("button", name=f"Withdraw the invitation of {email}")
    expect(withdraw).to_be_visible()
    assert "/join#" in mailbox.wait_for_email(email).links[0]
    withdraw.click()
    expect(withdraw).to_have_count(0)
    assert console.recorded.errors == []


def test_key_is_shown_once_and_works_until_it_is_off(console: Console, deployment: E2EEnvironment) -> None:
    page = console.page
    page.get_by_role("link", name="Keys").click()
    expect(page.get_by_role("heading", name="No keys yet")).to_be_visible()
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Name", exact=True).fill("Website")
    page.get_by_label("Last day").fill("2199-12-31")
    console.check_accessibility()
    page.get_by_role("button", name="Make key").click()
    key = page.get_by_label("Key", exact=True).input_value()
    page.get_by_role("button", name="Done").click()
    assert key not in page.content()
    expect(page.get_by_text("until Dec 31, 2199")).to_be_visible()
    files = f"{deployment.outputs['DirectApiUrl']}/files"

    assert request_url(files, headers={"x-api-key": key}).status == 200
    page.get_by_role("button", name="Turn off Website").click()
    expect(page.get_by_role("button", name="Turn on Website")).to_be_visible()
    assert request_url(files, headers={"x-api-key": key}).status == 401
    page.get_by_role("button", name="Delete Website").click()
    page.get_by_role("button", name="Delete key").click()
    expect(page.get_by_role("heading", name="No keys yet")).to_be_visible()
    assert console.recorded.errors == []


def test_role_that_is_refused_is_not_shown_and_an_owner_who_steps_down_is_offered_no_more(
    console: Console, client: Client, api: Server, mailbox: Mailbox
) -> None:
    page, other = console.page, create_client(api)
    project_id = page.url.split("/")[4]
    page.get_by_role("link", name="Members").click()
    own_role = page.get_by_label(f"Role of {client.email}")
    own_role.select_option("Views")
    expect(page.get_by_text("A project must have an owner")).to_be_visible()
    expect(own_role).to_have_value("owner")

    add_member(client, project_id, mailbox, other, "owner")
    page.reload()
    own_role.select_option("Views")
    expect(page.get_by_text("The role is changed")).to_be_visible()
    expect(page.get_by_text(client.email)).to_be_visible()
    expect(page.get_by_role("button", name="Invite")).to_have_count(0)
    expect(page.get_by_role("link", name="API keys")).to_have_count(0)
