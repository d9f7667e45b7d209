"""Chromium, and the deployed stack."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from infra.local import chromium
from infra.local.e2e_environment import E2EEnvironment, e2e_environment
from tests.support.console import Console
from tests.support.e2e.client import Client, Server, create_client
from tests.support.e2e.mailbox import Mailbox
from tests.support.recorded_page import RecordedPage
from tests.support.uppy.fixtures import *  # noqa: F403  # pytest looks for the fixtures of a suite in its conftest

expect.set_options(timeout=15_000)  # milliseconds: the tests share two cores with others


@pytest.fixture(scope="session")
def deployment() -> Iterator[E2EEnvironment]:
    """Yield the deployed stack."""
    with e2e_environment() as environment:
        yield environment


@pytest.fixture(scope="session")
def api(deployment: E2EEnvironment) -> Server:
    """Return the API behind CloudFront, for what a test prepares."""
    split = urlsplit(deployment.outputs["ConsoleUrl"])
    return Server(split.port or 80, split.netloc)


@pytest.fixture
def client(api: Server) -> Client:
    """Return the client of a new account."""
    return create_client(api)


@pytest.fixture(scope="session")
def mailbox(deployment: E2EEnvironment) -> Mailbox:
    return Mailbox(deployment)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Yield a headless Chromium. Installs it first if it is missing."""
    browser = playwright.chromium.launch(executable_path=str(chromium.ensure()), args=list(chromium.FLAGS))
    yield browser
    browser.close()


@pytest.fixture
def recorded_page(browser: Browser) -> Iterator[RecordedPage]:
    """Yield a page in a separate context."""
    context = browser.new_context()
    context.set_default_timeout(30_000)
    yield RecordedPage(context.new_page())
    context.close()


@pytest.fixture
def console(recorded_page: RecordedPage, deployment: E2EEnvironment, client: Client) -> Console:
    """Return the console at the empty files of a new account."""
    console = Console.open(recorded_page, deployment)
    console.sign_in(client.email)
    console.page.get_by_role("listitem").get_by_role("link").first.click()
    expect(console.page.get_by_role("heading", name="Drop files anywhere")).to_be_visible()
    return console


@pytest.fixture
def text_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(name: str) -> Path:
        path = tmp_path / name
        path.write_text(f"The file {name}.")
        return path

    return write
