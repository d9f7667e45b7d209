"""Where variants lie: under `media/` only while their file is live in a public project."""

from pathlib import Path
from typing import Any

import pytest

from functions.imageproc.render import Spec, render
from holdall import storage
from holdall.files import service as files
from holdall.files.model import File, Version, variant_key
from holdall.variants import service as variants
from holdall.variants.model import Drawing, Drawn, Outcome
from tests.api import books
from tests.api.client import Client
from tests.api.cloud import Cloud, photo
from tests.api.conftest import Clock


def file_of(client: Client, file_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/files/{file_id}").data()
    return found


def shelves(cloud: Cloud, project_id: str) -> list[str]:
    return [key.partition("/")[0] for key in cloud.keys("variants", project_id)]


@pytest.fixture
def drawn(client: Client, cloud: Cloud, project: dict[str, Any]) -> str:
    """A photo with its variant, in a public project."""
    made = cloud.upload(client, photo(), projectId=project["id"])
    cloud.work()
    return str(made["fileId"])


@pytest.fixture
def drawing(client: Client, cloud: Cloud, project: dict[str, Any], tmp_path: Path) -> tuple[Drawing, Outcome]:
    """A photo that is being drawn at this moment, and what will come of it."""
    cloud.upload(client, photo(), projectId=project["id"])
    (message,) = cloud.rows("main", record_kind="job")
    begun = variants.begin(message["id"])
    assert begun is not None
    source = tmp_path / "source"
    sha256 = variants.fetch_source(begun, source)
    picture = render(source, [Spec("thumb", 20, 20, "cover", "webp", 80)], tmp_path)
    (each,) = picture.variants
    done = Drawn(each.name, each.path, each.width, each.height, each.content_type, each.size)
    cloud.waiting("images")
    return begun, Outcome(sha256, picture.width, picture.height, [done])


def stored(begun: Drawing, outcome: Outcome) -> None:
    """What a worker leaves in a public project that dies before it is recorded."""
    for spec, drawn in zip(begun.specs, outcome.drawn, strict=True):
        key = variant_key(begun.project, begun.version.id, spec, "media")
        storage.put_variant(key, drawn.path, content_type=drawn.content_type)


def test_what_is_public_lies_under_media(cloud: Cloud, project: dict[str, Any], drawn: str) -> None:
    assert shelves(cloud, project["id"]) == ["media"]


def test_what_is_private_does_not(client: Client, cloud: Cloud) -> None:
    project = client.post("/projects", {"name": "x"}).created()["id"]
    made = cloud.upload(client, photo(), projectId=project)
    cloud.work()

    assert shelves(cloud, project) == ["private"] * 3
    urls = [each["url"] for each in file_of(client, made["fileId"])["variants"]]
    assert all(url.startswith("https://files.example.test/api/v1/files/") for url in urls)


def test_trash_takes_variants_away_from_media(
    client: Client, cloud: Cloud, project: dict[str, Any], drawn: str
) -> None:
    trashed = client.delete(f"/files/{drawn}").data()
    assert trashed["status"] == "deleted"
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private"]
    assert all("/media/" not in each["url"] for each in file_of(client, drawn)["variants"])
    books.check(cloud, project["id"])


def test_trash_twice_is_trash_once(client: Client, cloud: Cloud, drawn: str) -> None:
    first, second = (client.delete(f"/files/{drawn}").data() for _ in range(2))

    assert first == second
    assert len(cloud.rows("main", record_kind="job", kind="relocate")) == 1
    assert len(cloud.rows("audit", action="files.trash")) == 1


def test_a_move_that_is_told_twice_is_done_once(
    client: Client, cloud: Cloud, project: dict[str, Any], drawn: str
) -> None:
    client.delete(f"/files/{drawn}").data()
    (message,) = cloud.waiting("work")

    assert cloud.deliver("maintenance", message, message) == {"batchItemFailures": []}
    assert shelves(cloud, project["id"]) == ["private"]


def test_all_versions_leave_media(client: Client, cloud: Cloud, project: dict[str, Any], drawn: str) -> None:
    cloud.upload(client, photo(colour="red"), projectId=project["id"], fileId=drawn)
    cloud.work()
    assert shelves(cloud, project["id"]) == ["media", "media"]
    client.delete(f"/files/{drawn}").data()
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private", "private"]


def test_a_file_that_was_trashed_before_it_was_drawn_is_drawn_in_private(
    client: Client, cloud: Cloud, project: dict[str, Any]
) -> None:
    made = cloud.upload(client, photo(), projectId=project["id"])
    client.delete(f"/files/{made['fileId']}").data()
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private"]
    assert file_of(client, made["fileId"])["status"] == "deleted"


@pytest.mark.parametrize("moved", ["before", "after"])
def test_a_file_that_is_trashed_while_it_is_drawn_leaves_nothing_under_media(
    client: Client, cloud: Cloud, project: dict[str, Any], drawing: tuple[Drawing, Outcome], moved: str
) -> None:
    begun, outcome = drawing
    client.delete(f"/files/{begun.file.id}").data()
    if moved == "before":
        cloud.work()
    variants.finish(begun, outcome)
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private"]
    file = file_of(client, begun.file.id)
    assert [each["status"] for each in file["variants"]] == ["ready"]
    assert all("/media/" not in each["url"] for each in file["variants"])
    books.check(cloud, project["id"])


@pytest.mark.parametrize("purged", ["before", "after"])
def test_a_file_that_is_purged_while_it_is_drawn_leaves_nothing_at_all(
    client: Client, cloud: Cloud, project: dict[str, Any], drawing: tuple[Drawing, Outcome], purged: str
) -> None:
    begun, outcome = drawing
    client.delete(f"/files/{begun.file.id}?permanent=true").data()
    if purged == "before":
        cloud.work()
    variants.finish(begun, outcome)
    cloud.work()

    books.nothing_left(cloud, project["id"])


def test_a_worker_that_dies_after_storing_leaves_nothing_under_media_of_a_trashed_file(
    client: Client,
    cloud: Cloud,
    project: dict[str, Any],
    drawing: tuple[Drawing, Outcome],
) -> None:
    begun, outcome = drawing
    stored(begun, outcome)
    client.delete(f"/files/{begun.file.id}").data()
    cloud.work()

    assert "media" not in shelves(cloud, project["id"])


def test_what_a_dead_worker_left_under_media_is_taken_away_by_the_next(
    frozen: Clock, client: Client, cloud: Cloud, project: dict[str, Any], drawing: tuple[Drawing, Outcome]
) -> None:
    begun, outcome = drawing
    client.delete(f"/files/{begun.file.id}").data()
    cloud.work()
    stored(begun, outcome)
    frozen.forward(minutes=6)
    cloud.run("send-pending-jobs")
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private"]
    books.check(cloud, project["id"])


def test_a_project_that_turns_private_while_a_file_is_drawn_hides_it(
    client: Client, cloud: Cloud, project: dict[str, Any], drawing: tuple[Drawing, Outcome]
) -> None:
    hide(cloud, project["id"])
    variants.finish(*drawing)

    assert shelves(cloud, project["id"]) == ["private"]
    assert all("/media/" not in each["url"] for each in file_of(client, drawing[0].file.id)["variants"])


def test_an_image_that_is_rejected_while_it_is_trashed_stays_rejected(
    client: Client, cloud: Cloud, project: dict[str, Any], drawing: tuple[Drawing, Outcome]
) -> None:
    begun, _ = drawing
    client.delete(f"/files/{begun.file.id}").data()
    variants.reject(begun, "broken_image")

    (job,) = cloud.rows("main", record_kind="job", kind="render")
    assert (job["status"], job["reason"]) == ("failed", "broken_image")
    (version,) = books.versions(cloud, project["id"])
    assert (version["status"], version["reason"]) == ("rejected", "broken_image")


def hide(cloud: Cloud, project_id: str) -> None:
    """Make a project private, as its owner will."""
    (row,) = cloud.rows("main", pk=f"PROJECT#{project_id}", sk="PROJECT")
    settings = row["settings"].replace('"public"', '"private"')
    cloud.change(f"PROJECT#{project_id}", "PROJECT", visibility="private", settings=settings)


def test_a_drawing_that_ends_while_its_file_is_moved_is_not_lost(
    client: Client,
    cloud: Cloud,
    project: dict[str, Any],
    drawing: tuple[Drawing, Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, outcome = drawing
    newer = cloud.upload(client, photo(colour="red"), projectId=project["id"], fileId=begun.file.id)
    assert newer["version"] == 2  # so the one that is drawn at this moment is not the one that is shown
    cloud.waiting("images")
    assert client.request("DELETE", f"/files/{begun.file.id}").status == 200
    read = files.version_of

    def ends_behind(file: File, number: int) -> Version | None:
        seen = read(file, number)
        if number == 1:
            monkeypatch.setattr(files, "version_of", read)
            variants.finish(begun, outcome)
        return seen

    monkeypatch.setattr(files, "version_of", ends_behind)
    cloud.work()

    (first,) = [each for each in books.versions(cloud, project["id"]) if each["number"] == 1]
    assert [each["status"] for each in first["variants"]] == ["ready"]
    assert set(shelves(cloud, project["id"])) == {"private"}
    books.check(cloud, project["id"])
