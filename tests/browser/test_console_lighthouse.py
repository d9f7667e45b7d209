"""Lighthouse on the pages that people see first. Its performance is a time, so it is in `make bench NAME=console`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from infra.local.e2e_environment import E2EEnvironment
from tests.browser.test_console_files import PHOTO
from tests.support import lighthouse
from tests.support.console import Console
from tests.support.e2e.client import Client
from tests.support.recorded_page import RecordedPage

_ACCESSIBILITY, _BEST_PRACTICES = 100, 95
_OPTIONS = ("--only-categories=accessibility,best-practices", "--throttling-method=provided")


@pytest.fixture
def chromium(playwright: Playwright, tmp_path: Path) -> Iterator[tuple[RecordedPage, int]]:
    """Yield a page of the Chromium that Lighthouse uses, and its port."""
    with lighthouse.open_browser(playwright, tmp_path) as (context, port):
        yield RecordedPage(context.new_page()), port


def test_lighthouse_finds_no_fault_in_sign_in_and_files(
    chromium: tuple[RecordedPage, int], deployment: E2EEnvironment, client: Client
) -> None:
    page, port = chromium
    console = Console.open(page, deployment)
    check(f"{console.url}/sign-in", port)
    console.sign_in(client.email)
    console.page.get_by_role("listitem").get_by_role("link").first.click()
    console.upload(PHOTO)

    check(console.page.url, port)


def check(url: str, port: int) -> None:
    report = lighthouse.audit(url, port, *_OPTIONS)
    assert report.json["finalDisplayedUrl"] == url  # and not the sign-in
    assert report.scores["accessibility"] >= _ACCESSIBILITY, report.faults
    assert report.scores["best-practices"] >= _BEST_PRACTICES, report.faults
