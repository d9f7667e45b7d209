"""The pages of Holdall, as a person sees them."""

import json
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from infra.build.openapi import DOCUMENT
from infra.local.testing import Running
from tests.browser.conftest import Window


def test_the_first_page_leads_to_what_there_is(window: Window, deployed: Running) -> None:
    window.page.goto(deployed.outputs["ConsoleUrl"])

    expect(window.page).to_have_title("Holdall")
    expect(window.page.get_by_role("heading", name="Holdall")).to_be_visible()
    links = window.page.get_by_role("navigation").get_by_role("link")
    assert [link.get_attribute("href") for link in links.all()] == [
        "/api/v1/docs",
        "/api/v1/openapi.json",
        "/api/v1/health/ready",
    ]
    assert window.page.locator("main img").evaluate("image => image.naturalWidth") > 0
    assert window.wrong == []


@pytest.mark.parametrize("number", range(3))
def test_every_link_of_the_first_page_leads_somewhere(number: int, window: Window, deployed: Running) -> None:
    window.page.goto(deployed.outputs["ConsoleUrl"])

    with window.page.expect_navigation() as navigation:
        window.page.get_by_role("navigation").get_by_role("link").nth(number).click()

    assert navigation.value is not None
    assert navigation.value.status == 200


def test_the_documentation_shows_every_route_and_nothing_goes_wrong(window: Window, deployed: Running) -> None:
    window.page.goto(deployed.outputs["DocsUrl"])

    expect(window.page.get_by_role("heading", name="Holdall")).to_be_visible()
    expect(window.page.locator('.opblock-summary-path[data-path="/api/v1/files"]')).to_be_visible()
    document = json.loads(DOCUMENT.read_text())
    routes = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    blocks = window.page.locator(".opblock")
    expect(blocks).to_have_count(len(routes))
    shown = {
        (
            block.locator(".opblock-summary-method").inner_text(),
            str(block.locator(".opblock-summary-path").get_attribute("data-path")),
        )
        for block in blocks.all()
    }
    assert shown == routes
    assert window.wrong == []


def test_a_route_can_be_tried_in_the_documentation(window: Window, deployed: Running) -> None:
    window.page.goto(deployed.outputs["DocsUrl"])
    block = window.page.locator("#operations-health-health-alive")

    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Execute").click()

    expect(block.locator(".live-responses-table tbody .response-col_status")).to_have_text("200")
    expect(block.locator(".live-responses-table")).to_contain_text('"status": "ok"')
    assert window.wrong == []


def test_pages_ask_nobody_but_holdall(window: Window, deployed: Running) -> None:
    home = urlsplit(deployed.outputs["ConsoleUrl"]).netloc
    for page in ("ConsoleUrl", "DocsUrl"):
        window.page.goto(deployed.outputs[page], wait_until="networkidle")

    assert {urlsplit(url).netloc for url in window.asked if not url.startswith("data:")} == {home}
