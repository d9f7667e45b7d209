"""The recount: every drift is reported exactly, and no change that happens meanwhile is taken for one."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import combinations_with_replacement
from typing import Any

import pytest

from holdall.files import service as files
from holdall.files import trash
from holdall.jobs.model import RunJob
from holdall.maintenance import model, recount, store
from holdall.maintenance.model import (
    INSTALLATION,
    MAX_LISTED,
    Drift,
    ProjectResult,
    RecountPage,
    RecountProject,
    Report,
)
from holdall.platform import clock, ids, messaging
from holdall.platform.messages import Message
from holdall.platform.table import BatchGet
from holdall.quotas.model import QuotaUsage
from holdall.tasks import service as tasks
from holdall.uploads import cleanup, completion
from holdall.uploads import service as uploads
from holdall.uploads import store as upload_store
from holdall.uploads.model import InitUploadRequest, Upload
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.faults import ProcessCrash, inject_faults
from tests.support.fixtures import OverrideSettings
from tests.support.iam import acting_as
from tests.support.log import CapturedLog
from tests.support.uploads import TEXT_FILE
from tests.support.world import World

MAX_MESSAGE_BYTES = 256 * 1024  # SQS API reference, SendMessage


def run_recount(fake_aws: FakeAws) -> Report:
    fake_aws.run_task("recount")
    fake_aws.run_workers()
    return get_report()


def get_report_or_none() -> Report | None:
    with BatchGet() as batch:
        pending = store.get_report(batch)
    return pending.value


def get_report() -> Report:
    report = get_report_or_none()
    assert report is not None
    return report


def iterate_messages(fake_aws: FakeAws) -> Iterator[dict[str, Any]]:
    """Start a recount, and yield each of its messages before it is delivered."""
    fake_aws.run_task("recount")
    while messages := fake_aws.receive_messages("work"):
        for message in messages:
            yield json.loads(message)
            assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES


def drift_by_scope(report: Report) -> dict[str, tuple[int, int]]:
    """Return the bytes and files that each counter lacks."""
    return {drift.scope: (drift.missing.bytes, drift.missing.files) for drift in report.drifts}


def skew_project(fake_aws: FakeAws, project_id: str, extra_bytes: int, extra_files: int) -> None:
    """Change the counters of a project, as a defect would."""
    _skew(fake_aws, f"QUOTA#{project_id}", extra_bytes, extra_files)


def skew_installation(fake_aws: FakeAws, extra_bytes: int, extra_files: int) -> None:
    """Change the counters of the installation, as a defect would."""
    row = fake_aws.find_rows("main", record_type="installation-quota")[0]
    _skew(fake_aws, row["pk"], extra_bytes, extra_files)


def _skew(fake_aws: FakeAws, pk: str, extra_bytes: int, extra_files: int) -> None:
    (row,) = fake_aws.find_rows("main", pk=pk, sk="QUOTA")
    fake_aws.update_row(pk, "QUOTA", bytes=int(row["bytes"]) + extra_bytes, files=int(row["files"]) + extra_files)


def get_upload(upload_id: str) -> Upload:
    upload = upload_store.get_or_none(upload_id)
    assert upload is not None
    return upload


def create_project(client: Client) -> str:
    return str(client.post("/projects", {"name": "x"}).created()["id"])


@dataclass
class ProjectActivity:
    """The changes that users and schedules make in a project. They go through services."""

    fake_aws: FakeAws
    client: Client
    project_id: str
    open_upload_ids: list[str] = field(default_factory=list)
    file_ids: list[str] = field(default_factory=list)
    upload_count: int = 0

    def init(self) -> None:
        self.upload_count += 1
        content = b"x" * self.upload_count
        request = InitUploadRequest.model_validate(make_upload_request(content, **TEXT_FILE))
        upload = uploads.init(make_caller(self.client), get_project(self.project_id), request).model_dump()
        self.open_upload_ids.append(upload["upload_id"])
        self.fake_aws.put_object(upload, content)

    def commit(self) -> None:
        if self.open_upload_ids:
            upload = get_upload(self.open_upload_ids.pop(0))
            file, _ = completion.complete(get_project(self.project_id), upload)
            self.file_ids.append(file.id)

    def expire(self) -> None:
        if self.open_upload_ids:
            upload = get_upload(self.open_upload_ids.pop())
            past = (upload.created_at - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
            self.fake_aws.update_row(f"UPLOAD#{upload.id}", "UPLOAD", expires_at=past)
            cleanup.end(upload.id)

    def purge(self) -> None:
        if self.file_ids:
            job = trash.purge(make_caller(self.client), self.file_ids.pop(0))
            assert self.fake_aws.deliver_messages("maintenance", RunJob(job.id).to_json()) == NO_FAILURES

    def abort(self) -> None:
        self.open_upload_ids.clear()
        while cleanup.abort_all(self.project_id):
            pass


@pytest.fixture
def activity(world: World, fake_aws: FakeAws, client: Client, frozen_clock: FrozenClock) -> ProjectActivity:
    """Return a project with a file from yesterday, one from a minute ago, and an open upload."""

    def create() -> ProjectActivity:
        activity = ProjectActivity(fake_aws, client, users.personal_project_id(client))
        activity.init()
        activity.commit()
        frozen_clock.advance(hours=20)
        activity.init()
        activity.commit()
        activity.init()
        frozen_clock.advance(minutes=1)
        return activity

    return world.step("activity", create)


Gap = Callable[[str, int], None]  # of the ID of a project and the number of the gap
OnGap = Callable[[Gap], None]


@pytest.fixture
def on_gap(monkeypatch: pytest.MonkeyPatch) -> OnGap:
    """Return a function that sets what happens in the gaps of a count.

    Gap 0 is before the list of uploads, 1 before the list of versions, and 2 before the usage is read again.
    """

    def set_action(gap_action: Gap) -> None:
        action = acting_as(None)(gap_action)
        list_uploads, list_versions, compare = uploads.list_open, files.list_project_versions, recount._compare

        def list_uploads_after(project_id: str, page: Any) -> Any:
            action(project_id, 0)
            return list_uploads(project_id, page)

        def list_versions_after(project_id: str, page: Any) -> Any:
            action(project_id, 1)
            return list_versions(project_id, page)

        def compare_after(message: RecountProject) -> None:
            action(message.project_id, 2)
            compare(message)

        monkeypatch.setattr(uploads, "list_open", list_uploads_after)
        monkeypatch.setattr(files, "list_project_versions", list_versions_after)
        monkeypatch.setattr(recount, "_compare", compare_after)

    return set_action


# Reports.


def test_correct_counters_make_an_empty_report(fake_aws: FakeAws, activity: ProjectActivity, log: CapturedLog) -> None:
    report = run_recount(fake_aws)

    assert (report.compared, report.skipped, report.drift_count, report.drifts) == (1, 0, 0, [])
    assert report.installation_compared
    assert report.ended_at is not None
    assert [line for line in log.lines if line["level"] == "ERROR"] == []


@pytest.mark.parametrize(("bytes_", "files_"), [(5, 0), (-5, 0), (0, 1), (0, -1), (7, -2)])
def test_drift_is_reported_exactly_and_not_corrected(
    fake_aws: FakeAws, activity: ProjectActivity, log: CapturedLog, bytes_: int, files_: int
) -> None:
    skew_project(fake_aws, activity.project_id, bytes_, files_)
    report = run_recount(fake_aws)

    usage = invariants.quota_usage(fake_aws, activity.project_id)
    assert report.drifts == [
        Drift(
            scope=activity.project_id,
            recorded=QuotaUsage(usage[0], usage[1], 3),
            counted=QuotaUsage(usage[0] - bytes_, usage[1] - files_),
        )
    ]
    (line,) = [line for line in log.lines if line["level"] == "ERROR"]
    assert (line["message"], line["scope"], line["counted"]["bytes"]) == (
        "quota.drift",
        activity.project_id,
        usage[0] - bytes_,
    )
    assert log.text.count('"QuotaDrift":[1.0]') == 1
    assert (usage[0] - bytes_, usage[1] - files_) == (6, 3)


def test_drift_is_in_the_report_of_the_task(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    skew_project(fake_aws, activity.project_id, 5, 0)
    fake_aws.run_task("recount", command="run", dryRun=False)
    fake_aws.run_workers()

    run = tasks.last_request("recount")
    assert run is not None
    assert (run.status, run.counts) == ("completed", {"compared": 1, "skipped": 0, "drift": 1})
    assert [(each.finding, each.subject, each.bytes) for each in run.examples] == [("drift", activity.project_id, -5)]


def test_drift_of_each_project_is_reported(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    others = [users.personal_project_id(users.create_client()) for _ in range(3)]
    skew_project(fake_aws, activity.project_id, 1, 0)
    skew_project(fake_aws, others[0], 0, 2)
    skew_project(fake_aws, others[2], -4, -1)

    assert drift_by_scope(run_recount(fake_aws)) == {
        activity.project_id: (-1, 0),
        others[0]: (0, -2),
        others[2]: (4, 1),
    }


def test_installation_is_compared_with_the_counts_of_its_projects(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    skew_installation(fake_aws, 10, -1)
    skew_project(fake_aws, activity.project_id, 3, 0)

    assert drift_by_scope(run_recount(fake_aws)) == {activity.project_id: (-3, 0), INSTALLATION: (-10, 1)}


def test_project_without_files_is_compared(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    other = users.personal_project_id(users.create_client())
    report = run_recount(fake_aws)

    assert (report.compared, report.drifts) == (2, [])
    skew_project(fake_aws, other, 1, 1)
    assert drift_by_scope(run_recount(fake_aws)) == {other: (-1, -1)}


def test_report_of_many_projects_fits_in_a_message() -> None:
    report = Report(run_id="0" * 26, started_at=clock.now())
    drift = Drift(
        scope="0" * 12,
        recorded=QuotaUsage(10**15, 10**9, 10**9),
        counted=QuotaUsage(10**15, 10**9 + 1),
    )
    for _ in range(2 * MAX_LISTED):
        report = report.with_result("0" * 12, ProjectResult(drift=drift))
        report = report.with_result("0" * 12, ProjectResult(skipped=True))

    assert (report.compared, report.skipped, report.drift_count) == (200, 200, 200)
    assert (len(report.drifts), len(report.skipped_projects)) == (MAX_LISTED, MAX_LISTED)
    assert len(RecountPage(report).to_json()) < MAX_MESSAGE_BYTES / 2


# Changes while originals are counted.

# When something happens to an original: before the run, in one of the three gaps of the first count, or never.
_BEFORE, _NEVER = -1, 3
_TIMES = range(_BEFORE, _NEVER + 1)
_TIMELINES = [
    *(dict(zip(("init", "commit", "purge"), times, strict=True)) for times in combinations_with_replacement(_TIMES, 3)),
    *(dict(zip(("init", "expire"), times, strict=True)) for times in combinations_with_replacement(_TIMES, 2)),
    *(dict(zip(("init", "abort"), times, strict=True)) for times in combinations_with_replacement(_TIMES, 2)),
]


@pytest.mark.parametrize("part", range(10))  # in parts, because moto copies whole tables for each transaction
def test_changes_during_a_count_are_never_reported_as_drift(
    fake_aws: FakeAws, client: Client, on_gap: OnGap, part: int
) -> None:
    timelines = {create_project(client): timeline for timeline in _TIMELINES[part::10]}
    activities = {project_id: ProjectActivity(fake_aws, client, project_id) for project_id in timelines}
    counts: dict[str, int] = {}

    def run_actions(project_id: str, time: int) -> None:
        for action, planned in timelines.get(project_id, {}).items():
            if planned == time:
                getattr(activities[project_id], action)()

    def run_actions_in_first_count(project_id: str, gap: int) -> None:
        counts[project_id] = counts.get(project_id, 0) + (gap == 0)
        if counts[project_id] == 1:
            run_actions(project_id, gap)

    for project_id in timelines:
        run_actions(project_id, _BEFORE)
    planted = {project_id: (-number, 1) for number, project_id in enumerate(list(timelines)[::3])}
    for project_id, (missing_bytes, missing_files) in planted.items():
        skew_project(fake_aws, project_id, -missing_bytes, -missing_files)
    on_gap(run_actions_in_first_count)
    report = run_recount(fake_aws)

    assert (report.compared, report.skipped) == (len(timelines) + 1, 0)
    assert drift_by_scope(report) == planted
    assert report.installation_compared
    for project_id, missing in planted.items():
        skew_project(fake_aws, project_id, *missing)
    for project_id in timelines:
        invariants.assert_project_consistent(fake_aws, project_id)


def test_purge_just_before_a_count_is_not_counted(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    activity.commit()
    for _ in range(3):
        activity.purge()

    report = run_recount(fake_aws)
    assert invariants.quota_usage(fake_aws, activity.project_id) == (0, 0)
    assert (report.drifts, report.compared) == ([], 1)


def test_file_that_is_being_purged_counts_until_its_versions_are_deleted(
    fake_aws: FakeAws, activity: ProjectActivity
) -> None:
    trash.purge(make_caller(activity.client), activity.file_ids[0])
    assert len(fake_aws.receive_messages("work")) == 1  # the message is lost for now
    client = users.sign_in(activity.client.user["email"])
    assert client.delete(f"/files/{activity.file_ids[1]}").status == 200  # a file in the trash counts too

    report = run_recount(fake_aws)
    assert invariants.quota_usage(fake_aws, activity.project_id) == (6, 3)
    assert (report.drifts, report.compared) == ([], 1)


def test_original_that_versions_share_counts_once(fake_aws: FakeAws, client: Client) -> None:
    project_id = users.personal_project_id(client)
    first = fake_aws.upload(client, b"first", **TEXT_FILE)
    fake_aws.upload(client, b"the second", fileId=first["fileId"], **TEXT_FILE)
    client.post(f"/files/{first['fileId']}/versions/1/restore").created()
    assert run_recount(fake_aws).drifts == []

    client.delete(f"/files/{first['fileId']}/versions/1").data()  # the restored version owns the original from here
    fake_aws.run_workers()
    assert run_recount(fake_aws).drifts == []
    assert invariants.quota_usage(fake_aws, project_id) == (15, 2)


def test_project_that_changes_during_each_count_is_skipped(
    fake_aws: FakeAws, activity: ProjectActivity, on_gap: OnGap
) -> None:
    skew_project(fake_aws, activity.project_id, 9, 1)
    quiet = users.personal_project_id(users.create_client())

    def init(project_id: str, gap: int) -> None:
        if project_id == activity.project_id and gap == 1:
            activity.init()

    on_gap(init)
    report = run_recount(fake_aws)

    assert (report.compared, report.skipped, report.skipped_projects) == (1, 1, [activity.project_id])
    assert report.drifts == []
    assert not report.installation_compared
    assert quiet not in report.skipped_projects


def test_list_that_lags_once_is_not_reported(
    fake_aws: FakeAws, activity: ProjectActivity, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_versions, calls = files.list_project_versions, []

    def lag_once(project_id: str, page: Any) -> Any:
        calls.append(project_id)
        found = list_versions(project_id, page)
        return found if len(calls) > 1 else type(found)(found.items[1:], next=found.next)

    monkeypatch.setattr(files, "list_project_versions", lag_once)
    report = run_recount(fake_aws)

    assert (report.compared, report.drifts, len(calls)) == (1, [], 2)


def test_drift_that_two_counts_find_differently_is_not_reported(
    fake_aws: FakeAws, activity: ProjectActivity, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_versions, calls = files.list_project_versions, []

    def lag(project_id: str, page: Any) -> Any:
        calls.append(project_id)
        found = list_versions(project_id, page)
        return type(found)(found.items[len(calls) % 2 + 1 :], next=found.next)

    monkeypatch.setattr(files, "list_project_versions", lag)
    report = run_recount(fake_aws)

    assert (report.drifts, report.skipped_projects) == ([], [activity.project_id])


def test_project_created_during_a_recount_is_compared(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    created = False
    for message in iterate_messages(fake_aws):
        if message["type"] == "recount-project" and not created:
            users.create_client()
            created = True

    report = get_report()
    assert created
    assert (report.compared, report.skipped, report.drifts) == (2, 0, [])


def test_project_purged_during_a_recount_is_left_out(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    client, purged = users.sign_in(activity.client.user["email"]), False
    project_id = create_project(client)
    for message in iterate_messages(fake_aws):
        if message["type"] == "recount-project" and not purged:
            purged = True
            client.delete(f"/projects/{project_id}?permanent=true").data()

    report = get_report()
    assert purged
    assert fake_aws.find_rows("main", pk=f"QUOTA#{project_id}") == []
    assert (report.compared, report.skipped, report.drifts) == (1, 0, [])


def test_installation_that_changes_once_is_compared_again(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    changed = False
    for message in iterate_messages(fake_aws):
        if message["type"] == "recount-page" and message["attempt"] == 2 and message["shard"] == 8 and not changed:
            activity.init()
            changed = True

    report = get_report()
    assert changed
    assert report.installation_compared
    assert report.drifts == []


def test_installation_that_changes_all_the_time_is_not_compared(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    skew_installation(fake_aws, 10, -1)
    for message in iterate_messages(fake_aws):
        if message["type"] == "recount-page" and message["attempt"] > 1 and message["shard"] == 8:
            activity.init()

    report = get_report()
    assert (report.compared, report.drifts) == (1, [])
    assert not report.installation_compared


def test_second_count_and_second_page_are_delayed(
    fake_aws: FakeAws, activity: ProjectActivity, monkeypatch: pytest.MonkeyPatch
) -> None:
    skew_project(fake_aws, activity.project_id, 9, 1)
    delays: list[tuple[str, int]] = []
    send = messaging.send

    def send_and_record(message: Message, *, delay_seconds: int = 0) -> None:
        if delay_seconds:
            delays.append((type(message).__name__, delay_seconds))
        send(message)

    monkeypatch.setattr(messaging, "send", send_and_record)
    run_recount(fake_aws)

    assert ("RecountProject", 60) in delays
    assert ("RecountPage", 90) in delays


# Batches.


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count one original in each message, and list one project on each page."""
    monkeypatch.setattr(recount, "_BATCH_SIZE", 1)
    monkeypatch.setattr(recount, "_PAGE_SIZE", 1)


def test_project_is_counted_in_many_messages(fake_aws: FakeAws, activity: ProjectActivity, small_batches: None) -> None:
    for _ in range(3):
        activity.init()
        activity.commit()
        activity.init()
    other = users.create_client()
    fake_aws.upload(other, b"12345", **TEXT_FILE)
    skew_project(fake_aws, users.personal_project_id(other), 2, 0)
    skew_project(fake_aws, activity.project_id, 1, 1)
    counted = [message["project_id"] for message in iterate_messages(fake_aws) if message["type"] == "recount-project"]

    report = get_report()
    assert counted.count(activity.project_id) > 9
    assert drift_by_scope(report) == {activity.project_id: (-1, -1), users.personal_project_id(other): (-2, 0)}
    assert (report.compared, report.skipped) == (2, 0)


@pytest.mark.parametrize("is_oldest_first", [True, False])
def test_uploads_that_are_committed_between_batches_count_once(
    fake_aws: FakeAws, activity: ProjectActivity, small_batches: None, *, is_oldest_first: bool
) -> None:
    for _ in range(5):
        activity.init()
    if not is_oldest_first:
        activity.open_upload_ids.reverse()
    committed = 0
    for message in iterate_messages(fake_aws):
        if message["type"] == "recount-project" and activity.open_upload_ids:
            activity.commit()
            committed += 1

    report = get_report()
    assert committed == 6
    assert (report.drifts, report.compared, report.skipped) == ([], 1, 0)


def test_projects_of_one_shard_are_listed_on_many_pages(fake_aws: FakeAws, client: Client, small_batches: None) -> None:
    project_ids = [create_project(client)]
    while len({ids.shard(project_id) for project_id in project_ids}) == len(project_ids):
        project_ids.append(create_project(client))
    skew_project(fake_aws, project_ids[-1], 1, 1)
    report = run_recount(fake_aws)

    assert (report.compared, report.skipped) == (len(project_ids) + 1, 0)
    assert drift_by_scope(report) == {project_ids[-1]: (-1, -1)}
    assert report.installation_compared


# Messages that are lost, or come twice or late.


def test_duplicate_messages_count_once(fake_aws: FakeAws, activity: ProjectActivity, small_batches: None) -> None:
    skew_project(fake_aws, activity.project_id, 9, 1)
    fake_aws.run_task("recount")
    first_page = fake_aws.receive_messages("work")
    seen: list[str] = []
    pending = [*first_page, *first_page]
    while pending:
        for message in (*pending, *seen[-3:]):
            assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
        seen += pending
        pending = list(dict.fromkeys(fake_aws.receive_messages("work")))  # otherwise their number doubles each time

    report = get_report()
    assert drift_by_scope(report) == {activity.project_id: (-9, -1)}
    assert report.compared == 1


def test_late_messages_do_not_replace_the_report(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    skew_installation(fake_aws, 10, -1)
    messages = [json.dumps(message) for message in iterate_messages(fake_aws)]
    fake_aws.run_task("recount-repair")
    usage, report = invariants.installation_usage(fake_aws), get_report()
    for message in messages:
        assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    fake_aws.run_workers()
    fake_aws.run_task("recount-repair")

    assert get_report() == report
    assert invariants.installation_usage(fake_aws) == usage


def test_failed_message_continues_the_recount_when_it_comes_back(
    fake_aws: FakeAws, activity: ProjectActivity, monkeypatch: pytest.MonkeyPatch
) -> None:
    skew_project(fake_aws, activity.project_id, 9, 1)
    fake_aws.run_task("recount")
    failures = 0
    while messages := fake_aws.receive_messages("work"):
        for message in messages:
            with inject_faults(monkeypatch, failures % 3, "crash"), suppress(ProcessCrash):
                fake_aws.deliver_messages("maintenance", message)
                failures += 1
            assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
        if get_report_or_none() is not None:
            break

    assert drift_by_scope(get_report()) == {activity.project_id: (-9, -1)}


def test_lost_message_of_a_project_is_sent_again(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    skew_project(fake_aws, activity.project_id, 9, 1)
    fake_aws.run_task("recount")
    lost = 0
    while messages := fake_aws.receive_messages("work"):
        for message in messages:
            if json.loads(message)["type"] == "recount-project" and lost < 2:
                lost += 1
                continue
            assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES

    assert lost == 2
    assert drift_by_scope(get_report()) == {activity.project_id: (-9, -1)}


def test_recount_that_takes_too_long_ends(
    fake_aws: FakeAws, activity: ProjectActivity, frozen_clock: FrozenClock, log: CapturedLog
) -> None:
    fake_aws.run_task("recount")
    pages = 0
    while messages := fake_aws.receive_messages("work"):
        for message in messages:
            if json.loads(message)["type"] == "recount-page":  # the messages of projects are lost
                pages += 1
                frozen_clock.advance(minutes=5)
                assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES

    assert 12 * 12 <= pages < 12 * 12 + ids.SHARDS
    assert get_report_or_none() is None
    assert [line["missing"] for line in log.lines if line["message"] == "recount.timed_out"] == [1]


def test_report_of_a_later_recount_is_not_replaced(
    fake_aws: FakeAws, activity: ProjectActivity, frozen_clock: FrozenClock
) -> None:
    fake_aws.run_task("recount")
    (earlier,) = fake_aws.receive_messages("work")
    frozen_clock.advance(seconds=1)
    report = run_recount(fake_aws)
    assert fake_aws.deliver_messages("maintenance", earlier) == NO_FAILURES
    fake_aws.run_workers()

    assert get_report() == report


# The correction by an operator.


def test_drift_is_corrected_once(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    usage = invariants.quota_usage(fake_aws, activity.project_id)
    skew_project(fake_aws, activity.project_id, 9, 1)
    skew_installation(fake_aws, -5, 2)
    run_recount(fake_aws)
    for _ in range(2):
        fake_aws.run_task("recount-repair")

    assert invariants.quota_usage(fake_aws, activity.project_id) == usage
    invariants.assert_project_consistent(fake_aws, activity.project_id)
    assert run_recount(fake_aws).drifts == []


def test_project_that_changed_since_its_count_is_not_corrected_but_the_installation_is(
    fake_aws: FakeAws, activity: ProjectActivity
) -> None:
    skew_project(fake_aws, activity.project_id, 9, 1)
    skew_installation(fake_aws, -5, 2)
    run_recount(fake_aws)
    activity.init()
    usage = invariants.quota_usage(fake_aws, activity.project_id)
    fake_aws.run_task("recount-repair")

    assert invariants.quota_usage(fake_aws, activity.project_id) == usage
    assert drift_by_scope(run_recount(fake_aws)) == {activity.project_id: (-9, -1)}
    fake_aws.run_task("recount-repair")
    invariants.assert_project_consistent(fake_aws, activity.project_id)


def test_corrected_usage_counts_in_the_limit_of_the_installation(
    fake_aws: FakeAws,
    activity: ProjectActivity,
    stranger: Client,
    frozen_clock: FrozenClock,
    override_settings: OverrideSettings,
) -> None:
    override_settings(MAX_BYTES="1600")
    body = make_upload_request(b"", **{**TEXT_FILE, "sha256": None})
    stranger.post("/files/init-upload", {**body, "size": 1500}).created()
    usage = invariants.installation_usage(fake_aws)
    skew_installation(fake_aws, -usage[0], 0)
    run_recount(fake_aws)
    fake_aws.run_task("recount-repair")
    assert invariants.installation_usage(fake_aws) == (1506, 4)

    frozen_clock.advance(seconds=10)
    assert stranger.post("/files/init-upload", {**body, "size": 95}).status == 409
    stranger.post("/files/init-upload", {**body, "size": 94}).created()
    invariants.assert_project_consistent(fake_aws, activity.project_id)


def test_installation_is_corrected_however_many_projects_have_drift(
    fake_aws: FakeAws, activity: ProjectActivity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "MAX_LISTED", 2)
    usage = invariants.installation_usage(fake_aws)
    project_ids = [activity.project_id, *(users.personal_project_id(users.create_client()) for _ in range(2))]
    for project_id in project_ids:
        skew_project(fake_aws, project_id, 1, 1)
    skew_installation(fake_aws, 10, -1)
    report = run_recount(fake_aws)

    assert (report.drift_count, len(report.drifts)) == (4, 2)
    assert report.drifts[0].scope == INSTALLATION
    fake_aws.run_task("recount-repair")
    assert invariants.installation_usage(fake_aws) == usage


@pytest.mark.parametrize("hours", [None, 25])
def test_nothing_is_corrected_without_a_recent_report(
    fake_aws: FakeAws, activity: ProjectActivity, frozen_clock: FrozenClock, hours: int | None
) -> None:
    skew_project(fake_aws, activity.project_id, 9, 1)
    usage = invariants.quota_usage(fake_aws, activity.project_id)
    if hours:
        run_recount(fake_aws)
        frozen_clock.advance(hours=hours)
    fake_aws.run_task("recount-repair")

    assert invariants.quota_usage(fake_aws, activity.project_id) == usage
