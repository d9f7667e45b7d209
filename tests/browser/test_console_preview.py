"""A file in the console: its preview, details, versions and links."""

import re
from collections.abc import Callable
from pathlib import Path

from PIL import ExifTags, Image
from playwright.sync_api import Browser, FilePayload, expect

from tests.support.console import Console
from tests.support.e2e.actions import init_upload, upload_bytes, wait_for, wait_until_processed
from tests.support.e2e.client import Client
from tests.support.source_tree import ROOT

PHOTO = ROOT / "docs" / "demo" / "photo.jpg"
_HOSTILE_TEXT = "<img src=x onerror=alert(1)>"
_TEXT_TAGS = (ExifTags.Base.ImageDescription, ExifTags.Base.Artist, ExifTags.Base.Copyright, ExifTags.Base.Make)
_HOSTILE_NAME = "<img src=x onerror=alert(1)>\u202egpj.txt"


def test_photo_is_uploaded_rendered_and_previewed(console: Console) -> None:
    console.upload(PHOTO)

    thumbnail = console.file("photo.jpg").locator(".thumbnail img:not([src^='data:'])")
    expect(thumbnail).to_be_visible(timeout=60_000)
    assert thumbnail.evaluate("image => image.naturalWidth") > 0
    console.file("photo.jpg").dblclick()
    preview = console.page.get_by_role("dialog")
    expect(preview.get_by_role("img", name="photo.jpg")).to_be_visible()
    expect(console.page).to_have_url(re.compile("file="))
    console.check_accessibility()
    console.page.keyboard.press("Escape")
    expect(preview).to_be_hidden()
    expect(console.page).not_to_have_url(re.compile("file="))
    assert console.recorded.errors == []


def test_new_version_is_shown_and_the_old_one_restored(console: Console, text_file: Callable[[str], Path]) -> None:
    page = console.page
    console.upload(text_file("notes.txt"))
    console.file("notes.txt").dblclick()

    page.get_by_label("New version").set_input_files(str(text_file("second.txt")))
    expect(page.get_by_text("2 · shown")).to_be_visible()
    page.get_by_role("button", name="Restore version 1").click()
    expect(page.get_by_text("3 · shown")).to_be_visible()


def test_metadata_of_an_image_never_becomes_html(console: Console, tmp_path: Path) -> None:
    dialogs: list[str] = []
    console.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    path = tmp_path / "hostile.jpg"
    exif = Image.Exif()
    for tag in _TEXT_TAGS:
        exif[tag] = _HOSTILE_TEXT
    Image.new("RGB", (64, 48), "teal").save(path, exif=exif, comment=_HOSTILE_TEXT.encode())
    assert _HOSTILE_TEXT.encode() in path.read_bytes()

    console.upload(path)
    console.file("hostile.jpg").dblclick()
    expect(console.page.get_by_role("dialog").get_by_role("img", name="hostile.jpg")).to_be_visible(timeout=60_000)

    expect(console.page.locator("img[src=x]")).to_have_count(0)
    assert dialogs == []
    assert console.recorded.errors == []


def test_double_click_revokes_only_the_link_that_was_meant(console: Console, text_file: Callable[[str], Path]) -> None:
    page = console.page
    console.upload(text_file("shared.txt"))
    console.file("shared.txt").dblclick()
    for count in (1, 2):
        page.get_by_role("button", name="New link").click()
        page.get_by_role("button", name="Make link").click()
        page.get_by_role("button", name="Done").click()
        expect(page.get_by_role("button", name="Revoke")).to_have_count(count)

    page.get_by_role("button", name="Revoke").first.dblclick(delay=150)
    expect(page.get_by_role("button", name="Revoke")).to_have_count(1)
    page.get_by_role("button", name="Uses of the link").click()  # nothing more is on its way
    page.get_by_role("dialog", name="Uses of this link").get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name="Revoke")).to_have_count(1)


def test_link_with_a_password_lets_a_stranger_download_until_it_is_revoked(
    console: Console, text_file: Callable[[str], Path], browser: Browser
) -> None:
    page = console.page
    console.upload(text_file("shared.txt"))
    console.file("shared.txt").dblclick()
    page.get_by_role("button", name="New link").click()
    dialog = page.get_by_role("dialog", name="New link")
    dialog.get_by_label("Password").fill("open sesame")
    console.check_accessibility()
    dialog.get_by_role("button", name="Make link").click()
    url = page.get_by_label("Link", exact=True).input_value()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("May download")).to_be_visible()

    stranger = browser.new_context()
    tab = stranger.new_page()
    tab.goto(url)
    tab.get_by_label("Password").fill("open sesame")
    tab.get_by_role("button", name="Open file").click()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download").click()
    assert download.value.path().read_text() == "The file shared.txt."

    page.get_by_role("button", name="Uses of the link").click()
    uses = page.get_by_role("dialog", name="Uses of this link")
    expect(uses.get_by_role("listitem")).to_have_count(1)
    expect(uses.get_by_role("listitem")).to_contain_text("Downloaded version 1, 20 bytes")
    expect(uses.get_by_role("listitem")).to_contain_text(re.compile("Chrome on Linux, from [0-9.:a-f]+"))
    console.check_accessibility()
    uses.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("No links yet")).to_be_visible()
    tab.goto(url)
    expect(tab.get_by_role("heading", name="This link does not work")).to_be_visible()
    stranger.close()


def test_link_that_may_upload_says_that_new_versions_push_out_old_ones(
    console: Console, text_file: Callable[[str], Path], client: Client
) -> None:
    page = console.page
    console.upload(text_file("notes.txt"))
    project = f"/projects/{client.get('/projects').data()[0]['id']}"
    client.request("PATCH", project, {"settings": {"keepVersions": 3}}).data()
    page.reload()

    console.file("notes.txt").dblclick()
    page.get_by_role("button", name="New link").click()
    dialog = page.get_by_role("dialog", name="New link")
    expect(dialog.get_by_text("push out")).to_have_count(0)
    dialog.get_by_label("People with the link may").select_option("write")
    expect(dialog).to_contain_text("keeps 3 versions of a file, so new ones push out the oldest for good")
    console.check_accessibility()


def test_image_that_could_not_be_read_can_be_downloaded_and_tried_again(console: Console, client: Client) -> None:
    page = console.page
    content = b"\x89PNG\r\n\x1a\n" + bytes(100)
    image = FilePayload(name="scan.png", mimeType="image/png", buffer=content)
    page.get_by_label("Files to upload").set_input_files(image)
    expect(page.get_by_role("gridcell")).to_contain_text("No previews", timeout=60_000)

    page.get_by_role("gridcell").dblclick()
    preview = page.get_by_role("dialog")
    expect(preview).to_contain_text("No previews: this image could not be read: its data is damaged.")
    console.check_accessibility()
    with page.expect_download() as download:
        preview.get_by_role("link", name="Download", exact=True).last.click()
    assert download.value.path().read_bytes() == content
    preview.get_by_role("button", name="Try again").click()
    job = f"/jobs?projectId={client.get('/projects').data()[0]['id']}"
    wait_for(lambda: client.get(job).data()[0]["attempts"] == 2)
    expect(preview.get_by_role("button", name="Try again")).to_be_enabled()


def test_details_tell_where_a_file_is_and_how_it_is_reached(console: Console, client: Client) -> None:
    page = console.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    console.upload(PHOTO)
    console.file("photo.jpg").dblclick()
    file = client.get("/files").data()[0]
    assert file["storageLocation"] == "s3"

    details = page.get_by_role("region", name="Details")
    expect(details.get_by_role("definition").filter(has_text=re.compile("^S3$"))).to_be_visible()
    details.get_by_role("button", name="Copy the address", exact=True).click()
    address = page.evaluate("navigator.clipboard.readText()")
    assert address == file["url"]
    with page.expect_download() as download:  # as someone who is signed in follows it
        page.evaluate("address => { location.href = address }", address)
    assert download.value.path().read_bytes() == PHOTO.read_bytes()


def test_details_are_a_sheet_on_a_phone(console: Console, text_file: Callable[[str], Path]) -> None:
    page = console.page
    console.upload(text_file("notes.txt"))
    page.set_viewport_size({"width": 375, "height": 720})
    console.file("notes.txt").dblclick()
    preview, details = page.get_by_role("dialog"), page.get_by_role("region", name="Details")
    expect(preview).to_be_visible()
    expect(details).to_be_hidden()

    preview.get_by_role("button", name="Details", exact=True).click()
    expect(details).to_be_visible()
    console.check_accessibility()
    box = details.bounding_box()
    assert box is not None
    assert details.evaluate("element => element.scrollWidth - element.clientWidth") == 0
    assert (box["y"] > 150, round(box["y"] + box["height"])) == (True, 720)
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()
    expect(preview).to_be_visible()
    page.keyboard.press("Escape")
    expect(preview).to_be_hidden()


def test_link_opens_a_file_that_the_list_does_not_show_and_says_if_it_is_gone(
    console: Console, text_file: Callable[[str], Path], client: Client
) -> None:
    page = console.page
    console.upload(text_file("notes.txt"))
    file = client.get("/files").data()[0]
    path = f"/projects/{file['projectId']}/files?kind=image&file="

    console.goto(path + file["id"])
    expect(page.get_by_role("dialog", name="notes.txt")).to_be_visible()
    assert console.recorded.errors == []
    client.delete(f"/files/{file['id']}").data()
    page.reload()
    expect(page.get_by_text("“notes.txt” is in the trash.")).to_be_visible()
    console.goto(path + file["id"][:-1] + "x")
    expect(page.get_by_text("This file is not here any more.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/files\?kind=image$"))


def test_file_that_did_not_arrive_whole_says_so_and_offers_no_download(console: Console, client: Client) -> None:
    upload = init_upload(client, b"cut", filename="cut.txt", contentType="text/plain", sha256=None)
    upload_bytes(upload, b"cut")
    client.post("/files/commit", {"uploadId": upload["uploadId"], "checksum": "0" * 64}).data()
    assert wait_until_processed(client, upload["fileId"])["status"] == "rejected"
    console.page.reload()

    console.file("cut.txt").dblclick()
    preview = console.page.get_by_role("dialog")
    expect(preview).to_contain_text("The bytes that arrived are not those that were announced. Upload the file again.")
    expect(preview.get_by_role("link")).to_have_count(0)
    console.check_accessibility()
    assert console.recorded.errors == []
