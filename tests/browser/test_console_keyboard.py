"""The keyboard alone, from the sign-in to a link for a stranger."""

from playwright.sync_api import Locator, expect

from infra.local.e2e_environment import E2EEnvironment
from tests.browser.test_console_files import PHOTO
from tests.support.console import Console
from tests.support.e2e.client import PASSWORD, Client
from tests.support.recorded_page import RecordedPage

_MOST_TABS = 40  # between two things on a page


def tab_to(target: Locator) -> None:
    """Press Tab until the focus is on the target, and see that the focus is visible there."""
    expect(target).to_be_visible()
    keyboard = target.page.keyboard
    for _ in range(_MOST_TABS):
        if target.evaluate("element => element === document.activeElement"):
            break
        keyboard.press("Tab")
    expect(target).to_be_focused()
    assert target.evaluate("element => element.matches(':focus-visible')")


def test_keyboard_alone_goes_from_the_sign_in_to_a_shared_file(
    recorded_page: RecordedPage, deployment: E2EEnvironment, client: Client
) -> None:
    console = Console.open(recorded_page, deployment)
    page, keyboard = console.page, console.page.keyboard
    page.on("filechooser", lambda chooser: chooser.set_files(PHOTO))
    console.goto("/sign-in")
    tab_to(page.get_by_label("Email"))
    keyboard.type(client.email)
    tab_to(page.get_by_label("Password", exact=True))
    keyboard.type(PASSWORD)
    keyboard.press("Enter")

    tab_to(page.get_by_role("listitem").get_by_role("link").first)
    keyboard.press("Enter")
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_enabled()
    keyboard.press("u")
    tab_to(console.file("photo.jpg"))
    keyboard.press("Enter")
    preview = page.get_by_role("dialog", name="photo.jpg")
    tab_to(preview.get_by_role("button", name="New link"))
    keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="New link")
    tab_to(dialog.get_by_role("button", name="Make link"))
    keyboard.press("Enter")
    link = page.get_by_label("Link", exact=True)
    tab_to(link)
    url = link.input_value()
    tab_to(page.get_by_role("button", name="Done"))
    keyboard.press("Enter")
    expect(preview.get_by_role("button", name="New link")).to_be_focused()
    keyboard.press("Escape")
    expect(console.file("photo.jpg")).to_be_focused()

    page.goto(url)
    expect(page.get_by_role("button", name="Download").or_(page.get_by_role("link", name="Download"))).to_be_visible()
