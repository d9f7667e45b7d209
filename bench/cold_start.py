"""One measurement in a new process, for `bench.latency`. Reads its parameters from standard input, and prints seconds as JSON.

The time starts with this module: the interpreter runs, but nothing of Holdall, the SDK or Powertools has been imported. So this
is a script, without the package `bench`, and imports the rest later.
"""

import importlib
import json
import sys
import time
from types import SimpleNamespace
from typing import Any

_CONTEXT = SimpleNamespace(
    aws_request_id="bench", function_name="bench", memory_limit_in_mb=1024, invoked_function_arn="bench"
)


def main() -> None:
    """Create a boto3 client, or import the module of a function and send its handler requests."""
    parameters = json.load(sys.stdin)
    start, cpu_start = time.perf_counter(), time.process_time()
    if parameters["function"] is None:
        importlib.import_module("boto3").client("dynamodb")
        print(json.dumps({"total": time.perf_counter() - start, "cpu": time.process_time() - cpu_start}))
        return
    handler = importlib.import_module(parameters["function"]).handler
    import_seconds = time.perf_counter() - start
    aws_seconds = _record_aws_seconds()
    first, first_aws = _send_request(handler, parameters["event"], aws_seconds)
    cpu = time.process_time() - cpu_start
    warm = [_send_request(handler, parameters["event"], aws_seconds) for _ in range(parameters["requests"] - 1)]
    result = {"import": import_seconds, "total": import_seconds + first, "aws": first_aws, "cpu": cpu, "warm": warm}
    print(json.dumps(result))


def _send_request(handler: Any, event: dict[str, Any], aws_seconds: list[float]) -> tuple[float, float]:
    """Return the seconds of a request, and how many of them it waited for AWS."""
    aws_seconds.clear()
    start = time.perf_counter()
    response = handler(event, _CONTEXT)
    seconds = time.perf_counter() - start
    if response["statusCode"] >= 300:
        raise SystemExit(f"{event['rawPath']} returned {response['statusCode']}: {response['body']}")
    return seconds, sum(aws_seconds)


def _record_aws_seconds() -> list[float]:
    """Return a list to which the seconds of each later request to AWS are added."""
    seconds: list[float] = []
    session = importlib.import_module("botocore.httpsession").URLLib3Session
    send = session.send

    def timed_send(self: Any, request: Any) -> Any:
        start = time.perf_counter()
        try:
            return send(self, request)
        finally:
            seconds.append(time.perf_counter() - start)

    session.send = timed_send
    return seconds


if __name__ == "__main__":
    main()
