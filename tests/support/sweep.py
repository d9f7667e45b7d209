"""Runs of the sweep, and objects that no record names."""

from typing import Any

import moto.s3.models
import pytest

from holdall.tasks import service as tasks
from holdall.tasks import store
from holdall.tasks.model import TaskRun
from tests.support import checkpoints
from tests.support.aws import FakeAws
from tests.support.clock import FrozenClock

ULID = "0" * 26


def use_clock_in_s3(monkeypatch: pytest.MonkeyPatch, frozen_clock: FrozenClock) -> None:
    """Let moto's S3 give objects the time of the frozen clock."""
    monkeypatch.setattr(moto.s3.models, "utcnow", lambda: frozen_clock.now().replace(tzinfo=None))


def run_sweep(fake_aws: FakeAws) -> TaskRun:
    """Run the sweep as its schedule does, and return the report."""
    fake_aws.run_task("sweep")
    fake_aws.run_workers()
    run = store.get_or_none("sweep", "schedule")
    assert run is not None
    assert run.status == "completed"
    return run


def dry_run(fake_aws: FakeAws) -> TaskRun:
    """Run the sweep by a command of the operator, and return the report."""
    fake_aws.run_task("sweep", command="run", dryRun=True)
    fake_aws.run_workers()
    run = tasks.last_request("sweep")
    assert run is not None
    assert run.status == "completed"
    return run


def subjects(run: TaskRun, finding: str) -> list[str]:
    """Return what a run found, by the examples of its report."""
    return sorted(each.subject for each in run.examples if each.finding == finding)


def put_original(fake_aws: FakeAws, key: str, content: bytes = b"orphan") -> str:
    """Store an object that no upload announced, and return its version ID."""
    return str(fake_aws.s3.put_object(Bucket="originals", Key=key, Body=content)["VersionId"])


def stored_originals() -> set[tuple[str, str]]:
    """Return key and version ID of all originals and delete markers, from moto's memory, because its lists copy them all."""
    keys = checkpoints.moto_buckets()["originals"].keys
    return {(key, str(each.version_id)) for key, entries in keys.iterlists() for each in entries}


def put_variant(fake_aws: FakeAws, key: str) -> None:
    fake_aws.s3.put_object(Bucket="variants", Key=key, Body=b"variant")


def rows_without_reports(fake_aws: FakeAws) -> list[dict[str, Any]]:
    """Return the rows of all tables but the reports of tasks."""
    rows = [row for table in ("main", "audit", "ephemeral") for row in fake_aws.find_rows(table)]
    return sorted((row for row in rows if row.get("record_type") != "task-run"), key=lambda row: (row["pk"], row["sk"]))
