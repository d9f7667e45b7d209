"""Where variants lie: under `media/` only while their file is live in a public project."""

from pathlib import Path
from typing import Any

import pytest

from functions.imageproc.render import Spec, render
from holdall.files import service as client_with_files
from holdall.files.model import File, Version, variant_key
from holdall.platform import storage
from holdall.variants import service as variants
from holdall.variants.model import RenderedVariant, RenderJob, RenderResult
from tests.api.conftest import FrozenClock
from tests.support import invariants
from tests.support.aws import FakeAws, make_photo
from tests.support.client import Client


def get_file(client: Client, file_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/files/{file_id}").data()
    return found


def variant_prefixes(fake_aws: FakeAws, project_id: str) -> list[str]:
    return [key.partition("/")[0] for key in fake_aws.list_keys("variants", project_id)]


@pytest.fixture
def rendered_file_id(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> str:
    """A photo with its variant, in a public project."""
    made = fake_aws.upload(client, make_photo(), projectId=project["id"])
    fake_aws.run_workers()
    return str(made["fileId"])


@pytest.fixture
def active_render(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], tmp_path: Path
) -> tuple[RenderJob, RenderResult]:
    """A photo that is being drawn at this moment, and what will come of it."""
    fake_aws.upload(client, make_photo(), projectId=project["id"])
    (message,) = fake_aws.find_rows("main", record_type="job")
    begun = variants.claim(message["id"])
    assert begun is not None
    source = tmp_path / "source"
    sha256 = variants.download_source(begun, source)
    picture = render(source, [Spec("thumb", 20, 20, "cover", "webp", 80)], tmp_path)
    (each,) = picture.variants
    done = RenderedVariant(each.name, each.path, each.width, each.height, each.content_type, each.size)
    fake_aws.receive_messages("images")
    return begun, RenderResult(sha256, picture.width, picture.height, [done])


def store_rendered_variants(render_job: RenderJob, result: RenderResult) -> None:
    """What a worker leaves in a public project that dies before it is recorded."""
    for spec, rendered_file_id in zip(render_job.specs, result.variants, strict=True):
        key = variant_key(render_job.project, render_job.version.id, spec, "media")
        storage.put_variant(key, rendered_file_id.path, content_type=rendered_file_id.content_type)


def test_what_is_public_lies_under_media(fake_aws: FakeAws, project: dict[str, Any], rendered_file_id: str) -> None:
    assert variant_prefixes(fake_aws, project["id"]) == ["media"]


def test_what_is_private_does_not(client: Client, fake_aws: FakeAws) -> None:
    project = client.post("/projects", {"name": "x"}).created()["id"]
    made = fake_aws.upload(client, make_photo(), projectId=project)
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project) == ["private"] * 3
    urls = [each["url"] for each in get_file(client, made["fileId"])["variants"]]
    assert all(url.startswith("https://files.example.test/api/v1/files/") for url in urls)


def test_trash_takes_variants_away_from_media(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], rendered_file_id: str
) -> None:
    trashed = client.delete(f"/files/{rendered_file_id}").data()
    assert trashed["status"] == "deleted"
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    assert all("/media/" not in each["url"] for each in get_file(client, rendered_file_id)["variants"])
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_trash_twice_is_trash_once(client: Client, fake_aws: FakeAws, rendered_file_id: str) -> None:
    first, second = (client.delete(f"/files/{rendered_file_id}").data() for _ in range(2))

    assert first == second
    assert len(fake_aws.find_rows("main", record_type="job", kind="relocate")) == 1
    assert len(fake_aws.find_rows("audit", action="files.trash")) == 1


def test_a_move_that_is_told_twice_is_done_once(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], rendered_file_id: str
) -> None:
    client.delete(f"/files/{rendered_file_id}").data()
    (message,) = fake_aws.receive_messages("work")

    assert fake_aws.deliver_messages("maintenance", message, message) == {"batchItemFailures": []}
    assert variant_prefixes(fake_aws, project["id"]) == ["private"]


def test_all_versions_leave_media(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], rendered_file_id: str
) -> None:
    fake_aws.upload(client, make_photo(color="red"), projectId=project["id"], fileId=rendered_file_id)
    fake_aws.run_workers()
    assert variant_prefixes(fake_aws, project["id"]) == ["media", "media"]
    client.delete(f"/files/{rendered_file_id}").data()
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private", "private"]


def test_a_file_that_was_trashed_before_it_was_drawn_is_drawn_in_private(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    made = fake_aws.upload(client, make_photo(), projectId=project["id"])
    client.delete(f"/files/{made['fileId']}").data()
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    assert get_file(client, made["fileId"])["status"] == "deleted"


@pytest.mark.parametrize("moved", ["before", "after"])
def test_a_file_that_is_trashed_while_it_is_drawn_leaves_nothing_under_media(
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    active_render: tuple[RenderJob, RenderResult],
    moved: str,
) -> None:
    begun, outcome = active_render
    client.delete(f"/files/{begun.file.id}").data()
    if moved == "before":
        fake_aws.run_workers()
    variants.finish(begun, outcome)
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    file = get_file(client, begun.file.id)
    assert [each["status"] for each in file["variants"]] == ["ready"]
    assert all("/media/" not in each["url"] for each in file["variants"])
    invariants.assert_project_consistent(fake_aws, project["id"])


@pytest.mark.parametrize("purged", ["before", "after"])
def test_a_file_that_is_purged_while_it_is_drawn_leaves_nothing_at_all(
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    active_render: tuple[RenderJob, RenderResult],
    purged: str,
) -> None:
    begun, outcome = active_render
    client.delete(f"/files/{begun.file.id}?permanent=true").data()
    if purged == "before":
        fake_aws.run_workers()
    variants.finish(begun, outcome)
    fake_aws.run_workers()

    invariants.assert_project_purged(fake_aws, project["id"])


def test_a_worker_that_dies_after_storing_leaves_nothing_under_media_of_a_trashed_file(
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    active_render: tuple[RenderJob, RenderResult],
) -> None:
    begun, outcome = active_render
    store_rendered_variants(begun, outcome)
    client.delete(f"/files/{begun.file.id}").data()
    fake_aws.run_workers()

    assert "media" not in variant_prefixes(fake_aws, project["id"])


def test_what_a_dead_worker_left_under_media_is_taken_away_by_the_next(
    frozen_clock: FrozenClock,
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    active_render: tuple[RenderJob, RenderResult],
) -> None:
    begun, outcome = active_render
    client.delete(f"/files/{begun.file.id}").data()
    fake_aws.run_workers()
    store_rendered_variants(begun, outcome)
    frozen_clock.advance(minutes=6)
    fake_aws.run_task("send-pending-jobs")
    fake_aws.run_workers()

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_a_project_that_turns_private_while_a_file_is_drawn_hides_it(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], active_render: tuple[RenderJob, RenderResult]
) -> None:
    make_project_private(fake_aws, project["id"])
    variants.finish(*active_render)

    assert variant_prefixes(fake_aws, project["id"]) == ["private"]
    assert all("/media/" not in each["url"] for each in get_file(client, active_render[0].file.id)["variants"])


def test_an_image_that_is_rejected_while_it_is_trashed_stays_rejected(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], active_render: tuple[RenderJob, RenderResult]
) -> None:
    begun, _ = active_render
    client.delete(f"/files/{begun.file.id}").data()
    variants.reject(begun, "broken_image")

    (job,) = fake_aws.find_rows("main", record_type="job", kind="render")
    assert (job["status"], job["reason"]) == ("failed", "broken_image")
    (version,) = invariants.stored_versions(fake_aws, project["id"])
    assert (version["status"], version["reason"]) == ("rejected", "broken_image")


def make_project_private(fake_aws: FakeAws, project_id: str) -> None:
    """Make a project private, as its owner will."""
    (row,) = fake_aws.find_rows("main", pk=f"PROJECT#{project_id}", sk="PROJECT")
    settings = row["settings"].replace('"public"', '"private"')
    fake_aws.update_row(f"PROJECT#{project_id}", "PROJECT", visibility="private", settings=settings)


def test_a_drawing_that_ends_while_its_file_is_moved_is_not_lost(
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    active_render: tuple[RenderJob, RenderResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, outcome = active_render
    newer = fake_aws.upload(client, make_photo(color="red"), projectId=project["id"], fileId=begun.file.id)
    assert newer["version"] == 2  # so the one that is drawn at this moment is not the one that is shown
    fake_aws.receive_messages("images")
    assert client.request("DELETE", f"/files/{begun.file.id}").status == 200
    read = client_with_files.get_version_or_none

    def ends_behind(file: File, number: int) -> Version | None:
        seen = read(file, number)
        if number == 1:
            monkeypatch.setattr(client_with_files, "get_version_or_none", read)
            variants.finish(begun, outcome)
        return seen

    monkeypatch.setattr(client_with_files, "get_version_or_none", ends_behind)
    fake_aws.run_workers()

    (first,) = [each for each in invariants.stored_versions(fake_aws, project["id"]) if each["number"] == 1]
    assert [each["status"] for each in first["variants"]] == ["ready"]
    assert set(variant_prefixes(fake_aws, project["id"])) == {"private"}
    invariants.assert_project_consistent(fake_aws, project["id"])
