"""The whole installation has a quota of its own, counted in sixteen parts: exact at its edge, wherever uploads are counted."""

from typing import Any

import pytest

from holdall.uploads import service as uploads
from holdall.uploads.model import InitUploadRequest
from tests.api.conftest import FrozenClock, OverrideSettings
from tests.support import invariants, users
from tests.support.aws import FakeAws, make_upload_request
from tests.support.callers import get_project, make_caller
from tests.support.client import Client, Response
from tests.support.faults import interleave

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


def init_upload(client: Client, size: int, **kwargs: Any) -> Response:
    said = make_upload_request(b"", **{**TEXT_FILE, "size": size, "sha256": None})
    return client.post("/files/init-upload", said, **kwargs)


def get_conflict_code(response: Response) -> str:
    assert response.status == 409
    return str(response.problem()["code"])


def test_projects_fill_it_together(
    client: Client, stranger: Client, fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_BYTES="100")
    init_upload(client, 60).created()
    assert get_conflict_code(init_upload(stranger, 41)) == "installation_full"
    init_upload(stranger, 40).created()
    assert get_conflict_code(init_upload(stranger, 1)) == "installation_full"
    init_upload(stranger, 0).created()  # no byte, and files are few

    assert invariants.installation_usage(fake_aws) == (100, 3)
    for each in (client, stranger):
        invariants.assert_project_consistent(fake_aws, users.personal_project_id(each))


def test_a_file_that_is_larger_than_any_part_fits_while_there_is_room(
    client: Client, stranger: Client, fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_BYTES="160")
    init_upload(client, 7).created()
    init_upload(stranger, 150).created()
    assert get_conflict_code(init_upload(client, 4)) == "installation_full"
    init_upload(client, 3).created()

    assert invariants.installation_usage(fake_aws) == (160, 3)


@pytest.mark.parametrize("most", [1, 3, 15, 16, 17, 20])
def test_files_are_counted_as_exactly_as_bytes(
    client: Client, stranger: Client, fake_aws: FakeAws, override_settings: OverrideSettings, most: int
) -> None:
    override_settings(MAX_FILES=str(most))
    answers = [init_upload(each, 1) for _ in range(most) for each in (client, stranger)]

    assert [answer.status for answer in answers] == [201] * most + [409] * most
    assert invariants.installation_usage(fake_aws) == (most, most)


@pytest.mark.parametrize("bound", ["MAX_BYTES", "MAX_FILES"])
def test_a_cap_below_what_is_held_lets_nothing_in_until_there_is_room_again(
    client: Client,
    stranger: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    override_settings: OverrideSettings,
    bound: str,
) -> None:
    for _ in range(6):
        init_upload(client, 1).created()
    frozen_clock.advance(minutes=10)
    later = users.sign_in(client.user["email"])
    for _ in range(3):
        init_upload(later, 1).created()
    override_settings(**{bound: "5"})
    # Most parts hold nothing, so each of them alone would have room.
    assert {get_conflict_code(init_upload(stranger, 1)) for _ in range(20)} == {"installation_full"}

    frozen_clock.advance(hours=23, minutes=50)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()
    assert invariants.installation_usage(fake_aws) == (3, 3)
    stranger = users.sign_in(stranger.user["email"])
    answers = [init_upload(stranger, 1) for _ in range(20)]
    assert [answer.status for answer in answers] == [201] * 2 + [409] * 18
    assert invariants.installation_usage(fake_aws) == (5, 5)


def test_a_cap_that_is_raised_has_room_at_once(
    client: Client, stranger: Client, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_FILES="2")
    for each in (client, stranger):
        init_upload(each, 1).created()
    assert get_conflict_code(init_upload(client, 1)) == "installation_full"
    override_settings(MAX_FILES="3")

    init_upload(client, 1).created()
    assert get_conflict_code(init_upload(stranger, 1)) == "installation_full"


def test_what_is_given_back_anywhere_is_room_again(
    client: Client, stranger: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_BYTES="20")
    made = fake_aws.upload(client, b"1234567", **TEXT_FILE)
    init_upload(client, 6).created()
    init_upload(stranger, 7).created()
    client.delete(f"/files/{made['fileId']}?permanent=true").data()
    fake_aws.run_workers()
    assert invariants.installation_usage(fake_aws) == (13, 2)
    init_upload(stranger, 7).created()
    assert get_conflict_code(init_upload(stranger, 1)) == "installation_full"

    assert uploads.abort_all(users.personal_project_id(stranger))
    assert invariants.installation_usage(fake_aws) == (6, 1)
    init_upload(stranger, 14).created()
    frozen_clock.advance(hours=24)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()
    assert invariants.installation_usage(fake_aws) == (0, 0)
    for each in (client, stranger):
        invariants.assert_project_consistent(fake_aws, users.personal_project_id(each))


def test_the_last_room_is_given_once(
    client: Client, stranger: Client, fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_BYTES="100")
    init_upload(client, 90).created()

    def faster() -> None:
        said = InitUploadRequest.model_validate(make_upload_request(b"", **{**TEXT_FILE, "size": 10, "sha256": None}))
        uploads.init(make_caller(stranger), get_project(users.personal_project_id(stranger)), said)

    with interleave("TransactWriteItems", faster):
        assert get_conflict_code(init_upload(client, 10)) == "installation_full"
    assert invariants.installation_usage(fake_aws) == (100, 2)


def test_whoever_asks_again_gets_the_upload_that_took_the_last_room(
    client: Client, stranger: Client, fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_BYTES="100")
    init_upload(stranger, 40).created()
    first = init_upload(client, 60, headers={"idempotency-key": "key"}).created()
    again = init_upload(client, 60, headers={"idempotency-key": "key"}).created()

    assert again["uploadId"] == first["uploadId"]
    assert invariants.installation_usage(fake_aws) == (100, 2)


def test_a_project_that_is_full_says_so_first(client: Client, override_settings: OverrideSettings) -> None:
    settings = {"quota": {"maxBytes": 5}}
    project = client.post("/projects", {"name": "x", "settings": settings}).created()["id"]
    said = make_upload_request(b"", **{**TEXT_FILE, "size": 6, "sha256": None, "projectId": project})

    assert get_conflict_code(client.post("/files/init-upload", said)) == "quota_exceeded"
