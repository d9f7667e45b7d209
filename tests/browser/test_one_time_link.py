"""The link with which `make demo` ends: it signs a browser in, once, and leaves no secret in the address."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from infra.local import one_time_link
from infra.local.e2e_environment import E2EEnvironment
from tests.support.console import Console
from tests.support.e2e.client import PASSWORD, Client
from tests.support.recorded_page import RecordedPage


@pytest.fixture
def link(deployment: E2EEnvironment, client: Client) -> str:
    def request(method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        return client.request(method, path, body).data()

    credentials = {"email": client.email, "password": PASSWORD}
    return one_time_link.create(deployment.cloud, request, credentials, "/account/security?x=1")


def test_link_signs_one_browser_in_and_leads_to_its_page(
    recorded_page: RecordedPage, deployment: E2EEnvironment, browser: Browser, client: Client, link: str
) -> None:
    console = Console.open(recorded_page, deployment)
    page = console.page
    page.goto(link)

    expect(page).to_have_url(f"{console.url}/account/security?x=1")
    expect(page.get_by_text(f"You sign in with {client.email}.")).to_be_visible()
    # The account is as it was: only the link needed its second factor.
    expect(page.get_by_role("region", name="Second factor").get_by_role("button", name="Set up")).to_be_visible()
    secret = link.partition("#")[2]
    assert [url for url in recorded_page.requested_urls if secret.split(".")[0] in url.partition("#")[0]] == []
    assert recorded_page.errors == []

    other = Console.open(RecordedPage(browser.new_context().new_page()), deployment)
    other.page.goto(link)
    expect(other.page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    expect(other.page).to_have_url(re.compile("/local/sign-in.html$"))
    other.check_accessibility()
    other.goto("/account")
    expect(other.page.get_by_role("heading", name="Sign in to Holdall")).to_be_visible()
    other.page.context.close()
