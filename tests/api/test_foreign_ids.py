"""Foreign ids: what is another's and what is not there look alike, in paths, bodies and filters (Z2)."""

from typing import Any

import pytest

from tests.api import people
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud, announce


@pytest.fixture
def theirs(client: Client, cloud: Cloud, project: dict[str, Any]) -> dict[str, str]:
    """Ids of things that are somebody's, by kind."""
    made = cloud.upload(client, b"x", projectId=project["id"], contentType="text/plain")
    begun = client.post("/files/init-upload", announce(b"x", projectId=project["id"])).created()
    return {
        "project": project["id"],
        "file": made["fileId"],
        "upload": begun["uploadId"],
        "key": begun["key"],
        "user": client.user["id"],
    }


def absent(kind: str, project_id: str = "0" * 12) -> str:
    """An id of this kind that nothing has."""
    known = {"project": "0" * 12, "key": f"x-{project_id}/files/{'0' * 26}.jpg", "user": "0" * 26}
    return known.get(kind, f"{project_id}-{'0' * 26}")


def uses(client: Client, ids: dict[str, str]) -> dict[str, Answer]:
    """Every place of the contract that takes an id."""
    content = announce(b"x", contentType="text/plain")
    return {
        "project": client.get(f"/projects/{ids['project']}"),
        "list": client.get(f"/files?projectId={ids['project']}"),
        "list by name": client.get(f"/files?projectId={ids['project']}&sort=name"),
        "file": client.get(f"/files/{ids['file']}"),
        "content": client.get(f"/files/{ids['file']}/content"),
        "variant": client.get(f"/files/{ids['file']}/content?variant=thumb"),
        "trash": client.delete(f"/files/{ids['file']}"),
        "purge": client.delete(f"/files/{ids['file']}?permanent=true"),
        "init": client.post("/files/init-upload", {**content, "projectId": ids["project"]}),
        "new version": client.post("/files/init-upload", {**content, "fileId": ids["file"]}),
        "commit": client.post("/files/commit", {"uploadId": ids["upload"]}),
        "commit by key": client.post("/files/commit", {"key": ids["key"]}),
    }


def test_what_is_anothers_and_what_is_not_there_look_alike(
    stranger: Client, client: Client, theirs: dict[str, str], subtests: pytest.Subtests
) -> None:
    foreign = uses(stranger, theirs)
    unknown = uses(stranger, {kind: absent(kind) for kind in theirs})
    for place, answer in foreign.items():
        with subtests.test(place=place):
            assert answer.status == 404
            assert answer.problem() == unknown[place].problem()
            assert set(answer.headers) == set(unknown[place].headers)

    assert client.get(f"/files/{theirs['file']}").data()["status"] == "ready"


def test_what_is_not_there_in_ones_own_project_looks_the_same(
    client: Client, theirs: dict[str, str], subtests: pytest.Subtests
) -> None:
    mine = uses(client, {kind: absent(kind, theirs["project"]) for kind in theirs})
    nowhere = uses(client, {kind: absent(kind) for kind in theirs})
    for place, answer in mine.items():
        with subtests.test(place=place):
            assert answer.problem() == nowhere[place].problem()


@pytest.mark.parametrize("kind", ["project", "upload", "key", "user"])
def test_an_id_of_another_kind_is_no_file(
    client: Client, theirs: dict[str, str], kind: str, subtests: pytest.Subtests
) -> None:
    wrong = theirs[kind].replace("/", "%2F")
    answers = {
        place: answer
        for place, answer in uses(client, {**theirs, "file": wrong}).items()
        if place in ("file", "content", "variant", "trash", "purge", "new version")
    }
    for place, answer in answers.items():
        with subtests.test(place=place):
            assert answer.status == 404
            answer.problem()


@pytest.mark.parametrize("kind", ["file", "project", "user", "key"])
def test_an_id_of_another_kind_is_no_upload(client: Client, theirs: dict[str, str], kind: str) -> None:
    assert client.post("/files/commit", {"uploadId": theirs[kind][:64]}).status == 404
    assert client.post("/files/commit", {"key": theirs[kind] if kind != "key" else f"{theirs[kind]}x"}).status == 404


@pytest.mark.parametrize("kind", ["file", "upload", "user", "key"])
def test_an_id_of_another_kind_is_no_project(client: Client, theirs: dict[str, str], kind: str) -> None:
    wrong = theirs[kind][:64].replace("/", "%2F")

    assert client.get(f"/projects/{wrong}").status == 404
    assert client.get(f"/files?projectId={wrong}").status == 404
    assert client.post("/files/init-upload", announce(b"x", projectId=theirs[kind][:64])).status == 404


def test_a_project_and_a_file_of_another_project_do_not_mix(client: Client, theirs: dict[str, str]) -> None:
    said = announce(b"x", contentType="text/plain", fileId=theirs["file"], projectId=people.personal_project(client))

    assert client.post("/files/init-upload", said).status == 404


def test_nothing_of_a_stranger_was_changed(
    stranger: Client, client: Client, theirs: dict[str, str], cloud: Cloud
) -> None:
    before = cloud.rows("main", record_kind="file"), cloud.rows("main", record_kind="quota")
    uses(stranger, theirs)

    assert (cloud.rows("main", record_kind="file"), cloud.rows("main", record_kind="quota")) == before
