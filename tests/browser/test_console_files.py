"""The files of a project in the console."""

import re
from collections.abc import Callable
from pathlib import Path

from PIL import ExifTags
from playwright.sync_api import expect

from tests.support.console import Console
from tests.support.e2e.actions import run_concurrently, upload_file, wait_for
from tests.support.e2e.client import Client
from tests.support.source_tree import ROOT

PHOTO = ROOT / "docs" / "demo" / "photo.jpg"
_HOSTILE_TEXT = "<img src=x onerror=alert(1)>"
_TEXT_TAGS = (ExifTags.Base.ImageDescription, ExifTags.Base.Artist, ExifTags.Base.Copyright, ExifTags.Base.Make)
_HOSTILE_NAME = "<img src=x onerror=alert(1)>\u202egpj.txt"


def test_file_in_the_trash_comes_back_by_undo_and_by_the_trash(
    console: Console, text_file: Callable[[str], Path]
) -> None:
    page = console.page
    console.upload(text_file("a.txt"), text_file("b.txt"))

    console.select("a.txt")
    page.get_by_role("button", name="Move to trash").click()
    expect(console.file("a.txt")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(console.file("a.txt")).to_be_visible()

    console.file("b.txt").click()
    page.keyboard.press("Delete")
    expect(console.file("b.txt")).to_have_count(0)
    page.get_by_role("link", name="Trash").click()
    expect(page.get_by_text("b.txt")).to_be_visible()
    console.check_accessibility()
    page.get_by_role("button", name="Restore all").click()
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()
    page.get_by_role("link", name="Files").click()
    expect(console.file("b.txt")).to_be_visible()
    assert console.recorded.errors == []


def test_double_click_restores_only_the_chosen_file(console: Console, text_file: Callable[[str], Path]) -> None:
    page = console.page
    console.upload(text_file("a.txt"), text_file("b.txt"))
    console.select("a.txt")
    page.keyboard.press("ControlOrMeta+a")
    page.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_role("heading", name="Drop files anywhere")).to_be_visible()

    page.get_by_role("link", name="Trash").click()
    page.get_by_role("checkbox", name="a.txt").check()
    page.get_by_role("button", name="Restore 1 file").dblclick()
    expect(page.get_by_text("1 file restored")).to_be_visible()
    expect(page.get_by_role("checkbox", name="a.txt")).to_have_count(0)
    expect(page.get_by_role("checkbox", name="b.txt")).to_be_visible()


def test_keyboard_alone_moves_selects_renames_and_opens(console: Console, text_file: Callable[[str], Path]) -> None:
    page = console.page
    for name in ("a.txt", "b.txt", "c.txt"):  # newest first: c, b, a
        console.upload(text_file(name))
    console.file("c.txt").focus()

    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Space")
    page.keyboard.press("F2")
    dialog = page.get_by_role("dialog", name="Rename file")
    expect(dialog.get_by_label("Name")).to_be_focused()
    console.check_accessibility()
    page.keyboard.type("renamed.txt")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(console.file("renamed.txt")).to_be_visible()
    console.file("renamed.txt").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="renamed.txt")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text("b.txt")
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_names_are_text(console: Console, text_file: Callable[[str], Path]) -> None:
    dialogs: list[str] = []
    console.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    path = text_file("plain.txt")
    console.page.get_by_label("Files to upload").set_input_files(
        {"name": _HOSTILE_NAME, "mimeType": "text/plain", "buffer": path.read_bytes()}
    )

    expect(console.page.get_by_role("gridcell")).to_contain_text("<img src=x onerror=alert(1)>")
    assert dialogs == []
    assert console.recorded.errors == []


def test_view_order_and_search_are_kept_in_the_page(console: Console, text_file: Callable[[str], Path]) -> None:
    page = console.page
    console.upload(text_file("b.txt"), text_file("a.txt"), text_file("c.txt"))

    page.get_by_label("Show", exact=True).select_option("name")
    expect(page.get_by_role("gridcell").first).to_contain_text("a.txt")
    page.get_by_role("button", name="Show as list").click()
    console.check_accessibility()
    page.get_by_role("searchbox").fill("b")
    expect(page.get_by_role("gridcell")).to_have_count(1)
    page.reload()
    expect(page.get_by_role("gridcell")).to_have_count(1)
    expect(page.get_by_role("button", name="Show as grid")).to_be_visible()
    page.get_by_role("searchbox").fill("nothing")
    expect(page.get_by_role("heading", name="No files match")).to_be_visible()
    console.check_accessibility()


def test_all_files_are_selected_after_more_than_a_page_was_loaded(console: Console, client: Client) -> None:
    page = console.page
    run_concurrently(101, lambda number: upload_file(client, b"x", filename=f"{number}.txt", contentType="text/plain"))
    page.reload()
    expect(page.get_by_text("100 files shown")).to_be_visible()
    page.get_by_role("gridcell").first.click()

    page.keyboard.press("ControlOrMeta+a")
    expect(page.get_by_text("The 100 files that are loaded are selected.")).to_be_visible()
    console.check_accessibility()
    page.get_by_role("button", name="Load and select all files").click()
    expect(page.get_by_text("All 101 files are selected.")).to_be_visible()
    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_text("101 files", exact=True)).to_be_visible()


def test_key_undoes_the_last_act(console: Console, text_file: Callable[[str], Path], client: Client) -> None:
    page = console.page
    console.upload(text_file("a.txt"))
    console.select("a.txt")
    page.keyboard.press("Delete")
    expect(console.file("a.txt")).to_have_count(0)
    page.get_by_role("button", name="Dismiss").click()

    page.keyboard.press("ControlOrMeta+z")
    expect(console.file("a.txt")).to_be_visible()
    wait_for(lambda: client.get("/files").data() != [])
    console.select("a.txt")
    page.keyboard.press("F2")
    dialog = page.get_by_role("dialog", name="Rename file")
    dialog.get_by_label("Name").fill("b.txt")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Renamed to “b.txt”")).to_be_visible()
    expect(dialog).to_be_hidden()
    page.keyboard.press("ControlOrMeta+z")
    expect(console.file("a.txt")).to_be_visible()
    wait_for(lambda: client.get("/files").data()[0]["name"] == "a.txt")
    assert console.recorded.errors == []


def test_file_that_was_renamed_meanwhile_keeps_that_name_or_gets_mine(
    console: Console, text_file: Callable[[str], Path], client: Client
) -> None:
    page = console.page
    console.upload(text_file("draft.txt"))
    file = f"/files/{client.get('/files').data()[0]['id']}"
    dialog = page.get_by_role("dialog", name="Rename file")

    def rename_beside_another(theirs: str, mine: str) -> None:
        page.keyboard.press("F2")
        dialog.get_by_label("Name").fill(mine)
        client.request("PATCH", file, {"name": theirs}).data()
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("alert")).to_have_text(f"This file was renamed to “{theirs}” meanwhile.")

    console.select("draft.txt")
    rename_beside_another("theirs.txt", "mine.txt")
    console.check_accessibility()
    dialog.get_by_role("button", name="Keep that name").click()
    expect(console.file("theirs.txt")).to_be_visible()
    console.select("theirs.txt")
    rename_beside_another("final.txt", "mine.txt")
    dialog.get_by_role("button", name="Use mine").click()
    expect(dialog).to_be_hidden()
    expect(console.file("mine.txt")).to_be_visible()
    assert client.get(file).data()["name"] == "mine.txt"
    assert console.recorded.errors == []


def test_folder_is_dropped_with_its_paths(console: Console, client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "trip"
    (folder / "day 2").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "day 2" / "b.txt").write_text("b")
    session = console.page.context.new_cdp_session(console.page)
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for event in ("dragEnter", "dragOver"):
        session.send("Input.dispatchDragEvent", {"type": event, "x": 400, "y": 300, "data": data})
    expect(console.page.get_by_text("Drop to upload to")).to_be_visible()

    session.send("Input.dispatchDragEvent", {"type": "drop", "x": 400, "y": 300, "data": data})

    for name in ("a.txt", "b.txt"):
        expect(console.file(name)).to_be_visible()
    paths = {file["name"]: file["relativePath"] for file in client.get("/files").data()}
    assert paths == {"a.txt": "trip/a.txt", "b.txt": "trip/day 2/b.txt"}
    assert console.recorded.errors == []


def test_back_closes_what_opened_last(console: Console, text_file: Callable[[str], Path]) -> None:
    page = console.page
    preview = page.get_by_role("dialog")
    files_url = re.compile(r"/files$")
    page.go_back()
    expect(page.get_by_role("heading", name="Projects", level=1)).to_be_visible()
    page.go_forward()
    console.upload(text_file("a.txt"), text_file("b.txt"))

    console.file("a.txt").dblclick()
    expect(preview).to_be_visible()
    page.go_back()
    expect(preview).to_be_hidden()
    expect(page).to_have_url(files_url)
    page.go_forward()
    expect(preview).to_be_visible()
    page.keyboard.press("Escape")
    expect(preview).to_be_hidden()
    console.file("b.txt").dblclick()
    expect(preview).to_be_visible()
    page.keyboard.press("Escape")  # which takes the preview out of the history
    expect(page).to_have_url(files_url)
    page.get_by_role("link", name="Members").click()
    expect(page.get_by_role("heading", name="Members", level=1)).to_be_visible()
    page.go_back()
    expect(console.file("a.txt")).to_be_visible()
    expect(preview).to_be_hidden()
    page.reload()
    expect(console.file("a.txt")).to_be_visible()
    page.go_forward()
    expect(page.get_by_role("heading", name="Members", level=1)).to_be_visible()
    assert console.recorded.errors == []
