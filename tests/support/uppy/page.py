"""A client in a page of another site, which the browser gets from this process."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route

from infra.local.install import ROOT
from tests.support.uppy.client import ORIGIN, SOURCES, Generation, Uppy

_HTML = "<!doctype html><title>Another site</title><input type=file multiple><script type=module src=page.js></script>"


class PageUppy(Uppy):
    """A client in a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []  # what the browser and the client report
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def add(self, *paths: Path, folder: Path | None = None) -> None:
        if folder is None:
            self.page.set_input_files("input", paths)
        else:
            self._drop(folder)
        self.page.wait_for_function("count => uppy.getFiles().length === count", arg=len(paths))

    def call(self, method: str, argument: Any = None) -> Any:
        return self.page.evaluate("([method, argument]) => driver[method](argument)", [method, argument])

    def _drop(self, folder: Path) -> None:
        """Drop a folder from the file manager."""
        session = self.page.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
        for event in ("dragEnter", "dragOver", "drop"):
            session.send("Input.dispatchDragEvent", {"type": event, "x": 10, "y": 10, "data": data})


@contextmanager
def run_in_page(browser: Browser, generation: Generation, endpoint: str, **options: Any) -> Iterator[PageUppy]:
    """Run a client in a page, with these options of its plugin."""
    # The browser does not know that this page is on the same machine as the servers.
    context = browser.new_context(permissions=["local-network-access"])
    try:
        page = context.new_page()
        uppy = PageUppy(page)
        page.route(f"{ORIGIN}/**", _respond)
        page.goto(ORIGIN)
        page.evaluate("startClient", [generation, endpoint, options])
        yield uppy
    finally:
        context.close()


def _respond(route: Route) -> None:
    if route.request.url.endswith("/page.js"):
        route.fulfill(body=_build_script(), content_type="text/javascript")
    else:
        route.fulfill(body=_HTML, content_type="text/html")


@cache
def _build_script() -> bytes:
    """Return the script of the page with both clients, in one file as browsers need it."""
    esbuild = ROOT / "node_modules" / ".bin" / "esbuild"
    command = [str(esbuild), str(SOURCES / "page.mjs"), "--bundle", "--format=esm", "--log-level=warning"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
