"""Every page of the console, by the routes of the built site: a new page is tested by being there."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support import site_weight
from tests.support.console import Console
from tests.support.e2e.actions import create_superuser, upload_file
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server
from tests.support.image_samples import make_photo
from tests.support.recorded_page import RecordedPage

_BEHIND_SIGN_IN = "/(app)"
_UNKNOWN_PAGE = "/nowhere"
_SIZE: ViewportSize = {"width": 375, "height": 720}
# Records each animation and transition that lasts.
_RECORD_MOTION = """window.motion = [];
for (const type of ['animationstart', 'transitionrun']) addEventListener(type, ({ target }) => {
  for (const animation of target.getAnimations()) {
    if (animation.effect.getComputedTiming().activeDuration > 1) motion.push(String(target.className));
  }
}, true);"""


@pytest.fixture
def superuser(deployment: E2EEnvironment, api: Server) -> Client:
    """Return a superuser, who may open every page, and has a project with a file."""
    client = create_superuser(api, AwsState.from_deployment(deployment))
    upload_file(client, make_photo())
    return client


@pytest.fixture
def pages(superuser: Client) -> tuple[list[str], list[str]]:
    """Return the paths of the public pages, and of those behind the sign-in, with things of the superuser in them."""
    values = {
        "project": superuser.get("/projects").data()[0]["id"],
        "user": superuser.user["id"],
        "role": "superuser",
    }
    public, private = [_UNKNOWN_PAGE], []
    for route in site_weight.load().routes:
        path = re.sub(r"\[(\w+)]", lambda match: values[match[1]], route)
        if path.startswith(_BEHIND_SIGN_IN):
            private.append(path.removeprefix(_BEHIND_SIGN_IN))
        elif path != "/":  # which leads to another
            public.append(path)
    return public, private


@pytest.mark.parametrize(
    "preferences", [{"color_scheme": "light"}, {"color_scheme": "dark", "reduced_motion": "reduce"}]
)
def test_every_page_is_accessible_complains_of_nothing_and_asks_no_one_else(
    browser: Browser,
    deployment: E2EEnvironment,
    superuser: Client,
    pages: tuple[list[str], list[str]],
    preferences: dict[str, Any],
) -> None:
    context = browser.new_context(viewport=_SIZE, **preferences)
    context.add_init_script(_RECORD_MOTION)
    console = Console.open(RecordedPage(context.new_page()), deployment)
    public, private = pages
    moved = _look_at(console, public)
    console.sign_in(superuser.email)
    moved += _look_at(console, private)

    assert console.recorded.errors == []
    hosts = {url.split("/")[2] for url in console.recorded.requested_urls if url.startswith("http")}
    own = console.url.split("/")[2]
    assert hosts == {own, f"127.0.0.1:{own.split(':')[1]}"}  # and the bucket of the thumbnails
    assert (moved == []) == ("reduced_motion" in preferences), moved
    context.close()


def _look_at(console: Console, paths: list[str]) -> list[str]:
    """Open these pages. Return what moved there."""
    page, moved = console.page, []
    for path in paths:
        console.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_load_state("networkidle")
        console.check_accessibility()
        for button in page.locator(".button:visible").all()[:1]:
            button.hover()  # which changes its colour
        moved += page.evaluate("window.motion")
    return moved
