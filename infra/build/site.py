"""The console: the site at `/`, built by Vite from `web/`."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from infra import cache
from infra.build.packaging import BuildFailed
from infra.local.install import NODE_BIN, node_environment

# All that the site is built from, in `web/`.
SOURCES = ("package.json", "package-lock.json", "src", "static", "tsconfig.json", "vite.config.ts", "external-scripts.ts")


def build(root: Path) -> Path:
    """Return the folder of the site. Builds it if it is not in the cache. Raises BuildFailed."""
    web = root / "web"
    fingerprint = hashlib.sha256()
    for file in _source_files(web):
        fingerprint.update(f"{file.relative_to(web)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    key = fingerprint.hexdigest()
    return cache.get_or_build("site", key, partial(_build, web, key))


def _build(web: Path, version: str, folder: Path) -> None:
    vite = web / "node_modules" / "vite" / "bin" / "vite.js"
    if not vite.is_file():
        raise BuildFailed("The packages of the console are not installed. Install them: make env-node")
    process = subprocess.run(
        [str(NODE_BIN / "node"), str(vite), "build", "--logLevel", "warn"],
        cwd=web,
        env={**os.environ, **node_environment(), "HOLDALL_SITE_DIR": str(folder), "HOLDALL_SITE_VERSION": version[:12]},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise BuildFailed(f"Vite could not build the console:\n{(process.stderr or process.stdout).strip()[-2000:]}")


def _source_files(web: Path) -> Iterator[Path]:
    for source in SOURCES:
        path = web / source
        yield from sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
