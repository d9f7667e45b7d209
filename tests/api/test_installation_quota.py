"""The limit of the installation is soft: each process reads the usage at most every ten seconds, and then refuses uploads."""

from typing import Any

import pytest

from holdall.uploads import cleanup
from holdall.uploads import service as uploads
from holdall.uploads.model import InitUploadRequest
from tests.support import invariants, process, users
from tests.support.aws import FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.faults import inject_faults, interleave
from tests.support.fixtures import OverrideSettings
from tests.support.uploads import TEXT_FILE

FULL = (409, "installation_full")
CACHE_SECONDS = 10


def request_upload(client: Client, size: int, **kwargs: Any) -> Response:
    body = make_upload_request(b"", **{**TEXT_FILE, "size": size, "sha256": None})
    return client.post("/files/init-upload", body, **kwargs)


def status_and_code(response: Response) -> tuple[int, str]:
    return response.status, str(response.problem()["code"])


def test_projects_fill_installation_together(
    client: Client,
    stranger: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    override_settings: OverrideSettings,
) -> None:
    override_settings(MAX_BYTES="100")
    request_upload(client, 60).created()
    frozen_clock.advance(seconds=CACHE_SECONDS)
    assert status_and_code(request_upload(stranger, 41)) == FULL
    request_upload(stranger, 40).created()
    frozen_clock.advance(seconds=CACHE_SECONDS)
    assert status_and_code(request_upload(stranger, 1)) == FULL
    request_upload(stranger, 0).created()  # an empty file needs no bytes

    assert invariants.installation_usage(fake_aws) == (100, 3)
    for each in (client, stranger):
        invariants.assert_project_consistent(fake_aws, users.personal_project_id(each))


@pytest.mark.parametrize("limit", [1, 3, 15, 16, 17, 20])
def test_files_are_limited_like_bytes(
    client: Client,
    stranger: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    override_settings: OverrideSettings,
    limit: int,
) -> None:
    override_settings(MAX_FILES=str(limit))
    statuses = []
    for _ in range(limit):
        for each in (client, stranger):
            frozen_clock.advance(seconds=CACHE_SECONDS)
            statuses.append(request_upload(each, 1).status)

    assert statuses == [201] * limit + [409] * limit
    assert invariants.installation_usage(fake_aws) == (limit, limit)


def test_limit_is_exceeded_only_by_what_is_reserved_within_ten_seconds(
    client: Client,
    stranger: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    override_settings: OverrideSettings,
) -> None:
    override_settings(MAX_BYTES="100")
    request_upload(client, 60).created()
    frozen_clock.advance(seconds=CACHE_SECONDS - 1)
    request_upload(stranger, 60).created()
    frozen_clock.advance(seconds=1)
    for _ in range(2):
        assert status_and_code(request_upload(stranger, 1)) == FULL

    assert invariants.installation_usage(fake_aws) == (120, 2)


def test_new_process_reads_usage_at_once(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_BYTES="100")
    request_upload(client, 100).created()
    process.clear_rows(published_keys=())

    assert status_and_code(request_upload(client, 1)) == FULL


def test_usage_is_read_once_in_ten_seconds(
    client: Client, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen_clock.advance(seconds=CACHE_SECONDS)
    reads = []
    for _ in range(3):
        with inject_faults(monkeypatch) as faults:
            request_upload(client, 1).created()
        reads.append(faults.calls.count("dynamodb.BatchGetItem"))

    assert reads == [reads[1] + 1, reads[1], reads[1]]


def test_upload_is_refused_if_the_usage_cannot_be_read(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        with inject_faults(monkeypatch, 1, "refused"):  # the call after the one of the guard
            assert request_upload(client, 1).status == 503

    fail()
    assert invariants.installation_usage(fake_aws) == (0, 0)


@pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_FILES"])
def test_limit_below_the_usage_refuses_uploads_until_there_is_room(
    client: Client,
    stranger: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    override_settings: OverrideSettings,
    limit: str,
) -> None:
    for _ in range(6):
        request_upload(client, 1).created()
    frozen_clock.advance(minutes=10)
    later = users.sign_in(client.user["email"])
    for _ in range(3):
        request_upload(later, 1).created()
    override_settings(**{limit: "5"})
    frozen_clock.advance(seconds=CACHE_SECONDS)
    assert {status_and_code(request_upload(stranger, 1)) for _ in range(20)} == {FULL}

    frozen_clock.advance(minutes=21)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()
    assert invariants.installation_usage(fake_aws) == (3, 3)
    stranger = users.sign_in(stranger.user["email"])
    statuses = []
    for _ in range(10):
        frozen_clock.advance(seconds=CACHE_SECONDS)
        statuses.append(request_upload(stranger, 1).status)
    assert statuses == [201] * 2 + [409] * 8
    assert invariants.installation_usage(fake_aws) == (5, 5)


def test_raised_limit_has_room_at_once(
    client: Client, stranger: Client, frozen_clock: FrozenClock, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_FILES="2")
    for each in (client, stranger):
        request_upload(each, 1).created()
    frozen_clock.advance(seconds=CACHE_SECONDS)
    assert status_and_code(request_upload(client, 1)) == FULL
    override_settings(MAX_FILES="3")

    request_upload(client, 1).created()
    frozen_clock.advance(seconds=CACHE_SECONDS)
    assert status_and_code(request_upload(stranger, 1)) == FULL


def test_released_usage_is_room_again(
    client: Client, stranger: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_BYTES="20")
    file_id = fake_aws.upload(client, b"1234567", **TEXT_FILE)["fileId"]
    request_upload(client, 6).created()
    request_upload(stranger, 7).created()
    client.delete(f"/files/{file_id}?permanent=true").data()
    fake_aws.run_workers()
    assert invariants.installation_usage(fake_aws) == (13, 2)
    request_upload(stranger, 7).created()
    frozen_clock.advance(seconds=CACHE_SECONDS)
    assert status_and_code(request_upload(stranger, 1)) == FULL

    assert cleanup.abort_all(users.personal_project_id(stranger))
    assert invariants.installation_usage(fake_aws) == (6, 1)
    frozen_clock.advance(seconds=CACHE_SECONDS)
    request_upload(stranger, 14).created()
    frozen_clock.advance(hours=24)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()
    assert invariants.installation_usage(fake_aws) == (0, 0)
    for each in (client, stranger):
        invariants.assert_project_consistent(fake_aws, users.personal_project_id(each))


def test_concurrent_uploads_may_take_the_last_room_twice_and_are_both_counted(
    client: Client,
    stranger: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    override_settings: OverrideSettings,
) -> None:
    override_settings(MAX_BYTES="100")
    request_upload(client, 90).created()
    frozen_clock.advance(seconds=CACHE_SECONDS)

    def init_concurrently() -> None:
        body = make_upload_request(b"", **{**TEXT_FILE, "size": 10, "sha256": None})
        project = get_project(users.personal_project_id(stranger))
        uploads.init(make_caller(stranger), project, InitUploadRequest.model_validate(body))

    with interleave("TransactWriteItems", init_concurrently):
        request_upload(client, 10).created()
    frozen_clock.advance(seconds=CACHE_SECONDS)
    assert status_and_code(request_upload(client, 1)) == FULL
    assert invariants.installation_usage(fake_aws) == (110, 3)
    for each in (client, stranger):
        invariants.assert_project_consistent(fake_aws, users.personal_project_id(each))


def test_duplicate_request_gets_the_upload_that_took_the_last_room(
    client: Client,
    stranger: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    override_settings: OverrideSettings,
) -> None:
    override_settings(MAX_BYTES="100")
    headers = {"idempotency-key": "key"}
    request_upload(stranger, 40).created()
    first = request_upload(client, 60, headers=headers).created()
    frozen_clock.advance(seconds=CACHE_SECONDS)

    assert request_upload(client, 60, headers=headers).created()["uploadId"] == first["uploadId"]
    assert status_and_code(request_upload(client, 1, headers={"idempotency-key": "other"})) == FULL
    assert status_and_code(request_upload(client, 61, headers=headers)) == (422, "idempotency_key_reused")
    assert invariants.installation_usage(fake_aws) == (100, 2)


def test_project_quota_is_exact_while_the_installation_has_room(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    body = {"name": "Small", "settings": {"quota": {"maxBytes": 5}}}
    project_id = client.post("/projects", body).created()["id"]

    def init(size: int) -> Response:
        upload = make_upload_request(b"", **{**TEXT_FILE, "size": size, "sha256": None, "projectId": project_id})
        return client.post("/files/init-upload", upload)

    assert status_and_code(init(6)) == (409, "quota_exceeded")
    init(5).created()
    assert status_and_code(init(1)) == (409, "quota_exceeded")
    assert invariants.quota_usage(fake_aws, project_id) == (5, 1)
    invariants.assert_project_consistent(fake_aws, project_id)
