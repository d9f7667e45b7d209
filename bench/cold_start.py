"""`python -m bench.cold_start`: one measurement in a fresh process. Reads what to do from standard input, prints seconds as JSON.

Time begins when this file does: the interpreter has started, and nothing of ours, of the SDK or of Powertools is loaded.
"""

import importlib
import json
import sys
import time
from types import SimpleNamespace
from typing import Any


def main() -> None:
    """Do what was asked: nothing but a client of boto3, or a function and its first requests."""
    asked = json.load(sys.stdin)
    began, worked = time.perf_counter(), time.process_time()
    if asked["function"] is None:
        importlib.import_module("boto3").client("dynamodb")
        print(json.dumps({"total": time.perf_counter() - began, "cpu": time.process_time() - worked}))
        return
    handler = importlib.import_module(f"functions.{asked['function']}.handler").handler
    imported = time.perf_counter() - began
    waited = _record_store_seconds()
    total, waiting = _send_request(handler, asked["event"], waited)
    cpu = time.process_time() - worked
    warm = [_send_request(handler, asked["event"], waited) for _ in range(asked["times"] - 1)]
    print(json.dumps({"import": imported, "total": imported + total, "waited": waiting, "cpu": cpu, "warm": warm}))


def _send_request(handler: Any, event: dict[str, Any], store_seconds: list[float]) -> tuple[float, float]:
    store_seconds.clear()
    began = time.perf_counter()
    answer = handler(event, SimpleNamespace(aws_request_id="bench", function_name="bench"))
    taken = time.perf_counter() - began
    if answer["statusCode"] >= 300:
        raise SystemExit(f"{event['rawPath']} answered {answer['statusCode']}: {answer['body']}")
    return taken, sum(store_seconds)


def _record_store_seconds() -> list[float]:
    """Note, from now on, each time between a request to a store being handed over and its answer being there."""
    waited: list[float] = []
    session = importlib.import_module("botocore.httpsession").URLLib3Session
    send = session.send

    def watched(self: Any, request: Any) -> Any:
        began = time.perf_counter()
        try:
            return send(self, request)
        finally:
            waited.append(time.perf_counter() - began)

    session.send = watched
    return waited


if __name__ == "__main__":
    main()
