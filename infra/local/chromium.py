"""A Chromium for the tests that look at pages: one that is there, else Debian's package, else Playwright's download."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.local import debian
from infra.local.progress import Step, Trouble

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ON_A_MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def path() -> Path | None:
    """The program, when there is one. `HOLDALL_CHROMIUM` names another."""
    named = os.environ.get("HOLDALL_CHROMIUM")
    candidates = [Path(named)] if named else []
    candidates += [Path(found) for name in _NAMES if (found := shutil.which(name))]
    candidates += [_ON_A_MAC, _of_playwright()]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def ensure() -> Path:
    """The program, installed first where there is none. Raises Trouble."""
    found = path()
    if found is None:
        _install()
        found = path()
    if found is None:
        raise Trouble("There is no Chromium, and none could be installed. Install one, or name it: HOLDALL_CHROMIUM=…")
    return found


def _of_playwright() -> Path:
    # Asked in a process of its own: the driver is slow to start and may not run where an event loop does.
    script = "from playwright.sync_api import sync_playwright as p\nwith p() as q: print(q.chromium.executable_path)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    return Path(told.stdout.strip() or "/nowhere")


def _install() -> None:
    debian.install("Chromium", "chromium")
    if path() is None:
        with Step("Installing Chromium (Playwright's)"):
            command = [sys.executable, "-m", "playwright", "install", "chromium"]
            # A failure is judged by what is there afterwards.
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
