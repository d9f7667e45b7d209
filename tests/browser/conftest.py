"""A Chromium, and the deployed Holdall that it looks at."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

from infra.local import chromium
from infra.local.suites import E2EEnvironment, e2e_environment

# Nothing but the pages: no updates, no telemetry, no first-run talk; and no sandbox, which root may not have.
_CHROMIUM_FLAGS = (
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
class RecordedPage:
    """A page, and everything in it that went wrong."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requested_urls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.errors.append(f"error: {error}"))
        self.page.on("requestfailed", self._on_request_failed)
        self.page.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        # Violations of a content security policy are told here, too.
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.type}: {message.text}")

    def _on_request_failed(self, request: Request) -> None:
        self.errors.append(f"failed: {request.url} {request.failure}")

    def _on_response(self, response: Response) -> None:
        self.requested_urls.append(response.url)
        if response.status >= 400:
            self.errors.append(f"{response.status}: {response.url}")


@pytest.fixture(scope="session")
def deployment() -> Iterator[E2EEnvironment]:
    """The stack in a local cloud."""
    with e2e_environment() as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a head, installed where there was none."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium.ensure()), args=list(_CHROMIUM_FLAGS))
        yield started
        started.close()


@pytest.fixture
def recorded_page(browser: Browser) -> Iterator[RecordedPage]:
    """A page that remembers nothing of others."""
    context = browser.new_context()
    context.set_default_timeout(30_000)
    yield RecordedPage(context.new_page())
    context.close()
