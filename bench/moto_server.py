"""`python -m bench.moto_server`: moto on 127.0.0.1, in a process of its own, so that no measurement includes its work.

It prints its port, and ends when its standard input is closed, so it ends with the process that started it.
"""

import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto import mock_aws
from moto.core.models import botocore_stubber

# AWS Signature Version 4: Credential=key/date/region/service/aws4_request. It names the service.
_CREDENTIAL_SCOPE = re.compile(r"Credential=[^/]+/\d+/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_moto_lock = threading.Lock()  # because moto is not thread-safe


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a response is two writes, and the second would wait for an acknowledgement

    def _respond(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        scope = _CREDENTIAL_SCOPE.search(self.headers.get("authorization") or "")
        region, service = scope.groups() if scope else ("", "")
        headers = HTTPHeaders()
        for name, value in self.headers.items():
            if name.lower() != "host":
                headers[name] = value
        headers["Host"] = f"{service}.{region}.amazonaws.com"
        url = f"https://{headers['Host']}{self.path}"
        request = AWSPreparedRequest(self.command, url, headers, self.rfile.read(length), stream_output=False)
        with _moto_lock:
            response = botocore_stubber("before-send", request)
        if response is None:
            self.send_error(501)
            return
        content = response.raw.read()
        self.send_response_only(response.status_code)
        response_headers = {name.lower(): value for name, value in response.headers.items()}
        if self.command != "HEAD":  # where it is the length of the object
            response_headers["content-length"] = str(len(content))
        for name, value in response_headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _respond  # noqa: N815  # the names that http.server calls

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def main() -> None:
    """Serve until standard input is closed."""
    with mock_aws(), ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
