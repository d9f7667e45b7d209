"""A reverse proxy that compresses files of a site by gzip, as CloudFront does and its emulator does not."""

import gzip
import http.client
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from infra.local.process import HOST

_COMPRESSED = ("text/", "application/json", "image/svg+xml")
_NOT_FORWARDED = {"connection", "transfer-encoding", "content-length"}
_API = "/api/"  # whose responses CloudFront passes on as they are


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, target: int, *arguments: object) -> None:
        self._target = target
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:  # the name is http.server's
        self._forward()

    def do_POST(self) -> None:  # the name is http.server's
        self._forward()

    def log_message(self, *_: object) -> None:
        pass

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        connection = http.client.HTTPConnection(HOST, self._target)
        connection.request(self.command, self.path, body or None, dict(self.headers.items()))
        response = connection.getresponse()
        content = response.read()
        connection.close()
        headers = [(name, value) for name, value in response.getheaders() if name.lower() not in _NOT_FORWARDED]
        is_file = not self.path.startswith(_API) and response.headers.get("content-type", "").startswith(_COMPRESSED)
        if is_file and "gzip" in self.headers.get("accept-encoding", ""):
            content = _compress(content)
            headers.append(("content-encoding", "gzip"))
        self.send_response(response.status)
        for name, value in (*headers, ("content-length", str(len(content)))):
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # the page may have been left
            self.wfile.write(content)


@cache
def _compress(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=6)


@contextmanager
def compress(target: int) -> Iterator[int]:
    """Yield the port of a proxy of the server at the port `target` of this machine."""
    server = ThreadingHTTPServer((HOST, 0), partial(_Handler, target))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()
