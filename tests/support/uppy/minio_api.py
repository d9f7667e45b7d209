"""`python -m tests.support.uppy.minio_api PORT`: the API as an HTTP server in this process, whose buckets are in MinIO.

The other services are moto's. The settings are in the environment, and AWS_ENDPOINT_URL_S3 leads to MinIO. The program prints
a line when it listens, and ends with its standard input.
"""

import os
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from moto import mock_aws

from infra.local.process import HOST
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import BASE_PATH, Client
from tests.support.uppy.minio_site import ARRIVALS_PATH


class _Handler(BaseHTTPRequestHandler):
    aws: FakeAws
    reported: set[str]

    def _handle(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0)) or None
        if self.path == ARRIVALS_PATH:
            self._report_arrivals()
            self._respond(200, {}, "")
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            path = self.path.removeprefix(BASE_PATH)
            response = Client().request(self.command, path, raw=content, headers=headers)
            self._respond(response.status, response.headers, response.text)

    def _report_arrivals(self) -> None:
        """Report the new objects to ingest, as S3 does, and process all messages."""
        pages = self.aws.s3.get_paginator("list_object_versions").paginate(Bucket="originals")
        for version in (version for page in pages for version in page.get("Versions", [])):
            if version["VersionId"] not in self.reported:
                self.reported.add(version["VersionId"])
                assert self.aws.notify_object_created(version["Key"], version["VersionId"]) == NO_FAILURES
        self.aws.run_workers()

    def _respond(self, status: int, headers: Mapping[str, str], body: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = _handle  # noqa: N815  # the names that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def main() -> None:
    """Serve until standard input ends."""
    mock_aws(config={"core": {"mock_credentials": False}}).start()
    _Handler.aws, _Handler.reported = FakeAws.create(), set()
    with HTTPServer((HOST, int(sys.argv[1])), _Handler) as server:
        threading.Thread(target=_exit_when_stdin_closes, daemon=True).start()
        print("ready", flush=True)  # noqa: T201  # the parent process reads it
        server.serve_forever()


def _exit_when_stdin_closes() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(0)


if __name__ == "__main__":
    main()
