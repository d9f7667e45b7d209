"""The journal of each day, written away in the night after it: once, whole, and whatever goes wrong on the way."""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdall import clock
from holdall.audit.service import SHARDS
from holdall.maintenance import export
from tests.api import journal
from tests.api.cloud import WELL, Cloud
from tests.api.faults import Mode, Scene, survive

DAY = datetime(2026, 11, 19, tzinfo=UTC)
NIGHT = DAY + timedelta(days=1, hours=1)


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hour at which the schedule calls."""
    monkeypatch.setattr(clock, "now", lambda: NIGHT)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of three rows."""
    monkeypatch.setattr(export, "ROWS", 3)


def written(cloud: Cloud) -> dict[str, list[dict[str, Any]]]:
    """The objects of the day, and what each says."""
    keys = [key for key in cloud.keys("exports") if key.startswith("2026/11/19/")]
    objects = {key: cloud.s3.get_object(Bucket="exports", Key=key) for key in sorted(keys)}
    return {key: journal.lines(found["Body"].read().decode()) for key, found in objects.items()}


def versions(cloud: Cloud) -> int:
    return len(cloud.s3.list_object_versions(Bucket="exports").get("Versions", []))


def objects_for(rows: int) -> int:
    """How many objects of three rows there have to be. Chance spreads rows over the parts of a day, and may leave one empty."""
    return max(math.ceil(rows / 3), 1)


def told(cloud: Cloud) -> list[str]:
    return [line["target"] for lines in written(cloud).values() for line in lines]


@pytest.fixture
def deeds() -> list[str]:
    """What was done in the day, from its first moment to its last; the days around it are not empty either."""
    minutes = [f"{minute}" for minute in range(0, 24 * 60, 30)]
    for minute in minutes:
        journal.write_at(DAY + timedelta(minutes=int(minute)), [minute])
    last = DAY + timedelta(days=1) - timedelta(milliseconds=1)
    journal.write_at(last, ["last"])
    journal.write_at(DAY - timedelta(milliseconds=1), ["the day before"])
    journal.write_at(DAY + timedelta(days=1), ["the day after"])
    return [*minutes, "last"]


def test_a_day_is_written_away_in_parts(cloud: Cloud, deeds: list[str], night: None) -> None:
    cloud.run("export-audit")
    cloud.work()

    objects = written(cloud)
    assert list(objects) == [f"2026/11/19/{shard}-0.jsonl" for shard in range(SHARDS)]
    assert sorted(told(cloud)) == sorted(deeds)
    assert all(lines == sorted(lines, key=lambda line: line["id"]) for lines in objects.values())


def test_what_is_written_is_what_the_journal_says(cloud: Cloud, night: None) -> None:
    journal.write_at(DAY, ["x"])
    (row,) = cloud.rows("audit", target="x")
    cloud.run("export-audit")
    cloud.work()

    [line] = [line for lines in written(cloud).values() for line in lines]
    assert line == {
        "id": row["id"],
        "at": "2026-11-19T00:00:00Z",
        "actor": "somebody",
        "key": None,
        "action": "tests.deed",
        "target": "x",
        "outcome": "success",
        "address": "203.0.113.9",
        "agent": "somebody's browser",
        "requestId": "request-of-tests",
    }


def test_a_day_of_many_rows_makes_many_objects(cloud: Cloud, deeds: list[str], night: None, small: None) -> None:
    cloud.run("export-audit")
    cloud.work()

    objects = written(cloud)
    assert sorted(told(cloud)) == sorted(deeds)
    assert all(len(lines) <= 3 for lines in objects.values())
    for shard in range(SHARDS):
        of_shard = [lines for key, lines in objects.items() if key.startswith(f"2026/11/19/{shard}-")]
        assert len(of_shard) == objects_for(len(cloud.rows("audit", pk=f"DAY#2026-11-19#{shard}")))
        assert all(len(lines) == 3 for lines in of_shard[:-1])


def test_twice_writes_the_same_objects_once(cloud: Cloud, deeds: list[str], night: None, small: None) -> None:
    cloud.run("export-audit")
    cloud.work()
    before, count = written(cloud), versions(cloud)

    cloud.run("export-audit")
    cloud.work()

    assert written(cloud) == before
    assert versions(cloud) == count


@pytest.mark.parametrize(("later", "made"), [(1, True), (2, True), (3, False)])
def test_a_day_is_made_up_in_the_two_nights_after_its_own(
    cloud: Cloud, deeds: list[str], monkeypatch: pytest.MonkeyPatch, later: int, *, made: bool
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NIGHT + timedelta(days=later))
    cloud.run("export-audit")
    cloud.work()

    assert sorted(told(cloud)) == (sorted(deeds) if made else [])


def test_a_day_that_is_not_over_is_left_alone(cloud: Cloud, deeds: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # Somebody may have begun a deed in its last moment, and be about to write it down.
    monkeypatch.setattr(clock, "now", lambda: DAY + timedelta(days=1, minutes=10))
    cloud.run("export-audit")
    cloud.work()

    assert written(cloud) == {}


def test_a_day_without_deeds_says_so(cloud: Cloud, night: None) -> None:
    cloud.run("export-audit")
    cloud.work()

    assert written(cloud) == {f"2026/11/19/{shard}-0.jsonl": [] for shard in range(SHARDS)}


@pytest.mark.parametrize("mode", ["refused", "silent", "dead"])
def test_a_part_that_was_cut_off_is_whole_in_the_end(
    cloud: Cloud, small: None, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    def prepare() -> Scene:
        cloud.forget()
        journal.write_at(DAY, [f"{number}" for number in range(40)])
        mine = sorted(row["target"] for row in cloud.rows("audit", pk="DAY#2026-11-19#0"))
        message = json.dumps({"work": "export-audit", "id": "2026-11-19#0"})

        def check(again: dict[str, Any]) -> None:
            assert again == WELL
            cloud.work()
            assert sorted(told(cloud)) == mine
            assert versions(cloud) == len(written(cloud)) == objects_for(len(mine))

        return Scene(lambda: cloud.deliver("maintenance", message), check)

    survive(monkeypatch, mode, prepare)


def test_an_object_is_of_eight_megabytes_at_the_most() -> None:
    assert journal.WIDEST * export.ROWS <= 8_000_000


@pytest.mark.parametrize("subject", ["", "2026-11-19", "2026-11-19#x", "yesterday#0"])
def test_a_part_that_is_none_is_told_by_its_message(cloud: Cloud, subject: str) -> None:
    message = json.dumps({"work": "export-audit", "id": subject})

    assert cloud.deliver("maintenance", message)["batchItemFailures"]
    assert cloud.keys("exports") == []
