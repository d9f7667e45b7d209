"""What a browser loads of the console, by Vite's manifest of the built site. `python -m tests.support.site_weight` prints it.

Weights are in bytes, each file compressed by gzip as CloudFront does. They depend on the sources alone.
"""

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from infra.build import site
from infra.local.progress import echo
from tests.support.source_tree import ROOT

_KIT = "node_modules/@sveltejs/kit/src/runtime/client/"
_NODE = ".svelte-kit/generated/build/client-optimized/nodes/{}.js"
_APP = ".svelte-kit/generated/build/client-optimized/app.js"
_FIRST_NODES = (0, 1)  # the root's layout and error page, which SvelteKit loads at once
_ROUTE = re.compile(r'"(/[^"]*)":\[(\d+)(?:,\[([\d,]*)\])?')


class SiteWeight:
    """The chunks of the built site, and which of them a page needs."""

    def __init__(self, built: site.Site) -> None:
        self._folder = built.folder
        self._chunks: dict[str, dict[str, Any]] = json.loads(built.manifest.read_text())
        app = (self._folder / self._chunks[_APP]["file"]).read_text()
        # {"/(app)/projects/[project]/files":[9,[2,3]]}: the nodes of a page and of the layouts around it
        self.routes = {
            path: (int(page), *(int(layout) for layout in (layouts or "").split(",") if layout))
            for path, page, layouts in _ROUTE.findall(app)
        }

    def first_load(self, route: str) -> set[str]:
        """Return the files that a browser loads which has nothing yet: the document, scripts and styles."""
        document = (self._folder / "index.html").read_text()
        linked = re.findall(r'(?:href|src)="/([^"]+)"', document)
        nodes = (_NODE.format(node) for node in (*_FIRST_NODES, *self.routes[route]))
        entries = (f"{_KIT}entry.js", f"{_KIT}client-entry.js", _APP, *nodes)
        return {"index.html", *linked, *self._closure(entries)}

    def later_loads(self, route: str) -> Iterator[tuple[str, set[str]]]:
        """Yield what this page loads on demand, as a source file and the files that come with it."""
        loaded = self.first_load(route)
        for chunk in self._chunks.values():
            if chunk["file"] in loaded:
                for entry in chunk.get("dynamicImports", []):
                    if entry.startswith("src/"):
                        yield entry, self._closure([entry]) - loaded

    def weigh(self, files: Iterable[str]) -> int:
        return sum(_compressed_size(self._folder / file) for file in files)

    def _closure(self, entries: Iterable[str]) -> set[str]:
        """Return the files of these chunks and of those that they import at once."""
        waiting, seen, files = list(entries), set[str](), set[str]()
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                chunk = self._chunks[name]
                files.update([chunk["file"], *chunk.get("css", [])])
                waiting.extend(chunk.get("imports", []))
        return files


@cache
def _compressed_size(file: Path) -> int:
    return len(gzip.compress(file.read_bytes(), compresslevel=6, mtime=0))


def load() -> SiteWeight:
    """Build the site, if it is not built, and read its manifest."""
    return SiteWeight(site.build(ROOT))


def main() -> None:
    weight = load()
    files = weight.first_load("/(app)/projects/[project]/files")
    echo(f"{'kB, gzip':<52} first load  after files")
    for route in sorted(weight.routes):
        load_ = weight.first_load(route)
        echo(f"{route:<52} {weight.weigh(load_) / 1000:10.1f} {weight.weigh(load_ - files) / 1000:12.1f}")
    later = {entry: weight.weigh(more) for route in weight.routes for entry, more in weight.later_loads(route)}
    for entry, size in sorted(later.items()):
        echo(f"{entry:<52} {size / 1000:10.1f}")


if __name__ == "__main__":
    main()
