"""A message that fails comes back, and the log tells why: nobody else sees a worker's failure."""

import json

import pytest

from infra.catalog import FUNCTIONS
from tests.api.cloud import Cloud

_WORKERS = [function.name for function in FUNCTIONS if function.queue]


@pytest.mark.parametrize("worker", _WORKERS)
def test_a_worker_tells_why_a_message_failed(worker: str, cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    failed = cloud.deliver(worker, "no JSON")

    assert failed == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    [line] = [line for line in caplog.records if line.message == "message.failed"]
    assert line.levelname == "WARNING"
    assert line.exc_info is not None
    assert isinstance(line.exc_info[1], json.JSONDecodeError)
