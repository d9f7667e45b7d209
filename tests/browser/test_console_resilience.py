"""What the console does when a list is long, the API refuses, a release replaces it, or the network is away."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from infra.local.e2e_environment import E2EEnvironment
from tests.browser.test_console_files import PHOTO
from tests.support.console import Console
from tests.support.e2e.client import Client
from tests.support.many_files import ManyFiles
from tests.support.recorded_page import RecordedPage

_MANY = 10_000
_MOST_NODES = 1_500  # of the page, with a screen full of tiles and two more above and below
# Scroll by a screen in each frame until no more files come. Returns the most nodes that the page had.
_SCROLL_TO_THE_END = """async () => {
  const grid = document.querySelector('[role=grid]');
  let most = 0;
  for (let still = 0; still < 30; ) {
    const before = grid.scrollTop;
    grid.scrollTop += grid.clientHeight;
    await new Promise(requestAnimationFrame);
    most = Math.max(most, document.getElementsByTagName('*').length);
    still = grid.scrollTop > before || grid.ariaRowCount === '-1' ? 0 : still + 1;
  }
  return most;
}"""


@pytest.fixture
def console(recorded_page: RecordedPage, deployment: E2EEnvironment, client: Client) -> Console:
    """Return the console at the files of a new account, which has one photo."""
    console = Console.open(recorded_page, deployment)
    console.sign_in(client.email)
    console.page.get_by_role("listitem").get_by_role("link").first.click()
    console.upload(PHOTO)
    return console


def serve_many(console: Console, client: Client, count: int) -> ManyFiles:
    """Let the project of the page have this many files, copies of its photo."""
    files = ManyFiles(client.get("/files?signed=true").data(), count)
    files.serve(console.page)
    console.page.reload()
    expect(console.file(files.name(0))).to_be_visible()
    return files


def test_ten_thousand_files_are_scrolled_to_the_end_and_the_page_stays_small(console: Console, client: Client) -> None:
    files = serve_many(console, client, _MANY)

    nodes = console.page.evaluate(_SCROLL_TO_THE_END)

    expect(console.file(files.name(_MANY - 1))).to_be_visible()
    assert nodes < _MOST_NODES
    assert sorted(set(files.answered)) == list(range(_MANY // 100))
    assert console.recorded.errors == []


def test_scrolling_goes_on_after_the_api_refused_and_no_file_is_missing(console: Console, client: Client) -> None:
    files = serve_many(console, client, 500)
    files.refusals = {2: 2, 4: 1}

    console.page.evaluate(_SCROLL_TO_THE_END)

    expect(console.page.get_by_text("500 files", exact=True)).to_be_visible()
    expect(console.file(files.name(499))).to_be_visible()
    assert set(files.refusals.values()) == {0}
    expect(console.page.get_by_role("alert")).to_have_count(0)


def test_large_screen_is_filled(console: Console, client: Client) -> None:
    console.page.set_viewport_size({"width": 3840, "height": 2160})

    files = serve_many(console, client, 400)

    expect(console.file(files.name(150))).to_be_visible()


def test_page_that_a_release_replaced_is_loaded_anew(console: Console) -> None:
    page = console.page
    page.evaluate("window.isOld = true")
    release(page, gone=r"/nodes/.*\.js")

    page.get_by_role("link", name="Members").click()

    expect(page).to_have_url(re.compile("/members$"))
    expect(page.get_by_role("heading", name="Members")).to_be_visible()
    assert page.evaluate("window.isOld") is None


def test_dialog_that_a_release_replaced_offers_to_reload_and_loses_no_selection(console: Console) -> None:
    page = console.page
    console.select("photo.jpg")
    release(page, gone=r"/chunks/.*\.js")

    page.keyboard.press("F2")
    expect(page.get_by_text("There is a new version of Holdall")).to_be_visible()
    expect(console.file("photo.jpg")).to_have_attribute("aria-selected", "true")
    page.get_by_role("button", name="Reload").click()

    console.select("photo.jpg")
    page.keyboard.press("F2")
    expect(page.get_by_role("dialog", name="Rename file")).to_be_visible()


def release(page: Page, *, gone: str) -> None:
    """Pretend that a release has replaced the one of this tab: its files with such paths are gone until it is loaded anew."""
    state = {"is_old": True}

    def answer(route: Route) -> None:
        if state["is_old"]:
            route.fulfill(status=404, body="")
        else:
            route.continue_()

    def load(route: Route) -> None:
        state["is_old"] = False
        route.continue_()

    page.route(re.compile(gone), answer)
    page.route(lambda url: "/projects/" in url and "/api/" not in url, load)
    page.route("**/_app/version.json", lambda route: route.fulfill(json={"version": "next"}))


def test_file_that_is_chosen_without_a_network_is_uploaded_when_it_is_back(console: Console, tmp_path: Path) -> None:
    page, file = console.page, tmp_path / "later.txt"
    file.write_text("later")
    page.reload()  # so that the engine of the uploads is not loaded yet
    expect(console.file("photo.jpg")).to_be_visible()

    page.context.set_offline(True)
    banner = page.get_by_text("You are offline. Uploads go on by themselves.")
    expect(banner).to_be_visible()
    page.get_by_label("Files to upload").set_input_files(file)
    expect(console.file("photo.jpg")).to_be_visible()  # what was read stays
    page.context.set_offline(False)

    expect(console.file("later.txt")).to_be_visible()
    expect(banner).to_be_hidden()


def test_uploads_stay_in_the_tray_when_the_sign_out_fails(console: Console) -> None:
    page = console.page
    page.get_by_role("link", name="Account").click()
    page.route("**/auth/logout", lambda route: route.abort())
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("Holdall cannot be reached.")).to_be_visible()
    expect(page.get_by_text("1 file uploaded")).to_be_visible()


def test_page_of_a_project_that_could_not_be_read_is_there_after_try_again(console: Console) -> None:
    page = console.page
    project = re.sub(r".*/projects/([^/]+)/.*", r"\1", page.url)
    pages = {
        "files": "photo.jpg",
        "uploads": "Nothing is on its way",
        "trash": "The trash is empty",
        "jobs": "photo.jpg",
    }
    pages |= {"keys": "No keys yet", "members": "(you)", "use": "From a shell"}
    for name, text in pages.items():
        page.route(f"**/api/v1/projects/{project}", lambda route: route.abort())
        console.goto(f"/projects/{project}/{name}")
        page.get_by_role("button", name="Try again").wait_for()
        page.unroute_all()
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("button", name="Try again"), name).to_have_count(0)
        expect(page.get_by_text(text).first, name).to_be_visible()
