"""Originals are read from a server that breaks connections in the middle of a body."""

import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import pytest

from holdall.platform import clock, storage
from holdall.platform.errors import NotFound, ServiceUnavailable
from tests.support.process import clear_clients

_CONTENT = bytes(range(256)) * 4
_SHA256 = hashlib.sha256(_CONTENT).hexdigest()
_NO_SUCH_KEY = b"<Error><Code>NoSuchKey</Code></Error>"

# end: the connection ends before the body does. reset: it is reset.
Fault = Literal["end", "reset"]


@dataclass
class FaultyStorage:
    """An object in a server that breaks the next `faults` responses after half of the body."""

    fault: Fault = "end"
    faults: int = 0
    is_deleted: bool = False
    requests: int = 0


@pytest.fixture
def faulty_storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyStorage]:
    """Yield a server, to which the settings of this process lead. It is read in ranges of 100 bytes."""
    state, lock = FaultyStorage(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                state.requests += 1
                breaks = state.faults > 0
                state.faults -= breaks
            first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
            body = _NO_SUCH_KEY if state.is_deleted else _CONTENT[first : last + 1]
            self.send_response(404 if state.is_deleted else 206)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if breaks else body)
            if breaks and state.fault == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(storage, "_RANGE_BYTES", 100)
    clear_clients()
    yield state
    clear_clients()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("fault", ["end", "reset"])
def test_broken_read_is_repeated_from_its_range(faulty_storage: FaultyStorage, fault: Fault, tmp_path: Path) -> None:
    faulty_storage.fault, faulty_storage.faults = fault, 3

    assert sha256_of_object() == _SHA256
    assert faulty_storage.requests == 11 + 3

    faulty_storage.faults = 3
    assert storage.download("key", "version", len(_CONTENT), tmp_path / "copy") == _SHA256
    assert (tmp_path / "copy").read_bytes() == _CONTENT


@pytest.mark.parametrize("fault", ["end", "reset"])
def test_server_that_breaks_every_read_is_unavailable(faulty_storage: FaultyStorage, fault: Fault) -> None:
    faulty_storage.fault, faulty_storage.faults = fault, 1000

    with pytest.raises(ServiceUnavailable):
        sha256_of_object()

    assert faulty_storage.requests == 4 * 4  # four readers, each with four attempts


def test_object_that_was_deleted_is_not_found(faulty_storage: FaultyStorage) -> None:
    faulty_storage.is_deleted = True
    with pytest.raises(NotFound):
        sha256_of_object()


def sha256_of_object() -> str:
    return storage.sha256_of("key", "version", len(_CONTENT), deadline=clock.now() + timedelta(minutes=1))
