"""The folder for the files of one image."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_ROOT: Final = Path(tempfile.gettempdir()) / "holdall-images"


@contextmanager
def work_folder() -> Iterator[Path]:
    """Make an empty folder, and remove it at the end. First, remove those of processes that have ended.

    A timeout ends the process before it can remove its files, and Lambda starts the next one with the same temporary storage.
    On a laptop, several processes share it, so each has a folder of its own, named by its ID.
    """
    own = _ROOT / str(os.getpid())
    _ROOT.mkdir(exist_ok=True)
    for folder in _ROOT.iterdir():
        if folder == own or not _is_running(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
    own.mkdir()
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _is_running(process_id: str) -> bool:
    try:
        os.kill(int(process_id), 0)  # only asks
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True
