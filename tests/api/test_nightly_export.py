"""The nightly export of the audit log: complete, and written once, whatever fails on the way."""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdall.audit.model import SHARDS
from holdall.maintenance import export
from holdall.maintenance.model import ExportAudit
from holdall.platform import clock
from tests.support import audit_log
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.faults import FaultMode, FaultScenario, assert_survives_faults

DAY = datetime(2026, 11, 19, tzinfo=UTC)
EXPORT_TIME = DAY + timedelta(days=1, hours=1)


@pytest.fixture
def at_export_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the time to that of the schedule."""
    monkeypatch.setattr(clock, "now", lambda: EXPORT_TIME)


@pytest.fixture
def small_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit an object to three entries."""
    monkeypatch.setattr(export, "ROWS_PER_OBJECT", 3)


def read_exports(fake_aws: FakeAws) -> dict[str, list[dict[str, Any]]]:
    """Return the entries in each object of the day, by key."""
    keys = [key for key in fake_aws.list_keys("exports") if key.startswith("2026/11/19/")]
    objects = {key: fake_aws.s3.get_object(Bucket="exports", Key=key) for key in sorted(keys)}
    return {key: audit_log.parse_json_lines(response["Body"].read().decode()) for key, response in objects.items()}


def count_versions(fake_aws: FakeAws) -> int:
    return len(fake_aws.s3.list_object_versions(Bucket="exports").get("Versions", []))


def expected_object_count(rows: int) -> int:
    """Return the number of objects with three rows. A shard without rows has one empty object."""
    return max(math.ceil(rows / 3), 1)


def list_exported_targets(fake_aws: FakeAws) -> list[str]:
    return [line["target"] for lines in read_exports(fake_aws).values() for line in lines]


@pytest.fixture
def audited_targets() -> list[str]:
    """Write entries from the start of the day to its end, and on the days around it. Return the targets of the day."""
    minutes = [f"{minute}" for minute in range(0, 24 * 60, 30)]
    for minute in minutes:
        audit_log.write_entries_at(DAY + timedelta(minutes=int(minute)), [minute])
    last = DAY + timedelta(days=1) - timedelta(milliseconds=1)
    audit_log.write_entries_at(last, ["last"])
    audit_log.write_entries_at(DAY - timedelta(milliseconds=1), ["the day before"])
    audit_log.write_entries_at(DAY + timedelta(days=1), ["the day after"])
    return [*minutes, "last"]


def test_day_is_exported_in_shards(fake_aws: FakeAws, audited_targets: list[str], at_export_time: None) -> None:
    fake_aws.run_task("export-audit")
    fake_aws.run_workers()

    objects = read_exports(fake_aws)
    assert list(objects) == [f"2026/11/19/{shard}-0.jsonl" for shard in range(SHARDS)]
    assert sorted(list_exported_targets(fake_aws)) == sorted(audited_targets)
    assert all(lines == sorted(lines, key=lambda line: line["id"]) for lines in objects.values())


def test_export_contains_the_entry(fake_aws: FakeAws, at_export_time: None) -> None:
    audit_log.write_entries_at(DAY, ["x"])
    (row,) = fake_aws.find_rows("audit", target="x")
    fake_aws.run_task("export-audit")
    fake_aws.run_workers()

    [line] = [line for lines in read_exports(fake_aws).values() for line in lines]
    assert line == {
        "id": row["sk"],
        "createdAt": "2026-11-19T00:00:00Z",
        "actor": "actor-1",
        "apiKeyId": None,
        "shareId": None,
        "action": "tests.action",
        "target": "x",
        "outcome": "success",
        "clientIp": "203.0.113.9",
        "userAgent": "test-browser",
        "requestId": "request-of-tests",
    }


def test_day_with_many_entries_has_many_objects(
    fake_aws: FakeAws, audited_targets: list[str], at_export_time: None, small_objects: None
) -> None:
    fake_aws.run_task("export-audit")
    fake_aws.run_workers()

    objects = read_exports(fake_aws)
    assert sorted(list_exported_targets(fake_aws)) == sorted(audited_targets)
    assert all(len(lines) <= 3 for lines in objects.values())
    for shard in range(SHARDS):
        of_shard = [lines for key, lines in objects.items() if key.startswith(f"2026/11/19/{shard}-")]
        assert len(of_shard) == expected_object_count(len(fake_aws.find_rows("audit", pk=f"DAY#2026-11-19#{shard}")))
        assert all(len(lines) == 3 for lines in of_shard[:-1])


def test_second_export_writes_nothing(
    fake_aws: FakeAws, audited_targets: list[str], at_export_time: None, small_objects: None
) -> None:
    fake_aws.run_task("export-audit")
    fake_aws.run_workers()
    before, count = read_exports(fake_aws), count_versions(fake_aws)

    fake_aws.run_task("export-audit")
    fake_aws.run_workers()

    assert read_exports(fake_aws) == before
    assert count_versions(fake_aws) == count


@pytest.mark.parametrize(("later", "exported"), [(1, True), (2, True), (3, False)])
def test_missed_export_is_made_up_in_the_next_two_nights(
    fake_aws: FakeAws, audited_targets: list[str], monkeypatch: pytest.MonkeyPatch, later: int, *, exported: bool
) -> None:
    monkeypatch.setattr(clock, "now", lambda: EXPORT_TIME + timedelta(days=later))
    fake_aws.run_task("export-audit")
    fake_aws.run_workers()

    assert sorted(list_exported_targets(fake_aws)) == (sorted(audited_targets) if exported else [])


def test_day_is_not_exported_before_its_last_entry_is_committed(
    fake_aws: FakeAws, audited_targets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A request from the end of the day may not be committed yet.
    monkeypatch.setattr(clock, "now", lambda: DAY + timedelta(days=1, minutes=10))
    fake_aws.run_task("export-audit")
    fake_aws.run_workers()

    assert read_exports(fake_aws) == {}


def test_day_without_entries_has_empty_objects(fake_aws: FakeAws, at_export_time: None) -> None:
    fake_aws.run_task("export-audit")
    fake_aws.run_workers()

    assert read_exports(fake_aws) == {f"2026/11/19/{shard}-0.jsonl": [] for shard in range(SHARDS)}


@pytest.mark.parametrize("mode", ["refused", "timeout", "crash"])
def test_interrupted_export_is_completed_by_a_retry(
    fake_aws: FakeAws, small_objects: None, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        audit_log.write_entries_at(DAY, [f"{number}" for number in range(40)])
        targets = sorted(row["target"] for row in fake_aws.find_rows("audit", pk="DAY#2026-11-19#0"))
        message = ExportAudit(DAY.date(), 0).to_json()

        def check(result: dict[str, Any]) -> None:
            assert result == NO_FAILURES
            fake_aws.run_workers()
            assert sorted(list_exported_targets(fake_aws)) == targets
            assert count_versions(fake_aws) == len(read_exports(fake_aws)) == expected_object_count(len(targets))

        return FaultScenario(lambda: fake_aws.deliver_messages("maintenance", message), check)

    assert_survives_faults(monkeypatch, mode, prepare)


def test_object_has_at_most_eight_megabytes() -> None:
    assert audit_log.MAX_ENTRY_BYTES * export.ROWS_PER_OBJECT <= 8_000_000


@pytest.mark.parametrize(
    "shard", [{}, {"day": "2026-11-19"}, {"day": "2026-11-19", "shard": "x"}, {"day": "yesterday", "shard": 0}]
)
def test_message_without_a_shard_of_a_day_fails(fake_aws: FakeAws, shard: dict[str, Any]) -> None:
    message = json.dumps({"type": "export-audit", **shard})

    assert fake_aws.deliver_messages("maintenance", message)["batchItemFailures"]
    assert fake_aws.list_keys("exports") == []
