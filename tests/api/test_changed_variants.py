"""Settings that change while an image is drawn: what is drawn is what they say at the end, and nothing else is left lying."""

import json
from pathlib import Path
from typing import Any

import pytest

from holdall.jobs import service as jobs
from holdall.projects.model import ChangeProject
from holdall.projects.service import projects
from holdall.variants import service as variants
from holdall.variants import sync as work
from holdall.variants.model import LEASE, Drawing, Drawn, Outcome
from holdall.variants.rows import prepared
from tests.api import books, people
from tests.api.callers import caller, place
from tests.api.client import Client
from tests.api.cloud import WELL, Cloud, photo
from tests.api.conftest import Clock
from tests.api.faults import Mode, Scene, meanwhile, survive
from tests.api.faults import settle as settle_in_time
from tests.api.test_faults_projects import VARIANTS, public
from tests.api.test_shelves import file_of, shelves, stored
from tests.api.test_sync_variants import names, settle, sync, wish

SMALL = {"name": "small", "width": 5}
WIDER = {"name": "small", "width": 9}
NEW = {"name": "new", "width": 8}


@pytest.fixture
def project(client: Client) -> dict[str, Any]:
    """A public project with one variant."""
    said = {"name": "Holiday", "settings": {"visibility": "public", "variants": [SMALL]}}
    made: dict[str, Any] = client.post("/projects", said).created()
    return made


@pytest.fixture
def photograph(client: Client, cloud: Cloud, project: dict[str, Any]) -> str:
    """A photo that was drawn."""
    (file_id,) = cloud.photos(client, project, 1)
    return file_id


def begun(cloud: Cloud) -> Drawing:
    """The drawing that waits, begun."""
    (message,) = cloud.waiting("images")
    drawing = variants.begin(json.loads(message)["jobId"])
    assert drawing is not None
    return drawing


def picture(drawing: Drawing, folder: Path) -> Outcome:
    """What comes of a drawing."""
    path = folder / "picture"
    path.write_bytes(b"picture")
    sha256 = variants.fetch_source(drawing, folder / "source")
    return Outcome(sha256, 60, 40, [Drawn(spec.name, path, 5, 5, "image/webp", 7) for spec in drawing.specs])


def end(cloud: Cloud, drawing: Drawing, folder: Path) -> None:
    """End a drawing as imageproc does, and let all that waits be done."""
    left: Drawing | None = drawing
    while left is not None:
        left = variants.finish(left, picture(left, folder))
    settle(cloud)


def nothing_is_open(cloud: Cloud) -> None:
    assert {row["status"] for row in cloud.rows("main", record_kind="job")} == {"completed"}


def is_as(client: Client, cloud: Cloud, project: dict[str, Any], file_id: str, *said: str) -> None:
    """The file shows these variants, ready, and there is nothing else."""
    assert names(client, file_id) == dict.fromkeys(said, "ready")
    assert len(cloud.keys("variants", project["id"])) == len(said)
    nothing_is_open(cloud)
    books.check(cloud, project["id"])


def test_a_later_drawing_leaves_what_the_settings_changed_meanwhile(
    client: Client, cloud: Cloud, project: dict[str, Any], photograph: str
) -> None:
    before = file_of(client, photograph)["variants"]
    wish(client, project, [WIDER, NEW])
    assert client.get(f"/files/{photograph}/content?variant=new").status == 202
    cloud.draw()

    assert file_of(client, photograph)["variants"][:1] == before
    is_as(client, cloud, project, photograph, "small", "new")


def test_what_the_settings_changed_is_not_left_public(
    client: Client, cloud: Cloud, project: dict[str, Any], photograph: str
) -> None:
    wish(client, project, [WIDER, NEW])
    client.get(f"/files/{photograph}/content?variant=new")
    cloud.draw()
    client.request("PUT", f"/projects/{project['id']}", {"settings": {"visibility": "private"}}).data()
    settle(cloud)
    assert set(shelves(cloud, project["id"])) == {"private"}
    nothing_is_open(cloud)
    client.delete(f"/files/{photograph}?permanent=true").data()
    settle(cloud)

    books.nothing_left(cloud, project["id"])


def test_a_drawing_by_older_settings_ends_behind_a_sync(
    client: Client, cloud: Cloud, project: dict[str, Any], photograph: str, tmp_path: Path
) -> None:
    wish(client, project, [SMALL, NEW])
    client.get(f"/files/{photograph}/content?variant=new")
    drawing, outcome = (each := begun(cloud)), picture(each, tmp_path)
    wish(client, project, [SMALL, {**NEW, "width": 9}])
    sync(client, project).data()
    settle(cloud)
    variants.finish(drawing, outcome)
    settle(cloud)

    is_as(client, cloud, project, photograph, "small", "new")


def test_an_image_that_is_drawn_at_this_moment_is_drawn_by_the_new_settings(
    client: Client, cloud: Cloud, project: dict[str, Any], tmp_path: Path
) -> None:
    file_id = cloud.upload(client, photo(), projectId=project["id"])["fileId"]
    drawing = begun(cloud)
    wish(client, project, [NEW])
    sync(client, project).data()
    settle(cloud)
    end(cloud, drawing, tmp_path)

    is_as(client, cloud, project, file_id, "new")
    assert len(cloud.rows("main", record_kind="event", type="file.ready")) == 1


def test_imageproc_draws_again_by_the_new_settings(
    client: Client, cloud: Cloud, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = cloud.upload(client, photo(), projectId=project["id"])["fileId"]
    drawing = begun(cloud)
    monkeypatch.setattr(variants, "begin", lambda job_id: drawing)
    said = ChangeProject.model_validate({"settings": {"variants": [SMALL, NEW]}})
    with meanwhile("TransactWriteItems", lambda: projects.change(caller(client), place(project["id"]), said)):
        assert cloud.deliver("imageproc", json.dumps({"jobId": drawing.job.id})) == WELL

    is_as(client, cloud, project, file_id, "small", "new")


def test_a_worker_whose_time_is_over_records_no_part(
    frozen: Clock, client: Client, cloud: Cloud, project: dict[str, Any], tmp_path: Path
) -> None:
    cloud.upload(client, photo(), projectId=project["id"])
    late = begun(cloud)
    outcome = picture(late, tmp_path)
    frozen.forward(minutes=6)
    wish(client, project, [SMALL, NEW])
    current = variants.begin(late.job.id)
    assert current is not None

    assert variants.finish(late, outcome) is None
    (version,) = books.versions(cloud, project["id"])
    assert version["status"] == "processing"
    end(cloud, current, tmp_path)
    is_as(client, cloud, project, current.file.id, "small", "new")


def test_what_a_dead_worker_drew_by_older_settings_is_taken_away(
    frozen: Clock, client: Client, cloud: Cloud, project: dict[str, Any], tmp_path: Path
) -> None:
    file_id = cloud.upload(client, photo(), projectId=project["id"])["fileId"]
    wish(client, project, [WIDER])
    drawing = begun(cloud)
    stored(drawing, picture(drawing, tmp_path))
    wish(client, project, [NEW])
    frozen.forward(minutes=6)
    cloud.run("send-pending-jobs")
    settle(cloud)

    is_as(client, cloud, project, file_id, "new")


def test_what_was_dropped_and_is_wanted_again_before_it_went(
    client: Client, cloud: Cloud, project: dict[str, Any], photograph: str
) -> None:
    wish(client, project, [])
    sync(client, project).data()
    for message in cloud.waiting("work"):
        cloud.deliver("maintenance", message)
    wish(client, project, [SMALL])
    settle(cloud)

    is_as(client, cloud, project, photograph, "small")


@pytest.mark.parametrize("mode", ["refused", "silent"])
def test_what_was_dropped_by_a_sync_that_failed_and_is_wanted_again(
    frozen: Clock, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    def prepare() -> Scene:
        client, project = public(cloud)
        wish(client, project, [])
        sync(client, project).data()
        (message,) = cloud.waiting("work")
        asked = [True, False]  # wanted again before the message comes back

        def check(_: Any) -> None:
            (file,) = cloud.rows("main", record_kind="file")
            settle_in_time(cloud, frozen)
            is_as(people.log_in(client.user["email"]), cloud, project, file["id"], "thumb")

        def deliver() -> Any:
            if asked.pop():
                wish(client, project, VARIANTS)
            return cloud.deliver("maintenance", message)

        return Scene(deliver, check)

    survive(monkeypatch, mode, prepare)


def test_what_is_taken_away_while_another_draws_it_again(
    client: Client, cloud: Cloud, project: dict[str, Any], photograph: str, tmp_path: Path
) -> None:
    wish(client, project, [])
    sync(client, project).data()
    for message in cloud.waiting("work"):
        cloud.deliver("maintenance", message)
    (removal,) = cloud.waiting("images")
    claimed = jobs.claim(json.loads(removal)["jobId"], LEASE)
    assert claimed is not None

    def wanted_again() -> None:
        wish(client, project, [SMALL, NEW])
        assert client.get(f"/files/{photograph}/content?variant=new").status == 202
        cloud.draw()

    with meanwhile("TransactWriteItems", wanted_again):
        drawing = prepared(claimed)
    assert drawing is not None
    end(cloud, drawing, tmp_path)

    is_as(client, cloud, project, photograph, "small", "new")


def test_a_changed_variant_is_shown_once(
    client: Client, cloud: Cloud, project: dict[str, Any], photograph: str
) -> None:
    wish(client, project, [WIDER])
    job = sync(client, project).data()["jobId"]
    cloud.waiting("work")
    claimed = jobs.claim(job, LEASE)
    assert claimed is not None
    work.run(claimed)

    assert names(client, photograph) == {"small": "processing"}
    assert len(file_of(client, photograph)["variants"]) == 1
    assert client.get(f"/files/{photograph}/content?variant=small").status == 202
    settle(cloud)
    is_as(client, cloud, project, photograph, "small")


def test_an_image_that_cannot_be_drawn_takes_nothing_from_another_job(
    client: Client, cloud: Cloud, project: dict[str, Any], photograph: str
) -> None:
    wish(client, project, [SMALL, NEW])
    client.get(f"/files/{photograph}/content?variant=new")
    drawing = begun(cloud)
    wish(client, project, [SMALL, NEW, {"name": "other", "width": 3}])
    sync(client, project).data()
    for message in cloud.waiting("work"):
        cloud.deliver("maintenance", message)
    variants.reject(drawing, "cannot_encode")
    settle(cloud)

    assert names(client, photograph) == {"small": "ready", "new": "rejected", "other": "ready"}
    books.check(cloud, project["id"])
