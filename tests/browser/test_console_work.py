"""The work of a project in the console: its jobs, its open uploads, and how a program uses it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support.console import Console
from tests.support.e2e.actions import init_upload, upload_file, wait_for, wait_until_processed
from tests.support.e2e.client import Client
from tests.support.recorded_page import RecordedPage

_BROKEN_NAME = "<img src=x onerror=alert(1)>.png"


@pytest.fixture
def upload_broken_image(console: Console) -> Callable[[], None]:
    """Upload a file with the type of an image that is none."""

    def upload() -> None:
        image: FilePayload = {
            "name": _BROKEN_NAME,
            "mimeType": "image/png",
            "buffer": b"\x89PNG\r\n\x1a\n" + bytes(100),
        }
        console.page.get_by_label("Files to upload").set_input_files(image)
        expect(console.page.get_by_role("gridcell")).to_contain_text("No previews", timeout=60_000)

    return upload


def test_failed_job_says_why_and_is_tried_again(console: Console, upload_broken_image: Callable[[], None]) -> None:
    page = console.page
    upload_broken_image()

    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_role("link", name="Failed").click()
    job = page.get_by_role("listitem").filter(has_text="Make the variants of an image")
    expect(job).to_contain_text("This image could not be read: its data is damaged.")
    console.check_accessibility()
    job.get_by_role("button", name="Retry").click()
    expect(job).to_contain_text(re.compile("Failed.*2 attempts"), timeout=60_000)  # without a reload

    job.get_by_role("link", name="Make the variants").click()
    details = page.get_by_role("dialog")
    expect(details.get_by_role("link", name=_BROKEN_NAME)).to_be_visible()
    console.check_accessibility()
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()
    page.get_by_role("link", name="In progress").click()
    expect(page.get_by_role("heading", name="Nothing is in progress")).to_be_visible()
    page.get_by_role("link", name="All", exact=True).click()
    job.get_by_role("link", name=_BROKEN_NAME).click()
    expect(page.get_by_role("dialog", name=_BROKEN_NAME)).to_be_visible()
    assert console.recorded.errors == []


def test_open_upload_of_another_device_is_aborted_once_asked(console: Console, client: Client) -> None:
    page = console.page
    project_id = client.get("/projects").data()[0]["id"]
    page.get_by_role("link", name="Uploads", exact=True).click()
    expect(page.get_by_role("heading", name="Nothing is on its way")).to_be_visible()
    init_upload(client, b"from another device", filename=_BROKEN_NAME)
    page.reload()

    expect(page.get_by_role("listitem").filter(has_text=_BROKEN_NAME)).to_contain_text(
        re.compile("19 bytes · expires .* · by you")
    )
    page.get_by_role("button", name=f"Abort {_BROKEN_NAME}").click()
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("button", name=f"Abort {_BROKEN_NAME}").click()
    console.check_accessibility()
    page.get_by_role("button", name="Abort upload").click()
    expect(page.get_by_role("heading", name="Nothing is on its way")).to_be_visible()
    assert client.get(f"/uploads?projectId={project_id}").data() == []
    assert console.recorded.errors == []


def test_upload_of_this_tab_that_is_aborted_or_cancelled_reserves_nothing(
    console: Console, client: Client, tmp_path: Path
) -> None:
    page = console.page
    project = f"/projects/{client.get('/projects').data()[0]['id']}"
    page.route(re.compile(r"X-Amz-Signature"), lambda route: None)  # the bytes never arrive
    for index, name in enumerate(("first.txt", "second.txt")):
        (tmp_path / name).write_text("Some text.")
        page.get_by_label("Files to upload").set_input_files(tmp_path / name)
        wait_for(lambda index=index: len(client.get("/uploads").data()) == index + 1)  # type: ignore[misc]

    page.get_by_role("button", name="Cancel first.txt").click()
    page.get_by_role("link", name="Uploads", exact=True).click()
    expect(page.get_by_role("listitem").filter(has_text="expires")).to_have_count(1)
    page.get_by_role("button", name="Abort second.txt").click()
    page.get_by_role("button", name="Abort upload").click()

    expect(page.get_by_role("heading", name="Nothing is on its way")).to_be_visible()
    expect(page.get_by_role("region", name="Uploads").get_by_role("progressbar")).to_have_count(0)
    page.wait_for_timeout(1000)  # in which it would begin anew
    assert client.get("/uploads").data() == []
    assert client.get(f"{project}/usage").data()["bytes"] == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_on_a_phone(
    browser: Browser, deployment: E2EEnvironment, client: Client, scheme: Literal["light", "dark"]
) -> None:
    init_upload(client, b"on its way")
    file_id = upload_file(client, b"\x89PNG\r\n\x1a\n", contentType="image/png")["fileId"]
    wait_until_processed(client, file_id)
    context = browser.new_context(color_scheme=scheme, viewport={"width": 375, "height": 720})
    console = Console.open(RecordedPage(context.new_page()), deployment)
    console.sign_in(client.email)
    project = f"/projects/{client.get('/projects').data()[0]['id']}"
    for path, shown in (("/jobs", "Failed"), ("/uploads", "expires"), ("/use", "curl")):
        console.goto(project + path)
        expect(console.page.get_by_role("main").get_by_text(shown).first).to_be_visible()
        console.check_accessibility()
        width = console.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 375, path
    for read in ("/jobs?", "/uploads?"):  # what was read does not begin the next read
        assert len([url for url in console.recorded.requested_urls if read in url]) <= 5
    assert console.recorded.errors == []
    context.close()
