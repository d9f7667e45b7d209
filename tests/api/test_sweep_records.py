"""The sweep of variants and of records: nothing that a record names is removed, and no record is changed for a lost object."""

from typing import Any

import pytest

from holdall.files import service as files
from holdall.files.model import unprefixed_key
from holdall.maintenance import sweep_rows
from holdall.platform import ids, stored_objects
from holdall.tasks.model import TaskRun
from holdall.variants import drop
from tests.support import invariants, projects, users
from tests.support.aws import FakeAws
from tests.support.callers import get_project
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import interleave
from tests.support.image_samples import make_photo
from tests.support.log import CapturedLog
from tests.support.sweep import ULID, dry_run, put_variant, rows_without_reports, run_sweep, subjects
from tests.support.uploads import TEXT_FILE
from tests.support.variants import create_public_project, run_until_drained, set_variants


@pytest.fixture
def project_id(client: Client, frozen_clock: FrozenClock) -> str:
    return create_public_project(client)


@pytest.fixture
def image(client: Client, fake_aws: FakeAws, project_id: str) -> dict[str, Any]:
    """Return the stored version of a photo with rendered variants."""
    fake_aws.upload(client, make_photo(), projectId=project_id)
    fake_aws.render_images()
    (version,) = invariants.stored_versions(fake_aws, project_id)
    return version


def sweep_twice(fake_aws: FakeAws, frozen_clock: FrozenClock) -> TaskRun:
    frozen_clock.advance(days=2)
    run_sweep(fake_aws)
    frozen_clock.advance(days=2)
    report = run_sweep(fake_aws)
    run_until_drained(fake_aws)
    return report


def test_version_that_is_not_rendered_yet_is_left_as_it_is(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, project_id: str
) -> None:
    fake_aws.upload(client, make_photo(), projectId=project_id)
    fake_aws.receive_messages("images")
    (before,) = invariants.stored_versions(fake_aws, project_id)
    put_variant(fake_aws, stray_key(before["variants"][0]["key"]))

    sweep_twice(fake_aws, frozen_clock)

    assert invariants.stored_versions(fake_aws, project_id) == [before]


def test_variant_that_has_a_name_again_is_not_dropped(
    fake_aws: FakeAws, project_id: str, image: dict[str, Any]
) -> None:
    [file] = fake_aws.find_rows("main", record_type="file", project_id=project_id)
    drop.drop_variants(file["id"], 1, [each["key"] for each in image["variants"]])
    assert invariants.stored_versions(fake_aws, project_id) == [image]


def test_file_that_is_purged_after_it_was_listed_is_not_missing(
    client: Client, fake_aws: FakeAws, project_id: str, image: dict[str, Any]
) -> None:
    [file] = fake_aws.find_rows("main", record_type="file", project_id=project_id)

    def purge() -> None:
        client.delete(f"/files/{file['id']}?permanent=true").data()
        fake_aws.run_workers()

    before = f"{ids.shard(project_id)}#{project_id[:-1]}"
    with interleave("s3.ListObjectVersions", purge):
        run, _ = sweep_rows.run_page(TaskRun.new("sweep", "schedule"), (before, ""))

    assert run.counts == {"projects": 1, "versions": 1}


@pytest.mark.parametrize("other", ["0" * 12, "z" * 12])
def test_project_is_looked_at_when_the_one_that_a_page_continues_is_gone(
    project_id: str, image: dict[str, Any], other: str
) -> None:
    """A purged project leaves the list, and a new one may take its place there."""
    before = f"{ids.shard(project_id)}#{project_id[:-1]}"
    run, _ = sweep_rows.run_page(TaskRun.new("sweep", "schedule"), (before, f"{other}-{ULID}"))

    assert (run.counts["projects"], run.counts["versions"]) == (1, 1)


def stray_key(variant_key: str, spec_hash: str = "0123456789ab") -> str:
    """Return the key of another variant of the same version."""
    return f"{variant_key.rpartition('-')[0]}-{spec_hash}.webp"


def test_variant_of_a_version_that_is_gone_is_removed(
    fake_aws: FakeAws, frozen_clock: FrozenClock, project_id: str, image: dict[str, Any]
) -> None:
    key = f"media/orphans-{project_id}/images/thumb/{ULID}-0123456789ab.webp"
    put_variant(fake_aws, key)
    report = sweep_twice(fake_aws, frozen_clock)

    assert subjects(report, "removed") == [key]
    assert fake_aws.list_keys("variants") == [variant["key"] for variant in image["variants"]]


def test_variant_that_the_record_of_its_version_does_not_name_is_dropped_by_its_worker(
    fake_aws: FakeAws, frozen_clock: FrozenClock, project_id: str, image: dict[str, Any]
) -> None:
    key = stray_key(image["variants"][0]["key"])
    put_variant(fake_aws, key)
    report = sweep_twice(fake_aws, frozen_clock)

    assert subjects(report, "removed") == [key]
    assert fake_aws.list_keys("variants") == [variant["key"] for variant in image["variants"]]
    assert invariants.stored_versions(fake_aws, project_id)[0]["variants"] == image["variants"]
    invariants.assert_project_consistent(fake_aws, project_id)


def test_stray_variant_that_the_settings_name_by_then_is_rendered_instead(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, project_id: str, image: dict[str, Any]
) -> None:
    """A worker removes the object, and the same worker renders the variant, so that no removal is late."""
    set_variants(client, {"id": project_id}, [{"name": "wide", "width": 30, "height": 20, "fit": "cover"}])
    project = get_project(project_id)
    key = f"media/{unprefixed_key(project, image['id'], project.settings.variants[0])}"
    put_variant(fake_aws, key)
    sweep_twice(fake_aws, frozen_clock)

    (version,) = invariants.stored_versions(fake_aws, project_id)
    assert {each["key"]: each["status"] for each in version["variants"]}[key] == "ready"
    invariants.assert_project_consistent(fake_aws, project_id)


@pytest.mark.parametrize("prefix", ["media", "private"])
def test_variant_that_a_record_names_is_never_suspected(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, project_id: str, image: dict[str, Any], prefix: str
) -> None:
    if prefix == "private":
        client.request("DELETE", f"/files/{client.get(f'/files?projectId={project_id}').data()[0]['id']}").data()
        run_until_drained(fake_aws)
    before = fake_aws.list_keys("variants")
    assert [key.partition("/")[0] for key in before] == [prefix] * len(image["variants"])
    for _ in range(3):
        frozen_clock.advance(days=7)
        counts = run_sweep(fake_aws).counts
        assert (counts.keys() & {"suspected", "missing"}, counts["versions"]) == (set(), 1)

    assert fake_aws.list_keys("variants") == before


def test_variants_of_a_restored_version_are_named(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, project_id: str
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=project_id)["fileId"]
    fake_aws.upload(client, make_photo(color="red"), fileId=file_id)
    fake_aws.render_images()
    client.post(f"/files/{file_id}/versions/1/restore").created()
    fake_aws.render_images()
    before = fake_aws.list_keys("variants")
    assert len(before) == 3
    report = sweep_twice(fake_aws, frozen_clock)

    assert report.counts.keys() & {"suspected", "removed", "missing"} == set()
    assert fake_aws.list_keys("variants") == before


def test_record_whose_object_is_gone_is_reported_and_stays(
    client: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    project_id: str,
    image: dict[str, Any],
    log: CapturedLog,
) -> None:
    kept = fake_aws.upload(client, b"kept", **TEXT_FILE)
    fake_aws.s3.delete_object(Bucket="originals", Key=image["key"], VersionId=image["s3_version_id"])
    fake_aws.s3.delete_object(Bucket="variants", Key=image["variants"][0]["key"])
    before = invariants.stored_versions(fake_aws, project_id)
    report = sweep_twice(fake_aws, frozen_clock)

    assert subjects(report, "missing") == sorted([image["key"], image["variants"][0]["key"]])
    assert invariants.stored_versions(fake_aws, project_id) == before
    lines = [line for line in log.lines if line.get("event") == "object.missing"]
    assert {(line["level"], line["key"]) for line in lines} == {
        ("ERROR", image["key"]),
        ("ERROR", image["variants"][0]["key"]),
    }
    assert kept["fileId"]


def test_original_of_a_purged_file_is_not_missing(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of versions lags: a version that is in it may be purged by now."""
    file_id = fake_aws.upload(client, b"gone", **TEXT_FILE)["fileId"]
    project_id = users.personal_project_id(client)
    listed = files.list_project_versions

    def purge_after_the_list(*args: Any) -> Any:
        found = listed(*args)
        if args[0] == project_id and found.items:
            client.request("DELETE", f"/files/{file_id}?permanent=true")
            fake_aws.run_workers()
        return found

    monkeypatch.setattr(files, "list_project_versions", purge_after_the_list)
    fake_aws.run_task("sweep")
    fake_aws.run_workers()

    assert invariants.stored_versions(fake_aws, project_id) == []
    assert "missing" not in run_sweep(fake_aws).counts


def test_records_are_read_page_by_page(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_rows, "_PAGE_SIZE", 2)
    monkeypatch.setattr(stored_objects, "_PAGE_SIZE", 2)
    project_id = projects.create_shared_project(client)
    uploads = [fake_aws.upload(client, b"x", projectId=project_id, **TEXT_FILE) for _ in range(5)]
    restored = uploads[0]["fileId"]
    fake_aws.upload(client, b"y", fileId=restored, **TEXT_FILE)
    client.post(f"/files/{restored}/versions/1/restore").created()
    lost = invariants.stored_versions(fake_aws, project_id)[3]
    fake_aws.s3.delete_object(Bucket="originals", Key=lost["key"], VersionId=lost["s3_version_id"])
    report = run_sweep(fake_aws)

    assert (report.counts["versions"], subjects(report, "missing")) == (7, [lost["key"]])
    assert report.counts["projects"] == 2


def test_variant_that_no_setting_has_named_for_30_days_is_dropped_and_its_quota_released(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, project_id: str, image: dict[str, Any]
) -> None:
    set_variants(client, {"id": project_id}, [{"name": "wide", "width": 30, "height": 20, "fit": "cover"}])
    frozen_clock.advance(days=29, hours=23)
    assert "outdated" not in run_sweep(fake_aws).counts
    frozen_clock.advance(hours=1)
    before = rows_without_reports(fake_aws)
    assert subjects(dry_run(fake_aws), "outdated") == [image["variants"][0]["key"]]
    assert rows_without_reports(fake_aws) == before
    report = run_sweep(fake_aws)
    run_until_drained(fake_aws)

    assert subjects(report, "outdated") == [image["variants"][0]["key"]]
    assert fake_aws.list_keys("variants") == []
    assert invariants.counted_usage(fake_aws, project_id).keys() & {"variants", "variant_bytes"} == set()
    invariants.assert_project_consistent(fake_aws, project_id)
    assert "outdated" not in run_sweep(fake_aws).counts


def test_variant_of_an_old_spec_stays_until_that_of_the_new_one_is_rendered(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, project_id: str, image: dict[str, Any]
) -> None:
    name = image["variants"][0]["name"]
    set_variants(client, {"id": project_id}, [{"name": name, "width": 30, "height": 20, "fit": "cover"}])
    frozen_clock.advance(days=31)
    run_sweep(fake_aws)
    run_until_drained(fake_aws)

    assert fake_aws.list_keys("variants") == [image["variants"][0]["key"]]


def test_project_without_an_active_owner_is_reported(
    client: Client, superuser: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    shared = projects.create_shared_project(client)
    projects.create_member(client, shared, fake_aws, "editor")
    assert "no_active_owner" not in run_sweep(fake_aws).counts
    superuser.request("PUT", f"/users/{client.user['id']}", {"status": "disabled"}).data()
    report = run_sweep(fake_aws)

    assert subjects(report, "no_active_owner") == sorted([shared, users.personal_project_id(client)])
    assert fake_aws.find_rows("main", pk=f"PROJECT#{shared}", sk="PROJECT")[0]["status"] == "active"
