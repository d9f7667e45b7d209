"""The work of a project in the console: its jobs, its open uploads, and how a program uses it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support.console import Console
from tests.support.e2e.client import Client
from tests.support.recorded_page import RecordedPage
from tests.support.source_tree import ROOT

PHOTO = ROOT / "docs" / "demo" / "photo.jpg"
_BROKEN_NAME = "<img src=x onerror=alert(1)>.png"


@pytest.fixture
def console(recorded_page: RecordedPage, deployment: E2EEnvironment, client: Client) -> Console:
    """Return the console at the empty files of a new account."""
    console = Console.open(recorded_page, deployment)
    console.sign_in(client.email)
    console.page.get_by_role("listitem").get_by_role("link").first.click()
    expect(console.page.get_by_role("heading", name="Drop files anywhere")).to_be_visible()
    return console


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
    job.get_by_role("link", name="Show file").click()
    expect(page.get_by_role("dialog", name=_BROKEN_NAME)).to_be_visible()
    assert console.recorded.errors == []
