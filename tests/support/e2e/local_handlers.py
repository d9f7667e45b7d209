"""`python -m tests.support.e2e.local_handlers PROBABILITY`: the handlers as an HTTP server with transaction conflicts.

MiniStack never cancels a transaction because of another one, and tests cannot change what it runs. So this program runs the
same handlers with the settings of a deployed function, and with the tables and buckets of that deployment. Each worker is a
process that serves one request at a time, as in Lambda. The program prints its port, and ends with its standard input.
"""

import importlib
import json
import os
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

from infra.local.conflict_simulator import ConflictSimulator
from infra.local.process import HOST
from tests.support.client import build_http_api_event, find_handler

MAINTENANCE_PATH = "/maintenance"  # processes a message
CONFLICTS_PATH = "/conflicts"  # returns the number of transactions, and of those that were cancelled
_WORKERS = 32
_TRANSACTION_SECONDS = 0.008  # as in AWS


class _Handler(BaseHTTPRequestHandler):
    conflicts: ConflictSimulator

    def _handle(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        content = self.rfile.read(int(headers.get("content-length") or 0)) or None
        if self.path == CONFLICTS_PATH:
            self._respond(200, {}, json.dumps([self.conflicts.transaction_count, self.conflicts.conflict_count]))
        elif self.path == MAINTENANCE_PATH:
            self._respond(200, {}, json.dumps(_invoke_maintenance((content or b"").decode())))
        else:
            event = build_http_api_event(self.command, self.path, headers, content)
            response = find_handler(event["rawPath"])(
                event, SimpleNamespace(aws_request_id="aws", function_name="test")
            )
            self._respond(response["statusCode"], response["headers"], response["body"])

    def _respond(self, status: int, headers: Mapping[str, str], body: str) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815  # the names that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Print nothing, because the port is the only output."""


class _Server(HTTPServer):
    request_queue_size = 128  # clients wait here until a worker is free


def _invoke_maintenance(body: str) -> Any:
    record = {
        "messageId": "message",
        "body": body,
        "eventSource": "aws:sqs",
        "receiptHandle": "handle",
        "attributes": {"ApproximateReceiveCount": "1"},
    }
    handler = importlib.import_module("functions.maintenance.handler").handler
    return handler({"Records": [record]}, SimpleNamespace(aws_request_id="aws"))


def main() -> None:
    """Serve until standard input ends."""
    for name in ("auth", "projects", "upload", "files", "maintenance"):
        importlib.import_module(f"functions.{name}.handler")
    _Handler.conflicts = ConflictSimulator(
        transaction_seconds=_TRANSACTION_SECONDS, conflict_probability=float(sys.argv[1])
    )
    _Handler.conflicts.attach(importlib.import_module("holdall.platform.table.records").connection.client.meta.events)
    with _Server((HOST, 0), _Handler) as server:
        workers = [_fork_worker(server) for _ in range(_WORKERS)]
        print(server.server_address[1], flush=True)  # noqa: T201  # the parent process reads it
        for worker in workers:
            os.waitpid(worker, 0)


def _fork_worker(server: HTTPServer) -> int:
    """Start a worker, which ends with standard input even if this process was killed."""
    worker = os.fork()
    if not worker:
        threading.Thread(target=_exit_when_stdin_closes, daemon=True).start()
        server.serve_forever()
    return worker


def _exit_when_stdin_closes() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(0)


if __name__ == "__main__":
    main()
