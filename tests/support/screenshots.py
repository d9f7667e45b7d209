"""`make screenshots`: take the pictures of the README again, on the local stack of the tests."""

import io
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from infra.local import chromium
from infra.local.e2e_environment import E2EEnvironment, e2e_environment
from infra.local.progress import echo, exit_on_user_error
from tests.support import gallery, studio
from tests.support.console import Console
from tests.support.e2e.actions import create_superuser
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server
from tests.support.recorded_page import RecordedPage
from tests.support.source_tree import ROOT

_FOLDER = ROOT / "docs" / "pictures"
_MOST_BYTES = 150_000  # of a picture
_SCALE = 1.5
_QUALITY = 82


class Photographer:
    """A browser at the console, signed in, and the project to show."""

    def __init__(self, console: Console, client: Client, project: str, photo: str) -> None:
        self._console, self._page = console, console.page
        self._client, self._project, self._photo = client, project, photo

    def take_all(self) -> None:
        self._resize(1280, 800)
        self._console.sign_in(self._client.email)
        self._files()
        self._preview()
        self._open(f"/projects/{self._project}/settings/variants", "variants-light", "light")
        self._open(f"/admin/roles/{self._make_role()}", "role-light", "light")
        self._resize(375, 480)
        share = self._client.post(f"/files/{self._photo}/shares", {"permission": "read", "maxDownloads": 10}).data()
        self._page.goto(share["url"])
        expect(self._page.get_by_text("Download").first).to_be_visible()
        self._save("share-phone", "light")

    def _files(self) -> None:
        self._console.goto(f"/projects/{self._project}/files")
        expect(self._console.file("Dandelions.jpg")).to_be_visible()
        self._save("files-light", "light")
        self._save("files-dark", "dark")
        self._resize(375, 720)
        self._save("files-phone", "dark")
        self._resize(1280, 800)

    def _preview(self) -> None:
        self._console.goto(f"/projects/{self._project}/files")
        self._console.file("Dandelions.jpg").dblclick()
        expect(self._page.get_by_text("1 · shown")).to_be_attached()
        expect(self._page.get_by_role("dialog").get_by_role("img", name="Dandelions.jpg")).to_be_visible()
        expect(self._page.get_by_text("No links yet")).to_be_attached()
        self._save("preview-dark", "dark")

    def _make_role(self) -> str:
        """Return a role of this stack, with some of the permissions."""
        permissions = ["projects.create", "users.read", "roles.read", "audit.read"]
        self._client.post(
            "/roles", {"name": "archivist", "description": "Looks after what is kept", "permissions": permissions}
        )
        return "archivist"

    def _open(self, path: str, name: str, scheme: studio.Scheme) -> None:
        self._console.goto(path)
        expect(self._page.get_by_role("heading", level=1)).to_be_visible()
        self._page.wait_for_load_state("networkidle")
        self._save(name, scheme)

    def _resize(self, width: int, height: int) -> None:
        self._page.set_viewport_size({"width": width, "height": height})

    def _save(self, name: str, scheme: studio.Scheme) -> None:
        self._page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        path = Path(_FOLDER, f"{name}.webp")
        Image.open(io.BytesIO(studio.take(self._page, is_for_comparison=False))).convert("RGB").save(
            path, quality=_QUALITY, method=6
        )
        size = path.stat().st_size
        echo(f"{path.relative_to(ROOT)}  {size / 1000:.0f} kB")
        assert size <= _MOST_BYTES, "The picture is too large for a page that shows some of them."


def _take(environment: E2EEnvironment, browser: Browser) -> None:
    address = urlsplit(environment.outputs["ConsoleUrl"])
    client = create_superuser(Server(address.port or 80, address.netloc), AwsState.from_deployment(environment))
    project = client.post("/projects", {"name": "Coast to coast"}).data()["id"]
    photo = gallery.fill(client, project)
    with studio.open_context(browser, _SCALE) as context:
        Photographer(Console.open(RecordedPage(context.new_page()), environment), client, project, photo).take_all()


def main() -> None:
    _FOLDER.mkdir(exist_ok=True)
    with exit_on_user_error(), e2e_environment() as environment, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium.ensure()), args=list(chromium.FLAGS))
        _take(environment, browser)
        browser.close()


if __name__ == "__main__":
    main()
