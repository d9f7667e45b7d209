"""`python -m bench.moto_server`: the stores on 127.0.0.1, by moto, in a process of their own, so that no measurement pays for them.

It prints its port, and ends when its standard input does: with whoever started it, however that ends.
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

# AWS Signature Version 4: Credential=key/date/region/service/aws4_request. It says which service is meant.
_CREDENTIAL_SCOPE = re.compile(r"Credential=[^/]+/\d+/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_moto_lock = threading.Lock()  # moto's tables are no more atomic than any dictionary


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer is two small writes, and the second would wait for the first's receipt

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
            answer = botocore_stubber("before-send", request)
        if answer is None:
            self.send_error(501)
            return
        content = answer.raw.read()
        self.send_response_only(answer.status_code)
        told = {name.lower(): value for name, value in answer.headers.items()}
        if self.command != "HEAD":  # whose answer tells the length of what it does not bring
            told["content-length"] = str(len(content))
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _respond  # noqa: N815  # the names that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Say nothing: the port is all that anybody reads."""


def main() -> None:
    """Serve until standard input ends."""
    with mock_aws(), ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
