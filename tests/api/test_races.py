"""Races: another request is faster, between the reads and the writes of a request.

The interleaving is the same in every run. The suite `e2e` tests real parallelism.
"""

import json
from functools import partial
from typing import Any

import pytest

from holdall.accounts.model import SignUpRequest
from holdall.accounts.service import sign_in, sign_up
from holdall.files import trash
from holdall.iam.service import sessions
from holdall.jobs.model import RenderImage
from holdall.platform.caller import Caller, ClientInfo, IdempotencyKey
from holdall.platform.errors import Conflict, NotFound
from holdall.uploads import arrivals, cleanup
from holdall.uploads import service as uploads
from holdall.uploads.messages import EndUpload
from holdall.uploads.model import InitUploadRequest, InitUploadResponse
from holdall.variants import service as variants
from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.faults import interleave
from tests.support.image_samples import make_photo
from tests.support.uploads import TEXT_FILE, commit_upload, init_upload

CLIENT_INFO = ClientInfo("192.0.2.8", "faster", "request")


def test_concurrent_refreshes_get_the_same_token(client: Client, fake_aws: FakeAws) -> None:
    with interleave("TransactWriteItems", lambda: sign_in.refresh(CLIENT_INFO, client.refresh_token)) as faster:
        response = Client().post("/auth/refresh", {"refreshToken": client.refresh_token})

    assert [each.refresh_token for each in faster] == [response.data()["refreshToken"]]  # type: ignore[attr-defined]
    assert Client().post("/auth/refresh", {"refreshToken": response.data()["refreshToken"]}).status == 200
    assert fake_aws.find_rows("audit", action="sessions.reuse_detected") == []


@pytest.mark.parametrize("end", [sessions.revoke_current_session, sessions.revoke_own_sessions])
def test_refresh_after_a_concurrent_logout_is_rejected(client: Client, end: Any) -> None:
    with interleave("TransactWriteItems", lambda: end(make_caller(client))):
        response = Client().post("/auth/refresh", {"refreshToken": client.refresh_token})

    assert response.problem()["code"] == "invalid_token"


def test_concurrent_sign_ups_create_one_account(anonymous: Client, fake_aws: FakeAws) -> None:
    email = users.unique_email()
    faster = SignUpRequest(email=email.upper(), password=users.PASSWORD)
    with interleave("TransactWriteItems", lambda: sign_up.sign_up(CLIENT_INFO, faster)):
        slower = anonymous.post("/auth/sign-up", {"email": email, "password": users.PASSWORD})

    assert slower.problem()["code"] == "email_taken"
    assert len(fake_aws.find_rows("main", record_type="user")) == 1
    assert len(fake_aws.find_rows("main", record_type="project")) == 1


def test_concurrent_uploads_do_not_exceed_the_quota(client: Client, fake_aws: FakeAws) -> None:
    settings = {"quota": {"maxFiles": 1}}
    project = client.post("/projects", {"name": "x", "settings": settings}).created()["id"]
    body = InitUploadRequest.model_validate(make_upload_request(b"faster", **TEXT_FILE))
    with interleave("TransactWriteItems", lambda: uploads.init(make_caller(client), get_project(project), body)):
        slower = client.post("/files/init-upload", make_upload_request(b"slower", projectId=project, **TEXT_FILE))

    assert slower.problem()["code"] == "quota_exceeded"
    assert invariants.quota_usage(fake_aws, project) == (6, 1)


@pytest.mark.parametrize("faster", ["commit", "event"])
@pytest.mark.parametrize("content_type", ["text/plain", "image/jpeg"])
def test_concurrent_completions_create_one_version(
    client: Client, fake_aws: FakeAws, faster: str, content_type: str
) -> None:
    upload = init_upload(client, make_photo(), contentType=content_type, autoCommit=True)
    version = fake_aws.put_object(upload, make_photo())
    step = (
        partial(commit_upload, client, upload)
        if faster == "commit"
        else partial(arrivals.on_object_created, "originals", upload["key"], version)
    )
    with interleave("TransactWriteItems", step):
        committed = client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()

    assert committed["version"] == 1
    project = users.personal_project_id(client)
    assert [each["number"] for each in invariants.stored_versions(fake_aws, project)] == [1]
    assert len(fake_aws.find_rows("main", record_type="job")) == (content_type == "image/jpeg")
    assert fake_aws.list_version_ids(upload["key"]) == [version]
    invariants.assert_project_consistent(fake_aws, project)


def test_concurrent_versions_get_different_numbers(client: Client, fake_aws: FakeAws) -> None:
    file_id = fake_aws.upload(client, b"first", **TEXT_FILE)["fileId"]
    faster, slower = (init_upload(client, content, fileId=file_id) for content in (b"second", b"third!"))
    for upload, content in ((faster, b"second"), (slower, b"third!")):
        fake_aws.put_object(upload, content)
    with interleave("TransactWriteItems", lambda: commit_upload(client, faster)):
        committed = client.post("/files/commit", {"uploadId": slower["uploadId"]}).data()

    assert committed["version"] == 3
    assert commit_upload(client, faster).version == 2
    assert client.get(f"/files/{file_id}").data()["version"] == 3
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_upload_that_expires_during_its_commit_is_not_committed(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    upload = init_upload(client, b"content")
    fake_aws.put_object(upload, b"content")

    def expire() -> None:
        frozen_clock.advance(hours=24)
        cleanup.end(upload["uploadId"])

    with interleave("TransactWriteItems", expire):
        late = client.post("/files/commit", {"uploadId": upload["uploadId"]})

    assert (late.status, late.problem()["code"]) == (409, "wrong_state")
    invariants.assert_project_purged(fake_aws, users.personal_project_id(client))


def test_concurrent_expiries_release_quota_once(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    upload = init_upload(client, b"content")
    init_upload(client, b"other")
    frozen_clock.advance(minutes=20)
    init_upload(users.sign_in(client.user["email"]), b"young")
    frozen_clock.advance(minutes=11)
    with interleave("TransactWriteItems", lambda: cleanup.end(upload["uploadId"])):
        fake_aws.deliver_messages("maintenance", EndUpload(upload["uploadId"]).to_json())

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (10, 2)


def init_duplicate(client: Client, body: dict[str, Any], project_id: str, key: str) -> InitUploadResponse:
    """Send the same request with the same Idempotency-Key."""
    idempotency_key = IdempotencyKey.create(client.user["id"], "/api/v1/files/init-upload", key, json.dumps(body))
    caller = make_caller(client)
    duplicate = Caller(
        caller.ip,
        caller.user_agent,
        caller.request_id,
        caller.user_id,
        caller.session_id,
        caller.global_permissions,
        idempotency_key=idempotency_key,
    )
    return uploads.init(duplicate, get_project(project_id), InitUploadRequest.model_validate(body))


def test_concurrent_duplicate_requests_create_one_upload(client: Client, fake_aws: FakeAws) -> None:
    body, project = make_upload_request(b"content", **TEXT_FILE), users.personal_project_id(client)
    with interleave("TransactWriteItems", lambda: init_duplicate(client, body, project, "key")) as faster:
        slower = client.post("/files/init-upload", body, headers={"idempotency-key": "key"}).created()

    assert [each.upload_id for each in faster] == [slower["uploadId"]]  # type: ignore[attr-defined]
    assert invariants.quota_usage(fake_aws, project) == (7, 1)


@pytest.mark.parametrize("faster", [trash.trash, trash.purge])
@pytest.mark.parametrize("permanent", ["false", "true"])
def test_concurrent_removals_of_a_file_agree(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], faster: Any, permanent: str
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=project["id"])["fileId"]
    fake_aws.render_images()
    with interleave("TransactWriteItems", lambda: faster(make_caller(client), file_id)):
        slower = client.delete(f"/files/{file_id}?permanent={permanent}")

    purged = faster is trash.purge or permanent == "true"
    assert slower.status == (404 if faster is trash.purge else 202 if purged else 200)
    fake_aws.run_workers()
    if purged:
        invariants.assert_project_purged(fake_aws, project["id"])
    else:
        assert [key.partition("/")[0] for key in fake_aws.list_keys("variants", project["id"])] == ["private"]
    assert len(fake_aws.find_rows("audit", action="files.purge")) == purged


def test_version_of_a_concurrently_purged_file_is_rejected(client: Client, fake_aws: FakeAws) -> None:
    file_id = fake_aws.upload(client, b"first", **TEXT_FILE)["fileId"]
    upload = init_upload(client, b"second", fileId=file_id)
    fake_aws.put_object(upload, b"second")
    with interleave("TransactWriteItems", lambda: trash.purge(make_caller(client), file_id)):
        response = client.post("/files/commit", {"uploadId": upload["uploadId"]})

    assert (response.status, response.problem()["code"]) == (409, "wrong_state")
    fake_aws.run_workers()
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (6, 1)
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_job_is_claimed_once(client: Client, fake_aws: FakeAws) -> None:
    fake_aws.upload(client, make_photo())
    (message,) = fake_aws.receive_messages("images")
    job_id = RenderImage.from_json(message).job_id
    with interleave("TransactWriteItems", lambda: variants.claim(job_id)) as faster:
        slower = variants.claim(job_id)

    assert slower is None
    assert faster != [None]


def test_purged_file_cannot_be_removed_again(client: Client, fake_aws: FakeAws) -> None:
    file_id = fake_aws.upload(client, b"x", **TEXT_FILE)["fileId"]
    trash.purge(make_caller(client), file_id)
    fake_aws.run_workers()

    for remove in (trash.trash, trash.purge):
        with pytest.raises((NotFound, Conflict)):
            remove(make_caller(client), file_id)
