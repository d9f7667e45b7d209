"""What a project holds: in all, by kind, and what was drawn of it."""

from typing import Any

import pytest

from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.table import Transaction
from tests.api import books, people
from tests.api.client import Client
from tests.api.cloud import Cloud, announce, photo
from tests.api.conftest import Clock, Installed

TEXT = {"filename": "notes.txt", "contentType": "text/plain"}


def usage(client: Client, project_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = client.get(f"/projects/{project_id}/usage").data()
    return shown


def amounts(shown: dict[str, Any]) -> tuple[int, ...]:
    """Bytes and files of: all, open uploads, images, files; then of variants."""
    kinds = shown["byKind"]
    every = [shown, shown["openUploads"], kinds["image"], kinds["file"]]
    return (
        *(each[name] for each in every for name in ("bytes", "files")),
        shown["variants"]["bytes"],
        shown["variants"]["count"],
    )


def test_a_new_project_holds_nothing(client: Client, project: dict[str, Any]) -> None:
    assert usage(client, project["id"]) == {
        "bytes": 0,
        "files": 0,
        "openUploads": {"bytes": 0, "files": 0},
        "variants": {"bytes": 0, "count": 0},
        "byKind": {"image": {"bytes": 0, "files": 0}, "file": {"bytes": 0, "files": 0}},
        "quota": {"maxBytes": 10 * 1024**4, "maxFiles": 10_000_000, "maxFileBytes": 5 * 1024**3},
    }


def test_the_bounds_are_those_that_count(client: Client, installed: Installed) -> None:
    settings = {"quota": {"maxBytes": 100, "maxFiles": 10, "maxFileBytes": 50}}
    project = client.post("/projects", {"name": "x", "settings": settings}).created()["id"]
    installed(MAX_FILES="5", MAX_BYTES="1000")

    assert usage(client, project)["quota"] == {"maxBytes": 100, "maxFiles": 5, "maxFileBytes": 50}


def test_an_open_upload_is_of_no_kind_until_it_is_committed(
    client: Client, cloud: Cloud, project: dict[str, Any]
) -> None:
    begun = client.post("/files/init-upload", announce(b"1234567", projectId=project["id"], **TEXT)).created()
    assert amounts(usage(client, project["id"])) == (7, 1, 7, 1, 0, 0, 0, 0, 0, 0)

    cloud.put(begun, b"1234567")
    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    assert amounts(usage(client, project["id"])) == (7, 1, 0, 0, 0, 0, 7, 1, 0, 0)

    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    assert amounts(usage(client, project["id"])) == (7, 1, 0, 0, 0, 0, 7, 1, 0, 0)


def test_each_version_counts_and_each_variant(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    sizes = [len(photo()), len(photo(colour="red"))]
    made = cloud.upload(client, photo(), projectId=project["id"])
    cloud.upload(client, photo(colour="red"), projectId=project["id"], fileId=made["fileId"])
    cloud.upload(client, b"123", projectId=project["id"], **TEXT)
    assert amounts(usage(client, project["id"])) == (sum(sizes) + 3, 3, 0, 0, sum(sizes), 2, 3, 1, 0, 0)

    cloud.draw()
    assert amounts(usage(client, project["id"]))[-2:] == (14, 2)
    books.check(cloud, project["id"])


def test_an_image_that_cannot_be_drawn_is_still_there(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    cloud.upload(client, b"no image", projectId=project["id"])
    cloud.work()

    assert amounts(usage(client, project["id"])) == (8, 1, 0, 0, 8, 1, 0, 0, 0, 0)
    books.check(cloud, project["id"])


def test_a_variant_that_is_drawn_later_counts_then(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    made = cloud.upload(client, photo(), projectId=project["id"])
    cloud.draw()
    (row,) = cloud.rows("main", pk=f"PROJECT#{project['id']}", sk="PROJECT")
    cloud.change(f"PROJECT#{project['id']}", "PROJECT", settings=row["settings"].replace('"thumb"', '"other"'))
    assert client.get(f"/files/{made['fileId']}/content?variant=other").status == 202
    assert amounts(usage(client, project["id"]))[-2:] == (7, 1)

    cloud.draw()
    assert amounts(usage(client, project["id"]))[-2:] == (14, 2)
    books.check(cloud, project["id"])


def test_trash_counts_and_a_purge_takes_all_away(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    made = cloud.upload(client, photo(), projectId=project["id"])
    cloud.work()
    before = amounts(usage(client, project["id"]))
    client.delete(f"/files/{made['fileId']}").data()
    cloud.work()
    assert amounts(usage(client, project["id"])) == before

    client.delete(f"/files/{made['fileId']}?permanent=true").data()
    cloud.work()
    assert amounts(usage(client, project["id"])) == (0,) * 10
    books.nothing_left(cloud, project["id"])


def test_what_expires_is_nothing(client: Client, cloud: Cloud, frozen: Clock) -> None:
    project = people.personal_project(client)
    client.post("/files/init-upload", announce(b"content", **TEXT)).created()
    frozen.forward(hours=24)
    cloud.run("expire-uploads")
    cloud.work()

    assert amounts(usage(people.log_in(client.user["email"]), project)) == (0,) * 10


def test_the_parts_make_up_the_whole(client: Client, cloud: Cloud) -> None:
    project = people.personal_project(client)
    for number in range(20):
        cloud.upload(client, b"x" * number, **TEXT)
    parts = [row for row in cloud.rows("main", record_kind="usage") if row["pk"] == f"PROJECT#{project}"]

    assert len(parts) > 3
    assert amounts(usage(client, project)) == (190, 20, 0, 0, 0, 0, 190, 20, 0, 0)
    assert quotas.images(project) == 0
    books.check(cloud, project)


def test_the_counters_go_with_their_project(client: Client, cloud: Cloud) -> None:
    project = people.personal_project(client)
    for number in range(20):
        cloud.upload(client, b"x" * number, **TEXT)
    with Transaction() as write:
        quotas.forget(write, project)

    rows = [row for row in cloud.rows("main") if row["pk"] == f"PROJECT#{project}"]
    assert {row["record_kind"] for row in rows} == {"project", "member"}


@pytest.mark.parametrize("role", ["viewer", "stranger"])
def test_whoever_reads_the_project_reads_its_usage(
    client: Client, stranger: Client, cloud: Cloud, project: dict[str, Any], role: str
) -> None:
    if role == "viewer":
        cloud.dynamodb.Table("main").put_item(Item=_membership(cloud, project["id"], client, stranger))

    assert stranger.get(f"/projects/{project['id']}/usage").status == (200 if role == "viewer" else 404)


def test_a_project_that_is_deleted_tells_nothing(client: Client, project: dict[str, Any]) -> None:
    client.delete(f"/projects/{project['id']}").data()

    assert client.get(f"/projects/{project['id']}/usage").status == 404
    assert projects.find(project["id"]) is not None


def _membership(cloud: Cloud, project_id: str, owner: Client, viewer: Client) -> dict[str, Any]:
    (row,) = cloud.rows("main", pk=f"PROJECT#{project_id}", sk=f"MEMBER#{owner.user['id']}")
    ours = {key: str(value).replace(owner.user["id"], viewer.user["id"]) for key, value in row.items()}
    return {**ours, "role": "viewer"}
