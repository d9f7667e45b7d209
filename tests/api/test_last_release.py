"""Rows and messages as the last release wrote them. A deployment leaves both, and this release must read them."""

import json
import logging
from typing import Any

import pytest

from holdall.maintenance.model import WorkMessage
from holdall.platform.messages import Message
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.last_release import MESSAGES, TABLES, Written
from tests.support.log import CapturedLog

_TASKS = ("expire-uploads", "send-pending-jobs", "send-pending-invitations", "purge-projects", "recount", "empty-trash")
_CHANGING = {"url", "urlExpiresAt"}  # presigned anew for each response


@pytest.fixture
def written() -> Written:
    return Written.read()


@pytest.fixture
def owner(written: Written, frozen_clock: FrozenClock) -> Client:
    """Put the rows into the tables, at the time when they were written, and sign in as their owner."""
    frozen_clock.time = written.at
    written.restore()
    return users.sign_in(written.email)


def test_rows_of_the_last_release_are_read(owner: Client, written: Written) -> None:
    assert written.rows.keys() == set(TABLES)
    for path, recorded in written.responses.items():
        assert recorded, path
        assert _without_changing(owner.get(path).data(), recorded) == _without_changing(recorded, recorded), path


def test_upload_that_the_last_release_began_can_be_committed(
    owner: Client, written: Written, fake_aws: FakeAws
) -> None:
    (row,) = fake_aws.find_rows("main", pk=f"UPLOAD#{written.upload_id}")
    fake_aws.s3.put_object(Bucket="originals", Key=row["key"], Body=b"x", ContentType=row["content_type"])

    owner.post("/files/commit", {"uploadId": written.upload_id}).data()


@pytest.mark.usefixtures("owner")
def test_scheduled_tasks_take_up_rows_of_the_last_release(
    frozen_clock: FrozenClock, fake_aws: FakeAws, log: CapturedLog
) -> None:
    frozen_clock.advance(days=40)

    for task in _TASKS:
        fake_aws.run_task(task)
        fake_aws.run_workers()

    assert [line for line in log.lines if line["level"] == logging.getLevelName(logging.ERROR)] == []


def test_messages_of_the_last_release_are_read(written: Written) -> None:
    # A release may add kinds of messages, but drops none.
    assert written.messages.keys() <= {each.__name__ for each in Message.__subclasses__()}
    assert written.messages.keys() == {type(message).__name__ for message in MESSAGES}
    for message in MESSAGES:
        text = written.messages[type(message).__name__]
        assert type(message).from_json(text) == message
        if message.queue == "work":  # which has messages of several types
            assert isinstance(message, WorkMessage)
            assert json.loads(text)["type"] == json.loads(message.to_json())["type"]


def _without_changing(value: Any, recorded: Any) -> Any:
    """Return what is in the recorded response too. A release may add fields, but drops none."""
    if isinstance(recorded, dict) and isinstance(value, dict):
        return {
            name: _without_changing(value.get(name), each) for name, each in recorded.items() if name not in _CHANGING
        }
    if isinstance(recorded, list) and isinstance(value, list) and len(value) == len(recorded):
        return [_without_changing(one, other) for one, other in zip(value, recorded, strict=True)]
    return value
