"""A Chromium, and the deployed Holdall that it looks at."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

from infra.local import chromium
from infra.local.testing import Running, running

# Nothing but the pages: no updates, no telemetry, no first-run talk; and no sandbox, which root may not have.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-proxy-server",
    # Whatever is not of this machine is nowhere.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
)


@dataclass
class Window:
    """A page, and everything in it that went wrong."""

    page: Page
    wrong: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        # Violations of a content security policy are told here, too.
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        self.wrong.append(f"failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        self.asked.append(response.url)
        if response.status >= 400:
            self.wrong.append(f"{response.status}: {response.url}")


@pytest.fixture(scope="session")
def deployed() -> Iterator[Running]:
    """The stack in a local cloud."""
    with running() as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a head, installed where there was none."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium.ensure()), args=list(_FLAGS))
        yield started
        started.close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Window]:
    """A page that remembers nothing of others."""
    context = browser.new_context()
    context.set_default_timeout(30_000)
    yield Window(context.new_page())
    context.close()
