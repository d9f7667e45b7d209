"""Uploads in the console over a cut network, a pause and a reload."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, Route, expect

from infra.local.waiting import wait_until
from tests.support.console import Console

_MIB = 2**20
_PARTS = "**/*partNumber=*"
_LARGE = 105 * _MIB  # in parts, and kept by the browser over a reload


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(_LARGE)
    return path


def test_upload_goes_on_after_the_network_was_cut(console: Console, tmp_path: Path) -> None:
    page, file = console.page, tmp_path / "cut.txt"
    file.write_text("cut")
    cut: list[str] = []

    def cut_first(route: Route) -> None:
        if route.request.method == "PUT" and not cut:
            cut.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/*bucket*/**", cut_first)
    page.get_by_label("Files to upload").set_input_files(file)

    expect(console.file("cut.txt")).to_be_visible(timeout=15_000)
    assert len(cut) == 1


def test_large_upload_survives_a_pause_and_a_reload_and_sends_no_part_twice(console: Console, large_file: Path) -> None:
    page = console.page
    arrived: list[str] = []  # numbers of parts

    def hold_after_two(route: Route) -> None:
        # Two parts or a few more arrive before the reload. The others never do.
        if route.request.method != "PUT" or len(arrived) < 2:
            route.continue_()

    page.route(_PARTS, hold_after_two)
    page.on("response", lambda response: _record_part(response, arrived))
    page.get_by_label("Files to upload").set_input_files(large_file)
    pause = page.get_by_role("button", name="Pause large.bin")
    pause.click()
    resume = page.get_by_role("button", name="Resume large.bin")
    expect(resume).to_be_visible()
    resume.click()
    wait_until(lambda: _turn(page) and len(arrived) >= 2, 60, lambda: AssertionError("No part arrived."))
    page.wait_for_timeout(2000)  # for those that are still on their way
    before = list(arrived)
    page.unroute(_PARTS)
    page.reload()

    expect(console.file("large.bin")).to_be_visible(timeout=120_000)
    after = arrived[len(before) :]
    assert after
    assert not set(after) & set(before), (before, after)


def _record_part(response: Response, arrived: list[str]) -> None:
    if response.request.method == "PUT" and response.ok and "partNumber=" in response.url:
        arrived.append(response.url.partition("partNumber=")[2].partition("&")[0])


def _turn(page: Page) -> bool:
    """Let Playwright handle what has happened in the page."""
    page.wait_for_timeout(50)
    return True
