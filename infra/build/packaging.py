"""The last step of every package of code: byte code, and modes with which Lambda can read it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

Platform = Literal["lambda", "host"]

LAMBDA_PYTHON = "3.14"  # a test compares it with `constructs.functions.RUNTIME`
_HOW_TO_GET_PYTHON = (
    f"The deployment compiles the code with Python {LAMBDA_PYTHON}, because without byte code every cold start takes twice as "
    f"long. Install python{LAMBDA_PYTHON}, or uv (https://docs.astral.sh/uv/), with which this command installs it."
)


class BuildFailed(Exception):
    """A package cannot be built. The message is for people."""


def find_python(platform: Platform) -> str | None:
    """Return the interpreter that compiles for a platform, or None if this machine has not the one of Lambda."""
    if platform == "host":
        return sys.executable
    return next((python for python in _candidates() if _version(python) == LAMBDA_PYTHON), None)


def require_python() -> str:
    """Return an interpreter of Lambda's version. Install it with uv if there is none. Raises BuildFailed."""
    python = find_python("lambda")
    if python is None and shutil.which("uv"):
        _run("uv", "python", "install", LAMBDA_PYTHON)
        python = find_python("lambda")
    if python is None:
        raise BuildFailed(_HOW_TO_GET_PYTHON)
    return python


def finish_package(folder: Path, path: str, python: str | None) -> None:
    """Compile the modules in a folder that will be at `path`, unless `python` is None, and let everyone read all files.

    Packages are read-only, so every cold start would compile again. Nothing in the byte code changes from build to build: it
    has the hash of its source, which is never checked, no timestamp, and the sets have the order of a fixed hash seed.

    Raises BuildFailed.
    """
    if python is not None:
        command = [python, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
        compiler = subprocess.run(
            [*command, "-s", str(folder), "-p", path, str(folder)],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        if compiler.returncode:
            raise BuildFailed(f"{python} could not compile {folder}:\n{(compiler.stdout + compiler.stderr).strip()[-2000:]}")
    # As `chmod -R a+rX`: zip files keep modes, and Lambda reads them as another user.
    for file in (folder, *folder.rglob("*")):
        mode = file.stat().st_mode
        file.chmod(mode | 0o444 | (0o111 if file.is_dir() or mode & 0o100 else 0))


def _candidates() -> Iterator[str]:
    yield sys.executable
    if python := shutil.which(f"python{LAMBDA_PYTHON}"):
        yield python
    if shutil.which("uv"):
        yield _run("uv", "python", "find", LAMBDA_PYTHON)


def _version(python: str) -> str:
    return _run(python, "-c", "import sys; print(*sys.version_info[:2], sep='.')")


def _run(*command: str) -> str:
    """Return the output of a command, or nothing if it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
