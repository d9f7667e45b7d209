"""Multipart uploads: their parts, their completion and their end (U4)."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from holdall.platform import multipart as stored_parts
from holdall.uploads import multipart
from holdall.uploads import service as uploads
from holdall.uploads.model import CompleteUploadRequest
from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.faults import (
    FAULT_MODES,
    FaultMode,
    FaultScenario,
    answer_with_error,
    assert_survives_faults,
    interleave,
    run_until_idle,
)
from tests.support.fixtures import OverrideSettings
from tests.support.projects import create_api_key_client, create_member
from tests.support.uploads import init_upload

MIB = 1024**2
PART_SIZE = 16 * MIB
CONTENTS = (b"a" * PART_SIZE, b"b" * PART_SIZE, b"end")
CONTENT = b"".join(CONTENTS)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def init_multipart(client: Client, **overrides: Any) -> dict[str, Any]:
    return init_upload(
        client, CONTENT, **{"multipart": True, "filename": "film.mp4", "contentType": "video/mp4", **overrides}
    )


def sign(client: Client, upload: dict[str, Any], *numbers: int, **body: Any) -> Response:
    return client.post(f"/uploads/{upload['uploadId']}/parts", {"partNumbers": list(numbers), **body})


def put_parts(client: Client, fake_aws: FakeAws, upload: dict[str, Any], *numbers: int, **body: Any) -> None:
    for part in sign(client, upload, *numbers, **body).data():
        fake_aws.put_part(part, CONTENTS[part["partNumber"] - 1])


def complete(client: Client, upload: dict[str, Any], **body: Any) -> Response:
    return client.post(f"/uploads/{upload['uploadId']}/complete", body)


def assert_nothing_left(client: Client, fake_aws: FakeAws, upload: dict[str, Any]) -> None:
    project = users.personal_project_id(client)
    fake_aws.run_workers()
    assert fake_aws.list_multipart_uploads() == []
    assert fake_aws.list_version_ids(upload["key"]) == []
    assert invariants.quota_usage(fake_aws, project) == (0, 0)
    invariants.assert_project_consistent(fake_aws, project)


def test_parts_become_a_version_that_is_ready_when_it_is_hashed(client: Client, fake_aws: FakeAws) -> None:
    upload = init_multipart(client)

    assert upload["multipart"] == {"partSize": PART_SIZE, "partCount": 3}
    assert (upload["method"], upload["url"], upload["headers"]) == (None, None, None)
    put_parts(client, fake_aws, upload, 1, 2, 3)
    committed = complete(client, upload).data()

    assert (committed["version"], committed["file"]["status"], committed["file"]["size"]) == (
        1,
        "processing",
        len(CONTENT),
    )
    fake_aws.run_workers()
    file = client.get(f"/files/{committed['fileId']}").data()
    assert (file["status"], file["sha256"]) == ("ready", SHA256)
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


@pytest.mark.parametrize(
    ("size", "multipart", "part_size", "part_count"),
    [
        (100 * MIB - 1, None, None, None),
        (100 * MIB, None, 16 * MIB, 7),
        (100 * MIB, False, None, None),
        (0, True, 16 * MIB, 1),
        (1024 * MIB, None, 16 * MIB, 64),
        (16 * 1024 * MIB, None, 16 * MIB, 1024),
        (16 * 1024 * MIB + 1, None, 17 * MIB, 964),
    ],
)
def test_size_and_request_decide_the_parts(
    client: Client,
    override_settings: OverrideSettings,
    size: int,
    multipart: object,
    part_size: int | None,
    part_count: int | None,
) -> None:
    limit = str(100 * 1024**3)
    override_settings(MAX_FILE_BYTES=limit, MAX_OPEN_BYTES_PER_USER=limit, MAX_OPEN_BYTES_PER_PROJECT=limit)
    upload = init_multipart(client, size=size, sha256=None, multipart=multipart)

    assert (upload["multipart"] or {}) == ({"partSize": part_size, "partCount": part_count} if part_size else {})
    assert (upload["url"] is None) == (part_size is not None)


def test_file_above_5_gib_cannot_be_sent_by_one_put(client: Client) -> None:
    body = {"filename": "x", "contentType": "video/mp4", "size": 5 * 1024**3 + 1, "multipart": False}
    assert client.post("/files/init-upload", body).status == 422


def test_a_gigabyte_costs_three_calls(client: Client) -> None:
    upload = init_multipart(client, size=1024 * MIB)
    parts = sign(client, upload, *range(1, 65)).data()

    assert sum(part["size"] for part in parts) == 1024 * MIB


def test_urls_of_parts_last_an_hour_and_not_longer_than_the_upload(client: Client, frozen_clock: FrozenClock) -> None:
    client = create_api_key_client(client, users.personal_project_id(client))  # an access token does not last so long
    upload = init_multipart(client)
    (part,) = sign(client, upload, 3).data()
    assert (part["partNumber"], part["size"], part["method"], part["headers"]) == (3, 3, "PUT", {})
    assert "X-Amz-Expires=3600" in part["url"]

    frozen_clock.advance(hours=23, minutes=59)
    assert "X-Amz-Expires=60" in sign(client, upload, 3).data()[0]["url"]
    frozen_clock.advance(minutes=1)
    for response in (
        sign(client, upload, 3),
        complete(client, upload),
        client.get(f"/uploads/{upload['uploadId']}/parts"),
    ):
        assert response.problem()["code"] == "wrong_state"


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"partNumbers": [1, 0]}, "part_out_of_range", ""),
        ({"partNumbers": [4]}, "part_out_of_range", ""),
        ({"partNumbers": [10_001]}, "part_out_of_range", ""),
        ({"partNumbers": []}, "invalid", "/partNumbers"),
        ({"partNumbers": [1, 1]}, "invalid", "/partNumbers"),
        ({"partNumbers": list(range(1, 102))}, "invalid", "/partNumbers"),
        ({"partNumbers": ["1"]}, "invalid", "/partNumbers/0"),
        ({"partNumbers": [1], "checksums": ["ab" * 32]}, "checksums_unexpected", "/checksums"),
    ],
)
def test_bad_part_numbers_are_refused(client: Client, body: dict[str, Any], code: str, pointer: str) -> None:
    response = client.post(f"/uploads/{init_multipart(client)['uploadId']}/parts", body)

    assert (response.status, response.problem()["code"]) == (422, code)


def test_parts_are_signed_with_the_checksums_that_the_init_announced(client: Client, fake_aws: FakeAws) -> None:
    upload = init_multipart(client, partChecksums=True)
    checksums = [hashlib.sha256(each).hexdigest() for each in CONTENTS]

    assert sign(client, upload, 1).problem()["code"] == "checksums_required"
    assert sign(client, upload, 1, 2, checksums=checksums).status == 422
    parts = sign(client, upload, 1, 2, 3, checksums=checksums).data()
    assert all("x-amz-checksum-sha256" in part["headers"] for part in parts)


def test_client_resumes_with_the_parts_that_are_missing(client: Client, fake_aws: FakeAws) -> None:
    upload = init_multipart(client)
    put_parts(client, fake_aws, upload, 2)

    found = client.get(f"/uploads/{upload['uploadId']}/parts").data()
    assert (found["partSize"], found["partCount"], found["expiresAt"]) == (PART_SIZE, 3, upload["expiresAt"])
    assert [(part["partNumber"], part["size"]) for part in found["parts"]] == [(2, PART_SIZE)]
    early = complete(client, upload)
    assert (early.status, early.problem()["code"]) == (409, "parts_missing")
    assert "1, 3" in early.problem()["detail"]
    put_parts(client, fake_aws, upload, 1, 3)
    assert complete(client, upload).data()["version"] == 1


def test_part_of_another_size_is_refused_and_can_be_sent_again(client: Client, fake_aws: FakeAws) -> None:
    upload = init_multipart(client)
    put_parts(client, fake_aws, upload, 1, 2)
    (last,) = sign(client, upload, 3).data()
    fake_aws.put_part(last, b"too much")

    refused = complete(client, upload)
    assert (refused.status, refused.problem()["code"]) == (409, "part_mismatch")
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (len(CONTENT), 1)
    fake_aws.put_part(last, CONTENTS[2])
    assert complete(client, upload).data()["version"] == 1


def test_repeated_completion_returns_the_same_version(client: Client, fake_aws: FakeAws) -> None:
    upload = init_multipart(client)
    put_parts(client, fake_aws, upload, 1, 2, 3)

    first, second = complete(client, upload).data(), complete(client, upload).data()
    assert (first["fileId"], first["version"]) == (second["fileId"], second["version"])
    assert client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()["fileId"] == first["fileId"]


def test_completion_that_s3_still_works_on_is_to_be_repeated(client: Client, fake_aws: FakeAws) -> None:
    """S3 may take minutes, and refuses another completion meanwhile. `not_uploaded` would say that all was in vain."""
    upload = init_multipart(client)
    put_parts(client, fake_aws, upload, 1, 2, 3)

    with answer_with_error("CompleteMultipartUpload", 409, "ConditionalRequestConflict"):
        refused = complete(client, upload)

    assert (refused.status, refused.problem()["code"]) == (503, "unavailable")
    assert complete(client, upload).data()["version"] == 1


def test_commit_before_the_completion_names_it(client: Client) -> None:
    upload = init_multipart(client)

    problem = client.post("/files/commit", {"uploadId": upload["uploadId"]}).problem()
    assert (problem["status"], problem["code"]) == (409, "not_uploaded")
    assert "/complete" in problem["detail"]


def test_checksum_of_the_completion_is_confirmed_by_the_worker(client: Client, fake_aws: FakeAws) -> None:
    upload = init_multipart(client, sha256=None)
    put_parts(client, fake_aws, upload, 1, 2, 3)
    file_id = complete(client, upload, checksum="ab" * 32).data()["fileId"]
    fake_aws.run_workers()

    file = client.get(f"/files/{file_id}").data()
    assert (file["status"], file["reason"]) == ("rejected", "checksum_mismatch")


def test_completion_with_another_checksum_than_the_init_is_refused(client: Client, fake_aws: FakeAws) -> None:
    upload = init_multipart(client)
    put_parts(client, fake_aws, upload, 1, 2, 3)

    assert complete(client, upload, checksum="ab" * 32).problem()["code"] == "checksum_mismatch"
    assert complete(client, upload).data()["version"] == 1


def test_object_whose_composite_checksum_differs_is_deleted(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = init_multipart(client, partChecksums=True)
    checksums = [hashlib.sha256(each).hexdigest() for each in CONTENTS]
    put_parts(client, fake_aws, upload, 1, 2, 3, checksums=checksums)
    with monkeypatch.context() as patch:
        patch.setattr(stored_parts, "composite_sha256", lambda _: "of these parts")
        patch.setattr(stored_parts, "complete", lambda *_: "of other parts")
        refused = complete(client, upload)

    assert (refused.status, refused.problem()["code"]) == (409, "object_mismatch")
    assert_nothing_left(client, fake_aws, upload)


@pytest.mark.parametrize("uploaded", [(), (1,), (1, 2, 3)], ids=["nothing", "a part", "all"])
def test_aborted_upload_leaves_no_parts(client: Client, fake_aws: FakeAws, uploaded: tuple[int, ...]) -> None:
    upload = init_multipart(client)
    if uploaded:
        put_parts(client, fake_aws, upload, *uploaded)

    assert [client.delete(f"/uploads/{upload['uploadId']}").status for _ in range(2)] == [204, 204]
    assert complete(client, upload).problem()["code"] == "wrong_state"
    assert_nothing_left(client, fake_aws, upload)


def test_abandoned_upload_expires_after_a_day_and_leaves_no_parts(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    upload = init_multipart(client)
    put_parts(client, fake_aws, upload, 1)
    frozen_clock.advance(hours=23, minutes=59)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (len(CONTENT), 1)
    frozen_clock.advance(minutes=1)
    fake_aws.run_task("expire-uploads")

    assert_nothing_left(client, fake_aws, upload)


def test_refused_init_leaves_no_multipart_upload(client: Client, fake_aws: FakeAws) -> None:
    settings = {"quota": {"maxBytes": len(CONTENT) - 1}}
    project = client.post("/projects", {"name": "x", "settings": settings}).created()["id"]
    body = {"filename": "x", "contentType": "video/mp4", "size": len(CONTENT), "multipart": True, "projectId": project}

    assert client.post("/files/init-upload", body).problem()["code"] == "quota_exceeded"
    assert fake_aws.list_multipart_uploads() == []


def test_duplicate_init_returns_the_same_upload_and_leaves_one_multipart_upload(
    client: Client, fake_aws: FakeAws
) -> None:
    body = {"filename": "x", "contentType": "video/mp4", "size": len(CONTENT), "multipart": True}
    first, second = (
        client.post("/files/init-upload", body, headers={"idempotency-key": "key"}).created() for _ in range(2)
    )

    assert first == second
    assert fake_aws.list_multipart_uploads() == [first["key"]]


@pytest.mark.parametrize("call", ["s3.ListParts", "s3.HeadObject", "TransactWriteItems"])
def test_upload_that_is_aborted_while_it_is_completed_leaves_nothing(
    client: Client, fake_aws: FakeAws, call: str
) -> None:
    upload = init_multipart(client)
    put_parts(client, fake_aws, upload, 1, 2, 3)
    project = get_project(users.personal_project_id(client))

    def abort() -> None:
        uploads.abort(make_caller(client), project, upload["uploadId"])
        fake_aws.run_workers()

    with interleave(call, abort):
        assert complete(client, upload).problem()["code"] in ("wrong_state", "not_uploaded")
    for version_id in fake_aws.list_version_ids(upload["key"]):  # S3 tells of an object that it made after the abort
        fake_aws.notify_object_created(upload["key"], version_id)
    assert_nothing_left(client, fake_aws, upload)


def test_upload_that_is_completed_while_it_is_aborted_keeps_its_object(client: Client, fake_aws: FakeAws) -> None:
    upload = init_multipart(client)
    put_parts(client, fake_aws, upload, 1, 2, 3)
    project, request = get_project(users.personal_project_id(client)), CompleteUploadRequest()

    with interleave(
        "TransactWriteItems",
        lambda: multipart.complete(make_caller(client), project, upload["uploadId"], request),
    ):
        assert client.delete(f"/uploads/{upload['uploadId']}").problem()["code"] == "wrong_state"
    fake_aws.run_workers()
    assert len(fake_aws.list_version_ids(upload["key"])) == 1
    invariants.assert_project_consistent(fake_aws, project.id)


@pytest.mark.parametrize("mode", FAULT_MODES)
def test_completion_survives_faults(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        user = users.create_client()
        client = create_api_key_client(user, users.personal_project_id(user))
        upload = init_multipart(client)
        put_parts(client, fake_aws, upload, 1, 2, 3)

        def check(again: Response) -> None:
            assert again.data()["version"] == 1
            run_until_idle(fake_aws, frozen_clock)
            assert client.get(f"/files/{upload['fileId']}").data()["status"] == "ready"
            invariants.assert_project_consistent(fake_aws, users.personal_project_id(user))

        return FaultScenario(partial(complete, client, upload), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@pytest.mark.parametrize("mode", FAULT_MODES)
def test_abort_survives_faults(
    frozen_clock: FrozenClock, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client = users.create_client()
        upload = init_multipart(client)
        put_parts(client, fake_aws, upload, 1)

        def check(again: Response) -> None:
            assert again.status == 204
            frozen_clock.advance(minutes=1)
            fake_aws.run_task("expire-uploads")
            assert_nothing_left(client, fake_aws, upload)

        return FaultScenario(lambda: client.delete(f"/uploads/{upload['uploadId']}"), check)

    assert_survives_faults(monkeypatch, mode, prepare)


def test_upload_by_one_put_has_no_parts(client: Client) -> None:
    upload = init_upload(client)

    for response in (
        sign(client, upload, 1),
        client.get(f"/uploads/{upload['uploadId']}/parts"),
        complete(client, upload),
    ):
        assert (response.status, response.problem()["code"]) == (409, "wrong_state")


def test_parts_are_hidden_from_strangers_and_refused_to_viewers(
    client: Client, stranger: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    upload = init_multipart(client, projectId=shared_project)
    viewer = create_member(client, shared_project, fake_aws, "viewer")
    requests: Sequence[Callable[[Client], Response]] = (
        lambda caller: sign(caller, upload, 1),
        lambda caller: caller.get(f"/uploads/{upload['uploadId']}/parts"),
        lambda caller: complete(caller, upload),
        lambda caller: caller.delete(f"/uploads/{upload['uploadId']}"),
    )

    assert [send(stranger).status for send in requests] == [404] * 4
    assert [send(viewer).status for send in requests] == [403] * 4
