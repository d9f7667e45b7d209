"""The packages of the functions and the layers: byte code by Lambda's Python, and modes with which Lambda can read them."""

import json
import marshal
import os
import sys
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType

import botocore
import pytest

from infra.build import assets, layers, packaging
from infra.catalog import FUNCTIONS
from tests.support.source_tree import ROOT

_UNCHECKED_HASH = 1  # the flags of a .pyc file (PEP 552)
_HEADER_BYTES = 16


@pytest.fixture
def bin_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is the whole PATH, so this machine has no other Python and no uv."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(packaging, "LAMBDA_PYTHON", "3.99")  # whatever runs the tests has another version
    return folder


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the downloaded layers by an empty folder."""
    monkeypatch.setattr(layers, "build", lambda root, platform: {"deps": tmp_path})


@pytest.mark.usefixtures("third_party")
def test_every_module_of_our_code_has_byte_code_by_lambdas_python(bin_dir: Path, tmp_path: Path) -> None:
    _install_python(bin_dir, "python3.99")

    built = assets.build(ROOT, "lambda", _new_folder(tmp_path))

    core = _compiled_paths(built.layers["core"])
    assert "/opt/python/holdall/platform/config.py" in core
    for function in FUNCTIONS:
        assert f"/var/task/functions/{function.name}/handler.py" in _compiled_paths(built.functions[function.name])
    assert _compiled_paths(built.publisher) == {"/var/task/console_publisher.py"}


@pytest.mark.usefixtures("third_party", "bin_dir")
def test_a_template_needs_no_python_of_lambda(tmp_path: Path) -> None:
    built = assets.build(ROOT, "lambda", _new_folder(tmp_path))

    assert not list(built.layers["core"].rglob("*.pyc"))
    assert not list(built.functions["auth"].rglob("*.pyc"))


@pytest.mark.usefixtures("third_party")
def test_same_code_is_the_same_package(tmp_path: Path) -> None:
    first, second = (assets.build(ROOT, "host", _new_folder(tmp_path, name)).layers["core"] for name in ("one", "two"))

    assert _content(first) == _content(second)


@pytest.mark.usefixtures("third_party")
def test_lambda_can_read_packages_that_a_strict_umask_made(tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        source = tmp_path / "private"
        source.mkdir()
        (source / "module.py").write_text("")
        (source / "tool.sh").touch(mode=0o700)
        packaging.finish_package(source, "/opt/python", sys.executable)
        built = assets.build(ROOT, "host", _new_folder(tmp_path))
    finally:
        os.umask(umask)

    assert (source / "tool.sh").stat().st_mode & 0o777 == 0o755
    for folder in (source, *built.functions.values(), built.layers["core"] / "python", built.publisher):
        for file in (folder, *folder.rglob("*")):
            assert file.stat().st_mode & 0o444 == 0o444, file
            assert file.is_file() or file.stat().st_mode & 0o111 == 0o111, file


def test_deployment_without_lambdas_python_is_refused_with_the_way_to_get_it(bin_dir: Path) -> None:
    _install_python(bin_dir, "python3.99", version="3.98")

    with pytest.raises(packaging.BuildFailed, match="uv"):
        packaging.require_python()


def test_uv_installs_the_python_of_lambda(bin_dir: Path) -> None:
    python = _install_python(bin_dir, "from-uv", version="none yet")
    uv = bin_dir / "uv"
    # `install` makes the interpreter report the right version, and `find` names it.
    uv.write_text(f'#!/bin/sh\n[ "$2" = find ] && echo {python} || echo 3.99 > {python}.version\n')
    uv.chmod(0o755)

    assert packaging.find_python("lambda") is None
    assert packaging.require_python() == str(python)


def test_code_that_cannot_be_compiled_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def")

    with pytest.raises(packaging.BuildFailed, match=r"broken\.py"):
        packaging.finish_package(tmp_path, "/opt/python", sys.executable)


def _install_python(folder: Path, name: str, version: str = "3.99") -> Path:
    """Write an interpreter that reports a version, and runs this one for everything else."""
    python = folder / name
    Path(f"{python}.version").write_text(version)
    python.write_text(
        f'#!/bin/sh\nif [ "$1" = -c ]; then read -r v < {python}.version; echo "$v"; else exec {sys.executable} "$@"; fi\n'
    )
    python.chmod(0o755)
    return python


def _new_folder(tmp_path: Path, name: str = "assets") -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


def _compiled_paths(folder: Path) -> set[str]:
    """Check that each module of a package has byte code that is never compared with it, and return the paths in it."""
    sources = list(folder.rglob("*.py"))
    paths = set()
    for source in sources:
        compiled = Path(cache_from_source(str(source))).read_bytes()
        assert int.from_bytes(compiled[4:8], "little") == _UNCHECKED_HASH
        code = marshal.loads(compiled[_HEADER_BYTES:])  # noqa: S302  # made by the test
        assert isinstance(code, CodeType)
        paths.add(code.co_filename)
    return paths


def _content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_endpoints_of_the_services_in_use_are_kept() -> None:
    data = layers.build(ROOT, "host")["deps"] / "python" / "botocore" / "data"
    endpoints = json.loads((data / "endpoints.json").read_text())
    complete = json.loads((Path(botocore.__file__).parent / "data" / "endpoints.json").read_text())

    assert {each["partition"] for each in endpoints["partitions"]} == {
        each["partition"] for each in complete["partitions"]
    }
    for kept, original in zip(endpoints["partitions"], complete["partitions"], strict=True):
        assert kept["regions"] == original["regions"]
        assert {name: original["services"][name] for name in kept["services"]} == kept["services"]
    services = endpoints["partitions"][0]["services"]
    assert set(services) == {"dynamodb", "email", "s3", "sqs", "ssm", "sts"}
