"""The settings of a project in the console: limits, variants with a preview, and who owns it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support.console import Console
from tests.support.e2e.actions import add_member, upload_file, wait_for, wait_until_processed
from tests.support.e2e.client import Client, Server, create_client
from tests.support.e2e.mailbox import Mailbox
from tests.support.recorded_page import RecordedPage
from tests.support.source_tree import ROOT

PHOTO = (ROOT / "docs" / "demo" / "photo.jpg").read_bytes()  # 2400 by 1350 pixels


@pytest.fixture
def project_id(client: Client) -> str:
    project: str = client.post("/projects", {"name": "Holiday"}).data()["id"]
    return project


@pytest.fixture
def console(recorded_page: RecordedPage, deployment: E2EEnvironment, client: Client, project_id: str) -> Console:
    """Return the console at the settings of a project that the user owns."""
    console = Console.open(recorded_page, deployment)
    console.sign_in(client.email)
    console.goto(f"/projects/{project_id}/settings")
    return console


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text(re.compile("(Settings|Variants) saved"))).to_be_visible()


def upload_photo(client: Client, project_id: str) -> str:
    """Upload the photo, wait until its variants are made, and return the ID of its file."""
    file: str = upload_file(client, PHOTO, projectId=project_id, filename="photo.jpg")["fileId"]
    wait_until_processed(client, file)
    return file


def size_in_words(text: str) -> float:
    """Return the bytes in a text such as "about 5.3 kB as JPEG"."""
    found = re.search(r"about ([\d.]+) (byte|kB|MB)", text)
    assert found, text
    return float(found[1]) * {"byte": 1, "kB": 1e3, "MB": 1e6}[found[2]]


def test_new_variant_is_previewed_planned_and_made(console: Console, client: Client, project_id: str) -> None:
    page, file_id = console.page, upload_photo(client, project_id)
    page.get_by_role("link", name="Edit variants").click()
    page.get_by_role("button", name="Use one of the project").click()
    page.get_by_role("dialog").get_by_role("button", name="photo.jpg").click()
    preview = page.get_by_role("group", name="Preview", exact=True)
    expect(preview).to_contain_text(re.compile("Made of photo.jpg, 2,400 . 1,350 px"))

    page.get_by_role("button", name="Add variant").click()
    expect(page.get_by_label("Name")).to_have_value("variant-4")
    page.get_by_label("Name").fill("hero")
    page.get_by_label("Width").fill("1200")
    page.get_by_label("Height").fill("301")
    page.get_by_role("radio", name="Cover").check()
    page.get_by_label("Format").select_option("jpeg")
    expect(preview).to_contain_text(re.compile("1,200 . 301 px.*as JPEG"))
    estimate = size_in_words(preview.inner_text())
    page.get_by_label("Format").select_option("avif")
    expect(preview).to_contain_text("This browser cannot make AVIF")
    page.get_by_label("Format").select_option("jpeg")
    console.check_accessibility()
    save(page)

    expect(page.get_by_text("Variants to make").locator("..")).to_contain_text("1")
    page.get_by_role("button", name="Apply to 1 image").click()
    expect(page).to_have_url(re.compile(rf"/projects/{project_id}/jobs\?job="))
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    def read_variant() -> dict[str, Any] | None:
        variants = client.get(f"/files/{file_id}").data()["variants"]
        return next((each for each in variants if each["name"] == "hero" and each["status"] == "ready"), None)

    wait_for(lambda: read_variant() is not None)
    variant = read_variant() or {}
    assert (variant["width"], variant["height"]) == (1200, 301)
    assert 0.6 < variant["size"] / estimate < 1.6
    assert console.recorded.errors == []


def test_faulty_variant_is_not_sent_and_told_at_its_field(console: Console, client: Client, project_id: str) -> None:
    page = console.page
    page.get_by_role("link", name="Edit variants").click()
    page.get_by_label("Height").fill("")
    expect(page.get_by_text("This fit needs both sides.")).to_be_visible()
    page.get_by_role("button", name="small", exact=False).first.click()
    page.get_by_role("button", name="Save").click()

    # It leads back to the variant with the fault, and into its field.
    expect(page.get_by_label("Height")).to_be_focused()
    page.get_by_label("Height").fill("100")
    page.get_by_role("button", name="Move thumbnail down").click()
    save(page)
    names = [each["name"] for each in client.get(f"/projects/{project_id}").data()["settings"]["variants"]]
    assert names == ["small", "thumbnail", "large"]


def test_preview_is_made_of_an_image_of_ones_own(console: Console) -> None:
    page = console.page
    page.get_by_role("link", name="Edit variants").click()
    preview = page.get_by_role("group", name="Preview", exact=True)
    expect(preview).to_contain_text("Made of our sample")
    chosen = page.get_by_label("Image for the preview")
    chosen.set_input_files({"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"no image"})
    expect(page.get_by_text("This browser cannot show “broken.jpg”.")).to_be_visible()
    chosen.set_input_files({"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": PHOTO})

    expect(preview).to_contain_text("Made of mine.jpg")
    page.get_by_role("button", name="Back to our sample").click()
    expect(preview).to_contain_text("Made of our sample")


def test_quota_is_shown_and_respected(console: Console, client: Client, project_id: str) -> None:
    page = console.page
    upload_photo(client, project_id)
    page.reload()
    expect(page.get_by_role("meter", name="Storage")).to_have_attribute("aria-valuenow", str(len(PHOTO)))
    page.get_by_label("Storage limit", exact=True).fill("99999999")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("This Holdall allows")
    expect(page.get_by_label("Storage limit", exact=True)).to_be_focused()

    page.get_by_label("Storage limit", exact=True).fill("0.4")
    page.get_by_label("Unit of storage limit").select_option("MB")
    save(page)
    expect(page.get_by_text(re.compile("389 kB of 400 kB . almost full"))).to_be_visible()
    page.get_by_role("link", name="Files").click()
    page.get_by_label("Files to upload").set_input_files(
        {"name": "more.txt", "mimeType": "text/plain", "buffer": b"x" * 20_000}
    )
    expect(page.get_by_text("This project is full.")).to_be_visible()


def test_deleted_project_is_restored_or_purged(console: Console, client: Client, project_id: str) -> None:
    page = console.page
    page.get_by_label("Name").fill("Winter")  # what is not saved keeps no one from deleting
    page.get_by_role("button", name="Delete project").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Delete project")).to_be_disabled()
    console.check_accessibility()
    dialog.get_by_label("Type the name of the project").fill("Holiday")
    dialog.get_by_role("button", name="Delete project").click()
    expect(page).to_have_url(re.compile("/projects$"))
    expect(page.get_by_role("link", name="Holiday")).to_have_count(0)

    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Holiday")).to_be_visible()

    client.delete(f"/projects/{project_id}").data()
    page.get_by_role("link", name="Projects").click()
    page.get_by_role("button", name="Delete Holiday for good").click()
    dialog.get_by_label("Type the name of the project").fill("Holiday")
    dialog.get_by_role("button", name="Delete project").click()
    expect(page.get_by_text("“Holiday” is deleted for good")).to_be_visible()
    expect(page.get_by_role("button", name="Restore Holiday")).to_have_count(0)


def test_ownership_is_transferred(
    console: Console, client: Client, api: Server, mailbox: Mailbox, project_id: str
) -> None:
    page, heir = console.page, create_client(api)
    expect(page.get_by_role("button", name="Transfer ownership")).to_be_disabled()
    expect(page.get_by_role("button", name="Leave project")).to_be_disabled()
    add_member(client, project_id, mailbox, heir, "viewer")
    page.reload()
    page.get_by_role("button", name="Transfer ownership").click()
    page.get_by_role("dialog").get_by_role("button", name="Transfer ownership").click()

    expect(page.get_by_text("You edit this project.")).to_be_visible()
    assert heir.get(f"/projects/{project_id}").data()["role"] == "owner"
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    expect(page.get_by_role("link", name="API keys")).to_have_count(0)  # they are for owners
    page.get_by_role("button", name="Leave project").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave project").click()
    expect(page).to_have_url(re.compile("/projects$"))
    assert client.get(f"/projects/{project_id}").status == 404


def test_second_tab_overwrites_nothing_unasked(console: Console, client: Client, project_id: str) -> None:
    page, other = console.page, console.page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Name").fill("Winter")
    other.get_by_label("Days in the trash").fill("7")
    save(other)

    # What only one of them changed is kept.
    page.get_by_label("Versions kept of a file").fill("3")
    save(page)
    expect(page.get_by_label("Name")).to_have_value("Winter")
    expect(page.get_by_role("navigation").get_by_role("link", name="Winter")).to_be_visible()

    # What both changed is asked.
    other.get_by_label("Name").fill("Summer")
    page.get_by_label("Name").fill("Spring")
    save(page)
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_role("alert")).to_contain_text("Someone else changed the name meanwhile.")
    assert client.get(f"/projects/{project_id}").data()["name"] == "Spring"
    other.get_by_role("button", name="Use mine").click()
    expect(other.get_by_role("navigation").get_by_role("link", name="Summer")).to_be_visible()
    settings = client.get(f"/projects/{project_id}").data()["settings"]
    assert (settings["retentionDays"], settings["keepVersions"]) == (7, 3)


def test_changes_are_not_lost_by_a_link(console: Console) -> None:
    page = console.page
    page.get_by_label("Name").fill("Winter")
    page.get_by_role("link", name="Members").click()
    dialog = page.get_by_role("dialog", name="Leave without saving?")
    dialog.get_by_role("button", name="Stay").click()
    expect(page.get_by_label("Name")).to_have_value("Winter")
    page.get_by_role("link", name="Members").click()
    dialog.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Members")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(
    browser: Browser, deployment: E2EEnvironment, client: Client, project_id: str, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 375, "height": 720})  # type: ignore[arg-type]
    console = Console.open(RecordedPage(context.new_page()), deployment)
    console.sign_in(client.email)
    for path in ("settings", "settings/variants", "settings/variants?variant=1"):
        console.goto(f"/projects/{project_id}/{path}")
        expect(console.page.get_by_role("button", name="Save")).to_be_visible()
        console.page.wait_for_load_state("networkidle")
        console.check_accessibility()
        assert console.page.evaluate("document.documentElement.scrollWidth") <= 375
    assert console.recorded.errors == []
    context.close()
