"""The page of a link in Chromium with scripts turned off, as someone without an account uses it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support.e2e.actions import create_project, upload_file, wait_until_processed
from tests.support.e2e.client import Client, Server, create_client
from tests.support.image_samples import make_photo
from tests.support.recorded_page import RecordedPage

PASSWORD = "open sesame please"
_PHONE: ViewportSize = {"width": 375, "height": 667}
_MIN_TARGET = 44  # pixels


@pytest.fixture(scope="module")
def owner(deployment: E2EEnvironment) -> Client:
    split = urlsplit(deployment.outputs["DirectApiUrl"].removesuffix("/api/v1"))
    return create_client(Server(split.port or 80, split.netloc, split.path))


@pytest.fixture(scope="module")
def photo_id(owner: Client) -> str:
    name = "A name that is long enough to need a second line on a phone \u2067and turns around\u2069.jpg"
    file_id = str(upload_file(owner, make_photo(), projectId=create_project(owner), filename=name)["fileId"])
    wait_until_processed(owner, file_id)
    return file_id


@pytest.fixture(params=["light", "dark"])
def phone(request: pytest.FixtureRequest, browser: Browser) -> Iterator[RecordedPage]:
    """Yield a page of a phone without scripts, in each colour scheme."""
    context = browser.new_context(java_script_enabled=False, viewport=_PHONE, color_scheme=request.param)
    context.set_default_timeout(30_000)
    yield RecordedPage(context.new_page())
    context.close()


def share(owner: Client, file_id: str, **fields: Any) -> str:
    url: str = owner.post(f"/files/{file_id}/shares", {"permission": "write", **fields}).data()["url"]
    return url


def assert_fits(recorded: RecordedPage) -> None:
    """Check that a phone shows the whole width, and that fingers can hit everything."""
    page = recorded.page
    for control in page.locator("button, input:not([type=hidden]):not([type=checkbox]), .choice, a").all():
        box = control.bounding_box()
        assert box is not None
        assert box["height"] >= _MIN_TARGET
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= _PHONE["width"]


def test_stranger_opens_downloads_and_uploads(
    owner: Client, photo_id: str, phone: RecordedPage, deployment: E2EEnvironment
) -> None:
    page = phone.page
    page.goto(share(owner, photo_id, password=PASSWORD, maxDownloads=5))
    expect(page.get_by_role("heading", name="This file is protected")).to_be_visible()
    assert_fits(phone)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open file").click()

    expect(page.get_by_role("heading", name="A name that is long enough")).to_be_visible()
    expect(page.get_by_text("5 downloads left")).to_be_visible()
    expect(page.get_by_role("img", name="Preview of A name")).to_be_visible()
    assert_fits(phone)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.path().read_bytes() == make_photo()

    page.get_by_label("File", exact=True).set_input_files(
        {"name": "gift.txt", "mimeType": "text/plain", "buffer": b"a gift"}
    )
    page.get_by_role("button", name="Send file").click()
    expect(page.get_by_role("status")).to_contain_text("gift.txt")
    expect(page.get_by_text("4 downloads left")).to_be_visible()
    # The download ends the navigation that began it.
    assert [each for each in phone.errors if "ERR_ABORTED" not in each] == []
    hosts = {urlsplit(url).netloc for url in phone.requested_urls}
    own = urlsplit(deployment.outputs["ConsoleUrl"]).netloc
    assert {host.rpartition(":")[2] for host in hosts} == {own.rpartition(":")[2]}


def test_password_is_asked_again_and_never_in_the_address(owner: Client, photo_id: str, phone: RecordedPage) -> None:
    page, url = phone.page, share(owner, photo_id, password=PASSWORD)
    page.goto(url)
    page.get_by_label("Password").fill("wrong password")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_have_text("That is not the password. Check it, then try again.")
    expect(page.get_by_label("Password")).to_have_value("")
    assert page.url == url
    assert_fits(phone)


def test_link_that_does_not_work_says_what_to_do(phone: RecordedPage, deployment: E2EEnvironment) -> None:
    response = phone.page.goto(f"{deployment.outputs['ConsoleUrl'].rstrip('/')}/s/hs_{'0' * 26}")

    assert response is not None
    assert response.status == 404
    expect(phone.page.get_by_role("heading", name="This link does not work")).to_be_visible()
    expect(phone.page.get_by_text("Ask the person who sent it for a new one.")).to_be_visible()
