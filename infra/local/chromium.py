"""Chromium for the browser tests: an installed one, else Debian's package, else Playwright's download.

Playwright keeps its download in a cache directory of the user, so it is not in `infra.cache`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.local import apt
from infra.local.progress import Step, UserError

# For tests: no updates, telemetry or first-run pages, and no sandbox, which root cannot use.
FLAGS = (
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
_EXECUTABLES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MACOS_PATH = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def find_executable() -> Path | None:
    """Return the path of an installed Chromium, if there is one. The variable `HOLDALL_CHROMIUM` has priority."""
    named = os.environ.get("HOLDALL_CHROMIUM")
    candidates = [named, *map(shutil.which, _EXECUTABLES), _MACOS_PATH]
    installed = next((Path(each) for each in candidates if each and Path(each).is_file()), None)
    return installed or _find_playwright_download()


def ensure() -> Path:
    """Return the path of Chromium, and install it first if it is missing. Raises UserError."""
    executable = find_executable()
    if executable is None:
        _install()
        executable = find_executable()
    if executable is None:
        raise UserError(
            "Chromium is not installed, and could not be installed. Install it, or set HOLDALL_CHROMIUM=/path."
        )
    return executable


def _find_playwright_download() -> Path | None:
    # In a process of its own, because the driver starts slowly and may not run where an event loop does.
    script = "from playwright.sync_api import sync_playwright as p\nwith p() as q: print(q.chromium.executable_path)"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False).stdout
    path = Path(output.strip())
    return path if path.is_file() else None


def _install() -> None:
    apt.install_packages("Chromium", "chromium")
    if find_executable() is None:
        with Step("Installing Chromium (Playwright)"):
            command = [sys.executable, "-m", "playwright", "install", "chromium"]
            # `ensure` checks the result.
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
