"""Lighthouse, on pages that a Chromium of the test shows."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Playwright

from infra.local import chromium
from infra.local.install import NODE_BIN, node_environment
from infra.local.process import find_free_port
from tests.support.source_tree import ROOT

_CLI = ROOT / "node_modules" / "lighthouse" / "cli" / "index.js"
_SECONDS = 120  # of one run


@dataclass(frozen=True)
class Report:
    """What Lighthouse found on a page."""

    json: Mapping[str, Any]

    @property
    def scores(self) -> dict[str, int]:
        """Return the score of each category, of 100."""
        return {name: round(100 * category["score"]) for name, category in self.json["categories"].items()}

    @property
    def faults(self) -> list[str]:
        """Return the names of the audits that took points."""
        return [
            reference["id"]
            for category in self.json["categories"].values()
            for reference in category["auditRefs"]
            if reference["weight"] and self.json["audits"][reference["id"]]["score"] not in (1, None)
        ]


@contextmanager
def open_browser(playwright: Playwright, folder: Path, *flags: str) -> Iterator[tuple[BrowserContext, int]]:
    """Yield a Chromium whose pages are signed in for Lighthouse, too, and the port on which Lighthouse finds it."""
    port = find_free_port()
    arguments = [*chromium.FLAGS, f"--remote-debugging-port={port}", *flags]
    executable = str(chromium.ensure())
    context = playwright.chromium.launch_persistent_context(folder, executable_path=executable, args=arguments)
    yield context, port
    context.close()


def audit(url: str, port: int, *options: str) -> Report:
    """Let Lighthouse load a page in the Chromium at this port, with these options of its command line."""
    command = [str(NODE_BIN / "node"), str(_CLI), url, f"--port={port}", "--output=json", "--quiet"]
    # Nothing is sent anywhere, and the session stays.
    command += ["--no-enable-error-reporting", "--disable-storage-reset", *options]
    environment = {**os.environ, **node_environment()}
    process = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=ROOT
    )
    assert process.returncode == 0, process.stderr[-2000:]
    report: dict[str, Any] = json.loads(process.stdout)
    assert "runtimeError" not in report, report["runtimeError"]
    return Report(report)
