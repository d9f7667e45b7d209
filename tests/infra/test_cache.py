"""The cache of programs and packages in the user's cache directory."""

from pathlib import Path

import pytest

from infra import cache


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_directory_is_built_once_for_each_key() -> None:
    first = cache.get_or_build("tool", "1.0", lambda folder: _write(folder, "first"))
    again = cache.get_or_build("tool", "1.0", lambda folder: _write(folder, "again"))
    other = cache.get_or_build("tool", "1.1", lambda folder: _write(folder, "other"))

    assert again == first != other
    assert [_read(folder) for folder in (first, other)] == ["first", "other"]


def test_failed_build_leaves_nothing() -> None:
    def build(folder: Path) -> None:
        _write(folder, "half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cache.get_or_build("tool", "1.0", build)

    assert list(cache.directory().iterdir()) == []


def test_first_of_two_concurrent_builds_wins() -> None:
    def build(folder: Path) -> None:
        # Another process finishes while this one builds.
        cache.get_or_build("tool", "1.0", lambda other: _write(other, "faster"))
        _write(folder, "slower")

    folder = cache.get_or_build("tool", "1.0", build)

    assert _read(folder) == "faster"
    assert list(cache.directory().iterdir()) == [folder]


def test_directory_follows_the_xdg_specification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.directory() == tmp_path / "holdall"

    for ignored in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert cache.directory() == Path.home() / ".cache" / "holdall"


def _write(folder: Path, text: str) -> None:
    (folder / "program").write_text(text)


def _read(folder: Path) -> str:
    return (folder / "program").read_text()
