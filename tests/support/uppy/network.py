"""A network between a client and the servers, which can fail."""

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

from infra.local.process import HOST

_TIMEOUT_SECONDS = 60
_ALWAYS = 1_000_000
_NOT_FORWARDED = ("connection", "content-length", "date", "host", "server", "transfer-encoding")
# The response of Amazon S3 to an expired URL. Uppy 5 signs again only because of this message.
_EXPIRED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
)


@dataclass
class _Fault:
    """What happens to the next requests whose method and URL match."""

    kind: Literal["lost", "stalled", "unanswered", "expired"]
    pattern: str
    count: int


@dataclass
class Network:
    """Forwards each request to the server that its path names, and replaces the URLs in the responses by paths here.

    So the API and S3 get the requests of the client, with the hosts for which they were signed.
    """

    port: int
    requests: list[str] = field(default_factory=list)  # method and URL of those that were forwarded
    _faults: list[_Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _has_stalled: threading.Event = field(default_factory=threading.Event)
    _is_restored: threading.Event = field(default_factory=threading.Event)

    def route(self, url: str) -> str:
        """Return a URL with which a client reaches this one through the network."""
        return url.replace("http://", f"http://{HOST}:{self.port}/")

    def lose(self, pattern: str, *, count: int = _ALWAYS) -> None:
        """Close the connections of matching requests in the middle of the request."""
        self._faults.append(_Fault("lost", pattern, count))

    def stall(self, pattern: str) -> None:
        """Transfer nothing of matching requests, and close their connections when the network is restored."""
        self._faults.append(_Fault("stalled", pattern, _ALWAYS))

    def lose_response(self, pattern: str) -> None:
        """Forward a matching request, and close its connection instead of responding."""
        self._faults.append(_Fault("unanswered", pattern, 1))

    def expire(self, pattern: str) -> None:
        """Refuse a matching request as S3 refuses a URL that has expired."""
        self._faults.append(_Fault("expired", pattern, 1))

    def restore(self) -> None:
        """Transfer all requests again."""
        self._faults.clear()
        self._is_restored.set()

    def wait_until_stalled(self) -> None:
        """Wait until a request stalls."""
        assert self._has_stalled.wait(_TIMEOUT_SECONDS)

    def count(self, pattern: str) -> int:
        """Return how many matching requests were forwarded."""
        return sum(1 for request in list(self.requests) if re.search(pattern, request))

    def take_fault(self, request: str) -> str | None:
        """Return the fault of this request, if it has one, after it has stalled."""
        with self._lock:
            fault = next((each for each in self._faults if each.count and re.search(each.pattern, request)), None)
            if fault is None:
                return None
            fault.count -= 1
        if fault.kind == "stalled":
            self._has_stalled.set()
            self._is_restored.wait(_TIMEOUT_SECONDS)
        return fault.kind


@contextmanager
def run_network() -> Iterator[Network]:
    """Run a network."""
    with ThreadingHTTPServer((HOST, 0), _Handler) as server:
        network = Network(server.server_address[1])
        server.network = network  # type: ignore[attr-defined]  # for the handlers, which get the server only
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield network
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        network: Network = self.server.network  # type: ignore[attr-defined]
        url = f"http:/{self.path}"
        fault = network.take_fault(f"{self.command} {url}")
        if fault in ("lost", "stalled"):  # before its body was read, so the client is in the middle of sending
            self.close_connection = True
            return
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        if fault == "expired":
            self._respond(403, {"access-control-allow-origin": self.headers.get("origin", "*")}, _EXPIRED)
            return
        network.requests.append(f"{self.command} {url}")
        status, headers, body = self._forward(url, content)
        if fault == "unanswered":
            self.close_connection = True
            return
        if "json" in headers.get("content-type", ""):
            body = body.replace(b'"http://', f'"http://{HOST}:{network.port}/'.encode())
        self._respond(status, headers, body)

    def _forward(self, url: str, content: bytes) -> tuple[int, dict[str, str], bytes]:
        split = urlsplit(url)
        connection = http.client.HTTPConnection(HOST, split.port or 80, timeout=_TIMEOUT_SECONDS)
        try:
            sent = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_FORWARDED}
            target = url.removeprefix(f"http://{split.netloc}")
            connection.request(self.command, target, content, {**sent, "host": split.netloc})
            response = connection.getresponse()
            received = {name.lower(): value for name, value in response.getheaders()}
            headers = {name: value for name, value in received.items() if name not in _NOT_FORWARDED}
            return response.status, headers, response.read()
        finally:
            connection.close()

    def _respond(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = _handle  # noqa: N815  # the names that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Print nothing."""
