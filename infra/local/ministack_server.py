"""The process of MiniStack. It runs in a virtual environment of its own, and imports nothing of ours.

The local cloud uses plain HTTP, and the policies of the stack require TLS. MiniStack decides by the header
X-Forwarded-Proto whether a request used TLS. This module sets it, so the same policies work here, and clients cannot change it.

MiniStack ignores Range and the parameters response-* in a request for a version of an object, which S3 does not ("GetObject"
in the API reference). This module does what they ask for, so downloads have their names, and videos can be sought.

MiniStack unpacks the layers once for each execution environment. 64 of them filled 5 GB of a disk. This module unpacks a layer
once, and all environments read it there, as they read /opt in AWS.
"""

import hashlib
import os
import re
import tempfile
import threading
import zipfile
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import ministack.app
import ministack.core.lambda_runtime

_Message = MutableMapping[str, Any]
_Headers = list[tuple[bytes, bytes]]
_Send = Callable[[_Message], Awaitable[None]]
_OVERRIDES = (b"cache-control", b"content-disposition", b"content-type")  # those that Holdall signs
_RANGE = re.compile(rb"bytes=(\d*)-(\d*)")
_ministack_app = ministack.app.app


async def app(scope: _Message, receive: Callable[[], Awaitable[_Message]], send: _Send) -> None:
    """Pass the request to MiniStack as one that was received over TLS."""
    if scope["type"] in ("http", "websocket"):
        others = [header for header in scope["headers"] if header[0].lower() != b"x-forwarded-proto"]
        scope = {**scope, "headers": [*others, (b"x-forwarded-proto", b"https")]}
    if scope["type"] == "http" and scope["method"] == "GET" and b"versionId=" in scope["query_string"]:
        send = _send_version(scope, send)
    await _ministack_app(scope, receive, send)


def _send_version(scope: _Message, send: _Send) -> _Send:
    """Return a `send` for the download of a version. MiniStack sends its start, and then its content in one message."""
    started: list[_Message] = []

    async def send_when_complete(message: _Message) -> None:
        if message["type"] == "http.response.start":
            started.append(message)
            return
        start = started[0]
        if start["status"] == 200:
            start["headers"] = _override(start["headers"], parse_qs(scope["query_string"]))
            requested = dict(scope["headers"]).get(b"range", b"")
            start, message = _take_range(start, message, requested)
        await send(start)
        await send(message)

    return send_when_complete


def _override(headers: _Headers, query: dict[bytes, list[bytes]]) -> _Headers:
    changed = [(name, query[b"response-" + name][-1]) for name in _OVERRIDES if b"response-" + name in query]
    return [*_without(headers, *(name for name, _ in changed)), *changed]


def _take_range(start: _Message, message: _Message, requested: bytes) -> tuple[_Message, _Message]:
    """Cut the content to one range of bytes. Several ranges and other units are ignored, as S3 does (RFC 9110, section 14)."""
    match, content = _RANGE.fullmatch(requested), message["body"]
    if match is None or match.groups() == (b"", b""):
        return start, message
    first, last = (int(number) if number else None for number in match.groups())
    if first is None:
        first, last = max(len(content) - (last or 0), 0), None
    end = len(content) if last is None else min(last + 1, len(content))
    satisfiable = first < end
    part = content[first:end] if satisfiable else b""
    position = b"%d-%d" % (first, end - 1) if satisfiable else b"*"
    headers = [
        *_without(start["headers"], b"content-length", b"x-amz-checksum-sha256"),
        (b"content-length", b"%d" % len(part)),
        (b"content-range", b"bytes %s/%d" % (position, len(content))),
    ]
    return {**start, "status": 206 if satisfiable else 416, "headers": headers}, {**message, "body": part}


def _without(headers: _Headers, *names: bytes) -> _Headers:
    return [header for header in headers if header[0].lower() not in names]


class LayerArchive(zipfile.ZipFile):
    """An archive whose content is unpacked once if it is a layer."""

    _unpacking = threading.Lock()  # of all archives; ZipFile has a `_lock` for each

    def extractall(self, path: str, *_: object) -> None:  # type: ignore[override]
        """Make `path` a link to the unpacked layer. Other archives are unpacked at `path`."""
        folder, archive = Path(path), Path(str(self.filename))
        if not folder.name.startswith("layer_"):
            super().extractall(path)
            return
        layer = Path(tempfile.gettempdir(), f"layer-{hashlib.sha256(archive.read_bytes()).hexdigest()}")
        with self._unpacking:
            if not layer.exists():
                super().extractall(folder)
                folder.rename(layer)
            else:
                folder.rmdir()
        folder.symlink_to(layer, target_is_directory=True)
        os.truncate(archive, 0)  # MiniStack keeps it for each environment, and does not read it again


if __name__ == "__main__":
    # MiniStack names LargeFileError, which the module zipfile does not have, so a full disk raised AttributeError.
    ministack.core.lambda_runtime.zipfile = SimpleNamespace(
        ZipFile=LayerArchive, BadZipFile=zipfile.BadZipFile, LargeFileError=zipfile.LargeZipFile
    )
    ministack.app.app = app
    ministack.app.main()
