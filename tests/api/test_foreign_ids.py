"""Foreign ids: what is another's and what is not there look alike, in paths, bodies and filters (Z2)."""

from typing import Any

import pytest

from tests.support import users
from tests.support.aws import FakeAws, make_upload_request
from tests.support.client import Client, Response


@pytest.fixture
def theirs(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> dict[str, str]:
    """Ids of things that are somebody's, by kind."""
    made = fake_aws.upload(client, b"x", projectId=project["id"], contentType="text/plain")
    begun = client.post("/files/init-upload", make_upload_request(b"x", projectId=project["id"])).created()
    return {
        "project": project["id"],
        "file": made["fileId"],
        "upload": begun["uploadId"],
        "key": begun["key"],
        "user": client.user["id"],
    }


def absent_id(kind: str, project_id: str = "0" * 12) -> str:
    """An id of this kind that nothing has."""
    known = {"project": "0" * 12, "key": f"x-{project_id}/files/{'0' * 26}.jpg", "user": "0" * 26}
    return known.get(kind, f"{project_id}-{'0' * 26}")


def send_all_requests(client: Client, ids: dict[str, str]) -> dict[str, Response]:
    """Every place of the contract that takes an id."""
    content = make_upload_request(b"x", contentType="text/plain")
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
    foreign = send_all_requests(stranger, theirs)
    unknown = send_all_requests(stranger, {kind: absent_id(kind) for kind in theirs})
    for place, answer in foreign.items():
        with subtests.test(place=place):
            assert answer.status == 404
            assert answer.problem() == unknown[place].problem()
            assert set(answer.headers) == set(unknown[place].headers)

    assert client.get(f"/files/{theirs['file']}").data()["status"] == "ready"


def test_what_is_not_there_in_ones_own_project_looks_the_same(
    client: Client, theirs: dict[str, str], subtests: pytest.Subtests
) -> None:
    mine = send_all_requests(client, {kind: absent_id(kind, theirs["project"]) for kind in theirs})
    nowhere = send_all_requests(client, {kind: absent_id(kind) for kind in theirs})
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
        for place, answer in send_all_requests(client, {**theirs, "file": wrong}).items()
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
    assert client.post("/files/init-upload", make_upload_request(b"x", projectId=theirs[kind][:64])).status == 404


def test_a_project_and_a_file_of_another_project_do_not_mix(client: Client, theirs: dict[str, str]) -> None:
    said = make_upload_request(
        b"x", contentType="text/plain", fileId=theirs["file"], projectId=users.personal_project_id(client)
    )

    assert client.post("/files/init-upload", said).status == 404


def test_nothing_of_a_stranger_was_changed(
    stranger: Client, client: Client, theirs: dict[str, str], fake_aws: FakeAws
) -> None:
    before = fake_aws.find_rows("main", record_type="file"), fake_aws.find_rows("main", record_type="quota")
    send_all_requests(stranger, theirs)

    assert (fake_aws.find_rows("main", record_type="file"), fake_aws.find_rows("main", record_type="quota")) == before
