"""How the console looks, in pixels. `make pictures` writes the references again: look at what changed before a commit.

A scene is a generator: it opens something, yields its name, and is photographed at three widths in two schemes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Route, expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support import gallery, pictures, studio
from tests.support.console import Console
from tests.support.e2e.actions import create_superuser
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server
from tests.support.recorded_page import RecordedPage

_WIDTHS = {1280: 800, 768: 900, 375: 720}  # and the height of each


@dataclass(frozen=True)
class Studio:
    """A browser tab, and what there is to photograph."""

    console: Console
    client: Client
    project: str  # path of the project with files
    empty: str  # path of the project without files
    folder: Path  # for files of a scene


def sign_in(studio_: Studio) -> Iterator[str]:
    studio_.console.goto("/sign-in")
    expect(studio_.console.page.get_by_role("link", name="Make an account")).to_be_visible()
    yield "sign-in"
    studio_.console.sign_in(studio_.client.email)


def files(studio_: Studio) -> Iterator[str]:
    console = studio_.console
    console.goto(f"{studio_.empty}/files")
    expect(console.page.get_by_role("heading", name="Drop files anywhere")).to_be_visible()
    yield "files-empty"
    console.goto(f"{studio_.project}/files")
    expect(console.file("Blue mountains.jpg")).to_be_visible()
    yield "files"
    console.select("Blue mountains.jpg")
    console.file("First snow.jpg").click(modifiers=["Control"])
    yield "files-selected"
    console.select("Blue mountains.jpg")
    console.page.keyboard.press("F2")
    expect(console.page.get_by_role("dialog", name="Rename file")).to_be_visible()
    yield "dialog"
    console.page.keyboard.press("Escape")
    console.file("Red desert.jpg").dblclick()
    preview = console.page.get_by_role("dialog", name="Red desert.jpg")
    expect(preview.get_by_role("img", name="Red desert.jpg")).to_be_visible()
    expect(preview.get_by_text("No links yet")).to_be_attached()
    expect(preview.get_by_text("1 · shown")).to_be_attached()
    yield "preview"
    console.page.keyboard.press("Escape")


def uploads(studio_: Studio) -> Iterator[str]:
    console, held = studio_.console, list[Route]()
    console.page.route(lambda url: ":" in url and "Signature=" in url, lambda route: _hold(route, held))
    console.goto(f"{studio_.empty}/files")
    expect(console.page.get_by_role("button", name="Upload", exact=True)).to_be_enabled()
    paths = [studio_.folder / name for name in ("Notes.txt", "Sketch.png")]
    for path in paths:
        path.write_bytes(b"x" * 2000)
    console.page.get_by_label("Files to upload").set_input_files(paths)
    expect(console.page.get_by_role("button", name="Pause Sketch.png")).to_be_visible()
    console.page.wait_for_timeout(500)
    yield "uploads"


def _hold(route: Route, held: list[Route]) -> None:
    if route.request.method == "PUT":
        held.append(route)
    else:
        route.continue_()


def settings(studio_: Studio) -> Iterator[str]:
    console = studio_.console
    console.goto(f"{studio_.empty}/settings/variants")
    expect(console.page.get_by_text("What is outside the frame is cropped.")).to_be_visible()
    yield "variants"


def admin(studio_: Studio) -> Iterator[str]:
    studio_.console.goto("/admin/roles/superuser")
    expect(studio_.console.page.get_by_role("heading", name="It allows to")).to_be_visible()
    yield "admin"


SCENES: tuple[Callable[[Studio], Iterator[str]], ...] = (sign_in, files, settings, admin, uploads)


def test_pages_look_as_before(browser: Browser, deployment: E2EEnvironment, api: Server, tmp_path: Path) -> None:
    client = create_superuser(api, AwsState.from_deployment(deployment))
    project, empty = (client.post("/projects", {"name": name}).data()["id"] for name in ("Coast to coast", "Ideas"))
    gallery.fill(client, project, has_photo=False)  # a reference with a photo is large
    with studio.open_context(browser) as context:
        console = Console.open(RecordedPage(context.new_page()), deployment)
        studio_ = Studio(console, client, f"/projects/{project}", f"/projects/{empty}", tmp_path)
        faults, names = list[str](), set[str]()
        for scene in SCENES:
            for name in scene(studio_):
                names.update(_photograph(console, name, faults))
    assert faults == [], pictures.explain(faults)
    assert pictures.unused(names) == set()


def _photograph(console: Console, scene: str, faults: list[str]) -> Iterator[str]:
    """Compare the pictures of a scene, and add what is wrong to `faults`. Yield the name of each."""
    for width, height in _WIDTHS.items():
        console.page.set_viewport_size({"width": width, "height": height})
        for scheme in studio.SCHEMES:
            console.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            name = f"{scene}-{width}-{scheme}"
            # After a fault it is likely that the console has changed, and not that the machine is slow.
            fault = pictures.check(console.page, name, seconds=1 if faults else 10)
            faults += [fault] if fault else []
            yield name
    console.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    console.page.set_viewport_size({"width": 1280, "height": 800})
