"""Faults of AWS below the SDK: one call fails, times out, or is the last one of its process.

A fault lasts for all attempts of a call, because the SDK sends a failed request again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from holdall.platform import aws, originals
from holdall.platform.config import settings
from holdall.platform.table import records
from tests.support.aws import FakeAws
from tests.support.checkpoints import Checkpoint
from tests.support.client import Response
from tests.support.clock import FrozenClock
from tests.support.iam import acting_as

# refused: no connection. throttled: an error that the SDK retries. timeout: the call took effect, but no response came.
# crash: the call took effect, and then the process ended.
FaultMode = Literal["refused", "throttled", "timeout", "crash"]
_READS = ("Get", "Head", "List", "Query", "Scan", "BatchGet", "TransactGet")  # how the names of operations begin
_MAX_ROUNDS = 6  # of messages: enough for a job that does not have to wait
FAULT_MODES: tuple[FaultMode, ...] = ("refused", "throttled", "timeout", "crash")


class ProcessCrash(BaseException):
    """The process ended. No code catches this."""


@dataclass
class StubResponse:
    """The head of a response that no server sent."""

    status_code: int


@dataclass
class FaultInjector:
    """Counts the calls to AWS, and makes one of them fail."""

    fail_at: int = -1
    mode: FaultMode = "refused"
    down_services: tuple[str, ...] = ()
    calls: list[str] = field(default_factory=list)
    _attempts: int = 0

    @property
    def was_reached(self) -> bool:
        """Return whether there were enough calls for the fault to happen."""
        return len(self.calls) > self.fail_at

    @property
    def _is_target_call(self) -> bool:
        return len(self.calls) - 1 == self.fail_at

    def before_call(self, model: Any, **_: Any) -> Any:
        """Count a call, whatever the number of its attempts. A returned response is used instead of a request."""
        self.calls.append(f"{model.service_model.service_name}.{model.name}")
        self._attempts = 0
        if self._is_target_call and self.mode == "throttled":
            code = "ThrottlingException" if model.service_model.service_name == "dynamodb" else "SlowDown"
            error = {"Code": code, "Message": "Slow down."}
            return StubResponse(503), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 503, "HTTPHeaders": {}}}
        return None

    def before_send(self, request: Any, **_: Any) -> None:
        """Fail before an attempt is sent."""
        self._attempts += 1
        is_down = self.calls[-1].partition(".")[0] in self.down_services
        is_retry = self._attempts > 1 and self.mode == "timeout"
        if is_down or (self._is_target_call and (self.mode == "refused" or is_retry)):
            raise EndpointConnectionError(endpoint_url=request.url)

    def after_send(self, request: Any, **_: Any) -> None:
        """Fail after an attempt took effect."""
        if self._is_target_call and self.mode == "timeout":
            raise ReadTimeoutError(endpoint_url=request.url)
        if self._is_target_call and self.mode == "crash":
            raise ProcessCrash


@contextmanager
def inject_faults(
    monkeypatch: pytest.MonkeyPatch, fail_at: int = -1, mode: FaultMode = "refused", *down_services: str
) -> Iterator[FaultInjector]:
    """Make the call with this number fail, and all calls to the services in `down_services`."""
    faults = FaultInjector(fail_at, mode, down_services)
    emitters = [
        records.connection.client.meta.events,
        *(aws.client(service).meta.events for service in ("s3", "sqs", "ssm", "sesv2")),
        *([originals.edge_bucket().client().meta.events] if settings().edge_store else []),
    ]
    for events in emitters:
        events.register_first("before-call", faults.before_call)
        events.register_first("before-send", faults.before_send)
        events.register_last("before-send", faults.after_send)
    with monkeypatch.context() as patch:
        patch.setattr("time.sleep", lambda seconds: None)  # before retries
        try:
            yield faults
        finally:
            for events in emitters:
                events.unregister("before-call", faults.before_call)
                events.unregister("before-send", faults.before_send)
                events.unregister("before-send", faults.after_send)


@contextmanager
def interleave(operation: str, action: Callable[[], object]) -> Iterator[list[object]]:
    """Run `action` after a request has read and before its first call of `operation`, for example TransactWriteItems.

    Operations of S3 have names such as `s3.ListParts`. `action` calls services, because a handler serves one request at a time.
    """
    results: list[object] = []
    service, _, name = operation.rpartition(".")
    events = (aws.client("s3") if service else records.connection.client).meta.events
    name = f"before-call.{service or 'dynamodb'}.{name}"

    def run_action(**_: Any) -> None:
        events.unregister(name, run_action)
        with acting_as(None):
            results.append(action())

    events.register_first(name, run_action)
    try:
        yield results
        assert results, f"{operation} was never called."
    finally:
        events.unregister(name, run_action)


@contextmanager
def answer_with_error(operation: str, status: int, code: str) -> Iterator[None]:
    """Let S3 answer the calls of an operation, for example CompleteMultipartUpload, with an error."""
    name, events = f"before-call.s3.{operation}", aws.client("s3").meta.events
    error = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}}}

    def answer(**_: Any) -> tuple[StubResponse, dict[str, Any]]:
        return StubResponse(status), error

    events.register_first(name, answer)
    try:
        yield
    finally:
        events.unregister(name, answer)


@dataclass
class FaultScenario:
    """A request, and what must hold after it was sent again. `retry` is the second request if it is another one."""

    send: Callable[[], Any]
    check: Callable[[Any], None]
    retry: Callable[[], Any] | None = None


def assert_survives_faults(
    monkeypatch: pytest.MonkeyPatch, mode: FaultMode, prepare: Callable[[], FaultScenario]
) -> None:
    """Make each call to AWS fail in turn, send the request again without faults, and check the result.

    A read has no effect: one whose response is lost leaves the same state as one that is refused. So where a call takes
    effect, only writes fail, if there are any. `prepare` is called once, and the state after it is restored before each
    fault: the functions that it returns keep nothing themselves.
    """
    scenario = prepare()
    checkpoint = Checkpoint.save()
    with inject_faults(monkeypatch) as undisturbed:
        scenario.send()
    numbers = list(range(len(undisturbed.calls)))
    assert numbers, "The request made no calls to AWS."
    if mode in ("timeout", "crash"):
        numbers = [number for number in numbers if _is_write(undisturbed.calls[number])] or numbers
    for number in numbers:
        checkpoint.restore()
        with inject_faults(monkeypatch, number, mode) as faults:
            try:
                first = scenario.send()
            except ProcessCrash:
                first = None
        assert faults.was_reached, (
            f"Call {number} was {undisturbed.calls[number]}. Now there were {len(faults.calls)} calls."
        )
        _assert_retryable(first)
        try:
            scenario.check((scenario.retry or scenario.send)())
        except BaseException as error:
            error.add_note(f"call {number} was {mode}: {', '.join(faults.calls)}")
            raise


def _is_write(call: str) -> bool:
    return not call.partition(".")[2].startswith(_READS)


def _assert_retryable(result: Any) -> None:
    """Check that a server error is 503 with a Retry-After."""
    if isinstance(result, Response) and result.status >= 500:
        assert (result.status, result.problem()["code"]) == (503, "unavailable"), result.text
        assert int(result.headers["retry-after"]) > 0


def run_until_idle(fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    """Advance the clock until no job is open, so that leases expire and lost messages are sent again."""
    for _ in range(6):
        frozen_clock.advance(minutes=16)
        fake_aws.run_task("send-pending-jobs")
        fake_aws.render_images()
        fake_aws.run_workers()
        if all(row["status"] in ("completed", "failed") for row in fake_aws.find_rows("main", record_type="job")):
            return
    pytest.fail("Some jobs are never finished.")


def work_sender(fake_aws: FakeAws) -> Callable[[], None]:
    """Return a function that delivers the messages, each to a new process. Those that fail are left to the schedule."""

    def deliver() -> None:
        for _ in range(_MAX_ROUNDS):
            for message in fake_aws.receive_messages("work"):
                with suppress(ProcessCrash):
                    fake_aws.deliver_messages("maintenance", message)
        fake_aws.receive_messages("work")

    return deliver


def assert_job_survives_faults(
    monkeypatch: pytest.MonkeyPatch,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    mode: FaultMode,
    prepare: Callable[[], Any],
) -> None:
    """Make each call of jobs to AWS fail in turn, run them until they end, and check the result.

    `prepare` starts the jobs, and returns the check.
    """

    def prepare_scenario() -> FaultScenario:
        check = prepare()

        def run_and_check(_: Any) -> None:
            run_until_idle(fake_aws, frozen_clock)
            check()

        return FaultScenario(work_sender(fake_aws), run_and_check)

    assert_survives_faults(monkeypatch, mode, prepare_scenario)
