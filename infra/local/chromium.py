"""A Chromium for the tests that look at pages: one that is there, else Debian's package, else Playwright's download."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

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
    if os.geteuid() == 0 and shutil.which("apt-get"):
        with Step("Installing Chromium (Debian's package)"):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            _quietly(["apt-get", "update"], environment)
            _quietly(["apt-get", "install", "--yes", "--no-install-recommends", "chromium"], environment)
    if path() is None:
        with Step("Installing Chromium (Playwright's)"):
            _quietly([sys.executable, "-m", "playwright", "install", "chromium"], dict(os.environ))


def _quietly(command: list[str], environment: dict[str, str]) -> None:
    # A failure is judged by what is there afterwards.
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
