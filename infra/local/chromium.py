"""A Chromium for the tests that look at pages: one that is there, else Debian's package, else Playwright's download."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.local import apt
from infra.local.progress import Step, UserError

_EXECUTABLES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MACOS_PATH = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def find_executable() -> Path | None:
    """The program, when there is one. `HOLDALL_CHROMIUM` names another."""
    named = os.environ.get("HOLDALL_CHROMIUM")
    candidates = [Path(named)] if named else []
    candidates += [Path(found) for name in _EXECUTABLES if (found := shutil.which(name))]
    candidates += [_MACOS_PATH, _playwright_path()]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def ensure() -> Path:
    """The program, installed first where there is none. Raises Trouble."""
    found = find_executable()
    if found is None:
        _install()
        found = find_executable()
    if found is None:
        raise UserError(
            "There is no Chromium, and none could be installed. Install one, or name it: HOLDALL_CHROMIUM=…"
        )
    return found


def _playwright_path() -> Path:
    # Asked in a process of its own: the driver is slow to start and may not run where an event loop does.
    script = "from playwright.sync_api import sync_playwright as p\nwith p() as q: print(q.chromium.executable_path)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    return Path(told.stdout.strip() or "/nowhere")


def _install() -> None:
    apt.install_packages("Chromium", "chromium")
    if find_executable() is None:
        with Step("Installing Chromium (Playwright's)"):
            command = [sys.executable, "-m", "playwright", "install", "chromium"]
            # A failure is judged by what is there afterwards.
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
