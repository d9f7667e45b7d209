"""The whole installation has a quota of its own, counted in sixteen parts: exact at its edge, wherever uploads are counted."""

from typing import Any

import pytest

from holdall.uploads import service as uploads
from holdall.uploads.model import InitUpload
from tests.api import books, people
from tests.api.callers import caller, place
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud, announce
from tests.api.conftest import Clock, Installed
from tests.api.faults import meanwhile

TEXT = {"filename": "notes.txt", "contentType": "text/plain"}


def begin(client: Client, size: int, **more: Any) -> Answer:
    said = announce(b"", **{**TEXT, "size": size, "sha256": None})
    return client.post("/files/init-upload", said, **more)


def refused(answer: Answer) -> str:
    assert answer.status == 409
    return str(answer.problem()["code"])


def test_projects_fill_it_together(client: Client, stranger: Client, cloud: Cloud, installed: Installed) -> None:
    installed(MAX_BYTES="100")
    begin(client, 60).created()
    assert refused(begin(stranger, 41)) == "installation_full"
    begin(stranger, 40).created()
    assert refused(begin(stranger, 1)) == "installation_full"
    begin(stranger, 0).created()  # no byte, and files are few

    assert books.installation(cloud) == (100, 3)
    for each in (client, stranger):
        books.check(cloud, people.personal_project(each))


def test_a_file_that_is_larger_than_any_part_fits_while_there_is_room(
    client: Client, stranger: Client, cloud: Cloud, installed: Installed
) -> None:
    installed(MAX_BYTES="160")
    begin(client, 7).created()
    begin(stranger, 150).created()
    assert refused(begin(client, 4)) == "installation_full"
    begin(client, 3).created()

    assert books.installation(cloud) == (160, 3)


@pytest.mark.parametrize("most", [1, 3, 15, 16, 17, 20])
def test_files_are_counted_as_exactly_as_bytes(
    client: Client, stranger: Client, cloud: Cloud, installed: Installed, most: int
) -> None:
    installed(MAX_FILES=str(most))
    answers = [begin(each, 1) for _ in range(most) for each in (client, stranger)]

    assert [answer.status for answer in answers] == [201] * most + [409] * most
    assert books.installation(cloud) == (most, most)


@pytest.mark.parametrize("bound", ["MAX_BYTES", "MAX_FILES"])
def test_a_cap_below_what_is_held_lets_nothing_in_until_there_is_room_again(
    client: Client, stranger: Client, cloud: Cloud, frozen: Clock, installed: Installed, bound: str
) -> None:
    for _ in range(6):
        begin(client, 1).created()
    frozen.forward(minutes=10)
    later = people.log_in(client.user["email"])
    for _ in range(3):
        begin(later, 1).created()
    installed(**{bound: "5"})
    # Most parts hold nothing, so each of them alone would have room.
    assert {refused(begin(stranger, 1)) for _ in range(20)} == {"installation_full"}

    frozen.forward(hours=23, minutes=50)
    cloud.run("expire-uploads")
    cloud.work()
    assert books.installation(cloud) == (3, 3)
    stranger = people.log_in(stranger.user["email"])
    answers = [begin(stranger, 1) for _ in range(20)]
    assert [answer.status for answer in answers] == [201] * 2 + [409] * 18
    assert books.installation(cloud) == (5, 5)


def test_a_cap_that_is_raised_has_room_at_once(client: Client, stranger: Client, installed: Installed) -> None:
    installed(MAX_FILES="2")
    for each in (client, stranger):
        begin(each, 1).created()
    assert refused(begin(client, 1)) == "installation_full"
    installed(MAX_FILES="3")

    begin(client, 1).created()
    assert refused(begin(stranger, 1)) == "installation_full"


def test_what_is_given_back_anywhere_is_room_again(
    client: Client, stranger: Client, cloud: Cloud, frozen: Clock, installed: Installed
) -> None:
    installed(MAX_BYTES="20")
    made = cloud.upload(client, b"1234567", **TEXT)
    begin(client, 6).created()
    begin(stranger, 7).created()
    client.delete(f"/files/{made['fileId']}?permanent=true").data()
    cloud.work()
    assert books.installation(cloud) == (13, 2)
    begin(stranger, 7).created()
    assert refused(begin(stranger, 1)) == "installation_full"

    assert uploads.abort_all(people.personal_project(stranger))
    assert books.installation(cloud) == (6, 1)
    begin(stranger, 14).created()
    frozen.forward(hours=24)
    cloud.run("expire-uploads")
    cloud.work()
    assert books.installation(cloud) == (0, 0)
    for each in (client, stranger):
        books.check(cloud, people.personal_project(each))


def test_the_last_room_is_given_once(client: Client, stranger: Client, cloud: Cloud, installed: Installed) -> None:
    installed(MAX_BYTES="100")
    begin(client, 90).created()

    def faster() -> None:
        said = InitUpload.model_validate(announce(b"", **{**TEXT, "size": 10, "sha256": None}))
        uploads.init(caller(stranger), place(people.personal_project(stranger)), said)

    with meanwhile("TransactWriteItems", faster):
        assert refused(begin(client, 10)) == "installation_full"
    assert books.installation(cloud) == (100, 2)


def test_whoever_asks_again_gets_the_upload_that_took_the_last_room(
    client: Client, stranger: Client, cloud: Cloud, installed: Installed
) -> None:
    installed(MAX_BYTES="100")
    begin(stranger, 40).created()
    first = begin(client, 60, headers={"idempotency-key": "key"}).created()
    again = begin(client, 60, headers={"idempotency-key": "key"}).created()

    assert again["uploadId"] == first["uploadId"]
    assert books.installation(cloud) == (100, 2)


def test_a_project_that_is_full_says_so_first(client: Client, installed: Installed) -> None:
    settings = {"quota": {"maxBytes": 5}}
    project = client.post("/projects", {"name": "x", "settings": settings}).created()["id"]
    said = announce(b"", **{**TEXT, "size": 6, "sha256": None, "projectId": project})

    assert refused(client.post("/files/init-upload", said)) == "quota_exceeded"
