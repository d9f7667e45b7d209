"""The layers `deps` and `imaging`: third-party packages, fetched by hash for the machine that will run them."""

import compileall
import hashlib
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

Platform = Literal["lambda", "host"]

THIRD_PARTY_LAYERS = ("deps", "imaging")  # `core` is our own code and ships as it is
LAMBDA_PYTHON = "3.14"  # as `constructs.functions` deploys it; the tests compare
# Of botocore's descriptions of 440 services, the ones that Holdall calls. The rest is two thirds of all files, and every
# file is unpacked at a cold start. Another service is added here, or its client cannot be made.
BOTOCORE_SERVICES = frozenset({"apigatewaymanagementapi", "dynamodb", "s3", "sesv2", "sqs", "ssm", "sts"})
# Wheels for Amazon Linux 2023 on Graviton, the newest ABI first.
_LAMBDA_PLATFORM = [
    *("--implementation", "cp", "--python-version", LAMBDA_PYTHON),
    *(part for tag in ("2_34", "2_28", "2_17") for part in ("--platform", f"manylinux_{tag}_aarch64")),
    *("--platform", "manylinux2014_aarch64"),
]


class BuildFailed(Exception):
    """A layer cannot be built. The message is meant for people."""


def build(root: Path, layer_platform: Platform) -> dict[str, Path]:
    """Each fetched layer's folder, made anew only when its pinned requirements have changed. Raises BuildFailed."""
    return {name: _build_layer(root, name, layer_platform) for name in THIRD_PARTY_LAYERS}


def _build_layer(root: Path, name: str, layer_platform: Platform) -> Path:
    requirements = root / "requirements" / f"{name}.txt"
    folder = root / "build" / "layers" / layer_platform / name
    stamp = folder.with_suffix(".stamp")
    wanted = _fingerprint(requirements, layer_platform)
    if folder.is_dir() and stamp.is_file() and stamp.read_text() == wanted:
        return folder
    # Aside first, then into its place: another build may be under way, and one that fails must leave nothing half.
    aside = folder.with_name(f"{name}-{os.getpid()}")
    try:
        _pip_install(requirements, aside / "python", layer_platform)
        _prune_botocore(aside / "python")
        if layer_platform == "host" or _python_version() == LAMBDA_PYTHON:
            _compile_bytecode(aside / "python")
        stamp.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    stamp.write_text(wanted)
    return folder


def _fingerprint(requirements: Path, layer_platform: Platform) -> str:
    """All that decides what is in a layer: the pins, the Pythons, and how this file builds."""
    target = f"{LAMBDA_PYTHON} by {_python_version()}" if layer_platform == "lambda" else sys.version
    recipe = Path(__file__).read_bytes()
    return hashlib.sha256(requirements.read_bytes() + recipe + target.encode()).hexdigest()


def _pip_install(requirements: Path, folder: Path, layer_platform: Platform) -> None:
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += [
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--requirement",
        str(requirements),
        "--target",
        str(folder),
    ]
    if layer_platform == "lambda":
        command += ["--no-deps", *_LAMBDA_PLATFORM]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildFailed(f"pip could not fetch {requirements.name} for {layer_platform}:\n{done.stderr.strip()[-2000:]}")
    # Console scripts name the interpreter that fetched them, which is not the one that will run.
    shutil.rmtree(folder / "bin", ignore_errors=True)


def _prune_botocore(folder: Path) -> None:
    described = folder / "botocore" / "data"
    for service in described.iterdir() if described.is_dir() else ():
        if service.is_dir() and service.name not in BOTOCORE_SERVICES:
            shutil.rmtree(service)


def _compile_bytecode(folder: Path) -> None:
    """Compile once what every cold start would compile again, since a layer is read-only: half of the import's time.

    Only a Python of the version that will run it can. Nothing of this machine goes in: no times, and Lambda's own paths.
    """
    compileall.compile_dir(
        folder,
        quiet=2,
        stripdir=str(folder),
        prependdir="/opt/python",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def _python_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"
