"""Faults of AWS below the SDK: one call of many is refused, gets no answer, or is the last thing that a process does.

What the SDK tries again fails again, so a fault lasts for all attempts of its call.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from holdall import aws
from holdall.table import items
from tests.api.client import Answer
from tests.api.cloud import Cloud
from tests.api.conftest import Clock

# refused: nobody is there; busy: throttled; silent: it was done, and no answer came; dead: it was done, then the process ended.
Mode = Literal["refused", "busy", "silent", "dead"]
MODES: tuple[Mode, ...] = ("refused", "busy", "silent", "dead")


class Dead(BaseException):
    """The process ended here: no code of ours runs any more."""


@dataclass
class Head:
    """The head of an answer that is made here."""

    status_code: int


@dataclass
class Faults:
    """Counts the calls to AWS, and lets one of them fail."""

    at: int = -1
    mode: Mode = "refused"
    services: tuple[str, ...] = ()  # those that fail always
    calls: list[str] = field(default_factory=list)
    _attempts: int = 0

    @property
    def came(self) -> bool:
        """Whether there were calls enough for the fault to happen."""
        return len(self.calls) > self.at

    @property
    def _now(self) -> bool:
        return len(self.calls) - 1 == self.at

    def before_call(self, model: Any, **_: Any) -> Any:
        """Each call once, whatever the number of its attempts. An answer from here keeps it from being sent."""
        self.calls.append(f"{model.service_model.service_name}.{model.name}")
        self._attempts = 0
        if self._now and self.mode == "busy":
            code = "ThrottlingException" if model.service_model.service_name == "dynamodb" else "SlowDown"
            error = {"Code": code, "Message": "Slow down."}
            return Head(503), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 503, "HTTPHeaders": {}}}
        return None

    def before_send(self, request: Any, **_: Any) -> None:
        """Before the servers see an attempt."""
        self._attempts += 1
        down = self.calls[-1].partition(".")[0] in self.services
        again = self._attempts > 1 and self.mode == "silent"
        if down or (self._now and (self.mode == "refused" or again)):
            raise EndpointConnectionError(endpoint_url=request.url)

    def after_send(self, request: Any, **_: Any) -> None:
        """After the servers did what was asked."""
        if self._now and self.mode == "silent":
            raise ReadTimeoutError(endpoint_url=request.url)
        if self._now and self.mode == "dead":
            raise Dead


@contextmanager
def injected(patch: pytest.MonkeyPatch, at: int = -1, mode: Mode = "refused", *down: str) -> Iterator[Faults]:
    """Let the call of this number fail in this way, and all calls to the services that are `down`."""
    faults = Faults(at, mode, down)
    emitters = [
        items.connection.client.meta.events,
        *(aws.client(service).meta.events for service in ("s3", "sqs", "ssm", "sesv2")),
    ]
    for events in emitters:
        events.register_first("before-call", faults.before_call)
        events.register_first("before-send", faults.before_send)
        events.register_last("before-send", faults.after_send)
    with patch.context() as within:
        within.setattr("time.sleep", lambda seconds: None)  # the pauses of the SDK and of ours
        try:
            yield faults
        finally:
            for events in emitters:
                events.unregister("before-call", faults.before_call)
                events.unregister("before-send", faults.before_send)
                events.unregister("before-send", faults.after_send)


@contextmanager
def meanwhile(operation: str, do: Callable[[], object]) -> Iterator[list[object]]:
    """Let something happen between what a request has read and its first call of `operation`, as TransactWriteItems.

    What is done meanwhile goes through services: a function serves one request at a time.
    """
    done: list[object] = []
    events = items.connection.client.meta.events
    name = f"before-call.dynamodb.{operation}"

    def step_in(**_: Any) -> None:
        events.unregister(name, step_in)
        done.append(do())

    events.register_first(name, step_in)
    try:
        yield done
        assert done, f"{operation} was never called"
    finally:
        events.unregister(name, step_in)


@dataclass(frozen=True)
class Scene:
    """Something that is asked of Holdall, made ready for one more time.

    `deliver` asks, and asks the same when it is called again; `check` tells what must hold after that.
    """

    deliver: Callable[[], Any]
    check: Callable[[Any], None]


def survive(patch: pytest.MonkeyPatch, mode: Mode, prepare: Callable[[], Scene]) -> None:
    """Let each call to AWS fail in its turn, ask again without faults, and check."""
    for number in count():
        scene = prepare()
        with injected(patch, number, mode) as faults:
            try:
                first = scene.deliver()
            except Dead:
                first = None
        if not faults.came:
            assert number > 0, "nothing was asked of AWS"
            return
        _civil(first)
        try:
            scene.check(scene.deliver())
        except BaseException as error:
            error.add_note(f"call {number} was {mode}: {', '.join(faults.calls)}")
            raise


def _civil(outcome: Any) -> None:
    """A request is answered, and where a store is silent it says when to come back."""
    if isinstance(outcome, Answer) and outcome.status >= 500:
        assert (outcome.status, outcome.problem()["code"]) == (503, "unavailable"), outcome.text
        assert int(outcome.headers["retry-after"]) > 0


def settle(cloud: Cloud, frozen: Clock) -> None:
    """Let time pass until no job is open: leases end, and what was lost is sent again."""
    for _ in range(6):
        frozen.forward(minutes=16)
        cloud.run("send-pending-jobs")
        cloud.draw()
        cloud.work()
        if all(row["status"] in ("completed", "failed") for row in cloud.rows("main", record_kind="job")):
            return
    pytest.fail("There are jobs that are never done.")
