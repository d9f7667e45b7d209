"""Chromium, and the deployed stack."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, sync_playwright

from infra.local import chromium
from infra.local.e2e_environment import E2EEnvironment, e2e_environment
from tests.support.e2e.client import Client, Server, create_client
from tests.support.e2e.mailbox import Mailbox
from tests.support.recorded_page import RecordedPage
from tests.support.uppy.fixtures import *  # noqa: F403  # pytest looks for the fixtures of a suite in its conftest

# No updates, telemetry or first-run pages, and no sandbox, which root cannot use.
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
    # Resolve only the names of this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
)


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
def browser() -> Iterator[Browser]:
    """Yield a headless Chromium. Installs it first if it is missing."""
    executable = str(chromium.ensure())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def recorded_page(browser: Browser) -> Iterator[RecordedPage]:
    """Yield a page in a separate context."""
    context = browser.new_context()
    context.set_default_timeout(30_000)
    yield RecordedPage(context.new_page())
    context.close()
