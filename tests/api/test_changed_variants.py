"""Settings that change while an image is rendered. The variants are those of the settings at the end, and no others."""

from pathlib import Path
from typing import Any

import pytest

from holdall.jobs import service as jobs
from holdall.jobs.model import RenderImage
from holdall.projects.model import UpdateProjectRequest
from holdall.projects.service import projects
from holdall.variants import service as variants
from holdall.variants import sync
from holdall.variants.model import LEASE, RenderFailure
from holdall.variants.reconcile import prepare
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import FaultMode, FaultScenario, assert_survives_faults, interleave, run_until_idle
from tests.support.image_samples import make_photo
from tests.support.variants import (
    claim_render,
    finish_render,
    get_file,
    run_until_drained,
    set_variants,
    start_render,
    sync_variants,
    variant_prefixes,
    variant_statuses,
)

SMALL = {"name": "small", "width": 5}
WIDER = {"name": "small", "width": 9}
NEW = {"name": "new", "width": 8}


@pytest.fixture
def project(client: Client) -> dict[str, Any]:
    """Return a public project with one variant."""
    return create_project(client)


@pytest.fixture
def photo_id(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> str:
    """Return the ID of a rendered photo."""
    (file_id,) = fake_aws.upload_photos(client, project, 1)
    return file_id


def create_project(client: Client) -> dict[str, Any]:
    body = {"name": "Holiday", "settings": {"visibility": "public", "variants": [SMALL]}}
    project: dict[str, Any] = client.post("/projects", body).created()
    return project


def assert_no_open_jobs(fake_aws: FakeAws) -> None:
    assert {row["status"] for row in fake_aws.find_rows("main", record_type="job")} == {"completed"}


def assert_variants(client: Client, fake_aws: FakeAws, project: dict[str, Any], file_id: str, *expected: str) -> None:
    """Assert that the file has these variants, all of them ready, and that no others are stored."""
    assert variant_statuses(client, file_id) == dict.fromkeys(expected, "ready")
    assert len(fake_aws.list_keys("variants", project["id"])) == len(expected)
    assert_no_open_jobs(fake_aws)
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_later_rendering_keeps_the_variant_of_an_old_spec(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str
) -> None:
    before = get_file(client, photo_id)["variants"]
    set_variants(client, project, [WIDER, NEW])
    assert client.get(f"/files/{photo_id}/content?variant=new").status == 202
    fake_aws.render_images()

    assert get_file(client, photo_id)["variants"][:1] == before
    assert_variants(client, fake_aws, project, photo_id, "small", "new")


def test_variant_of_an_old_spec_does_not_stay_public(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str
) -> None:
    set_variants(client, project, [WIDER, NEW])
    client.get(f"/files/{photo_id}/content?variant=new")
    fake_aws.render_images()
    client.request("PUT", f"/projects/{project['id']}", {"settings": {"visibility": "private"}}).data()
    run_until_drained(fake_aws)
    assert set(variant_prefixes(fake_aws, project["id"])) == {"private"}
    assert_no_open_jobs(fake_aws)
    client.delete(f"/files/{photo_id}?permanent=true").data()
    run_until_drained(fake_aws)

    invariants.assert_project_purged(fake_aws, project["id"])


def test_rendering_of_an_old_spec_may_end_after_a_sync(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str, tmp_path: Path
) -> None:
    set_variants(client, project, [SMALL, NEW])
    client.get(f"/files/{photo_id}/content?variant=new")
    active_render = claim_render(fake_aws, tmp_path)
    set_variants(client, project, [SMALL, {**NEW, "width": 9}])
    sync_variants(client, project).data()
    run_until_drained(fake_aws)
    active_render.finish()
    run_until_drained(fake_aws)

    assert_variants(client, fake_aws, project, photo_id, "small", "new")


def test_active_rendering_gets_the_new_settings(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], tmp_path: Path
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=project["id"])["fileId"]
    active_render = claim_render(fake_aws, tmp_path)
    set_variants(client, project, [NEW])
    sync_variants(client, project).data()
    run_until_drained(fake_aws)
    finish_render(fake_aws, active_render, tmp_path)

    assert_variants(client, fake_aws, project, file_id, "new")
    assert len(fake_aws.find_rows("main", record_type="event", type="file.ready")) == 1


def test_imageproc_renders_again_with_the_new_settings(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=project["id"])["fileId"]
    active_render = claim_render(fake_aws, tmp_path)
    monkeypatch.setattr(variants, "claim", lambda job_id: active_render.render_job)
    changes = UpdateProjectRequest.model_validate({"settings": {"variants": [SMALL, NEW]}})
    with interleave(
        "TransactWriteItems", lambda: projects.update(make_caller(client), get_project(project["id"]), changes)
    ):
        assert (
            fake_aws.deliver_messages("imageproc", RenderImage(active_render.render_job.job.id).to_json())
            == NO_FAILURES
        )

    assert_variants(client, fake_aws, project, file_id, "small", "new")


def test_worker_whose_lease_ended_records_nothing(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project: dict[str, Any], tmp_path: Path
) -> None:
    fake_aws.upload(client, make_photo(), projectId=project["id"])
    late = claim_render(fake_aws, tmp_path)
    frozen_clock.advance(minutes=6)
    set_variants(client, project, [SMALL, NEW])
    current = variants.claim(late.render_job.job.id)
    assert current is not None

    assert late.finish() is None
    (version,) = invariants.stored_versions(fake_aws, project["id"])
    assert version["status"] == "processing"
    finish_render(fake_aws, start_render(current, tmp_path), tmp_path)
    assert_variants(client, fake_aws, project, current.file.id, "small", "new")


def test_variant_of_a_dead_worker_with_an_old_spec_is_deleted(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project: dict[str, Any], tmp_path: Path
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=project["id"])["fileId"]
    set_variants(client, project, [WIDER])
    active_render = claim_render(fake_aws, tmp_path)
    active_render.store_under_media()
    set_variants(client, project, [NEW])
    frozen_clock.advance(minutes=6)
    fake_aws.run_task("send-pending-jobs")
    run_until_drained(fake_aws)

    assert_variants(client, fake_aws, project, file_id, "new")


def test_variant_wanted_again_before_its_deletion_is_kept(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str
) -> None:
    set_variants(client, project, [])
    sync_variants(client, project).data()
    for message in fake_aws.receive_messages("work"):
        fake_aws.deliver_messages("maintenance", message)
    set_variants(client, project, [SMALL])
    run_until_drained(fake_aws)

    assert_variants(client, fake_aws, project, photo_id, "small")


@pytest.mark.parametrize("mode", ["refused", "timeout"])
def test_variant_wanted_again_after_a_failed_sync_is_rendered(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def set_up() -> FaultScenario:
        client = users.create_client()
        project = create_project(client)
        fake_aws.upload_photos(client, project, 1)
        set_variants(client, project, [])
        sync_variants(client, project).data()
        (message,) = fake_aws.receive_messages("work")

        def check(_: Any) -> None:
            (file,) = fake_aws.find_rows("main", record_type="file")
            run_until_idle(fake_aws, frozen_clock)
            assert_variants(users.sign_in(client.user["email"]), fake_aws, project, file["id"], "small")

        def deliver() -> Any:
            return fake_aws.deliver_messages("maintenance", message)

        def change_and_deliver() -> Any:
            set_variants(client, project, [SMALL])  # before the message comes back
            return deliver()

        return FaultScenario(deliver, check, retry=change_and_deliver)

    assert_survives_faults(monkeypatch, mode, set_up)


def test_variant_rendered_again_during_its_deletion_is_kept(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str, tmp_path: Path
) -> None:
    set_variants(client, project, [])
    sync_variants(client, project).data()
    for message in fake_aws.receive_messages("work"):
        fake_aws.deliver_messages("maintenance", message)
    (message,) = fake_aws.receive_messages("images")
    claimed = jobs.claim(RenderImage.from_json(message).job_id, LEASE)
    assert claimed is not None

    def request_again() -> None:
        set_variants(client, project, [SMALL, NEW])
        assert client.get(f"/files/{photo_id}/content?variant=new").status == 202
        fake_aws.render_images()

    with interleave("TransactWriteItems", request_again):
        render_job = prepare(claimed)
    assert render_job is not None
    finish_render(fake_aws, start_render(render_job, tmp_path), tmp_path)

    assert_variants(client, fake_aws, project, photo_id, "small", "new")


def test_changed_variant_is_listed_once(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str
) -> None:
    set_variants(client, project, [WIDER])
    job = sync_variants(client, project).data()["jobId"]
    fake_aws.receive_messages("work")
    claimed = jobs.claim(job, LEASE)
    assert claimed is not None
    sync.run(claimed)

    assert variant_statuses(client, photo_id) == {"small": "processing"}
    assert len(get_file(client, photo_id)["variants"]) == 1
    assert client.get(f"/files/{photo_id}/content?variant=small").status == 202
    run_until_drained(fake_aws)
    assert_variants(client, fake_aws, project, photo_id, "small")


def test_failed_rendering_does_not_affect_another_job(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str, tmp_path: Path
) -> None:
    set_variants(client, project, [SMALL, NEW])
    client.get(f"/files/{photo_id}/content?variant=new")
    active_render = claim_render(fake_aws, tmp_path)
    set_variants(client, project, [SMALL, NEW, {"name": "other", "width": 3}])
    sync_variants(client, project).data()
    for message in fake_aws.receive_messages("work"):
        fake_aws.deliver_messages("maintenance", message)
    variants.fail(active_render.render_job, RenderFailure("cannot_encode"))
    run_until_drained(fake_aws)

    assert variant_statuses(client, photo_id) == {"small": "ready", "new": "failed", "other": "ready"}
    invariants.assert_project_consistent(fake_aws, project["id"])
