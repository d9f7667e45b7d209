"""A cache of programs and packages that take long to build or download. All clones of a user share it.

The directory is `$XDG_CACHE_HOME/holdall`, by default `~/.cache/holdall` (XDG Base Directory Specification). It can be
deleted at any time. This module imports the standard library only, because `install` runs before anything is installed.
"""

import hashlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

MACHINE = f"{platform.system()} {platform.machine()}"  # part of the key of whatever is compiled


def directory() -> Path:
    """Return the cache directory."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The specification says to ignore a relative path.
    return (base if base.is_absolute() else Path.home() / ".cache") / "holdall"


def get_or_build(name: str, key: str, build: Callable[[Path], None]) -> Path:
    """Return the cached directory of `name` and `key`. Call `build` with an empty directory first if there is none.

    The key must change with everything that the build depends on: versions, hashes, the machine. If several processes
    build at once, the first one to finish wins. No process sees a half-filled directory.
    """
    target = directory() / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f"{name}.", dir=target.parent) as temporary:
        content = Path(temporary, "content")
        content.mkdir()
        build(content)
        try:
            content.rename(target)
        except OSError:
            if not target.is_dir():  # not because another process finished first
                raise
    return target
