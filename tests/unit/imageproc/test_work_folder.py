"""Each image has an empty folder, whatever ended the process before."""

import os
from pathlib import Path

import pytest

from functions.imageproc import work_folder as module
from functions.imageproc.work_folder import work_folder


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "_ROOT", tmp_path / "images")
    return tmp_path / "images"


def test_folder_is_removed_at_the_end() -> None:
    with work_folder() as folder:
        (folder / "source").write_bytes(b"x")
    assert not folder.exists()


def test_files_that_a_timeout_left_are_removed(root: Path) -> None:
    ended = os.fork()
    if ended == 0:
        os._exit(0)
    os.waitpid(ended, 0)
    for name in (str(os.getpid()), str(ended), "rubbish"):
        (root / name / "sub").mkdir(parents=True)
        (root / name / "sub" / "variant").write_bytes(b"x")

    with work_folder() as folder:
        assert (list(root.iterdir()), list(folder.iterdir())) == ([folder], [])


def test_folder_of_a_running_process_is_kept(root: Path) -> None:
    other = root / str(os.getppid())
    other.mkdir(parents=True)
    with work_folder() as folder:
        assert set(root.iterdir()) == {folder, other}
