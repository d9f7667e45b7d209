"""Making a project public or private moves what was drawn: what is private has nothing under `media/`."""

from typing import Any

import pytest

from holdall.files import store
from holdall.files.model import File
from holdall.page import Page
from holdall.variants import service as variants
from tests.api import books
from tests.api.client import Client
from tests.api.cloud import WELL, Cloud, announce, photo
from tests.api.log import Log
from tests.api.test_profile import leave
from tests.api.test_project_deletion import delete, restore
from tests.api.test_shelves import drawing, file_of, shelves, stored

__all__ = ["drawing"]


def turn(client: Client, project: dict[str, Any], visibility: str) -> None:
    said = {"settings": {"visibility": visibility}}
    client.request("PUT", f"/projects/{project['id']}", said).data()


def whole(cloud: Cloud) -> list[tuple[str, str | None]]:
    """How the jobs about whole projects stand, oldest first."""
    rows = sorted(cloud.rows("main", record_kind="job", kind="relocate-project"), key=lambda row: row["id"])
    return [(row["status"], row.get("reason")) for row in rows]


def hidden(patch: pytest.MonkeyPatch, file_id: str) -> None:
    """A file that the list of images does not show, as the index lags."""
    seen = store.of_kind

    def lagging(*asked: Any) -> Page[File]:
        page = seen(*asked)
        return Page([file for file in page.items if file.id != file_id], next=page.next, prev=page.prev)

    patch.setattr(store, "of_kind", lagging)


def test_to_private_and_back(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    (file_id,) = cloud.photos(client, project, 1)
    before = file_of(client, file_id)
    assert shelves(cloud, project["id"]) == ["media"]

    turn(client, project, "private")
    cloud.work()
    assert shelves(cloud, project["id"]) == ["private"]
    assert all("/media/" not in each["url"] for each in file_of(client, file_id)["variants"])
    turn(client, project, "public")
    cloud.work()

    assert shelves(cloud, project["id"]) == ["media"]
    assert file_of(client, file_id)["variants"] == before["variants"]
    assert whole(cloud) == [("completed", None)] * 2
    books.check(cloud, project["id"])


def test_older_versions_move_as_well(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    (file_id,) = cloud.photos(client, project, 1)
    cloud.upload(client, photo(colour="red"), projectId=project["id"], fileId=file_id)
    cloud.draw()
    turn(client, project, "private")
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private", "private"]
    assert {each["key"].partition("/")[0] for each in drawn(cloud, project)} == {"private"}


def drawn(cloud: Cloud, project: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for version in books.versions(cloud, project["id"]) for each in version["variants"]]


def test_what_lies_in_the_trash_stays_private(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    live, trashed = cloud.photos(client, project, 2)
    client.delete(f"/files/{trashed}").data()
    turn(client, project, "private")
    cloud.work()
    assert shelves(cloud, project["id"]) == ["private", "private"]
    turn(client, project, "public")
    cloud.work()

    assert sorted(shelves(cloud, project["id"])) == ["media", "private"]
    assert all("/media/" in each["url"] for each in file_of(client, live)["variants"])
    assert all("/media/" not in each["url"] for each in file_of(client, trashed)["variants"])


def test_who_changes_their_mind_gets_what_they_said_last(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    cloud.photos(client, project, 1)
    for visibility in ("private", "public", "private"):
        turn(client, project, visibility)
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private"]
    assert {status for status, _ in whole(cloud)} == {"completed"}


@pytest.mark.parametrize("moved", ["before", "after"])
def test_what_is_drawn_at_this_moment_is_hidden(
    client: Client, cloud: Cloud, project: dict[str, Any], drawing: Any, moved: str
) -> None:
    begun, outcome = drawing
    turn(client, project, "private")
    if moved == "before":
        cloud.work()
    variants.finish(begun, outcome)
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private"]
    assert [each["status"] for each in file_of(client, begun.file.id)["variants"]] == ["ready"]
    books.check(cloud, project["id"])


def test_what_a_dead_worker_stored_before_is_hidden(
    client: Client, cloud: Cloud, project: dict[str, Any], drawing: Any
) -> None:
    begun, outcome = drawing
    stored(begun, outcome)
    turn(client, project, "private")
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private"]


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_what_is_committed_between_the_change_and_the_job(
    client: Client, cloud: Cloud, project: dict[str, Any], visibility: str
) -> None:
    if visibility == "public":
        turn(client, project, "private")
        cloud.work()
    begun = client.post("/files/init-upload", announce(photo(), projectId=project["id"])).created()
    cloud.put(begun, photo())
    turn(client, project, visibility)
    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    cloud.work()

    assert shelves(cloud, project["id"]) == ["media" if visibility == "public" else "private"]
    books.check(cloud, project["id"])


def test_a_job_of_many_parts_moves_all(
    client: Client, cloud: Cloud, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.maintenance.projects._FILES", 2)
    cloud.photos(client, project, 5)
    turn(client, project, "private")
    cloud.work()
    assert shelves(cloud, project["id"]) == ["private"] * 5
    turn(client, project, "public")
    cloud.work()

    assert shelves(cloud, project["id"]) == ["media"] * 5
    assert whole(cloud) == [("completed", None)] * 2


def test_what_the_list_does_not_show_is_found_in_the_bucket(
    client: Client, cloud: Cloud, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, unlisted = cloud.photos(client, project, 2)
    hidden(monkeypatch, unlisted)
    turn(client, project, "private")
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private", "private"]
    assert all("/media/" not in each["url"] for each in file_of(client, unlisted)["variants"])
    assert whole(cloud) == [("completed", None)]


def stray(cloud: Cloud, project: dict[str, Any], number: int, version_id: str = "0" * 26) -> None:
    """Something that no row names, in front of what rows name."""
    key = f"media/holiday-{project['id']}/images/a{number}/{version_id}-000000000000.webp"
    cloud.s3.put_object(Bucket="variants", Key=key, Body=b"whose?")


@pytest.mark.parametrize("owner", ["a photo", "nobody"])
def test_what_no_row_names_is_not_left_public(
    client: Client, cloud: Cloud, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch, owner: str
) -> None:
    monkeypatch.setattr("holdall.maintenance.projects._FILES", 2)
    unlisted, _ = cloud.photos(client, project, 2)
    version = books.versions(cloud, project["id"])[0]
    for number in range(5):
        stray(cloud, project, number, version["id"].rpartition("-")[2] if owner == "a photo" else "0" * 26)
    hidden(monkeypatch, unlisted)
    turn(client, project, "private")
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private", "private"]
    assert whole(cloud) == [("completed", None)]
    books.check(cloud, project["id"])


def test_a_copy_of_what_is_private_already_is_not_left_public(
    client: Client, cloud: Cloud, project: dict[str, Any]
) -> None:
    cloud.photos(client, project, 1)
    (public,) = cloud.keys("variants", project["id"])
    turn(client, project, "private")
    cloud.work()
    cloud.s3.put_object(Bucket="variants", Key=public, Body=b"a worker that died")
    turn(client, project, "public")
    turn(client, project, "private")
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private"]
    assert {status for status, _ in whole(cloud)} == {"completed"}
    books.check(cloud, project["id"])


def test_what_cannot_be_moved_hides_nothing_behind_it_and_rings(
    client: Client, cloud: Cloud, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    monkeypatch.setattr("holdall.maintenance.projects._LOOKS", 3)
    monkeypatch.setattr("holdall.maintenance.projects._FILES", 1)
    stuck, other = sorted(
        cloud.photos(client, project, 2), key=lambda each: str(file_of(client, each)["variants"][0]["url"])
    )
    hidden(monkeypatch, other)
    cloud.change(f"FILE#{stuck}", "FILE", state="purging")  # and its job was lost
    turn(client, project, "private")
    cloud.work()

    assert sorted(shelves(cloud, project["id"])) == ["media", "private"]
    assert whole(cloud) == [("failed", "left_under_media")]
    (line,) = [line for line in log.lines if line["message"] == "project.left-under-media"]
    assert (line["level"], line["project_id"]) == ("ERROR", project["id"])


def test_a_purged_project_leaves_nothing_that_no_row_named(
    client: Client, cloud: Cloud, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.maintenance.projects._FILES", 2)
    cloud.photos(client, project, 1)
    for number in range(3):
        stray(cloud, project, number)
    delete(client, project, "?permanent=true").data()
    cloud.work()

    assert cloud.keys("variants", project["id"]) == []
    assert cloud.rows("main", record_kind="project", id=project["id"]) == []


def test_a_project_of_the_same_name_is_left_alone(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    other = client.post("/projects", {"name": project["name"], "settings": project["settings"]}).created()
    cloud.photos(client, project, 1)
    cloud.photos(client, other, 1)
    turn(client, project, "private")
    cloud.work()

    assert (shelves(cloud, project["id"]), shelves(cloud, other["id"])) == (["private"], ["media"])


def test_a_job_that_is_told_twice_is_done_once(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    cloud.photos(client, project, 1)
    turn(client, project, "private")
    (message,) = cloud.waiting("work")
    assert cloud.deliver("maintenance", message, message) == WELL
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private"]
    assert cloud.deliver("maintenance", message) == WELL


@pytest.mark.parametrize("end", ["", "?permanent=true"])
def test_a_project_that_goes_while_it_is_moved(client: Client, cloud: Cloud, project: dict[str, Any], end: str) -> None:
    cloud.photos(client, project, 1)
    turn(client, project, "private")
    delete(client, project, end).data()
    cloud.work()

    assert shelves(cloud, project["id"]) == ([] if end else ["private"])


def test_who_leaves_leaves_nothing_under_media(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    cloud.photos(client, project, 1)
    assert leave(client) == 204
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private"]
    (row,) = cloud.rows("main", pk=f"PROJECT#{project['id']}", sk="PROJECT")
    assert row["status"] == "deleted"


def test_a_restored_private_project_stays_private(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    cloud.photos(client, project, 1)
    turn(client, project, "private")
    delete(client, project).data()
    restore(client, project).data()
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private"]


def trash(client: Client, project: dict[str, Any], file_id: str) -> None:
    client.delete(f"/files/{file_id}").data()


def close(client: Client, project: dict[str, Any], file_id: str) -> None:
    turn(client, project, "private")


def end(client: Client, project: dict[str, Any], file_id: str) -> None:
    delete(client, project).data()


@pytest.mark.parametrize("hide", [trash, close, end])
@pytest.mark.parametrize("moved", ["before", "after"])
def test_a_later_drawing_leaves_no_earlier_one_under_media(
    client: Client, cloud: Cloud, project: dict[str, Any], hide: Any, moved: str
) -> None:
    (file_id,) = cloud.photos(client, project, 1)
    wide = {"settings": {"variants": [*project["settings"]["variants"], {"name": "wide", "width": 30}]}}
    client.request("PUT", f"/projects/{project['id']}", wide).data()
    assert client.get(f"/files/{file_id}/content?variant=wide").status == 202
    hide(client, project, file_id)
    if moved == "before":
        for message in cloud.waiting("work"):
            assert cloud.deliver("maintenance", message) == WELL
    cloud.work()

    assert shelves(cloud, project["id"]) == ["private", "private"]
    books.check(cloud, project["id"])
