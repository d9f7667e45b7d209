"""The layers `deps` and `imaging`: third-party packages, fetched by hash for the machine that will run them."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

Machine = Literal["lambda", "host"]

FETCHED = ("deps", "imaging")  # `core` is our own code and ships as it is
LAMBDA_PYTHON = "3.14"  # as `constructs.functions` deploys it; the tests compare
# Wheels for Amazon Linux 2023 on Graviton, the newest ABI first.
_LAMBDA_PLATFORM = [
    *("--implementation", "cp", "--python-version", LAMBDA_PYTHON),
    *(part for tag in ("2_34", "2_28", "2_17") for part in ("--platform", f"manylinux_{tag}_aarch64")),
    *("--platform", "manylinux2014_aarch64"),
]


class BuildFailed(Exception):
    """A layer cannot be built. The message is meant for people."""


def build(root: Path, machine: Machine) -> dict[str, Path]:
    """Each fetched layer's folder, made anew only when its pinned requirements have changed. Raises BuildFailed."""
    return {name: _layer(root, name, machine) for name in FETCHED}


def _layer(root: Path, name: str, machine: Machine) -> Path:
    requirements = root / "requirements" / f"{name}.txt"
    folder = root / "build" / "layers" / machine / name
    stamp = folder.with_suffix(".stamp")
    wanted = _fingerprint(requirements, machine)
    if folder.is_dir() and stamp.is_file() and stamp.read_text() == wanted:
        return folder
    stamp.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    _fetch(requirements, folder / "python", machine)
    stamp.write_text(wanted)
    return folder


def _fingerprint(requirements: Path, machine: Machine) -> str:
    target = LAMBDA_PYTHON if machine == "lambda" else sys.version
    return hashlib.sha256(requirements.read_bytes() + target.encode()).hexdigest()


def _fetch(requirements: Path, folder: Path, machine: Machine) -> None:
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--require-hashes", "--only-binary", ":all:", "--requirement", str(requirements), "--target", str(folder)]
    if machine == "lambda":
        command += ["--no-deps", *_LAMBDA_PLATFORM]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildFailed(f"pip could not fetch {requirements.name} for {machine}:\n{done.stderr.strip()[-2000:]}")
    # Console scripts name the interpreter that fetched them, which is not the one that will run.
    shutil.rmtree(folder / "bin", ignore_errors=True)
