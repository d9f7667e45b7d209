"""A client, which a test tells what its user does, and a client in a process of Node."""

import json
import mimetypes
import os
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Literal, TextIO

SOURCES = Path(__file__).parent
ORIGIN = "http://localhost:5173"  # of the page that uses the client; one of `allowedOrigins`
PART_BYTES = 5 * 1024 * 1024  # the smallest, which the clients use for all but very large files
# Options: parts for a file of any size, and one request at a time, so that a part is sent when the one before it is stored.
PART_BY_PART = {"shouldUseMultipart": True, "limit": 1}
_TIMEOUT_SECONDS = 60  # of one step

Generation = Literal["v5", "v6"]
GENERATIONS: tuple[Generation, ...] = ("v5", "v6")


@dataclass(frozen=True)
class Result:
    """The URLs of the files that the client has uploaded, and the errors of the others, by name."""

    urls: Mapping[str, str]
    errors: Mapping[str, str]


class Uppy(ABC):
    """A client. It does not end a step before the browser would show that it is done."""

    @abstractmethod
    def add(self, *paths: Path, folder: Path | None = None) -> None:
        """Choose files, or drop the folder that contains them all."""

    @abstractmethod
    def call(self, method: str, argument: Any = None) -> Any:
        """Call the driver."""

    def start(self) -> None:
        """Start to upload all files."""
        self.call("start")

    def upload(self) -> Result:
        """Upload all files, and wait until the client is done with them."""
        self.start()
        return self.wait()

    def wait(self) -> Result:
        """Wait until the client is done with what it uploads."""
        return Result(**self.call("result"))

    def tell_sizes(self) -> None:
        """Tell the server the sizes of the files that will be added, which it cannot know otherwise."""
        self.call("tellSizes")

    def retry(self) -> Result:
        """Upload the files that failed."""
        return Result(**self.call("retry"))

    def upload_and_pause(self, *, after_parts: int) -> None:
        self.call("startAndPauseAfter", after_parts)

    def upload_and_cancel(self, *, after_parts: int) -> None:
        self.call("startAndCancelAfter", after_parts)

    def resume(self) -> Result:
        """Resume a paused upload, and wait until the client is done."""
        self.call("resume")
        return self.wait()


class NodeUppy(Uppy):
    """A client in a process of Node."""

    def __init__(self, process: subprocess.Popen[str], stderr: TextIO) -> None:
        self._process, self._stderr = process, stderr

    def add(self, *paths: Path, folder: Path | None = None) -> None:
        files = [
            {
                "path": str(path),
                "name": path.name,
                "type": mimetypes.guess_type(path)[0] or "application/octet-stream",
                # As the plugins of Uppy that receive a folder.
                "meta": {"relativePath": str(path.relative_to(folder.parent)) if folder else None},
            }
            for path in paths
        ]
        self.call("addFiles", files)

    def call(self, method: str, argument: Any = None) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        watchdog = threading.Timer(_TIMEOUT_SECONDS, self._process.kill)
        watchdog.start()
        try:
            print(json.dumps([method, argument]), file=stdin, flush=True)
            line = stdout.readline()
        finally:
            watchdog.cancel()
        self._stderr.seek(0)
        assert line, f"The client did not finish {method}. Its output: {self._stderr.read()[-2000:]}"
        return json.loads(line)


@contextmanager
def run_in_node(generation: Generation, endpoint: str, **options: Any) -> Iterator[NodeUppy]:
    """Run a client in Node, with these options of its plugin."""
    with TemporaryFile("w+") as stderr:
        process = subprocess.Popen(
            ["node", "--no-warnings", str(SOURCES / "node.mjs"), generation, endpoint, json.dumps(options)],
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        try:
            yield NodeUppy(process, stderr)
        finally:
            process.kill()
            process.communicate()
