"""X2: the sync moves what is in the edge store to S3: each original once, and only if it is what was uploaded."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import EndpointConnectionError

from holdall.edge import moves
from holdall.edge import service as sync
from holdall.edge.model import SyncVersions
from holdall.maintenance import service as maintenance
from holdall.platform import edge_copies, storage
from holdall.tasks.model import TaskRun
from tests.support import edge, invariants, process
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.edge import EdgeProject
from tests.support.faults import FaultMode, FaultScenario, assert_survives_faults, interleave
from tests.support.fixtures import OverrideSettings
from tests.support.image_samples import make_photo
from tests.support.log import CapturedLog
from tests.support.settings import edge_store
from tests.support.sweep import put_original, run_sweep, use_clock_in_s3

_CONTENT = b"The bytes of a small file."
MIB = 1024**2


@pytest.fixture
def project(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, override_settings: OverrideSettings
) -> EdgeProject:
    override_settings(EDGE_STORE=edge_store())
    fake_aws.ssm.put_parameter(Name=edge.PARAMETER, Value=edge.CREDENTIALS, Type="SecureString", Overwrite=True)
    return EdgeProject.create(fake_aws, client, variants=[{"name": "thumb", "width": 20, "height": 20}])


def run_sync(fake_aws: FakeAws) -> dict[str, int]:
    """Run the task and its messages, and return what the report counts."""
    report = maintenance.run_for_operator("sync-edge", dry_run=False)
    fake_aws.run_workers()
    report = maintenance.get_report("sync-edge")
    assert report.status == "completed"
    return {name: count for name, count in report.counts.items() if count}


def read_manifest(fake_aws: FakeAws) -> list[tuple[str, int, str]]:
    """Return key, size and SHA-256 of every version of every object in S3."""
    versions = fake_aws.s3.list_object_versions(Bucket="originals").get("Versions", [])
    manifest = []
    for each in versions:
        content = fake_aws.s3.get_object(Bucket="originals", Key=each["Key"], VersionId=each["VersionId"])[
            "Body"
        ].read()
        manifest.append((each["Key"], len(content), hashlib.sha256(content).hexdigest()))
    return sorted(manifest)


def manifest_of(project: EdgeProject, *files: dict[str, Any]) -> list[tuple[str, int, str]]:
    return sorted((project.key(file), file["size"], file["sha256"]) for file in files)


def format_time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def batch_of(*files: dict[str, Any]) -> str:
    run = TaskRun.new("sync-edge", "request").started()
    keys = [(file["id"], file["version"]) for file in files]
    return SyncVersions(run.id, run.updated_at, 0, keys).to_json()


def test_file_moves_to_s3(project: EdgeProject, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    file = project.upload(_CONTENT)
    frozen_clock.advance(minutes=5)

    assert run_sync(fake_aws) == {"moved": 1, "movedBytes": len(_CONTENT)}

    moved = project.client.get(f"/files/{file['id']}").data()
    assert (moved["status"], moved["storageLocation"], moved["syncedAt"]) == (
        "ready",
        "s3",
        format_time(frozen_clock.now()),
    )
    assert read_manifest(fake_aws) == manifest_of(project, file)
    assert fake_aws.list_keys("edge") == [project.key(file)]  # it is deleted only if configured
    location = project.client.get(f"/files/{file['id']}/content").headers["location"]
    assert location.startswith("https://originals.s3.")
    invariants.assert_project_consistent(fake_aws, project.id)
    assert run_sync(fake_aws) == {}
    assert read_manifest(fake_aws) == manifest_of(project, file)


def test_image_is_rendered_when_it_arrives(project: EdgeProject, fake_aws: FakeAws) -> None:
    file = project.upload(make_photo(), filename="photo.jpg", contentType="image/jpeg")
    settings = {"variants": [{"name": "small", "width": 30, "height": 30}]}
    project.client.request("PATCH", f"/projects/{project.id}", {"settings": settings}).data()

    assert run_sync(fake_aws)["moved"] == 1

    rendered = project.client.get(f"/files/{file['id']}").data()
    assert [(each["name"], each["status"]) for each in rendered["variants"]] == [("small", "ready")]
    assert rendered["width"] is not None
    invariants.assert_project_consistent(fake_aws, project.id)


def test_large_file_moves_in_parts(project: EdgeProject, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(range(256)) * (12 * MIB // 256) + b"the last part"
    file = project.upload(content)
    monkeypatch.setattr(edge_copies, "MULTIPART_ABOVE_BYTES", 10 * MIB)
    monkeypatch.setattr(edge_copies, "_MIN_PART_BYTES", 5 * MIB)

    assert run_sync(fake_aws)["moved"] == 1

    assert read_manifest(fake_aws) == manifest_of(project, file)
    stored = fake_aws.s3.head_object(Bucket="originals", Key=project.key(file))
    assert stored["ETag"].endswith('-2"')
    assert stored["ContentType"] == "text/plain"


@pytest.mark.parametrize("in_parts", [True, False])
def test_only_damaged_files_fail_and_move_when_they_are_repaired(
    project: EdgeProject,
    fake_aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    log: CapturedLog,
    *,
    in_parts: bool,
) -> None:
    if in_parts:
        monkeypatch.setattr(edge_copies, "MULTIPART_ABOVE_BYTES", 1)
    files = [project.upload(b"content %d" % number) for number in range(8)]
    keys = [project.key(file) for file in files]
    project.overwrite(keys[2], b"Content 2")
    project.overwrite(keys[6], b"content 6 and more")

    assert run_sync(fake_aws) == {
        "moved": 6,
        "movedBytes": sum(file["size"] for file in files) - 2 * 9,
        "failed": 2,
        "sha256_mismatch": 1,
        "size_mismatch": 1,
    }

    damaged, others = [files[2], files[6]], [file for file in files if file not in (files[2], files[6])]
    assert read_manifest(fake_aws) == manifest_of(project, *others)
    assert fake_aws.list_multipart_uploads() == []
    for file in damaged:
        assert project.client.get(f"/files/{file['id']}").data() == file
    failures = [line for line in log.lines if line.get("event") == "edge.sync_failed"]
    assert {each["level"] for each in failures} == {"ERROR"}  # for the alarm ErrorLogs
    assert {(each["file_id"], each["reason"]) for each in failures} == {
        (files[2]["id"], "sha256_mismatch"),
        (files[6]["id"], "size_mismatch"),
    }
    examples = maintenance.get_report("sync-edge").examples
    assert {(each.finding, each.subject.split()[0]) for each in examples} == {
        (each["reason"], each["file_id"]) for each in failures
    }

    project.overwrite(keys[2], b"content 2")
    fake_aws.s3.delete_object(Bucket="edge", Key=keys[6])
    assert run_sync(fake_aws) == {"moved": 1, "movedBytes": 9, "failed": 1, "missing_at_edge": 1}
    assert read_manifest(fake_aws) == manifest_of(project, *others, files[2])


def test_copy_at_the_edge_is_deleted_by_the_next_run_if_configured(
    project: EdgeProject, fake_aws: FakeAws, frozen_clock: FrozenClock, override_settings: OverrideSettings
) -> None:
    override_settings(EDGE_STORE=edge_store(delete_after_sync=True))
    file, lost = project.upload(_CONTENT), project.upload(b"lost")
    assert run_sync(fake_aws)["moved"] == 2
    assert run_sync(fake_aws) == {}  # URLs from before may be in use
    assert len(fake_aws.list_keys("edge")) == 2
    fake_aws.s3.delete_object(
        Bucket="originals", Key=project.key(lost), VersionId=fake_aws.list_version_ids(project.key(lost))[0]
    )
    frozen_clock.advance(hours=24)

    assert run_sync(fake_aws) == {"copiesDeleted": 1, "failed": 1, "missing_in_s3": 1}

    assert fake_aws.list_keys("edge") == [project.key(lost)]
    assert read_manifest(fake_aws) == manifest_of(project, file)
    assert run_sync(fake_aws) == {"failed": 1, "missing_in_s3": 1}


def test_purge_deletes_the_copy_at_the_edge_too(project: EdgeProject, fake_aws: FakeAws) -> None:
    file = project.upload(_CONTENT)
    run_sync(fake_aws)
    project.client.delete(f"/files/{file['id']}?permanent=true")
    fake_aws.run_workers()
    assert fake_aws.list_keys("edge") == []
    assert read_manifest(fake_aws) == []


def test_purge_needs_no_edge_store_that_was_given_up(
    project: EdgeProject, fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    file = project.upload(_CONTENT)
    run_sync(fake_aws)
    override_settings(EDGE_STORE="")
    project.client.delete(f"/files/{file['id']}?permanent=true")
    fake_aws.run_workers()
    assert read_manifest(fake_aws) == []
    assert fake_aws.find_rows("main", record_type="version") == []


def test_file_that_the_server_did_not_hash_moves_when_it_is_hashed(project: EdgeProject, fake_aws: FakeAws) -> None:
    upload = project.init(_CONTENT, sha256=None)
    project.put(upload, _CONTENT)
    file = project.client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()["file"]
    jobs = fake_aws.receive_messages("work")
    assert run_sync(fake_aws) == {}
    assert fake_aws.deliver_messages("maintenance", *jobs) == NO_FAILURES

    assert run_sync(fake_aws)["moved"] == 1

    assert project.client.get(f"/files/{file['id']}").data()["sha256"] == edge.sha256_hex(_CONTENT)


def add_version(project: EdgeProject, file: dict[str, Any], content: bytes) -> None:
    project.upload(content, fileId=file["id"])


def test_versions_that_share_an_original_move_together(project: EdgeProject, fake_aws: FakeAws) -> None:
    file = project.upload(_CONTENT)
    key = project.key(file)
    add_version(project, file, b"newer")
    project.client.post(f"/files/{file['id']}/versions/1/restore").created()

    assert run_sync(fake_aws)["moved"] == 2

    assert len(fake_aws.list_version_ids(key)) == 1
    invariants.assert_project_consistent(fake_aws, project.id)
    project.client.delete(f"/files/{file['id']}/versions/1").data()
    fake_aws.run_workers()
    assert len(fake_aws.list_version_ids(key)) == 1  # of version 3
    invariants.assert_project_consistent(fake_aws, project.id)
    project.client.delete(f"/files/{file['id']}?permanent=true")
    fake_aws.run_workers()
    assert (read_manifest(fake_aws), fake_aws.list_keys("edge")) == ([], [])


def test_deleted_version_hands_its_original_over_after_the_move(project: EdgeProject, fake_aws: FakeAws) -> None:
    file = project.upload(_CONTENT)
    key = project.key(file)
    add_version(project, file, b"newer")
    project.client.post(f"/files/{file['id']}/versions/1/restore").created()
    project.client.delete(f"/files/{file['id']}/versions/1").data()
    purge = fake_aws.receive_messages("work")
    assert run_sync(fake_aws)["moved"] == 2

    assert fake_aws.deliver_messages("maintenance", *purge) == NO_FAILURES

    assert len(fake_aws.list_version_ids(key)) == 1
    invariants.assert_project_consistent(fake_aws, project.id)


def _purge(project: EdgeProject, file: dict[str, Any]) -> None:
    project.client.delete(f"/files/{file['id']}?permanent=true").data()


def _delete_version(project: EdgeProject, file: dict[str, Any]) -> None:
    project.client.delete(f"/files/{file['id']}/versions/1").data()


@pytest.mark.parametrize("change", [_purge, _delete_version])
@pytest.mark.parametrize("operation", ["s3.PutObject", "TransactWriteItems"])
def test_copy_of_a_file_that_is_deleted_meanwhile_is_deleted(
    project: EdgeProject,
    fake_aws: FakeAws,
    change: Callable[[EdgeProject, dict[str, Any]], None],
    operation: str,
) -> None:
    file = project.upload(_CONTENT)
    key = project.key(file)
    add_version(project, file, b"newer")

    with interleave(operation, lambda: change(project, file)):
        assert fake_aws.deliver_messages("maintenance", batch_of(file)) == NO_FAILURES

    assert fake_aws.list_version_ids(key) == []
    fake_aws.run_workers()
    assert key not in fake_aws.list_keys("edge")


@pytest.mark.parametrize("operation", ["s3.HeadObject", "s3.PutObject", "TransactWriteItems"])
def test_two_runs_at_once_store_a_file_once(project: EdgeProject, fake_aws: FakeAws, operation: str) -> None:
    file = project.upload(_CONTENT)

    with interleave(operation, lambda: sync.sync_versions(SyncVersions.from_json(batch_of(file)))):
        assert fake_aws.deliver_messages("maintenance", batch_of(file)) == NO_FAILURES

    assert read_manifest(fake_aws) == manifest_of(project, file)
    invariants.assert_project_consistent(fake_aws, project.id)


@pytest.mark.parametrize("change", ["rename", "trash"])
def test_file_that_changes_meanwhile_moves_once(project: EdgeProject, fake_aws: FakeAws, change: str) -> None:
    file = project.upload(_CONTENT)

    def change_file() -> None:
        method, body = ("PATCH", {"name": "b.txt"}) if change == "rename" else ("DELETE", None)
        assert project.client.request(method, f"/files/{file['id']}", body).status == 200

    with interleave("TransactWriteItems", change_file):
        assert fake_aws.deliver_messages("maintenance", batch_of(file)) == NO_FAILURES

    assert read_manifest(fake_aws) == manifest_of(project, file)
    invariants.assert_project_consistent(fake_aws, project.id)


@pytest.mark.parametrize("change", ["restore", "new version"])
@pytest.mark.parametrize("operation", ["s3.HeadObject", "s3.PutObject", "TransactWriteItems"])
def test_version_that_is_added_meanwhile_moves_too(
    project: EdgeProject, fake_aws: FakeAws, change: str, operation: str
) -> None:
    file = project.upload(_CONTENT)
    key = project.key(file)
    if change == "restore":
        add_version(project, file, b"newer")

    def add() -> None:
        if change == "restore":
            project.client.post(f"/files/{file['id']}/versions/1/restore").created()
        else:
            add_version(project, file, b"newer")

    with interleave(operation, add):
        assert fake_aws.deliver_messages("maintenance", batch_of(file)) == NO_FAILURES
    run_sync(fake_aws)

    assert len(read_manifest(fake_aws)) == 2
    assert len(fake_aws.list_version_ids(key)) == 1
    invariants.assert_project_consistent(fake_aws, project.id)


@pytest.mark.parametrize("mode", ["refused", "timeout", "crash"])
def test_interrupted_sync_is_completed_by_a_retry(
    project: EdgeProject, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        files = [project.upload(b"content %d" % number) for number in range(2)]
        batch = batch_of(*files)

        def check(again: Any) -> None:
            assert again == NO_FAILURES
            frozen_clock.advance(minutes=1)
            run_sync(fake_aws)
            assert read_manifest(fake_aws) == manifest_of(project, *files)
            invariants.assert_project_consistent(fake_aws, project.id)

        return FaultScenario(lambda: fake_aws.deliver_messages("maintenance", batch), check)

    assert_survives_faults(monkeypatch, mode, prepare)


def test_outage_of_the_edge_store_leaves_all_files_there(
    project: EdgeProject, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [project.upload(b"content %d" % number) for number in range(3)]

    def fail(request: AWSRequest) -> None:
        raise EndpointConnectionError(endpoint_url=str(request.url))

    process.clear_settings()
    with monkeypatch.context() as outage:
        edge.answer(outage, fail)
        counts = run_sync(fake_aws)
    process.clear_settings()

    assert (counts["failed"], counts["edge_unavailable"]) == (3, 3)
    assert read_manifest(fake_aws) == []
    assert run_sync(fake_aws)["moved"] == 3
    assert read_manifest(fake_aws) == manifest_of(project, *files)


def test_error_of_one_file_does_not_stop_the_others(
    project: EdgeProject, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, log: CapturedLog
) -> None:
    files = [project.upload(b"content %d" % number) for number in range(4)]
    real_copy, broken = edge_copies.copy_to_s3, project.key(files[1])

    def copy(original: edge_copies.Original, **kwargs: Any) -> edge_copies.Copy:
        if original.key == broken:
            raise ZeroDivisionError
        return real_copy(original, **kwargs)

    monkeypatch.setattr(moves, "copy_to_s3", copy)
    batch = batch_of(*files)
    assert fake_aws.deliver_messages("maintenance", batch) == NO_FAILURES

    assert read_manifest(fake_aws) == manifest_of(project, files[0], *files[2:])
    [crash] = [line for line in log.lines if line["message"] == "edge.sync_crashed"]
    assert (crash["file_id"], crash["exception_name"]) == (files[1]["id"], "ZeroDivisionError")


def test_repeated_message_is_counted_once(project: EdgeProject, fake_aws: FakeAws) -> None:
    files = [project.upload(b"content %d" % number) for number in range(3)]
    maintenance.run_for_operator("sync-edge", dry_run=False)
    first = fake_aws.receive_messages("work")
    while not any("sync-versions" in each for each in first):
        assert fake_aws.deliver_messages("maintenance", *first) == NO_FAILURES
        first = fake_aws.receive_messages("work")
    for _ in range(2):
        assert fake_aws.deliver_messages("maintenance", *first) == NO_FAILURES

    fake_aws.run_workers()

    assert maintenance.get_report("sync-edge").counts["moved"] == 3
    assert read_manifest(fake_aws) == manifest_of(project, *files)


def test_batch_without_a_result_hides_no_other(
    project: EdgeProject, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "_MAX_CHECKS", 2)
    for number in range(30):  # in several shards, so in several batches
        project.upload(b"content %d" % number)
    maintenance.run_for_operator("sync-edge", dry_run=False)
    lost: list[SyncVersions] = []
    while messages := fake_aws.receive_messages("work"):
        for each in messages:
            if "sync-versions" in each and not lost:
                lost.append(SyncVersions.from_json(each))  # its worker is killed again and again
            else:
                assert fake_aws.deliver_messages("maintenance", each) == NO_FAILURES

    counts = maintenance.get_report("sync-edge").counts
    assert (counts["moved"], counts["batchesWithoutResult"]) == (30 - len(lost[0].keys), 1)


def test_message_moves_a_bounded_number_of_versions_that_share_an_original(
    project: EdgeProject, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anyone who may restore versions can make as many as they like of one original."""
    monkeypatch.setattr(moves, "_MAX_MOVED", 2)
    file = project.upload(_CONTENT)
    for number in range(3):
        add_version(project, file, b"newer %d" % number)
        project.client.post(f"/files/{file['id']}/versions/1/restore").created()

    def count_moved() -> int:
        fake_aws.deliver_messages("maintenance", batch_of({**file, "version": 5}))
        rows = fake_aws.find_rows("main", record_type="version")
        return sum(json.loads(row["version_json"]).get("location", "s3") == "s3" for row in rows)

    assert count_moved() == 2
    assert count_moved() == 2  # the others are in messages of their own
    run_sync(fake_aws)
    assert count_moved() == 7
    assert len(read_manifest(fake_aws)) == 4
    invariants.assert_project_consistent(fake_aws, project.id)


def test_copy_at_the_edge_stays_while_a_version_needs_it(
    project: EdgeProject,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    override_settings: OverrideSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    override_settings(EDGE_STORE=edge_store(delete_after_sync=True))
    monkeypatch.setattr(moves, "_MAX_MOVED", 1)
    file = project.upload(_CONTENT)
    key = project.key(file)
    add_version(project, file, b"newer")
    project.client.post(f"/files/{file['id']}/versions/1/restore").created()
    assert fake_aws.deliver_messages("maintenance", batch_of(file)) == NO_FAILURES
    frozen_clock.advance(hours=24)

    assert fake_aws.deliver_messages("maintenance", batch_of(file)) == NO_FAILURES
    assert key in fake_aws.list_keys("edge")  # for version 3

    run_sync(fake_aws)
    frozen_clock.advance(hours=24)
    run_sync(fake_aws)
    assert fake_aws.list_keys("edge") == []


def test_image_is_rendered_by_settings_that_change_meanwhile(
    project: EdgeProject, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    file = project.upload(make_photo(), filename="photo.jpg", contentType="image/jpeg")
    settings = {"variants": [{"name": "small", "width": 30, "height": 30}]}

    def change() -> None:
        frozen_clock.advance(seconds=1)
        project.client.request("PATCH", f"/projects/{project.id}", {"settings": settings}).data()

    with interleave("TransactWriteItems", change):
        assert fake_aws.deliver_messages("maintenance", batch_of(file)) == NO_FAILURES
    fake_aws.run_workers()

    rendered = project.client.get(f"/files/{file['id']}").data()["variants"]
    assert [(each["name"], each["status"]) for each in rendered] == [("small", "ready")]


def test_message_of_an_earlier_run_ends_when_a_later_one_began(project: EdgeProject, fake_aws: FakeAws) -> None:
    project.overwrite(project.key(project.upload(_CONTENT)), b"damaged")  # so it stays in the list
    fake_aws.run_task("sync-edge")
    (earlier,) = fake_aws.receive_messages("work")
    fake_aws.run_task("sync-edge")
    fake_aws.run_workers()

    assert fake_aws.deliver_messages("maintenance", earlier) == NO_FAILURES
    assert fake_aws.receive_messages("work") == []


def test_batch_of_files_that_fail_slowly_continues_in_another_message(
    project: EdgeProject, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [project.upload(b"content %d" % number) for number in range(3)]

    def fail_slowly(*_: Any, **__: Any) -> None:
        frozen_clock.advance(minutes=6)
        raise edge_copies.CopyFailed("size_mismatch")

    monkeypatch.setattr(moves, "copy_to_s3", fail_slowly)
    assert fake_aws.deliver_messages("maintenance", batch_of(*files)) == NO_FAILURES

    [rest] = map(SyncVersions.from_json, fake_aws.receive_messages("work"))
    assert (rest.keys, len(rest.result.failures)) == ([(files[2]["id"], 1)], 2)


def test_sweep_leaves_what_the_sync_is_about_to_name(
    project: EdgeProject, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_clock_in_s3(monkeypatch, frozen_clock)
    file = project.upload(_CONTENT)
    put_original(fake_aws, project.key(file), _CONTENT)
    for _ in range(3):
        frozen_clock.advance(days=7)
        assert "suspected" not in run_sweep(fake_aws).counts

    assert read_manifest(fake_aws) == manifest_of(project, file)


def test_slow_batch_continues_in_another_message(
    project: EdgeProject, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [project.upload(b"content %d" % number) for number in range(5)]
    real_copy = edge_copies.copy_to_s3

    def copy_slowly(*args: Any, **kwargs: Any) -> Any:
        frozen_clock.advance(minutes=5)
        return real_copy(*args, **kwargs)

    monkeypatch.setattr(moves, "copy_to_s3", copy_slowly)
    fake_aws.deliver_messages("maintenance", batch_of(*files))  # two take ten minutes, and the third has three left
    assert len(fake_aws.list_keys("originals")) == 2
    fake_aws.run_workers()
    assert read_manifest(fake_aws) == manifest_of(project, *files)


def test_file_that_takes_too_long_stays_at_the_edge(
    project: EdgeProject, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.upload(_CONTENT)
    real_read = storage.read

    def read_slowly(*args: Any, **kwargs: Any) -> Any:
        frozen_clock.advance(minutes=14)
        return real_read(*args, **kwargs)

    monkeypatch.setattr(storage, "read", read_slowly)
    counts = run_sync(fake_aws)
    assert (counts["failed"], counts["too_slow"]) == (1, 1)


def test_run_without_an_edge_store_ends_at_once(client: Client, frozen_clock: FrozenClock) -> None:
    run = maintenance.run_for_operator("sync-edge", dry_run=False)
    assert maintenance.get_report("sync-edge").status == "completed"
    assert run.counts == {}
