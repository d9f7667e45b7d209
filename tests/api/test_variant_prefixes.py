"""The prefixes of variants: `media/` only for live files of public projects."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdall.files import service as files
from holdall.files.model import File, Version
from holdall.variants import service as variants
from holdall.variants.model import RenderFailure
from tests.support import invariants
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.image_samples import make_photo
from tests.support.variants import ActiveRender, claim_render, get_file, variant_prefixes


@pytest.fixture
def photo_id(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> str:
    """Return the ID of a rendered photo in a public project."""
    committed = fake_aws.upload(client, make_photo(), projectId=project["id"])
    fake_aws.run_workers()
    return str(committed["fileId"])


@pytest.fixture
def active_render(client: Client, fake_aws: FakeAws, project: dict[str, Any], tmp_path: Path) -> ActiveRender:
    """Return the active rendering of a photo in a public project."""
    fake_aws.upload(client, make_photo(), projectId=project["id"])
    return claim_render(fake_aws, tmp_path)


def test_variants_of_a_public_project_are_under_media(
    fake_aws: FakeAws, project: dict[str, Any], photo_id: str
) -> None:
    assert variant_prefixes(fake_aws, project["id"]) == ["media"]


def trash(client: Client, project_id: str, file_id: str) -> None:
    client.delete(f"/files/{file_id}").data()


def make_private(client: Client, project_id: str, file_id: str) -> None:
    client.request("PATCH", f"/projects/{project_id}", {"settings": {"visibility": "private"}}).data()


def delete_project(client: Client, project_id: str, file_id: str) -> None:
    client.delete(f"/projects/{project_id}").data()


@pytest.mark.parametrize("hide", [trash, make_private, delete_project])
@pytest.mark.parametrize("content", [make_photo(), b"not an image"], ids=["without-variants", "no-image"])
def test_variants_of_older_versions_are_hidden_too(
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    photo_id: str,
    content: bytes,
    hide: Callable[[Client, str, str], None],
) -> None:
    client.request("PATCH", f"/projects/{project['id']}", {"settings": {"variants": []}}).data()
    fake_aws.upload(client, content, projectId=project["id"], fileId=photo_id)
    fake_aws.run_workers()
    assert variant_prefixes(fake_aws, project["id"]) == ["media"]

    hide(client, project["id"], photo_id)
    fake_aws.run_workers()
    assert variant_prefixes(fake_aws, project["id"]) == ["private"]


def test_variants_of_a_private_project_are_under_private(client: Client, fake_aws: FakeAws) -> None:
    project = client.post("/projects", {"name": "x"}).created()["id"]
    committed = fake_aws.upload(client, make_photo(), projectId=project)
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project) == ["private"] * 3
    urls = [variant["url"] for variant in get_file(client, committed["fileId"])["variants"]]
    assert all(url.startswith("https://files.example.test/api/v1/files/") for url in urls)


def test_trash_moves_variants_from_media(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str
) -> None:
    trashed = client.delete(f"/files/{photo_id}").data()
    assert trashed["status"] == "deleted"
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    assert all("/media/" not in variant["url"] for variant in get_file(client, photo_id)["variants"])
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_repeated_trash_changes_nothing(client: Client, fake_aws: FakeAws, photo_id: str) -> None:
    first, second = (client.delete(f"/files/{photo_id}").data() for _ in range(2))

    assert first == second
    assert len(fake_aws.find_rows("main", record_type="job", kind="relocate")) == 1
    assert len(fake_aws.find_rows("audit", action="files.trash")) == 1


def test_relocation_with_two_messages_is_done_once(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str
) -> None:
    client.delete(f"/files/{photo_id}").data()
    (message,) = fake_aws.receive_messages("work")

    assert fake_aws.deliver_messages("maintenance", message, message) == {"batchItemFailures": []}
    assert variant_prefixes(fake_aws, project["id"]) == ["private"]


def test_variants_of_all_versions_are_moved(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str
) -> None:
    fake_aws.upload(client, make_photo(color="red"), projectId=project["id"], fileId=photo_id)
    fake_aws.run_workers()
    assert variant_prefixes(fake_aws, project["id"]) == ["media", "media"]
    client.delete(f"/files/{photo_id}").data()
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private", "private"]


def test_file_in_the_trash_is_rendered_under_private(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    committed = fake_aws.upload(client, make_photo(), projectId=project["id"])
    client.delete(f"/files/{committed['fileId']}").data()
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    assert get_file(client, committed["fileId"])["status"] == "deleted"


@pytest.mark.parametrize("relocated", ["before", "after"])
def test_file_trashed_during_its_rendering_has_nothing_under_media(
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    active_render: ActiveRender,
    relocated: str,
) -> None:
    client.delete(f"/files/{active_render.file_id}").data()
    if relocated == "before":
        fake_aws.run_workers()
    active_render.finish()
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    file = get_file(client, active_render.file_id)
    assert [variant["status"] for variant in file["variants"]] == ["ready"]
    assert all("/media/" not in variant["url"] for variant in file["variants"])
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_failed_variants_of_a_dead_worker_are_deleted(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], active_render: ActiveRender, frozen_clock: FrozenClock
) -> None:
    active_render.store_under_media()
    frozen_clock.advance(minutes=10)
    second = variants.claim(active_render.render_job.job.id)
    assert second is not None
    variants.fail(second, RenderFailure("decoder_crashed"))

    assert fake_aws.list_keys("variants", project["id"]) == []
    invariants.assert_project_consistent(fake_aws, project["id"])


@pytest.mark.parametrize("purged", ["before", "after"])
def test_file_purged_during_its_rendering_leaves_nothing(
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    active_render: ActiveRender,
    purged: str,
) -> None:
    client.delete(f"/files/{active_render.file_id}?permanent=true").data()
    if purged == "before":  # it has to wait for the worker
        (message,) = fake_aws.receive_messages("work")
        assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
        assert fake_aws.list_keys("originals", project["id"])
    active_render.finish()
    fake_aws.run_workers()

    invariants.assert_project_purged(fake_aws, project["id"])


def test_objects_of_a_dead_worker_are_moved_to_the_trash(
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    active_render: ActiveRender,
) -> None:
    active_render.store_under_media()
    client.delete(f"/files/{active_render.file_id}").data()
    fake_aws.run_workers()

    assert "media" not in variant_prefixes(fake_aws, project["id"])


def test_next_worker_deletes_the_objects_of_a_dead_one_under_media(
    frozen_clock: FrozenClock,
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    active_render: ActiveRender,
) -> None:
    client.delete(f"/files/{active_render.file_id}").data()
    fake_aws.run_workers()
    active_render.store_under_media()
    frozen_clock.advance(minutes=6)
    fake_aws.run_task("send-pending-jobs")
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_project_made_private_during_a_rendering_has_nothing_under_media(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], active_render: ActiveRender
) -> None:
    make_project_private(fake_aws, project["id"])
    active_render.finish()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    assert all("/media/" not in variant["url"] for variant in get_file(client, active_render.file_id)["variants"])


def test_variants_of_an_image_in_the_trash_fail(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], active_render: ActiveRender
) -> None:
    client.delete(f"/files/{active_render.file_id}").data()
    variants.fail(active_render.render_job, RenderFailure("broken_image"))

    (job,) = fake_aws.find_rows("main", record_type="job", kind="render")
    assert (job["status"], job["reason"]) == ("failed", "broken_image")
    (version,) = invariants.stored_versions(fake_aws, project["id"])
    assert (version["status"], version["reason"]) == ("ready", "broken_image")


def make_project_private(fake_aws: FakeAws, project_id: str) -> None:
    """Make a project private, without the job that moves its variants."""
    (row,) = fake_aws.find_rows("main", pk=f"PROJECT#{project_id}", sk="PROJECT")
    settings = row["settings"].replace('"public"', '"private"')
    fake_aws.update_row(f"PROJECT#{project_id}", "PROJECT", visibility="private", settings=settings)


def test_rendering_that_ends_during_a_relocation_is_not_lost(
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    active_render: ActiveRender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    newer = fake_aws.upload(client, make_photo(color="red"), projectId=project["id"], fileId=active_render.file_id)
    assert newer["version"] == 2  # so the version that is being rendered is not the current one
    fake_aws.receive_messages("images")
    assert client.request("DELETE", f"/files/{active_render.file_id}").status == 200
    get_version_or_none = files.get_version_or_none

    def get_version_and_finish(file: File, number: int) -> Version | None:
        version = get_version_or_none(file, number)
        if number == 1:
            monkeypatch.setattr(files, "get_version_or_none", get_version_or_none)
            active_render.finish()
        return version

    monkeypatch.setattr(files, "get_version_or_none", get_version_and_finish)
    fake_aws.run_workers()

    versions = {version["number"]: version for version in invariants.stored_versions(fake_aws, project["id"])}
    assert [variant["status"] for variant in versions[1]["variants"]] == ["ready"]
    assert set(variant_prefixes(fake_aws, project["id"])) == {"private"}
    invariants.assert_project_consistent(fake_aws, project["id"])
