"""The nightly recount: what counters do not say is told exactly, and what happens meanwhile is never taken for it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations_with_replacement
from typing import Any

import pytest

from holdall.files import service as client_with_files
from holdall.maintenance import recount, store
from holdall.maintenance.model import INSTALLATION, Drift, RecountStep, Report
from holdall.platform import ids, messaging
from holdall.platform.messages import Message
from holdall.uploads import cleanup
from holdall.uploads import service as uploads
from holdall.uploads import store as uploads_store
from holdall.uploads.model import InitUploadRequest
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.fixtures import OverrideSettings
from tests.support.log import CapturedLog

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}
_STEP_COUNT = 4  # of a run over little: before, versions, uploads, compare


def run_recount(fake_aws: FakeAws) -> Report:
    """A whole recount."""
    fake_aws.run_task("recount")
    fake_aws.run_workers()
    return get_report()


def get_report() -> Report:
    found = store.get_report_or_none()
    assert found is not None
    return found


def iterate_steps(fake_aws: FakeAws) -> Iterator[int]:
    """The messages of a recount, one by one: before each there is time for something else."""
    fake_aws.run_task("recount")
    number = 0
    while messages := [each for each in fake_aws.receive_messages("work") if json.loads(each)["type"] == "recount-step"]:
        yield number
        for message in messages:
            assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
        number += 1


def drifts_by_subject(report: Report) -> dict[str, tuple[int, int]]:
    """Bytes and files that were counted and are not held."""
    return {
        each.scope: (each.counted_bytes - each.recorded_bytes, each.counted_files - each.recorded_files)
        for each in report.drifts
    }


def skew_project_counters(fake_aws: FakeAws, project_id: str, extra_bytes: int, extra_files: int) -> None:
    """Change what a project's counters say, as a defect would."""
    _add_to_counters(fake_aws, f"PROJECT#{project_id}", extra_bytes, extra_files)


def skew_installation_counters(fake_aws: FakeAws, extra_bytes: int, extra_files: int, *, shard: int = 0) -> None:
    _add_to_counters(fake_aws, f"INSTALLATION#QUOTA#{shard}", extra_bytes, extra_files)


def _add_to_counters(fake_aws: FakeAws, key: str, extra_bytes: int, extra_files: int) -> None:
    (row,) = fake_aws.find_rows("main", pk=key, sk="QUOTA")
    fake_aws.update_row(
        key, "QUOTA", bytes=int(row["bytes"]) + extra_bytes, client_with_files=int(row["files"]) + extra_files
    )


class ProjectActivity:
    """What people and schedules do with a project, each at once and by services."""

    def __init__(self, fake_aws: FakeAws, client: Client, project_id: str = "") -> None:
        self.cloud, self.client = fake_aws, client
        self.project = project_id or users.personal_project_id(client)
        self.begun: list[dict[str, Any]] = []
        self.made: list[str] = []
        self._number = 0

    def init(self) -> None:
        self._number += 1
        said = make_upload_request(b"x" * self._number, **TEXT_FILE)
        self.begun.append(_init_upload(self.client, self.project, said))
        self.cloud.put_object(self.begun[-1], b"x" * self._number)

    def commit(self) -> None:
        if self.begun:
            upload = get_upload(self.begun.pop(0)["upload_id"])
            file, _ = uploads.complete(get_project(self.project), upload)
            self.made.append(file.id)

    def expire(self) -> None:
        if self.begun:
            upload_id = self.begun.pop()["upload_id"]
            upload = get_upload(upload_id)
            past = upload.created_at - timedelta(days=1)
            self.cloud.update_row(
                f"UPLOAD#{upload_id}", "UPLOAD", expires_at=past.strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
            )
            cleanup.expire(upload_id)

    def purge(self) -> None:
        if self.made:
            client_with_files.purge(make_caller(self.client), self.made.pop(0))
            # Its job waits in the queue beside the messages of the recount, so it is done here.
            (job,) = [each for each in self.cloud.receive_messages("work") if json.loads(each)["type"] == "run-job"]
            assert self.cloud.deliver_messages("maintenance", job) == NO_FAILURES

    def abort(self) -> None:
        self.begun.clear()
        while cleanup.abort_all(self.project):
            pass


def get_upload(upload_id: str) -> Any:
    found = uploads_store.get_or_none(upload_id)
    assert found is not None
    return found


def _init_upload(client: Client, project_id: str, payload: dict[str, Any]) -> dict[str, Any]:
    begun = uploads.init(make_caller(client), get_project(project_id), InitUploadRequest.model_validate(payload))
    return begun.model_dump()


@pytest.fixture
def activity(fake_aws: FakeAws, client: Client, frozen_clock: FrozenClock) -> ProjectActivity:
    """Somebody with a file from yesterday, one from a minute ago, and an upload in flight."""
    made = ProjectActivity(fake_aws, client)
    made.init()
    made.commit()
    frozen_clock.advance(hours=20)
    made.init()
    made.commit()
    made.init()
    frozen_clock.advance(minutes=1)
    return made


def test_books_that_agree_make_an_empty_report(
    fake_aws: FakeAws, activity: ProjectActivity, frozen_clock: FrozenClock, log: CapturedLog
) -> None:
    report = run_recount(fake_aws)

    assert (report.compared, report.skipped, report.drift_count, report.drifts) == (1, 0, 0, [])
    assert report.installation_compared
    assert report.ended_at is not None
    assert [line for line in log.lines if line["level"] == "ERROR"] == []


@pytest.mark.parametrize(("bytes_", "files_"), [(5, 0), (-5, 0), (0, 1), (0, -1), (7, -2)])
def test_a_counter_that_is_wrong_is_told_exactly(
    fake_aws: FakeAws,
    activity: ProjectActivity,
    log: CapturedLog,
    capsys: pytest.CaptureFixture[str],
    bytes_: int,
    files_: int,
) -> None:
    skew_project_counters(fake_aws, activity.project, bytes_, files_)
    report = run_recount(fake_aws)

    held = invariants.quota_usage(fake_aws, activity.project)
    assert report.drifts == [
        Drift(
            scope=activity.project,
            recorded_bytes=held[0],
            recorded_files=held[1],
            counted_bytes=held[0] - bytes_,
            counted_files=held[1] - files_,
            version=3,
        )
    ]
    (line,) = [line for line in log.lines if line["level"] == "ERROR"]
    assert (line["message"], line["of"], line["counted_bytes"]) == ("quota.drift", activity.project, held[0] - bytes_)
    assert log.text.count('"QuotaDrift":[1.0]') == 1
    assert invariants.quota_usage(fake_aws, activity.project) == held


def test_each_of_several_projects_is_told(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    others = [users.personal_project_id(users.create_client()) for _ in range(3)]
    skew_project_counters(fake_aws, activity.project, 1, 0)
    skew_project_counters(fake_aws, others[0], 0, 2)
    skew_project_counters(fake_aws, others[2], -4, -1)

    assert drifts_by_subject(run_recount(fake_aws)) == {
        activity.project: (-1, 0),
        others[0]: (0, -2),
        others[2]: (4, 1),
    }


def test_the_installation_is_judged_by_what_is_there(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    skew_installation_counters(fake_aws, 10, -1)
    skew_project_counters(fake_aws, activity.project, 3, 0)

    assert drifts_by_subject(run_recount(fake_aws)) == {activity.project: (-3, 0), INSTALLATION: (-10, 1)}


def test_a_project_without_a_file_is_judged(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    other = users.personal_project_id(users.create_client())
    report = run_recount(fake_aws)

    assert (report.compared, report.drifts) == (2, [])
    skew_project_counters(fake_aws, other, 1, 1)
    assert drifts_by_subject(run_recount(fake_aws)) == {other: (-1, -1)}


# When something happens to an original: long before a run, a minute before it, in one of the gaps before its steps, or never.
_LONG_AGO, _RECENTLY, _NEVER = -2, -1, _STEP_COUNT
_TIMES = range(_LONG_AGO, _NEVER + 1)
_TIMELINES = [
    *({"init": at[0], "commit": at[1], "purge": at[2]} for at in combinations_with_replacement(_TIMES, 3)),
    *({"init": at[0], "expire": at[1]} for at in combinations_with_replacement(_TIMES, 2)),
    *({"init": at[0], "abort": at[1]} for at in combinations_with_replacement(_TIMES, 2)),
]


# In parts, as moto copies whole tables for each transaction.
@pytest.mark.parametrize("part", range(10))
def test_whatever_happens_to_an_original_and_whenever_only_drifts_are_told(
    fake_aws: FakeAws, client: Client, frozen_clock: FrozenClock, part: int
) -> None:
    lives = [
        (ProjectActivity(fake_aws, client, _create_project(client)), audited_targets)
        for audited_targets in _TIMELINES[part::10]
    ]
    planted = {}

    def live(now: int) -> None:
        for one, audited_targets in lives:
            for deed, when in audited_targets.items():
                if when == now:
                    getattr(one, deed)()

    live(_LONG_AGO)
    frozen_clock.advance(minutes=10)
    live(_RECENTLY)
    frozen_clock.advance(minutes=1)
    for number, (one, _) in enumerate(lives[::3]):
        skew_project_counters(fake_aws, one.project, number, -1)
        planted[one.project] = (-number, 1)
    for number in iterate_steps(fake_aws):
        live(number)

    report = get_report()
    assert (report.compared, report.skipped) == (len(lives) + 1, 0)
    assert drifts_by_subject(report) == planted
    assert report.installation_compared
    for project, missing in planted.items():
        skew_project_counters(fake_aws, project, *missing)
    for one, _ in lives:
        invariants.assert_project_consistent(fake_aws, one.project)


def _create_project(client: Client) -> str:
    return str(client.post("/projects", {"name": "x"}).created()["id"])


@pytest.mark.parametrize("walks", [(client_with_files, uploads), (uploads, client_with_files)])
@pytest.mark.parametrize("when", range(3))
def test_an_original_counts_once_in_whatever_order_its_rows_are_read(
    activity: ProjectActivity, walks: Any, when: int
) -> None:
    since = get_upload(activity.begun[0]["upload_id"]).created_at - timedelta(minutes=5)
    counted = []
    for number, walk in enumerate(walks):
        if number == when:
            activity.commit()
        found, after = walk.originals(None, since)
        assert after is None
        counted += found

    assert sorted(size for _, size in counted) == [1, 2, 3]


def test_what_was_committed_and_purged_just_before_is_gone(
    fake_aws: FakeAws, activity: ProjectActivity, frozen_clock: FrozenClock
) -> None:
    activity.commit()
    for _ in range(3):
        activity.purge()
    frozen_clock.advance(seconds=30)

    report = run_recount(fake_aws)
    assert invariants.quota_usage(fake_aws, activity.project) == (0, 0)
    assert (report.drifts, report.compared) == ([], 1)


def test_a_project_that_never_stands_still_is_told_as_unjudged(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    skew_project_counters(fake_aws, activity.project, 9, 1)
    quiet = users.personal_project_id(users.create_client())
    for _ in iterate_steps(fake_aws):
        activity.init()

    report = get_report()
    assert (report.compared, report.skipped, report.skipped_projects) == (1, 1, [activity.project])
    assert report.drifts == []
    assert not report.installation_compared
    assert quiet not in report.skipped_projects


def test_a_project_that_is_born_meanwhile_is_judged_in_the_second_round(
    fake_aws: FakeAws, activity: ProjectActivity
) -> None:
    for number in iterate_steps(fake_aws):
        if number == 2:
            users.create_client()

    report = get_report()
    assert (report.compared, report.skipped, report.drifts) == (2, 0, [])


def test_a_round_waits_a_minute_for_the_next(
    fake_aws: FakeAws, activity: ProjectActivity, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = []
    send = messaging.send

    def send_and_record(message: Message, *, delay_seconds: int = 0) -> None:
        pauses.append(delay_seconds)
        send(message)

    monkeypatch.setattr(messaging, "send", send_and_record)
    for number in iterate_steps(fake_aws):
        if number == 2:
            activity.init()

    assert pauses == [0, 0, 0, 0, 60, 0, 0, 0]


# A step is as long as a minute, or as short as one page.


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of one page of one project, and of one stretch of the table."""
    monkeypatch.setattr(recount, "_STEP_TIME_BUDGET", timedelta(0))
    monkeypatch.setattr(recount, "_PAGE_SIZE", 1)


def fill_table(fake_aws: FakeAws, number: int) -> None:
    """Rows of another kind, of which three make more than a megabyte."""
    table = fake_aws.dynamodb.Table("main")
    for each in range(3):
        table.put_item(Item={"pk": f"EVENTS#{number}", "sk": str(each), "record_type": "event", "data": "x" * 350_000})


def test_a_table_of_many_stretches_is_counted_whole(
    fake_aws: FakeAws, activity: ProjectActivity, small_pages: None, frozen_clock: FrozenClock
) -> None:
    for number in range(3):
        fill_table(fake_aws, number)
        activity.init()
        activity.commit()
        activity.init()
        others = [users.create_client() for _ in range(2)]
        fake_aws.upload(others[0], b"12345", **TEXT_FILE)
        skew_project_counters(fake_aws, users.personal_project_id(others[0]), number, 0)
    frozen_clock.advance(minutes=10)
    skew_project_counters(fake_aws, activity.project, 1, 1)
    phases = []
    for _ in iterate_steps(fake_aws):
        at = store.get_checkpoint_or_none()
        assert at is not None
        phases.append(at.phase)

    report = get_report()
    assert phases.count("versions") > 3
    assert phases.count("uploads") > 3
    assert phases.count("compare") >= 16
    assert sorted(drifts_by_subject(report).values()) == [(-2, 0), (-1, -1), (-1, 0)]
    assert (report.compared, report.skipped) == (7, 0)


def test_uploads_complete_between_the_stretches_of_a_walk(
    fake_aws: FakeAws, activity: ProjectActivity, small_pages: None, frozen_clock: FrozenClock
) -> None:
    for number in range(4):
        activity.init()
        fill_table(fake_aws, number)
    frozen_clock.advance(minutes=10)
    committed = 0
    for _ in iterate_steps(fake_aws):
        at = store.get_checkpoint_or_none()
        assert at is not None
        if at.phase in ("versions", "uploads") and activity.begun:
            activity.commit()
            committed += 1

    report = get_report()
    assert committed == 5
    assert (report.drifts, report.compared, report.skipped) == ([], 1, 0)


def create_projects_sharing_a_shard(client: Client) -> list[str]:
    """Projects, of which two stand in the same shard."""
    made = [_create_project(client)]
    while len({ids.shard(each) for each in made}) == len(made):
        made.append(_create_project(client))
    return made


def test_what_was_moved_on_several_pages_of_a_shard_waits_for_the_next_round(
    fake_aws: FakeAws, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recount, "_PAGE_SIZE", 1)
    crowd = [ProjectActivity(fake_aws, client, each) for each in create_projects_sharing_a_shard(client)]
    for number in iterate_steps(fake_aws):
        if number == 1:
            for one in crowd:
                one.init()

    report = get_report()
    assert (report.compared, report.skipped, report.drifts) == (len(crowd) + 1, 0, [])
    assert report.installation_compared


def test_no_step_keeps_more_projects_than_an_item_holds(
    fake_aws: FakeAws, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recount, "_PAGE_SIZE", 1)
    monkeypatch.setattr(recount, "_MAX_PROJECTS_PER_STEP", 1)
    crowd = [ProjectActivity(fake_aws, client, each) for each in create_projects_sharing_a_shard(client)]
    for _ in iterate_steps(fake_aws):
        at = store.get_checkpoint_or_none()
        if at is not None and (at.round_number, at.phase) == (1, "versions"):
            for one in crowd:
                one.init()

    parts = [
        (row["sk"].split("#")[2], row["content"]) for row in fake_aws.find_rows("main", record_type="recount-partial")
    ]
    walked = [(kind, len(json.loads(content))) for kind, content in parts if kind != "sums"]
    assert set(walked) == {("snapshot", 1), ("changed", 1)}
    assert (get_report().compared, get_report().skipped) == (len(crowd) + 1, 0)


# Messages that come twice, late or not at all.


def test_a_message_that_comes_twice_counts_once(
    fake_aws: FakeAws, activity: ProjectActivity, small_pages: None
) -> None:
    skew_project_counters(fake_aws, activity.project, 9, 1)
    fake_aws.run_task("recount")
    seen = []
    while messages := fake_aws.receive_messages("work"):
        assert len(messages) == 1
        seen += messages
        for message in (*messages, *messages, *seen[-3:]):
            assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    report = get_report()

    assert drifts_by_subject(report) == {activity.project: (-9, -1)}
    assert report.compared == 1


def test_two_who_do_the_same_step_count_once(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    skew_project_counters(fake_aws, activity.project, 9, 1)
    fake_aws.run_task("recount")
    while messages := fake_aws.receive_messages("work"):
        (subject,) = [json.loads(message)["id"] for message in messages]
        _run_step_concurrently(subject)

    assert drifts_by_subject(get_report()) == {activity.project: (-9, -1)}


def _run_step_concurrently(subject: str) -> None:
    """Another does the whole step between what this one found and what it writes."""
    move = store.save_checkpoint

    def late(*arguments: Any, **more: Any) -> None:
        store.save_checkpoint = move
        recount.run_step(subject)
        move(*arguments, **more)

    store.save_checkpoint = late
    try:
        recount.run_step(subject)
    finally:
        store.save_checkpoint = move


def test_a_step_whose_message_was_lost_is_asked_for_by_the_next_start(
    fake_aws: FakeAws, activity: ProjectActivity
) -> None:
    skew_project_counters(fake_aws, activity.project, 9, 1)
    for lost in range(_STEP_COUNT):
        fake_aws.run_task("recount")
        for _ in range(lost):
            for message in fake_aws.receive_messages("work"):
                assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
        assert len(fake_aws.receive_messages("work")) == 1
        seen = store.get_checkpoint_or_none()
        fake_aws.run_task("recount")
        assert store.get_checkpoint_or_none() == seen
        fake_aws.run_workers()
        assert drifts_by_subject(get_report()) == {activity.project: (-9, -1)}


def test_a_step_that_died_before_it_asked_for_the_next_is_mended_by_its_own_message(
    fake_aws: FakeAws, activity: ProjectActivity, frozen_clock: FrozenClock
) -> None:
    fake_aws.run_task("recount")
    (first,) = fake_aws.receive_messages("work")
    assert fake_aws.deliver_messages("maintenance", first) == NO_FAILURES
    assert len(fake_aws.receive_messages("work")) == 1  # it was lost on its way
    assert fake_aws.deliver_messages("maintenance", first) == NO_FAILURES
    assert fake_aws.receive_messages("work") == []

    frozen_clock.advance(hours=1)
    assert fake_aws.deliver_messages("maintenance", first) == NO_FAILURES
    fake_aws.run_workers()
    assert get_report().compared == 1


def test_a_run_of_the_night_before_is_given_up(
    fake_aws: FakeAws, activity: ProjectActivity, frozen_clock: FrozenClock
) -> None:
    fake_aws.run_task("recount")
    (old,) = fake_aws.receive_messages("work")
    frozen_clock.advance(hours=24)
    fake_aws.run_task("recount")
    fake_aws.run_workers()
    done = get_report()
    assert fake_aws.deliver_messages("maintenance", old) == NO_FAILURES

    assert fake_aws.receive_messages("work") == []
    assert get_report() == done


def test_message_of_another_run_does_nothing(fake_aws: FakeAws) -> None:
    assert fake_aws.deliver_messages("maintenance", RecountStep("unknown", 0).to_json()) == NO_FAILURES


# An operator corrects what was found.


def test_what_was_found_is_corrected_once(fake_aws: FakeAws, activity: ProjectActivity) -> None:
    before = invariants.quota_usage(fake_aws, activity.project)
    skew_project_counters(fake_aws, activity.project, 9, 1)
    skew_installation_counters(fake_aws, -5, 2)
    run_recount(fake_aws)
    for _ in range(2):
        fake_aws.run_task("recount-repair")

    assert invariants.quota_usage(fake_aws, activity.project) == before
    invariants.assert_project_consistent(fake_aws, activity.project)
    assert run_recount(fake_aws).drifts == []


def test_a_project_that_was_moved_since_is_left_and_the_installation_is_not(
    fake_aws: FakeAws, activity: ProjectActivity
) -> None:
    skew_project_counters(fake_aws, activity.project, 9, 1)
    skew_installation_counters(fake_aws, -5, 2)
    run_recount(fake_aws)
    activity.init()
    held = invariants.quota_usage(fake_aws, activity.project)
    fake_aws.run_task("recount-repair")

    assert invariants.quota_usage(fake_aws, activity.project) == held
    assert drifts_by_subject(run_recount(fake_aws)) == {activity.project: (-9, -1)}
    fake_aws.run_task("recount-repair")
    invariants.assert_project_consistent(fake_aws, activity.project)


def test_what_comes_in_after_a_correction_is_counted_within_the_cap(
    fake_aws: FakeAws, activity: ProjectActivity, stranger: Client, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_BYTES="1600")
    said = make_upload_request(b"", **{**TEXT_FILE, "sha256": None})
    stranger.post("/files/init-upload", {**said, "size": 1500}).created()
    for row in fake_aws.find_rows("main", record_type="installation-quota"):
        skew_installation_counters(fake_aws, -int(row["bytes"]), 0, shard=int(row["pk"].rpartition("#")[2]))
    run_recount(fake_aws)
    fake_aws.run_task("recount-repair")
    assert invariants.installation_usage(fake_aws) == (1506, 4)

    # One part says all of it now, and each of the others would have room for a hundred bytes.
    for _ in range(4):
        assert stranger.post("/files/init-upload", {**said, "size": 95}).status == 409
    stranger.post("/files/init-upload", {**said, "size": 94}).created()
    invariants.assert_project_consistent(fake_aws, activity.project)


def test_the_installation_is_corrected_however_many_projects_are_wrong(
    fake_aws: FakeAws, activity: ProjectActivity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recount, "MAX_LISTED", 2)
    before = invariants.installation_usage(fake_aws)
    wrong = [activity.project, *(users.personal_project_id(users.create_client()) for _ in range(2))]
    for project_id in wrong:
        skew_project_counters(fake_aws, project_id, 1, 1)
    skew_installation_counters(fake_aws, 10, -1)
    report = run_recount(fake_aws)

    assert (report.drift_count, len(report.drifts)) == (4, 2)
    assert report.drifts[0].scope == INSTALLATION
    fake_aws.run_task("recount-repair")
    assert invariants.installation_usage(fake_aws) == before


@pytest.mark.parametrize("hours", [None, 25])
def test_without_a_fresh_report_nothing_is_corrected(
    fake_aws: FakeAws, activity: ProjectActivity, frozen_clock: FrozenClock, hours: int | None
) -> None:
    skew_project_counters(fake_aws, activity.project, 9, 1)
    held = invariants.quota_usage(fake_aws, activity.project)
    if hours:
        run_recount(fake_aws)
        frozen_clock.advance(hours=hours)
    fake_aws.run_task("recount-repair")

    assert invariants.quota_usage(fake_aws, activity.project) == held
