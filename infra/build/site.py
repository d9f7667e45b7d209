"""The console: the site at `/`, built by Vite from `web/`."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from infra import cache
from infra.build.packaging import BuildFailed
from infra.local.install import NODE_BIN, node_environment

# All that the site is built from, in `web/`.
SOURCES = ("package.json", "package-lock.json", "src", "static", "tsconfig.json", "vite.config.ts", "external-scripts.ts")


@dataclass(frozen=True)
class Site:
    """A site that is built."""

    folder: Path  # what is published
    manifest: Path  # of Vite: what each chunk imports


def build(root: Path) -> Site:
    """Return the site. Builds it if it is not in the cache. Raises BuildFailed."""
    web = root / "web"
    fingerprint = hashlib.sha256()
    for file in _source_files(web):
        fingerprint.update(f"{file.relative_to(web)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    key = fingerprint.hexdigest()
    # SvelteKit builds in `web/.svelte-kit`, so one build at a time; the others then find it in the cache.
    with _only_build(web):
        folder = cache.get_or_build("console", key, partial(_build, web, key))
    return Site(folder / "public", folder / "manifest.json")


@contextmanager
def _only_build(web: Path) -> Iterator[None]:
    """Wait until no other process builds the console of this clone."""
    with (web / ".build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(web: Path, version: str, folder: Path) -> None:
    vite = web / "node_modules" / "vite" / "bin" / "vite.js"
    if not vite.is_file():
        raise BuildFailed("The packages of the console are not installed. Install them: make env-node")
    settings = {"HOLDALL_SITE_DIR": str(folder / "public"), "HOLDALL_SITE_VERSION": version[:12]}
    process = subprocess.run(
        [str(NODE_BIN / "node"), str(vite), "build", "--logLevel", "warn"],
        cwd=web,
        env={**os.environ, **node_environment(), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise BuildFailed(f"Vite could not build the console:\n{(process.stderr or process.stdout).strip()[-2000:]}")
    shutil.copy(web / ".svelte-kit" / "output" / "client" / ".vite" / "manifest.json", folder)


def _source_files(web: Path) -> Iterator[Path]:
    for source in SOURCES:
        path = web / source
        yield from sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
