"""The snippets of the page "Use the API": they do what they promise, run as they are on the page."""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest
from playwright.sync_api import Browser, Route, expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support.console import Console
from tests.support.e2e.actions import add_member
from tests.support.e2e.client import Client
from tests.support.e2e.mailbox import Mailbox
from tests.support.recorded_page import RecordedPage
from tests.support.source_tree import ROOT
from tests.support.uppy.client import ORIGIN, SOURCES
from tests.support.uppy.project import Site, UploadProject

PHOTO = ROOT / "docs" / "demo" / "photo.jpg"
_ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"
_SITE = "<!doctype html><title>A site</title><input type=file><script type=module src=page.js></script>"
# Names below `localhost` are this machine, as in browsers and curl.
_RESOLVER = """
import socket
lookup = socket.getaddrinfo
socket.getaddrinfo = lambda name, *rest, **others: lookup(
    "127.0.0.1" if str(name).endswith(".localhost") else name, *rest, **others
)
"""


@pytest.fixture
def project(deployment: E2EEnvironment) -> UploadProject:
    return Site.deployed(deployment).create_project()


@pytest.fixture
def console(recorded_page: RecordedPage, deployment: E2EEnvironment, project: UploadProject) -> Console:
    """Return the console at the page, which its owner sees."""
    console = Console.open(recorded_page, deployment)
    console.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    console.sign_in(project.site.user.email)
    console.goto(f"/projects/{project.id}/use")
    return console


@pytest.fixture
def environment(project: UploadProject, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a program that has a key, in a folder with a photo."""
    copy(PHOTO, tmp_path / "photo.jpg")
    (tmp_path / "sitecustomize.py").write_text(_RESOLVER)
    body = {"name": "Program", "scopes": ["files.read", "files.write"]}
    key = project.site.user.post(f"/projects/{project.id}/keys", body).data()["key"]
    proxy = {name: os.environ[name] for name in ("NO_PROXY", "no_proxy") if name in os.environ}
    return {"PATH": os.environ["PATH"], "HOLDALL_KEY": key, "PYTHONPATH": str(tmp_path), **proxy}


def _copy(console: Console, title: str) -> str:
    """Return a snippet as its button copies it, and check that it is the one that is shown."""
    console.page.get_by_role("button", name=f"Copy {title}", exact=True).click()
    expect(console.page.get_by_role("status").filter(has_text=f"{title} copied")).to_have_count(1)
    copied: str = console.page.evaluate("navigator.clipboard.readText()")
    assert copied == console.page.get_by_role("region", name=title, exact=True).text_content()
    return copied


def _run(command: list[str], environment: dict[str, str], folder: Path) -> str:
    result = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, (result.stdout[-2000:], result.stderr[-2000:])
    return result.stdout


def test_curl_uploads_and_lists(
    console: Console, project: UploadProject, environment: dict[str, str], tmp_path: Path
) -> None:
    script = _copy(console, "curl")
    assert script.startswith("export HOLDALL_KEY='hk_your_key'\n")

    output = _run(["sh", "-ec", script.replace("hk_your_key", environment["HOLDALL_KEY"])], environment, tmp_path)

    uploaded, listed = (json.loads(part) for part in output.replace("}{", "}\n{").splitlines())
    assert [file["id"] for file in listed["data"]] == [uploaded["data"]["fileId"]]
    project.wait_until_ready(tmp_path / "photo.jpg")


def test_python_uploads(console: Console, project: UploadProject, environment: dict[str, str], tmp_path: Path) -> None:
    output = _run([sys.executable, "-c", _copy(console, "Python")], environment, tmp_path)

    (file,) = project.wait_until_ready(tmp_path / "photo.jpg").values()
    assert output == f"photo.jpg {file['url']}\n"


def test_uppy_uploads_from_a_page(
    console: Console, project: UploadProject, environment: dict[str, str], browser: Browser, tmp_path: Path
) -> None:
    server, page_script = _copy(console, "Your server"), _copy(console, "Your page")
    command = [str(_ESBUILD), "--bundle", "--format=esm", "--log-level=warning"]
    bundle = subprocess.run(command, input=page_script.encode(), cwd=SOURCES / "v6", stdout=subprocess.PIPE, check=True)

    def respond(route: Route) -> None:
        if route.request.url.endswith("/page.js"):
            route.fulfill(body=bundle.stdout, content_type="text/javascript")
        elif route.request.url.endswith("/upload-endpoint"):
            assert route.request.method == "POST"
            route.fulfill(body=_run(["sh", "-ec", server], environment, tmp_path), content_type="application/json")
        else:
            route.fulfill(body=_SITE, content_type="text/html")

    context = browser.new_context(permissions=["local-network-access"])
    page = context.new_page()
    page.route(f"{ORIGIN}/**", respond)
    with page.expect_console_message(lambda message: message.text == "1 0", timeout=30_000):
        page.goto(ORIGIN, wait_until="networkidle")
        page.set_input_files("input", tmp_path / "photo.jpg")
    context.close()
    project.wait_until_ready(tmp_path / "photo.jpg")


def test_owner_is_led_to_a_key_and_a_viewer_to_an_owner(
    console: Console,
    project: UploadProject,
    browser: Browser,
    deployment: E2EEnvironment,
    client: Client,
    mailbox: Mailbox,
) -> None:
    expect(console.page.get_by_role("link", name="Make a key")).to_have_attribute(
        "href", f"/projects/{project.id}/keys"
    )
    add_member(project.site.user, project.id, mailbox, client, "viewer")
    context = browser.new_context()
    viewer = Console.open(RecordedPage(context.new_page()), deployment)

    viewer.sign_in(client.email)
    viewer.goto(f"/projects/{project.id}/use")

    expect(viewer.page.get_by_text("Ask an owner of this project to make you one.")).to_be_visible()
    expect(viewer.page.get_by_role("link", name="Make a key")).to_have_count(0)
    assert console.recorded.errors == viewer.recorded.errors == []
    context.close()
