"""Variants move when a project becomes public or private: a private project has nothing under `media/`."""

from pathlib import Path
from typing import Any

import pytest

from holdall.files import service as files
from holdall.files.model import File
from holdall.platform.pagination import Page
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.factories import make_upload_request
from tests.support.image_samples import make_photo
from tests.support.log import CapturedLog
from tests.support.projects import delete_project, restore_project
from tests.support.variants import ActiveRender, claim_render, get_file, variant_prefixes


@pytest.fixture
def active_render(client: Client, fake_aws: FakeAws, project: dict[str, Any], tmp_path: Path) -> ActiveRender:
    """Return the active rendering of a photo in a public project."""
    fake_aws.upload(client, make_photo(), projectId=project["id"])
    return claim_render(fake_aws, tmp_path)


def set_visibility(client: Client, project: dict[str, Any], visibility: str) -> None:
    body = {"settings": {"visibility": visibility}}
    client.request("PUT", f"/projects/{project['id']}", body).data()


def list_relocation_jobs(fake_aws: FakeAws) -> list[tuple[str, str | None]]:
    """Return status and reason of the jobs that relocate the project, oldest first."""
    rows = sorted(fake_aws.find_rows("main", record_type="job", kind="relocate-project"), key=lambda row: row["id"])
    return [(row["status"], row.get("reason")) for row in rows]


def hide_from_index(monkeypatch: pytest.MonkeyPatch, file_id: str) -> None:
    """Hide a file from the list of images, as an index that lags does."""
    list_by_kind = files.list_by_kind

    def lagging(*args: Any) -> Page[File]:
        page = list_by_kind(*args)
        return Page([file for file in page.items if file.id != file_id], next=page.next, prev=page.prev)

    monkeypatch.setattr(files, "list_by_kind", lagging)


def test_variants_move_to_private_and_back(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    (file_id,) = fake_aws.upload_photos(client, project, 1)
    before = get_file(client, file_id)
    assert variant_prefixes(fake_aws, project["id"]) == ["media"]

    set_visibility(client, project, "private")
    fake_aws.run_workers()
    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    assert all("/media/" not in each["url"] for each in get_file(client, file_id)["variants"])
    set_visibility(client, project, "public")
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["media"]
    assert get_file(client, file_id)["variants"] == before["variants"]
    assert list_relocation_jobs(fake_aws) == [("completed", None)]
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_older_versions_move_too(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    (file_id,) = fake_aws.upload_photos(client, project, 1)
    fake_aws.upload(client, make_photo(color="red"), projectId=project["id"], fileId=file_id)
    fake_aws.render_images()
    set_visibility(client, project, "private")
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private", "private"]
    assert {each["key"].partition("/")[0] for each in list_rendered_variants(fake_aws, project)} == {"private"}


def test_older_versions_of_what_is_no_image_any_more_move_too(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    (file_id,) = fake_aws.upload_photos(client, project, 1)
    fake_aws.upload(client, b"not an image", projectId=project["id"], fileId=file_id)
    fake_aws.run_workers()
    assert get_file(client, file_id)["kind"] == "file"
    for visibility, prefix in (("private", "private"), ("public", "media")):
        set_visibility(client, project, visibility)
        fake_aws.run_workers()
        assert variant_prefixes(fake_aws, project["id"]) == [prefix]


def list_rendered_variants(fake_aws: FakeAws, project: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for version in invariants.stored_versions(fake_aws, project["id"]) for each in version["variants"]]


def test_trashed_file_stays_private(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    live, trashed = fake_aws.upload_photos(client, project, 2)
    client.delete(f"/files/{trashed}").data()
    set_visibility(client, project, "private")
    fake_aws.run_workers()
    assert variant_prefixes(fake_aws, project["id"]) == ["private", "private"]
    set_visibility(client, project, "public")
    fake_aws.run_workers()

    assert sorted(variant_prefixes(fake_aws, project["id"])) == ["media", "private"]
    assert all("/media/" in each["url"] for each in get_file(client, live)["variants"])
    assert all("/media/" not in each["url"] for each in get_file(client, trashed)["variants"])


def test_last_change_of_visibility_wins(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    fake_aws.upload_photos(client, project, 1)
    for visibility in ("private", "public", "private"):
        set_visibility(client, project, visibility)
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    assert {status for status, _ in list_relocation_jobs(fake_aws)} == {"completed"}


@pytest.mark.parametrize("moved", ["before", "after"])
def test_variant_rendered_during_the_change_is_private(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], active_render: ActiveRender, moved: str
) -> None:
    set_visibility(client, project, "private")
    if moved == "before":
        fake_aws.run_workers()
    active_render.finish()
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    assert [each["status"] for each in get_file(client, active_render.file_id)["variants"]] == ["ready"]
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_variant_of_a_dead_worker_is_private(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], active_render: ActiveRender
) -> None:
    active_render.store_under_media()
    set_visibility(client, project, "private")
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_image_committed_before_the_job_has_the_new_visibility(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], visibility: str
) -> None:
    if visibility == "public":
        set_visibility(client, project, "private")
        fake_aws.run_workers()
    upload = client.post("/files/init-upload", make_upload_request(make_photo(), projectId=project["id"])).created()
    fake_aws.put_object(upload, make_photo())
    set_visibility(client, project, visibility)
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["media" if visibility == "public" else "private"]
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_relocation_in_many_runs_moves_all_variants(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.maintenance.project_jobs._BATCH_SIZE", 2)
    fake_aws.upload_photos(client, project, 5)
    set_visibility(client, project, "private")
    fake_aws.run_workers()
    assert variant_prefixes(fake_aws, project["id"]) == ["private"] * 5
    set_visibility(client, project, "public")
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["media"] * 5
    assert list_relocation_jobs(fake_aws) == [("completed", None)]


def test_image_missing_in_the_list_is_found_in_the_bucket(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, unlisted = fake_aws.upload_photos(client, project, 2)
    hide_from_index(monkeypatch, unlisted)
    set_visibility(client, project, "private")
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private", "private"]
    assert all("/media/" not in each["url"] for each in get_file(client, unlisted)["variants"])
    assert list_relocation_jobs(fake_aws) == [("completed", None)]


def put_stray_object(fake_aws: FakeAws, project: dict[str, Any], number: int, version_id: str = "0" * 26) -> None:
    """Store an object that no record names, before the others in the order of keys."""
    key = f"media/holiday-{project['id']}/images/a{number}/{version_id}-000000000000.webp"
    fake_aws.s3.put_object(Bucket="variants", Key=key, Body=b"stray")


@pytest.mark.parametrize("owner", ["a photo", "no owner"])
def test_object_without_a_record_does_not_stay_public(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch, owner: str
) -> None:
    monkeypatch.setattr("holdall.maintenance.project_jobs._BATCH_SIZE", 2)
    unlisted, _ = fake_aws.upload_photos(client, project, 2)
    version = invariants.stored_versions(fake_aws, project["id"])[0]
    for number in range(5):
        put_stray_object(
            fake_aws, project, number, version["id"].rpartition("-")[2] if owner == "a photo" else "0" * 26
        )
    hide_from_index(monkeypatch, unlisted)
    set_visibility(client, project, "private")
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private", "private"]
    assert list_relocation_jobs(fake_aws) == [("completed", None)]
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_public_copy_of_a_private_variant_is_deleted(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    fake_aws.upload_photos(client, project, 1)
    (public,) = fake_aws.list_keys("variants", project["id"])
    set_visibility(client, project, "private")
    fake_aws.run_workers()
    fake_aws.s3.put_object(Bucket="variants", Key=public, Body=b"a worker that died")
    set_visibility(client, project, "public")
    set_visibility(client, project, "private")
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    assert {status for status, _ in list_relocation_jobs(fake_aws)} == {"completed"}
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_variant_that_cannot_be_moved_is_reported_and_blocks_no_others(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch, log: CapturedLog
) -> None:
    monkeypatch.setattr("holdall.maintenance.project_jobs.MAX_CHECKS", 3)
    monkeypatch.setattr("holdall.maintenance.project_jobs._BATCH_SIZE", 1)
    stuck, other = sorted(
        fake_aws.upload_photos(client, project, 2), key=lambda each: str(get_file(client, each)["variants"][0]["url"])
    )
    hide_from_index(monkeypatch, other)
    fake_aws.update_row(f"FILE#{stuck}", "FILE", state="purging")  # without a job
    set_visibility(client, project, "private")
    fake_aws.run_workers()

    assert sorted(variant_prefixes(fake_aws, project["id"])) == ["media", "private"]
    assert list_relocation_jobs(fake_aws) == [("failed", "public_prefix_not_empty")]
    (line,) = [line for line in log.lines if line["message"] == "project.public_prefix_not_empty"]
    assert (line["level"], line["project_id"]) == ("ERROR", project["id"])


def test_purge_deletes_objects_without_a_record(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.maintenance.project_jobs._BATCH_SIZE", 2)
    fake_aws.upload_photos(client, project, 1)
    for number in range(3):
        put_stray_object(fake_aws, project, number)
    delete_project(client, project, "?permanent=true").data()
    fake_aws.run_workers()

    assert fake_aws.list_keys("variants", project["id"]) == []
    assert fake_aws.find_rows("main", record_type="project", id=project["id"]) == []


def test_project_with_the_same_name_is_unaffected(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    other = client.post("/projects", {"name": project["name"], "settings": project["settings"]}).created()
    fake_aws.upload_photos(client, project, 1)
    fake_aws.upload_photos(client, other, 1)
    set_visibility(client, project, "private")
    fake_aws.run_workers()

    assert (variant_prefixes(fake_aws, project["id"]), variant_prefixes(fake_aws, other["id"])) == (
        ["private"],
        ["media"],
    )


def test_duplicate_message_relocates_once(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    fake_aws.upload_photos(client, project, 1)
    set_visibility(client, project, "private")
    (message,) = fake_aws.receive_messages("work")
    assert fake_aws.deliver_messages("maintenance", message, message) == NO_FAILURES
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES


@pytest.mark.parametrize("end", ["", "?permanent=true"])
def test_project_deleted_during_a_relocation_has_no_public_variants(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], end: str
) -> None:
    fake_aws.upload_photos(client, project, 1)
    set_visibility(client, project, "private")
    delete_project(client, project, end).data()
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ([] if end else ["private"])


def test_deleted_account_leaves_no_public_variants(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    fake_aws.upload_photos(client, project, 1)
    assert users.delete_account(client).status == 204
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    (row,) = fake_aws.find_rows("main", pk=f"PROJECT#{project['id']}", sk="PROJECT")
    assert row["status"] == "deleted"


def test_restored_private_project_stays_private(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    fake_aws.upload_photos(client, project, 1)
    set_visibility(client, project, "private")
    delete_project(client, project).data()
    restore_project(client, project).data()
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]


def trash_file(client: Client, project: dict[str, Any], file_id: str) -> None:
    client.delete(f"/files/{file_id}").data()


def make_project_private(client: Client, project: dict[str, Any], file_id: str) -> None:
    set_visibility(client, project, "private")


def delete_whole_project(client: Client, project: dict[str, Any], file_id: str) -> None:
    delete_project(client, project).data()


@pytest.mark.parametrize("hide", [trash_file, make_project_private, delete_whole_project])
@pytest.mark.parametrize("moved", ["before", "after"])
def test_later_rendering_leaves_no_public_variants(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], hide: Any, moved: str
) -> None:
    (file_id,) = fake_aws.upload_photos(client, project, 1)
    wide = {"settings": {"variants": [*project["settings"]["variants"], {"name": "wide", "width": 30}]}}
    client.request("PUT", f"/projects/{project['id']}", wide).data()
    assert client.get(f"/files/{file_id}/content?variant=wide").status == 202
    hide(client, project, file_id)
    if moved == "before":
        for message in fake_aws.receive_messages("work"):
            assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private", "private"]
    invariants.assert_project_consistent(fake_aws, project["id"])
