"""The journal of each day, written away in the night after it: once, whole, and whatever goes wrong on the way."""

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
    """The hour at which the schedule calls."""
    monkeypatch.setattr(clock, "now", lambda: EXPORT_TIME)


@pytest.fixture
def small_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of three rows."""
    monkeypatch.setattr(export, "ROWS_PER_OBJECT", 3)


def read_exports(fake_aws: FakeAws) -> dict[str, list[dict[str, Any]]]:
    """The objects of the day, and what each says."""
    keys = [key for key in fake_aws.list_keys("exports") if key.startswith("2026/11/19/")]
    objects = {key: fake_aws.s3.get_object(Bucket="exports", Key=key) for key in sorted(keys)}
    return {key: audit_log.parse_json_lines(found["Body"].read().decode()) for key, found in objects.items()}


def count_versions(fake_aws: FakeAws) -> int:
    return len(fake_aws.s3.list_object_versions(Bucket="exports").get("Versions", []))


def expected_object_count(rows: int) -> int:
    """How many objects of three rows there have to be. Chance spreads rows over the parts of a day, and may leave one empty."""
    return max(math.ceil(rows / 3), 1)


def list_exported_targets(fake_aws: FakeAws) -> list[str]:
    return [line["target"] for lines in read_exports(fake_aws).values() for line in lines]


@pytest.fixture
def audited_targets() -> list[str]:
    """What was done in the day, from its first moment to its last; the days around it are not empty either."""
    minutes = [f"{minute}" for minute in range(0, 24 * 60, 30)]
    for minute in minutes:
        audit_log.write_entries_at(DAY + timedelta(minutes=int(minute)), [minute])
    last = DAY + timedelta(days=1) - timedelta(milliseconds=1)
    audit_log.write_entries_at(last, ["last"])
    audit_log.write_entries_at(DAY - timedelta(milliseconds=1), ["the day before"])
    audit_log.write_entries_at(DAY + timedelta(days=1), ["the day after"])
    return [*minutes, "last"]


def test_a_day_is_written_away_in_parts(fake_aws: FakeAws, audited_targets: list[str], at_export_time: None) -> None:
    fake_aws.run_task("export-audit")
    fake_aws.run_workers()

    objects = read_exports(fake_aws)
    assert list(objects) == [f"2026/11/19/{shard}-0.jsonl" for shard in range(SHARDS)]
    assert sorted(list_exported_targets(fake_aws)) == sorted(audited_targets)
    assert all(lines == sorted(lines, key=lambda line: line["id"]) for lines in objects.values())


def test_what_is_written_is_what_the_journal_says(fake_aws: FakeAws, at_export_time: None) -> None:
    audit_log.write_entries_at(DAY, ["x"])
    (row,) = fake_aws.find_rows("audit", target="x")
    fake_aws.run_task("export-audit")
    fake_aws.run_workers()

    [line] = [line for lines in read_exports(fake_aws).values() for line in lines]
    assert line == {
        "id": row["id"],
        "createdAt": "2026-11-19T00:00:00Z",
        "actor": "actor-1",
        "apiKeyId": None,
        "action": "tests.deed",
        "target": "x",
        "outcome": "success",
        "clientIp": "203.0.113.9",
        "userAgent": "somebody's browser",
        "requestId": "request-of-tests",
    }


def test_a_day_of_many_rows_makes_many_objects(
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


def test_twice_writes_the_same_objects_once(
    fake_aws: FakeAws, audited_targets: list[str], at_export_time: None, small_objects: None
) -> None:
    fake_aws.run_task("export-audit")
    fake_aws.run_workers()
    before, count = read_exports(fake_aws), count_versions(fake_aws)

    fake_aws.run_task("export-audit")
    fake_aws.run_workers()

    assert read_exports(fake_aws) == before
    assert count_versions(fake_aws) == count


@pytest.mark.parametrize(("later", "made"), [(1, True), (2, True), (3, False)])
def test_a_day_is_made_up_in_the_two_nights_after_its_own(
    fake_aws: FakeAws, audited_targets: list[str], monkeypatch: pytest.MonkeyPatch, later: int, *, made: bool
) -> None:
    monkeypatch.setattr(clock, "now", lambda: EXPORT_TIME + timedelta(days=later))
    fake_aws.run_task("export-audit")
    fake_aws.run_workers()

    assert sorted(list_exported_targets(fake_aws)) == (sorted(audited_targets) if made else [])


def test_a_day_that_is_not_over_is_left_alone(
    fake_aws: FakeAws, audited_targets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Somebody may have begun a deed in its last moment, and be about to write it down.
    monkeypatch.setattr(clock, "now", lambda: DAY + timedelta(days=1, minutes=10))
    fake_aws.run_task("export-audit")
    fake_aws.run_workers()

    assert read_exports(fake_aws) == {}


def test_a_day_without_deeds_says_so(fake_aws: FakeAws, at_export_time: None) -> None:
    fake_aws.run_task("export-audit")
    fake_aws.run_workers()

    assert read_exports(fake_aws) == {f"2026/11/19/{shard}-0.jsonl": [] for shard in range(SHARDS)}


@pytest.mark.parametrize("mode", ["refused", "timeout", "crash"])
def test_a_part_that_was_cut_off_is_whole_in_the_end(
    fake_aws: FakeAws, small_objects: None, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        audit_log.write_entries_at(DAY, [f"{number}" for number in range(40)])
        mine = sorted(row["target"] for row in fake_aws.find_rows("audit", pk="DAY#2026-11-19#0"))
        message = ExportAudit(DAY.date(), 0).to_json()

        def check(again: dict[str, Any]) -> None:
            assert again == NO_FAILURES
            fake_aws.run_workers()
            assert sorted(list_exported_targets(fake_aws)) == mine
            assert count_versions(fake_aws) == len(read_exports(fake_aws)) == expected_object_count(len(mine))

        return FaultScenario(lambda: fake_aws.deliver_messages("maintenance", message), check)

    assert_survives_faults(monkeypatch, mode, prepare)


def test_an_object_is_of_eight_megabytes_at_the_most() -> None:
    assert audit_log.MAX_ENTRY_BYTES * export.ROWS_PER_OBJECT <= 8_000_000


@pytest.mark.parametrize(
    "shard", [{}, {"day": "2026-11-19"}, {"day": "2026-11-19", "shard": "x"}, {"day": "yesterday", "shard": 0}]
)
def test_message_without_a_shard_of_a_day_fails(fake_aws: FakeAws, shard: dict[str, Any]) -> None:
    message = json.dumps({"type": "export-audit", **shard})

    assert fake_aws.deliver_messages("maintenance", message)["batchItemFailures"]
    assert fake_aws.list_keys("exports") == []
