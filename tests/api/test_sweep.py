"""The sweep of originals and multipart uploads: only what no record names in two runs is removed."""

from collections.abc import Callable
from typing import Any

import pytest

from holdall.platform import stored_objects
from holdall.tasks import store
from holdall.tasks.model import TaskRun
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import FaultMode, FaultScenario, assert_survives_faults
from tests.support.sweep import ULID, dry_run, put_original, rows_without_reports, run_sweep, subjects, use_clock_in_s3
from tests.support.uploads import TEXT_FILE, init_upload


@pytest.fixture(autouse=True)
def _clock_of_s3(monkeypatch: pytest.MonkeyPatch, frozen_clock: FrozenClock) -> None:
    use_clock_in_s3(monkeypatch, frozen_clock)


def orphan_key(client: Client, name: str = ULID) -> str:
    return f"orphans-{users.personal_project_id(client)}/files/{name}.txt"


def test_orphan_is_removed_when_a_second_run_sees_it(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    kept = fake_aws.upload(client, b"kept", **TEXT_FILE)
    key = orphan_key(client)
    put_original(fake_aws, key)
    frozen_clock.advance(days=2)
    first = run_sweep(fake_aws)
    assert fake_aws.list_version_ids(key) != []
    frozen_clock.advance(days=7)
    second = run_sweep(fake_aws)

    assert (first.counts["suspected"], subjects(first, "suspected")) == (1, [key])
    assert (second.counts["removed"], second.counts["removedBytes"], subjects(second, "removed")) == (1, 6, [key])
    assert fake_aws.list_version_ids(key) == []
    assert users.sign_in(client.user["email"]).get(f"/files/{kept['fileId']}/download").status == 302
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_object_of_the_last_24_hours_is_not_looked_at(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    frozen_clock.advance(days=7)
    key = orphan_key(client)
    put_original(fake_aws, key)
    frozen_clock.advance(hours=23, minutes=59)
    assert "suspected" not in run_sweep(fake_aws).counts
    frozen_clock.advance(minutes=2)
    assert run_sweep(fake_aws).counts["suspected"] == 1


def test_two_runs_at_once_are_one_look(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    """An operator starts the sweep while that of the schedule is on its way."""
    key = orphan_key(client)
    put_original(fake_aws, key)
    frozen_clock.advance(days=2)
    fake_aws.run_task("sweep")
    fake_aws.run_task("sweep", command="run", dryRun=False)
    fake_aws.run_workers()
    frozen_clock.advance(minutes=59)
    run_sweep(fake_aws)
    assert fake_aws.list_version_ids(key) != []
    frozen_clock.advance(minutes=1)
    fake_aws.run_task("sweep")
    fake_aws.run_task("sweep", command="run", dryRun=False)
    fake_aws.run_workers()

    assert fake_aws.list_version_ids(key) == []


def tasks_report() -> TaskRun:
    """Return the last report of the schedule."""
    run = store.get_or_none("sweep", "schedule")
    assert run is not None
    return run


@pytest.mark.parametrize(
    "key", ["notes.txt", "orphans/files/a.txt", f"x-0123456789ab/other/{ULID}.txt", f"x-0123456789ab/files/{ULID}"]
)
def test_object_that_is_not_ours_is_counted_and_stays(fake_aws: FakeAws, frozen_clock: FrozenClock, key: str) -> None:
    put_original(fake_aws, key)
    for _ in range(3):
        frozen_clock.advance(days=7)
        counts = run_sweep(fake_aws).counts
        assert (counts["foreign"], counts["listed"]) == (1, 1)

    assert fake_aws.list_version_ids(key) != []


def _open(client: Client, fake_aws: FakeAws) -> dict[str, Any]:
    upload = init_upload(client)
    fake_aws.put_object(upload, b"content")
    return upload


def _committed(client: Client, fake_aws: FakeAws) -> dict[str, Any]:
    upload = _open(client, fake_aws)
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    return upload


def _trashed(client: Client, fake_aws: FakeAws) -> dict[str, Any]:
    upload = _committed(client, fake_aws)
    client.delete(f"/files/{upload['fileId']}").data()
    return upload


def _old_version(client: Client, fake_aws: FakeAws) -> dict[str, Any]:
    upload = _committed(client, fake_aws)
    fake_aws.upload(client, b"newer", fileId=upload["fileId"], **TEXT_FILE)
    return upload


def _deleted_version_whose_job_is_late(client: Client, fake_aws: FakeAws) -> dict[str, Any]:
    upload = _old_version(client, fake_aws)
    assert client.delete(f"/files/{upload['fileId']}/versions/1").status == 202
    fake_aws.receive_messages("work")
    return upload


def _shared_by_a_restored_version(client: Client, fake_aws: FakeAws) -> dict[str, Any]:
    """Return the upload of a version that is purged, whose original the third version has."""
    upload = _old_version(client, fake_aws)
    client.post(f"/files/{upload['fileId']}/versions/1/restore").created()
    assert client.delete(f"/files/{upload['fileId']}/versions/1").status == 202
    fake_aws.run_workers()
    return upload


@pytest.mark.parametrize(
    "create",
    [
        _open,
        _committed,
        _trashed,
        _old_version,
        _deleted_version_whose_job_is_late,
        _shared_by_a_restored_version,
    ],
)
def test_object_that_a_record_names_is_never_suspected(
    client: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    create: Callable[[Client, FakeAws], dict[str, Any]],
) -> None:
    upload = create(client, fake_aws)
    before = fake_aws.list_version_ids(upload["key"])
    assert before != []
    for _ in range(3):
        frozen_clock.advance(days=7)
        assert "suspected" not in run_sweep(fake_aws).counts

    assert fake_aws.list_version_ids(upload["key"]) == before


def test_second_object_of_a_key_is_removed_by_its_version_id(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    upload = _committed(client, fake_aws)
    (pinned,) = fake_aws.list_version_ids(upload["key"])
    put_original(fake_aws, upload["key"])
    fake_aws.s3.delete_object(Bucket="originals", Key=upload["key"])  # a delete marker
    frozen_clock.advance(days=2)
    run_sweep(fake_aws)
    frozen_clock.advance(days=2)
    report = run_sweep(fake_aws)

    assert report.counts["removed"] == 2
    assert fake_aws.list_version_ids(upload["key"]) == [pinned]


def test_original_whose_upload_row_was_lost_stays(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    """An operator who copies rows back from a backup may forget some."""
    upload = _committed(client, fake_aws)
    row_key = {"pk": f"UPLOAD#{upload['uploadId']}", "sk": "UPLOAD"}
    fake_aws.dynamodb.Table("main").delete_item(Key=row_key)
    for _ in range(2):
        frozen_clock.advance(days=2)
        run_sweep(fake_aws)

    assert len(fake_aws.list_version_ids(upload["key"])) == 1


def test_upload_that_is_committed_between_the_runs_stays(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    """The last look at the records comes after the mark. Here the first one is wrong."""
    upload = _committed(client, fake_aws)
    version_id = fake_aws.list_version_ids(upload["key"])[0]
    frozen_clock.advance(days=2)
    fake_aws.dynamodb.Table("ephemeral").put_item(
        Item={
            "pk": f"ORPHAN#{upload['key']}",
            "sk": version_id,
            "record_type": "orphan",
            "run_id": ULID,
            "seen_at": "2020-01-01T00:00:00.000000+0000",
            "ttl": 2_000_000_000,
        }
    )
    run_sweep(fake_aws)

    assert fake_aws.list_version_ids(upload["key"]) == [version_id]


def test_multipart_upload_without_an_open_upload_is_aborted_by_the_second_run(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    """Moto tells the same time of all multipart uploads, years ago."""
    kept = init_upload(client, multipart=True)
    key = orphan_key(client)
    for orphan in (key, kept["key"]):  # the second one has another ID than the upload
        fake_aws.s3.create_multipart_upload(Bucket="originals", Key=orphan)
    first = run_sweep(fake_aws)
    frozen_clock.advance(hours=1)
    second = run_sweep(fake_aws)

    assert (first.counts["suspected"], second.counts["removed"]) == (2, 2)
    assert fake_aws.list_multipart_uploads() == [kept["key"]]


def test_dry_run_changes_nothing_and_says_what_a_run_would_do(
    client: Client, superuser: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    seen, new = orphan_key(client), orphan_key(client, "1" * 26)
    put_original(fake_aws, seen)
    frozen_clock.advance(days=2)
    run_sweep(fake_aws)
    put_original(fake_aws, new)
    frozen_clock.advance(days=2)
    before = rows_without_reports(fake_aws)
    report = dry_run(fake_aws)

    assert (subjects(report, "removable"), subjects(report, "suspected")) == ([seen], [new])
    assert rows_without_reports(fake_aws) == before
    assert len(fake_aws.list_version_ids(seen)) == len(fake_aws.list_version_ids(new)) == 1
    superuser = users.sign_in(superuser.user["email"])
    shown = next(task for task in superuser.get("/admin/tasks").data() if task["name"] == "sweep")["lastRequest"]
    assert (shown["dryRun"], shown["counts"]["removable"]) == (True, 1)
    assert {"finding": "removable", "subject": seen, "bytes": 6} in shown["examples"]


def test_large_bucket_is_read_page_by_page(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_objects, "_PAGE_SIZE", 2)
    for number in range(3):
        put_original(fake_aws, orphan_key(client, f"{number}" * 26))
    put_original(fake_aws, orphan_key(client, "2" * 26), b"second version")
    fake_aws.upload(client, b"kept", **TEXT_FILE)
    frozen_clock.advance(days=2)
    run_sweep(fake_aws)
    frozen_clock.advance(days=2)
    report = run_sweep(fake_aws)

    assert (report.counts["listed"], report.counts["removed"]) == (5, 4)
    assert report.steps > 6
    assert len(fake_aws.list_keys("originals")) == 1


def test_page_that_is_delivered_twice_goes_on_once(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_objects, "_PAGE_SIZE", 2)
    for number in range(5):
        put_original(fake_aws, orphan_key(client, f"{number}" * 26))
    frozen_clock.advance(days=2)
    fake_aws.run_task("sweep")
    processed = 0
    while messages := fake_aws.receive_messages("work"):
        for message in (*messages, *messages):
            assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
            processed += 1
            assert processed < 100

    report = tasks_report()
    assert (report.counts["listed"], report.counts["suspected"], report.status) == (5, 5, "completed")


def test_interrupted_page_is_repeated(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = orphan_key(client)
    put_original(fake_aws, key)
    frozen_clock.advance(days=2)
    run_sweep(fake_aws)
    frozen_clock.advance(days=2)
    fake_aws.run_task("sweep")
    (message,) = fake_aws.receive_messages("work")
    with monkeypatch.context() as patch:
        patch.setattr("holdall.platform.messaging.send", lambda *_: 1 / 0)
        assert fake_aws.deliver_messages("maintenance", message)["batchItemFailures"]
    assert fake_aws.list_version_ids(key) == []
    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    fake_aws.run_workers()

    assert tasks_report().status == "completed"


def test_message_of_an_earlier_run_ends_when_a_later_one_began(fake_aws: FakeAws) -> None:
    fake_aws.run_task("sweep")
    (earlier,) = fake_aws.receive_messages("work")
    fake_aws.run_task("sweep")
    fake_aws.run_workers()

    assert fake_aws.deliver_messages("maintenance", earlier) == NO_FAILURES
    assert fake_aws.receive_messages("work") == []


def test_run_that_takes_days_ends(fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    fake_aws.run_task("sweep")
    (message,) = fake_aws.receive_messages("work")
    frozen_clock.advance(days=2)
    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES

    assert fake_aws.receive_messages("work") == []
    report = tasks_report()
    assert (report.status, report.counts["unfinished"]) == ("completed", 1)


@pytest.mark.parametrize("mode", ["refused", "timeout", "crash"])
def test_page_survives_faults(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    seen, new = orphan_key(client), orphan_key(client, "1" * 26)

    def prepare() -> FaultScenario:
        kept = _committed(client, fake_aws)
        put_original(fake_aws, seen)
        frozen_clock.advance(days=2)
        run_sweep(fake_aws)
        put_original(fake_aws, new)
        frozen_clock.advance(days=2)
        fake_aws.run_task("sweep")
        (message,) = fake_aws.receive_messages("work")

        def check(again: Any) -> None:
            assert again == NO_FAILURES
            fake_aws.run_workers()
            assert tasks_report().status == "completed"
            assert fake_aws.list_version_ids(seen) == []
            assert len(fake_aws.list_version_ids(new)) == len(fake_aws.list_version_ids(kept["key"])) == 1
            assert len(fake_aws.find_rows("ephemeral", record_type="orphan")) == 2

        return FaultScenario(lambda: fake_aws.deliver_messages("maintenance", message), check)

    assert_survives_faults(monkeypatch, mode, prepare)
