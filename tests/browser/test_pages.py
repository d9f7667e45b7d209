"""The pages of Holdall in a browser."""

import json
from urllib.parse import urlsplit

from playwright.sync_api import expect

from infra.build.openapi import OPENAPI_PATH
from infra.local.e2e_environment import E2EEnvironment
from tests.support.recorded_page import RecordedPage


def test_documentation_shows_every_route_without_errors(
    recorded_page: RecordedPage, deployment: E2EEnvironment
) -> None:
    recorded_page.page.goto(deployment.outputs["DocsUrl"])

    expect(recorded_page.page.get_by_role("heading", name="Holdall")).to_be_visible()
    expect(recorded_page.page.locator('.opblock-summary-path[data-path="/api/v1/files"]')).to_be_visible()
    document = json.loads(OPENAPI_PATH.read_text())
    routes = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    blocks = recorded_page.page.locator(".opblock")
    expect(blocks).to_have_count(len(routes))
    shown = {
        (
            block.locator(".opblock-summary-method").inner_text(),
            str(block.locator("[data-path]").get_attribute("data-path")),
        )
        for block in blocks.all()
    }
    assert shown == routes
    assert recorded_page.errors == []


def test_route_can_be_tried_in_the_documentation(recorded_page: RecordedPage, deployment: E2EEnvironment) -> None:
    recorded_page.page.goto(deployment.outputs["DocsUrl"])
    operation = json.loads(OPENAPI_PATH.read_text())["paths"]["/api/v1/health"]["get"]
    block = recorded_page.page.locator(f"#operations-{operation['tags'][0]}-{operation['operationId']}")

    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Execute").click()

    expect(block.locator(".live-responses-table tbody .response-col_status")).to_have_text("200")
    expect(block.locator(".live-responses-table")).to_contain_text('"status": "ok"')
    assert recorded_page.errors == []


def test_pages_send_requests_only_to_holdall(recorded_page: RecordedPage, deployment: E2EEnvironment) -> None:
    home = urlsplit(deployment.outputs["ConsoleUrl"]).netloc
    for page in ("ConsoleUrl", "DocsUrl"):
        recorded_page.page.goto(deployment.outputs[page], wait_until="networkidle")

    assert {urlsplit(url).netloc for url in recorded_page.requested_urls if not url.startswith("data:")} == {home}
