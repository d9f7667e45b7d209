"""The navigation of the console: a side bar, and on a phone a bottom bar with the rest behind More."""

import re

import pytest
from playwright.sync_api import expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support.console import Console
from tests.support.e2e.actions import add_member
from tests.support.e2e.client import Client, Server, create_client
from tests.support.e2e.mailbox import Mailbox
from tests.support.recorded_page import RecordedPage


@pytest.fixture
def console(recorded_page: RecordedPage, deployment: E2EEnvironment) -> Console:
    return Console.open(recorded_page, deployment)


def test_phone_has_five_entries_and_the_rest_behind_more(console: Console, client: Client) -> None:
    page, project_id = console.page, client.post("/projects", {"name": "Holiday"}).data()["id"]
    page.set_viewport_size({"width": 375, "height": 720})
    console.sign_in(client.email)
    console.goto(f"/projects/{project_id}/trash")
    bar = page.get_by_role("navigation", name="Holdall")
    expect(bar.get_by_role("link", name="Trash")).to_have_attribute("aria-current", "page")
    assert bar.get_by_role("link").or_(bar.get_by_role("button")).count() <= 5

    more, sheet = bar.get_by_role("button", name="More"), page.get_by_role("dialog", name="More pages")
    more.focus()
    page.keyboard.press("Enter")
    expect(sheet.get_by_role("group", name="Holiday")).to_be_visible()
    assert page.evaluate("document.querySelector('[role=dialog]').contains(document.activeElement)")
    console.check_accessibility()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(more).to_be_focused()

    more.click()
    sheet.get_by_role("link", name="Members").click()
    expect(page).to_have_url(re.compile("/members$"))
    expect(sheet).to_be_hidden()
    assert console.recorded.errors == []


def test_side_bar_names_the_project_and_shows_what_the_role_may_use(
    console: Console, client: Client, api: Server, mailbox: Mailbox
) -> None:
    page, project_id = console.page, client.post("/projects", {"name": "Holiday"}).data()["id"]
    viewer = create_client(api)
    add_member(client, project_id, mailbox, viewer, "viewer")
    console.sign_in(viewer.email)
    console.goto(f"/projects/{project_id}/files")
    group = page.get_by_role("navigation", name="Holdall").get_by_role("group", name="Holiday")

    expect(group.get_by_role("link", name="Members")).to_be_visible()
    expect(group.get_by_role("link", name="API keys")).to_have_count(0)
    group.get_by_role("link", name="Members").click()
    expect(page.get_by_role("heading", name="Members")).to_be_visible()
    group.get_by_role("link", name="Holiday").click()
    expect(page).to_have_url(re.compile("/files$"))
