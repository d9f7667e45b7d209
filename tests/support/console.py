"""The console in Chromium: a person at a page of the deployed stack."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from infra.local.e2e_environment import E2EEnvironment
from tests.support.e2e.client import PASSWORD
from tests.support.recorded_page import RecordedPage
from tests.support.source_tree import ROOT

_AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Console:
    """A browser tab on the console."""

    recorded: RecordedPage
    url: str  # without a slash at the end

    @classmethod
    def open(cls, recorded: RecordedPage, deployment: E2EEnvironment) -> "Console":
        return cls(recorded, deployment.outputs["ConsoleUrl"].rstrip("/"))

    @property
    def page(self) -> Page:
        return self.recorded.page

    def goto(self, path: str) -> None:
        self.page.goto(self.url + path)

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        """Sign in on the page of the sign-in, and wait for the projects."""
        self.goto("/sign-in")
        self.enter(email, password)
        expect(self.page.get_by_role("heading", name="Projects")).to_be_visible()

    def enter(self, email: str, password: str = PASSWORD) -> None:
        self.page.get_by_label("Email").fill(email)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def open_project(self, name: str) -> None:
        self.page.get_by_role("link", name=name).click()
        expect(self.page).to_have_url(re.compile(r"/projects/[^/]+/files"))

    def upload(self, *paths: Path) -> None:
        """Choose files, and wait until they are listed."""
        self.page.get_by_label("Files to upload").set_input_files(list(paths))
        for path in paths:
            expect(self.file(path.name)).to_be_visible()

    def file(self, name: str) -> Any:
        return self.page.get_by_role("gridcell", name=name)

    def select(self, name: str) -> None:
        """Select a file with a click, which takes a selection of others away."""
        self.file(name).click()
        expect(self.file(name)).to_have_attribute("aria-selected", "true")

    def check_accessibility(self) -> None:
        """Check the page as it is with axe. Raises AssertionError with what it found."""
        self.page.evaluate(_AXE.read_text() + "\n;0")
        options = {"runOnly": {"type": "tag", "values": _RULES}}
        result = self.page.evaluate(f"axe.run(document, {json.dumps(options)})")
        found = [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in result["violations"]]
        assert found == [], (self.page.url, found)
