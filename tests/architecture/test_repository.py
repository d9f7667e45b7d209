"""What a clone contains: no secret, no address of a registry, no path of a machine, and only commands that exist."""

import fnmatch
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT

_REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
_LOCK_FILES = [*_REQUIREMENTS, *sorted(ROOT.glob("*lock*.json"))]
# A URL, or an option of pip that takes one.
_URL_PATTERN = re.compile(r"https?://|--(extra-)?index-url|--find-links|--trusted-host|\bgit\+", re.IGNORECASE)
_SECRET_PATTERNS = {
    "AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{16}"),
    "GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
}
# This checkout, and the home directory of its owner. Short paths are too common.
_LOCAL_DIRECTORIES = [str(path) for path in (ROOT, Path.home()) if len(path.parts) > 2]
_LOCAL_PATH_PATTERN = re.compile(
    "|".join([r"(?<![\w.:/-])/(?:home|Users)/[a-z][\w.-]*/", *(re.escape(f"{each}/") for each in _LOCAL_DIRECTORIES)])
)
_MAKE_COMMAND_PATTERN = re.compile(r"(?<![\w-])make ([a-z][a-z-]*)(?![\w-])")


@cache
def _read_text_files() -> dict[str, str]:
    """Return the text files of a clone by path: all files that `.gitignore` does not name."""
    ignored = [line for line in (ROOT / ".gitignore").read_text().splitlines() if line and not line.startswith("#")]
    return {
        str(path.relative_to(ROOT)): text
        for path in _list_files(ROOT, ignored)
        if (text := _read_text_or_none(path)) is not None
    }


def test_lock_files_contain_no_url() -> None:
    assert len(_LOCK_FILES) > 1
    for lock in _LOCK_FILES:
        assert _URL_PATTERN.findall(lock.read_text()) == [], lock.name


@pytest.mark.parametrize("requirements", _REQUIREMENTS, ids=lambda path: path.name)
def test_every_package_is_pinned_by_hash(requirements: Path) -> None:
    lines = requirements.read_text().replace("\\\n", " ").splitlines()
    packages = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]

    assert packages
    for line in packages:
        assert re.match(r"[A-Za-z0-9._\[\],-]+==\S+", line), line
        assert "--hash=sha256:" in line, line


def test_no_file_contains_a_secret() -> None:
    found = [
        (name, kind)
        for name, text in _read_text_files().items()
        for kind, pattern in _SECRET_PATTERNS.items()
        if pattern.search(text)
    ]

    assert found == []


def test_no_file_contains_a_path_of_a_machine() -> None:
    assert [
        (name, found) for name, text in _read_text_files().items() for found in _LOCAL_PATH_PATTERN.findall(text)
    ] == []


def test_path_of_a_machine_is_detected() -> None:
    assert _LOCAL_PATH_PATTERN.search("see /home/" + "user/holdall")
    assert _LOCAL_PATH_PATTERN.search(f'"{ROOT}/README.md"') or len(ROOT.parts) < 3
    assert not _LOCAL_PATH_PATTERN.search("GET https://example.test/home/page/1 and /api/v1/users/me/")


def test_commands_in_the_readme_exist() -> None:
    commands = set(_MAKE_COMMAND_PATTERN.findall((ROOT / "README.md").read_text()))

    assert {"demo", "test"} <= commands
    assert commands <= _make_targets()


def test_make_help_lists_every_command() -> None:
    listed = {
        line.split(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if re.match(r"[a-z-]+:.*## ", line)
    }

    # The others depend on these.
    assert _make_targets() - listed == {"require-python", "env-dev", "env-node", "env-all"}


def _make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _list_files(folder: Path, ignored: list[str]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name == ".git" or any(_is_ignored(path, pattern) for pattern in ignored):
            continue
        if path.is_dir():
            yield from _list_files(path, ignored)
        else:
            yield path


def _is_ignored(path: Path, pattern: str) -> bool:
    """Return whether a pattern of our `.gitignore` matches: a name anywhere, or, after a slash, a path from the top."""
    if pattern.startswith("/"):
        return fnmatch.fnmatch(str(path.relative_to(ROOT)), pattern.strip("/"))
    return fnmatch.fnmatch(path.name, pattern.strip("/"))


def _read_text_or_none(path: Path) -> str | None:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return None
