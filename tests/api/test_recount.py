"""The nightly recount: what counters do not say is told exactly, and what happens meanwhile is never taken for it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations_with_replacement
from typing import Any

import pytest

from holdall import ids, queue
from holdall.files import service as files
from holdall.maintenance import recount, store
from holdall.maintenance.model import INSTALLATION, Drift, Report
from holdall.uploads import service as uploads
from holdall.uploads import store as uploads_store
from holdall.uploads.model import InitUpload
from tests.api import books, people
from tests.api.callers import caller, place
from tests.api.client import Client
from tests.api.cloud import WELL, Cloud, announce
from tests.api.conftest import Clock, Installed
from tests.api.log import Log

TEXT = {"filename": "notes.txt", "contentType": "text/plain"}
_STEPS = 4  # of a run over little: before, versions, uploads, compare


def run(cloud: Cloud) -> Report:
    """A whole recount."""
    cloud.run("recount")
    cloud.work()
    return reported()


def reported() -> Report:
    found = store.report()
    assert found is not None
    return found


def steps(cloud: Cloud) -> Iterator[int]:
    """The messages of a recount, one by one: before each there is time for something else."""
    cloud.run("recount")
    number = 0
    while messages := [each for each in cloud.waiting("work") if json.loads(each)["work"] == "recount"]:
        yield number
        for message in messages:
            assert cloud.deliver("maintenance", message) == WELL
        number += 1


def drifts(report: Report) -> dict[str, tuple[int, int]]:
    """Bytes and files that were counted and are not held."""
    return {
        each.of: (each.counted_bytes - each.held_bytes, each.counted_files - each.held_files) for each in report.drifts
    }


def plant(cloud: Cloud, project_id: str, bytes_: int, files_: int) -> None:
    """Change what a project's counters say, as a defect would."""
    _add(cloud, f"PROJECT#{project_id}", bytes_, files_)


def plant_in_installation(cloud: Cloud, bytes_: int, files_: int, *, part: int = 0) -> None:
    _add(cloud, f"INSTALLATION#QUOTA#{part}", bytes_, files_)


def _add(cloud: Cloud, key: str, bytes_: int, files_: int) -> None:
    (row,) = cloud.rows("main", pk=key, sk="QUOTA")
    cloud.change(key, "QUOTA", bytes=int(row["bytes"]) + bytes_, files=int(row["files"]) + files_)


class Life:
    """What people and schedules do with a project, each at once and by services."""

    def __init__(self, cloud: Cloud, client: Client, project_id: str = "") -> None:
        self.cloud, self.client = cloud, client
        self.project = project_id or people.personal_project(client)
        self.begun: list[dict[str, Any]] = []
        self.made: list[str] = []
        self._number = 0

    def init(self) -> None:
        self._number += 1
        said = announce(b"x" * self._number, **TEXT)
        self.begun.append(_begun(self.client, self.project, said))
        self.cloud.put(self.begun[-1], b"x" * self._number)

    def commit(self) -> None:
        if self.begun:
            upload = store_of(self.begun.pop(0)["upload_id"])
            file, _ = uploads.complete(place(self.project), upload)
            self.made.append(file.id)

    def expire(self) -> None:
        if self.begun:
            upload_id = self.begun.pop()["upload_id"]
            upload = store_of(upload_id)
            past = upload.created_at - timedelta(days=1)
            self.cloud.change(f"UPLOAD#{upload_id}", "UPLOAD", deadline=past.strftime("%Y-%m-%dT%H:%M:%S.%f+0000"))
            uploads.expire(upload_id)

    def purge(self) -> None:
        if self.made:
            files.purge(caller(self.client), self.made.pop(0))
            # Its job waits in the queue beside the messages of the recount, so it is done here.
            (job,) = [each for each in self.cloud.waiting("work") if json.loads(each)["work"] == "job"]
            assert self.cloud.deliver("maintenance", job) == WELL

    def abort(self) -> None:
        self.begun.clear()
        while uploads.abort_all(self.project):
            pass


def store_of(upload_id: str) -> Any:
    found = uploads_store.find(upload_id)
    assert found is not None
    return found


def _begun(client: Client, project_id: str, said: dict[str, Any]) -> dict[str, Any]:
    begun = uploads.init(caller(client), place(project_id), InitUpload.model_validate(said))
    return begun.model_dump()


@pytest.fixture
def life(cloud: Cloud, client: Client, frozen: Clock) -> Life:
    """Somebody with a file from yesterday, one from a minute ago, and an upload in flight."""
    made = Life(cloud, client)
    made.init()
    made.commit()
    frozen.forward(hours=20)
    made.init()
    made.commit()
    made.init()
    frozen.forward(minutes=1)
    return made


def test_books_that_agree_make_an_empty_report(cloud: Cloud, life: Life, frozen: Clock, log: Log) -> None:
    report = run(cloud)

    assert (report.judged, report.unjudged, report.drifted, report.drifts) == (1, 0, 0, [])
    assert report.installation_judged
    assert report.ended_at is not None
    assert [line for line in log.lines if line["level"] == "ERROR"] == []


@pytest.mark.parametrize(("bytes_", "files_"), [(5, 0), (-5, 0), (0, 1), (0, -1), (7, -2)])
def test_a_counter_that_is_wrong_is_told_exactly(
    cloud: Cloud, life: Life, log: Log, capsys: pytest.CaptureFixture[str], bytes_: int, files_: int
) -> None:
    plant(cloud, life.project, bytes_, files_)
    report = run(cloud)

    held = books.held(cloud, life.project)
    assert report.drifts == [
        Drift(
            of=life.project,
            held_bytes=held[0],
            held_files=held[1],
            counted_bytes=held[0] - bytes_,
            counted_files=held[1] - files_,
            moves=3,
        )
    ]
    (line,) = [line for line in log.lines if line["level"] == "ERROR"]
    assert (line["message"], line["of"], line["counted_bytes"]) == ("quota.drift", life.project, held[0] - bytes_)
    assert log.text.count('"QuotaDrift":[1.0]') == 1
    assert books.held(cloud, life.project) == held


def test_each_of_several_projects_is_told(cloud: Cloud, life: Life) -> None:
    others = [people.personal_project(people.signed_in()) for _ in range(3)]
    plant(cloud, life.project, 1, 0)
    plant(cloud, others[0], 0, 2)
    plant(cloud, others[2], -4, -1)

    assert drifts(run(cloud)) == {life.project: (-1, 0), others[0]: (0, -2), others[2]: (4, 1)}


def test_the_installation_is_judged_by_what_is_there(cloud: Cloud, life: Life) -> None:
    plant_in_installation(cloud, 10, -1)
    plant(cloud, life.project, 3, 0)

    assert drifts(run(cloud)) == {life.project: (-3, 0), INSTALLATION: (-10, 1)}


def test_a_project_without_a_file_is_judged(cloud: Cloud, life: Life) -> None:
    other = people.personal_project(people.signed_in())
    report = run(cloud)

    assert (report.judged, report.drifts) == (2, [])
    plant(cloud, other, 1, 1)
    assert drifts(run(cloud)) == {other: (-1, -1)}


# When something happens to an original: long before a run, a minute before it, in one of the gaps before its steps, or never.
_LONG_AGO, _LATELY, _NEVER = -2, -1, _STEPS
_WHEN = range(_LONG_AGO, _NEVER + 1)
_LIVES = [
    *({"init": at[0], "commit": at[1], "purge": at[2]} for at in combinations_with_replacement(_WHEN, 3)),
    *({"init": at[0], "expire": at[1]} for at in combinations_with_replacement(_WHEN, 2)),
    *({"init": at[0], "abort": at[1]} for at in combinations_with_replacement(_WHEN, 2)),
]


# In parts, as moto copies whole tables for each transaction.
@pytest.mark.parametrize("part", range(10))
def test_whatever_happens_to_an_original_and_whenever_only_drifts_are_told(
    cloud: Cloud, client: Client, frozen: Clock, part: int
) -> None:
    lives = [(Life(cloud, client, _project(client)), deeds) for deeds in _LIVES[part::10]]
    planted = {}

    def live(now: int) -> None:
        for one, deeds in lives:
            for deed, when in deeds.items():
                if when == now:
                    getattr(one, deed)()

    live(_LONG_AGO)
    frozen.forward(minutes=10)
    live(_LATELY)
    frozen.forward(minutes=1)
    for number, (one, _) in enumerate(lives[::3]):
        plant(cloud, one.project, number, -1)
        planted[one.project] = (-number, 1)
    for number in steps(cloud):
        live(number)

    report = reported()
    assert (report.judged, report.unjudged) == (len(lives) + 1, 0)
    assert drifts(report) == planted
    assert report.installation_judged
    for project, missing in planted.items():
        plant(cloud, project, *missing)
    for one, _ in lives:
        books.check(cloud, one.project)


def _project(client: Client) -> str:
    return str(client.post("/projects", {"name": "x"}).created()["id"])


@pytest.mark.parametrize("walks", [(files, uploads), (uploads, files)])
@pytest.mark.parametrize("when", range(3))
def test_an_original_counts_once_in_whatever_order_its_rows_are_read(life: Life, walks: Any, when: int) -> None:
    since = store_of(life.begun[0]["upload_id"]).created_at - timedelta(minutes=5)
    counted = []
    for number, walk in enumerate(walks):
        if number == when:
            life.commit()
        found, after = walk.originals(None, since)
        assert after is None
        counted += found

    assert sorted(size for _, size in counted) == [1, 2, 3]


def test_what_was_committed_and_purged_just_before_is_gone(cloud: Cloud, life: Life, frozen: Clock) -> None:
    life.commit()
    for _ in range(3):
        life.purge()
    frozen.forward(seconds=30)

    report = run(cloud)
    assert books.held(cloud, life.project) == (0, 0)
    assert (report.drifts, report.judged) == ([], 1)


def test_a_project_that_never_stands_still_is_told_as_unjudged(cloud: Cloud, life: Life) -> None:
    plant(cloud, life.project, 9, 1)
    quiet = people.personal_project(people.signed_in())
    for _ in steps(cloud):
        life.init()

    report = reported()
    assert (report.judged, report.unjudged, report.unjudged_projects) == (1, 1, [life.project])
    assert report.drifts == []
    assert not report.installation_judged
    assert quiet not in report.unjudged_projects


def test_a_project_that_is_born_meanwhile_is_judged_in_the_second_round(cloud: Cloud, life: Life) -> None:
    for number in steps(cloud):
        if number == 2:
            people.signed_in()

    report = reported()
    assert (report.judged, report.unjudged, report.drifts) == (2, 0, [])


def test_a_round_waits_a_minute_for_the_next(cloud: Cloud, life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = []
    send = queue.send_work

    def told(kind: str, subject: str, *, after: int = 0) -> None:
        pauses.append(after)
        send(kind, subject)

    monkeypatch.setattr(queue, "send_work", told)
    for number in steps(cloud):
        if number == 2:
            life.init()

    assert pauses == [0, 0, 0, 0, 60, 0, 0, 0]


# A step is as long as a minute, or as short as one page.


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of one page of one project, and of one stretch of the table."""
    monkeypatch.setattr(recount, "_WORK", timedelta(0))
    monkeypatch.setattr(recount, "_PAGE", 1)


def filled(cloud: Cloud, number: int) -> None:
    """Rows of another kind, of which three make more than a megabyte."""
    table = cloud.dynamodb.Table("main")
    for each in range(3):
        table.put_item(Item={"pk": f"EVENTS#{number}", "sk": str(each), "record_kind": "event", "data": "x" * 350_000})


def test_a_table_of_many_stretches_is_counted_whole(cloud: Cloud, life: Life, short: None, frozen: Clock) -> None:
    for number in range(3):
        filled(cloud, number)
        life.init()
        life.commit()
        life.init()
        others = [people.signed_in() for _ in range(2)]
        cloud.upload(others[0], b"12345", **TEXT)
        plant(cloud, people.personal_project(others[0]), number, 0)
    frozen.forward(minutes=10)
    plant(cloud, life.project, 1, 1)
    phases = []
    for _ in steps(cloud):
        at = store.checkpoint()
        assert at is not None
        phases.append(at.phase)

    report = reported()
    assert phases.count("versions") > 3
    assert phases.count("uploads") > 3
    assert phases.count("before") >= 16
    assert sorted(drifts(report).values()) == [(-2, 0), (-1, -1), (-1, 0)]
    assert (report.judged, report.unjudged) == (7, 0)


def test_uploads_complete_between_the_stretches_of_a_walk(cloud: Cloud, life: Life, short: None, frozen: Clock) -> None:
    for number in range(4):
        life.init()
        filled(cloud, number)
    frozen.forward(minutes=10)
    committed = 0
    for _ in steps(cloud):
        at = store.checkpoint()
        assert at is not None
        if at.phase in ("versions", "uploads") and life.begun:
            life.commit()
            committed += 1

    report = reported()
    assert committed == 5
    assert (report.drifts, report.judged, report.unjudged) == ([], 1, 0)


def crowded(client: Client) -> list[str]:
    """Projects, of which two stand in the same shard."""
    made = [_project(client)]
    while len({ids.shard(each) for each in made}) == len(made):
        made.append(_project(client))
    return made


def test_what_was_moved_on_several_pages_of_a_shard_waits_for_the_next_round(
    cloud: Cloud, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recount, "_PAGE", 1)
    crowd = [Life(cloud, client, each) for each in crowded(client)]
    for number in steps(cloud):
        if number == 1:
            for one in crowd:
                one.init()

    report = reported()
    assert (report.judged, report.unjudged, report.drifts) == (len(crowd) + 1, 0, [])
    assert report.installation_judged


def test_no_step_keeps_more_projects_than_an_item_holds(
    cloud: Cloud, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recount, "_PAGE", 1)
    monkeypatch.setattr(recount, "_PROJECTS", 1)
    crowd = [Life(cloud, client, each) for each in crowded(client)]
    for _ in steps(cloud):
        at = store.checkpoint()
        if at is not None and (at.round, at.phase) == (1, "versions"):
            for one in crowd:
                one.init()

    parts = [(row["sk"].split("#")[2], row["content"]) for row in cloud.rows("main", record_kind="recount-part")]
    walked = [(kind, len(json.loads(content))) for kind, content in parts if kind != "sums"]
    assert set(walked) == {("before", 1), ("moved", 1)}
    assert (reported().judged, reported().unjudged) == (len(crowd) + 1, 0)


# Messages that come twice, late or not at all.


def test_a_message_that_comes_twice_counts_once(cloud: Cloud, life: Life, short: None) -> None:
    plant(cloud, life.project, 9, 1)
    cloud.run("recount")
    seen = []
    while messages := cloud.waiting("work"):
        assert len(messages) == 1
        seen += messages
        for message in (*messages, *messages, *seen[-3:]):
            assert cloud.deliver("maintenance", message) == WELL
    report = reported()

    assert drifts(report) == {life.project: (-9, -1)}
    assert report.judged == 1


def test_two_who_do_the_same_step_count_once(cloud: Cloud, life: Life) -> None:
    plant(cloud, life.project, 9, 1)
    cloud.run("recount")
    while messages := cloud.waiting("work"):
        (subject,) = [json.loads(message)["id"] for message in messages]
        _at_once(subject)

    assert drifts(reported()) == {life.project: (-9, -1)}


def _at_once(subject: str) -> None:
    """Another does the whole step between what this one found and what it writes."""
    move = store.move

    def late(*arguments: Any, **more: Any) -> None:
        store.move = move
        recount.step(subject)
        move(*arguments, **more)

    store.move = late
    try:
        recount.step(subject)
    finally:
        store.move = move


def test_a_step_whose_message_was_lost_is_asked_for_by_the_next_start(cloud: Cloud, life: Life) -> None:
    plant(cloud, life.project, 9, 1)
    for lost in range(_STEPS):
        cloud.run("recount")
        for _ in range(lost):
            for message in cloud.waiting("work"):
                assert cloud.deliver("maintenance", message) == WELL
        assert len(cloud.waiting("work")) == 1
        seen = store.checkpoint()
        cloud.run("recount")
        assert store.checkpoint() == seen
        cloud.work()
        assert drifts(reported()) == {life.project: (-9, -1)}


def test_a_step_that_died_before_it_asked_for_the_next_is_mended_by_its_own_message(
    cloud: Cloud, life: Life, frozen: Clock
) -> None:
    cloud.run("recount")
    (first,) = cloud.waiting("work")
    assert cloud.deliver("maintenance", first) == WELL
    assert len(cloud.waiting("work")) == 1  # it was lost on its way
    assert cloud.deliver("maintenance", first) == WELL
    assert cloud.waiting("work") == []

    frozen.forward(hours=1)
    assert cloud.deliver("maintenance", first) == WELL
    cloud.work()
    assert reported().judged == 1


def test_a_run_of_the_night_before_is_given_up(cloud: Cloud, life: Life, frozen: Clock) -> None:
    cloud.run("recount")
    (old,) = cloud.waiting("work")
    frozen.forward(hours=24)
    cloud.run("recount")
    cloud.work()
    done = reported()
    assert cloud.deliver("maintenance", old) == WELL

    assert cloud.waiting("work") == []
    assert reported() == done


@pytest.mark.parametrize("subject", ["nobody#0", "nobody", ""])
def test_a_message_of_no_run_does_nothing(cloud: Cloud, subject: str) -> None:
    assert cloud.deliver("maintenance", json.dumps({"work": "recount", "id": subject})) == WELL


# An operator corrects what was found.


def test_what_was_found_is_corrected_once(cloud: Cloud, life: Life) -> None:
    before = books.held(cloud, life.project)
    plant(cloud, life.project, 9, 1)
    plant_in_installation(cloud, -5, 2)
    run(cloud)
    for _ in range(2):
        cloud.run("recount-repair")

    assert books.held(cloud, life.project) == before
    books.check(cloud, life.project)
    assert run(cloud).drifts == []


def test_a_project_that_was_moved_since_is_left_and_the_installation_is_not(cloud: Cloud, life: Life) -> None:
    plant(cloud, life.project, 9, 1)
    plant_in_installation(cloud, -5, 2)
    run(cloud)
    life.init()
    held = books.held(cloud, life.project)
    cloud.run("recount-repair")

    assert books.held(cloud, life.project) == held
    assert drifts(run(cloud)) == {life.project: (-9, -1)}
    cloud.run("recount-repair")
    books.check(cloud, life.project)


def test_what_comes_in_after_a_correction_is_counted_within_the_cap(
    cloud: Cloud, life: Life, stranger: Client, installed: Installed
) -> None:
    installed(MAX_BYTES="1600")
    said = announce(b"", **{**TEXT, "sha256": None})
    stranger.post("/files/init-upload", {**said, "size": 1500}).created()
    for row in cloud.rows("main", record_kind="installation-quota"):
        plant_in_installation(cloud, -int(row["bytes"]), 0, part=int(row["pk"].rpartition("#")[2]))
    run(cloud)
    cloud.run("recount-repair")
    assert books.installation(cloud) == (1506, 4)

    # One part says all of it now, and each of the others would have room for a hundred bytes.
    for _ in range(4):
        assert stranger.post("/files/init-upload", {**said, "size": 95}).status == 409
    stranger.post("/files/init-upload", {**said, "size": 94}).created()
    books.check(cloud, life.project)


def test_the_installation_is_corrected_however_many_projects_are_wrong(
    cloud: Cloud, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recount, "NAMED", 2)
    before = books.installation(cloud)
    wrong = [life.project, *(people.personal_project(people.signed_in()) for _ in range(2))]
    for project_id in wrong:
        plant(cloud, project_id, 1, 1)
    plant_in_installation(cloud, 10, -1)
    report = run(cloud)

    assert (report.drifted, len(report.drifts)) == (4, 2)
    assert report.drifts[0].of == INSTALLATION
    cloud.run("recount-repair")
    assert books.installation(cloud) == before


@pytest.mark.parametrize("hours", [None, 25])
def test_without_a_fresh_report_nothing_is_corrected(
    cloud: Cloud, life: Life, frozen: Clock, hours: int | None
) -> None:
    plant(cloud, life.project, 9, 1)
    held = books.held(cloud, life.project)
    if hours:
        run(cloud)
        frozen.forward(hours=hours)
    cloud.run("recount-repair")

    assert books.held(cloud, life.project) == held
