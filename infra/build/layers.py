"""The layers `deps` and `imaging`: third-party packages, downloaded by hash for the machine that will run them."""

import gzip
import json
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

from infra import cache
from infra.build import packaging
from infra.build.packaging import LAMBDA_PYTHON, BuildFailed, Platform

THIRD_PARTY_LAYERS = ("deps", "imaging")  # the layer `core` is our own code, and needs no build
# The AWS services that Holdall calls. botocore describes 440 services, which are two thirds of its files, and a cold start
# unpacks every file. A client of a service that is not listed here cannot be created.
BOTOCORE_SERVICES = frozenset({"apigatewaymanagementapi", "dynamodb", "s3", "sesv2", "sqs", "ssm", "sts"})
# Wheels for Amazon Linux 2023 on Graviton, the newest ABI first.
_LAMBDA_PLATFORM = [
    *("--implementation", "cp", "--python-version", LAMBDA_PYTHON),
    *(part for tag in ("2_34", "2_28", "2_17") for part in ("--platform", f"manylinux_{tag}_aarch64")),
    *("--platform", "manylinux2014_aarch64"),
]


def build(root: Path, layer_platform: Platform) -> dict[str, Path]:
    """Return the directory of each layer. Builds a layer if it is not in the cache. Raises BuildFailed."""
    return {name: _get_layer(root / "requirements" / f"{name}.txt", layer_platform) for name in THIRD_PARTY_LAYERS}


def _get_layer(requirements: Path, layer_platform: Platform) -> Path:
    python = packaging.find_python(layer_platform)
    target = f"{LAMBDA_PYTHON} {python is not None}" if layer_platform == "lambda" else f"{cache.MACHINE} {sys.version}"
    builders = (Path(module).read_text() for module in (__file__, packaging.__file__))
    key = "\n".join([requirements.read_text(), _notice(requirements), *builders, target])
    name = f"layer-{requirements.stem}-{layer_platform}"
    return cache.get_or_build(name, key, partial(_build, requirements, layer_platform, python))


def _build(requirements: Path, layer_platform: Platform, python: str | None, folder: Path) -> None:
    packages = folder / "python"
    _pip_install(requirements, packages, layer_platform)
    (packages / "NOTICE").write_text(_notice(requirements))
    _prune_botocore(packages)
    packaging.finish_package(packages, "/opt/python", python)


def _notice(requirements: Path) -> str:
    """Return what licenses demand to be told with the packages."""
    notice = requirements.with_suffix(".notice")
    return notice.read_text() if notice.exists() else "The licenses of the packages are in their *.dist-info folders.\n"


def _pip_install(requirements: Path, folder: Path, layer_platform: Platform) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--require-hashes", "--only-binary", ":all:"]
    command += ["--requirement", str(requirements), "--target", str(folder)]
    if layer_platform == "lambda":
        command += ["--no-deps", *_LAMBDA_PLATFORM]
    pip = subprocess.run(command, capture_output=True, text=True, check=False)
    if pip.returncode:
        raise BuildFailed(f"pip could not install {requirements.name} for {layer_platform}:\n{pip.stderr.strip()[-2000:]}")
    # Console scripts name the interpreter of this machine.
    shutil.rmtree(folder / "bin", ignore_errors=True)


def _prune_botocore(folder: Path) -> None:
    data = folder / "botocore" / "data"
    if not data.is_dir():
        return
    for service in data.iterdir():
        if service.is_dir() and service.name not in BOTOCORE_SERVICES:
            shutil.rmtree(service)
    # Each new client parses the endpoints of all services in all partitions, a megabyte.
    endpoints = json.loads((data / "endpoints.json").read_text())
    prefixes = {_endpoint_prefix(data / service) for service in BOTOCORE_SERVICES}
    for partition in endpoints["partitions"]:
        partition["services"] = {name: each for name, each in partition["services"].items() if name in prefixes}
    (data / "endpoints.json").write_text(json.dumps(endpoints))


def _endpoint_prefix(service: Path) -> str:
    """Return the name of a service in `endpoints.json`, which its newest description tells."""
    model = max(service.iterdir()) / "service-2.json.gz"
    return str(json.loads(gzip.decompress(model.read_bytes()))["metadata"]["endpointPrefix"])
