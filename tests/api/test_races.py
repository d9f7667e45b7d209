"""Races: somebody else is faster, between what a request has read and what it writes.

In one process there is no real parallelism; the deployed stack is asked for that. Here each interleaving comes every time.
"""

import json
from functools import partial
from typing import Any

import pytest

from holdall.accounts.model import SignUpRequest
from holdall.accounts.service import sign_in
from holdall.files import service as client_with_files
from holdall.iam.service import sessions
from holdall.jobs.model import RenderImage
from holdall.platform import ids
from holdall.platform.caller import Caller, ClientInfo, IdempotencyKey
from holdall.platform.errors import Conflict, NotFound
from holdall.uploads import service as uploads
from holdall.uploads.model import CommitUploadRequest, ExpireUpload, InitUploadRequest, InitUploadResponse
from holdall.variants import service as variants
from tests.support import invariants, users
from tests.support.aws import FakeAws, make_photo, make_upload_request
from tests.support.callers import get_project, make_caller
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import interleave

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}
CLIENT_INFO = ClientInfo("192.0.2.8", "faster", "request")


def init_upload(client: Client, content: bytes, **overrides: Any) -> dict[str, Any]:
    begun: dict[str, Any] = client.post(
        "/files/init-upload", make_upload_request(content, **{**TEXT_FILE, **overrides})
    ).created()
    return begun


def test_two_uses_of_a_refresh_token_make_one_chain(client: Client, fake_aws: FakeAws) -> None:
    with interleave("TransactWriteItems", lambda: sign_in.refresh(CLIENT_INFO, client.refresh_token)) as faster:
        answer = Client().post("/auth/refresh", {"refreshToken": client.refresh_token})

    assert [each.refresh_token for each in faster] == [answer.data()["refreshToken"]]  # type: ignore[attr-defined]
    assert Client().post("/auth/refresh", {"refreshToken": answer.data()["refreshToken"]}).status == 200
    assert fake_aws.find_rows("audit", action="session.reuse") == []


@pytest.mark.parametrize("end", [sessions.revoke_current_session, sessions.revoke_own_sessions])
def test_a_logout_overtakes_a_refresh(client: Client, end: Any) -> None:
    with interleave("TransactWriteItems", lambda: end(make_caller(client))):
        answer = Client().post("/auth/refresh", {"refreshToken": client.refresh_token})

    assert answer.problem()["code"] == "invalid_token"


def test_two_sign_ups_make_one_account(anonymous: Client, fake_aws: FakeAws) -> None:
    email = users.unique_email()
    faster = SignUpRequest(email=email.upper(), password=users.PASSWORD)
    with interleave("TransactWriteItems", lambda: sign_in.sign_up(CLIENT_INFO, faster)):
        slower = anonymous.post("/auth/sign-up", {"email": email, "password": users.PASSWORD})

    assert slower.problem()["code"] == "email_taken"
    assert len(fake_aws.find_rows("main", record_type="user")) == 1
    assert len(fake_aws.find_rows("main", record_type="project")) == 1


def test_the_last_place_is_given_once(client: Client, fake_aws: FakeAws) -> None:
    settings = {"quota": {"maxFiles": 1}}
    project = client.post("/projects", {"name": "x", "settings": settings}).created()["id"]
    said = InitUploadRequest.model_validate(make_upload_request(b"faster", **TEXT_FILE))
    with interleave("TransactWriteItems", lambda: uploads.init(make_caller(client), get_project(project), said)):
        slower = client.post("/files/init-upload", make_upload_request(b"slower", projectId=project, **TEXT_FILE))

    assert slower.problem()["code"] == "quota_exceeded"
    assert invariants.quota_usage(fake_aws, project) == (6, 1)


def commit_upload(client: Client, upload: dict[str, Any]) -> Any:
    project = get_project(upload["uploadId"][:12])
    return uploads.commit(
        make_caller(client), project, CommitUploadRequest.model_validate({"uploadId": upload["uploadId"]})
    )


@pytest.mark.parametrize("faster", ["commit", "arrival"])
@pytest.mark.parametrize("content_type", ["text/plain", "image/jpeg"])
def test_two_who_complete_an_upload_make_one_version(
    client: Client, fake_aws: FakeAws, faster: str, content_type: str
) -> None:
    begun = init_upload(client, make_photo(), contentType=content_type, autoCommit=True)
    version = fake_aws.put_object(begun, make_photo())
    step = (
        partial(commit_upload, client, begun)
        if faster == "commit"
        else partial(uploads.on_object_created, begun["key"], version)
    )
    with interleave("TransactWriteItems", step):
        made = client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()

    assert made["version"] == 1
    project = users.personal_project_id(client)
    assert [each["number"] for each in invariants.stored_versions(fake_aws, project)] == [1]
    assert len(fake_aws.find_rows("main", record_type="job")) == (content_type == "image/jpeg")
    assert fake_aws.list_version_ids(begun["key"]) == [version]
    invariants.assert_project_consistent(fake_aws, project)


def test_two_versions_at_once_get_two_numbers(client: Client, fake_aws: FakeAws) -> None:
    file_id = fake_aws.upload(client, b"first", **TEXT_FILE)["fileId"]
    faster, slower = (init_upload(client, content, fileId=file_id) for content in (b"second", b"third!"))
    for begun, content in ((faster, b"second"), (slower, b"third!")):
        fake_aws.put_object(begun, content)
    with interleave("TransactWriteItems", lambda: commit_upload(client, faster)):
        made = client.post("/files/commit", {"uploadId": slower["uploadId"]}).data()

    assert made["version"] == 3
    assert commit_upload(client, faster).version == 2
    assert client.get(f"/files/{file_id}").data()["version"] == 3
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_an_upload_that_expires_while_it_is_committed_is_not(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    begun = init_upload(client, b"content")
    fake_aws.put_object(begun, b"content")

    def expire() -> None:
        frozen_clock.advance(hours=24)
        uploads.expire(begun["uploadId"])

    with interleave("TransactWriteItems", expire):
        late = client.post("/files/commit", {"uploadId": begun["uploadId"]})

    assert (late.status, late.problem()["code"]) == (409, "wrong_state")
    invariants.assert_project_purged(fake_aws, users.personal_project_id(client))


def test_two_sweeps_give_the_quota_back_once(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    begun = init_upload(client, b"content")
    init_upload(client, b"other")
    frozen_clock.advance(hours=23)
    init_upload(users.sign_in(client.user["email"]), b"young")
    frozen_clock.advance(hours=1)
    with interleave("TransactWriteItems", lambda: uploads.expire(begun["uploadId"])):
        fake_aws.deliver_messages("maintenance", ExpireUpload(begun["uploadId"]).to_json())

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (10, 2)


def init_duplicate(client: Client, body: dict[str, Any], project_id: str, key: str) -> InitUploadResponse:
    """The same request with the same Idempotency-Key, as the door makes a caller of it."""
    once = IdempotencyKey(
        ids.sha256_hex(f"{client.user['id']} /api/v1/files/init-upload {key}"), ids.sha256_hex(json.dumps(body))
    )
    who = make_caller(client)
    twin = Caller(
        who.ip,
        who.user_agent,
        who.request_id,
        who.user_id,
        who.session_id,
        who.global_permissions,
        idempotency_key=once,
    )
    return uploads.init(twin, get_project(project_id), InitUploadRequest.model_validate(body))


def test_of_two_twins_one_makes_it_and_the_other_gets_its_result(client: Client, fake_aws: FakeAws) -> None:
    body, project = make_upload_request(b"content", **TEXT_FILE), users.personal_project_id(client)
    with interleave("TransactWriteItems", lambda: init_duplicate(client, body, project, "key")) as faster:
        slower = client.post("/files/init-upload", body, headers={"idempotency-key": "key"}).created()

    assert [each.upload_id for each in faster] == [slower["uploadId"]]  # type: ignore[attr-defined]
    assert invariants.quota_usage(fake_aws, project) == (7, 1)


@pytest.mark.parametrize("faster", [client_with_files.trash, client_with_files.purge])
@pytest.mark.parametrize("permanent", ["false", "true"])
def test_two_who_put_a_file_away_agree(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], faster: Any, permanent: str
) -> None:
    file_id = fake_aws.upload(client, make_photo(), projectId=project["id"])["fileId"]
    fake_aws.render_images()
    with interleave("TransactWriteItems", lambda: faster(make_caller(client), file_id)):
        slower = client.delete(f"/files/{file_id}?permanent={permanent}")

    purged = faster is client_with_files.purge or permanent == "true"
    assert slower.status == (404 if faster is client_with_files.purge else 202 if purged else 200)
    fake_aws.run_workers()
    if purged:
        invariants.assert_project_purged(fake_aws, project["id"])
    else:
        assert [key.partition("/")[0] for key in fake_aws.list_keys("variants", project["id"])] == ["private"]
    assert len(fake_aws.find_rows("audit", action="files.purge")) == purged


def test_a_purge_overtakes_a_new_version(client: Client, fake_aws: FakeAws) -> None:
    file_id = fake_aws.upload(client, b"first", **TEXT_FILE)["fileId"]
    begun = init_upload(client, b"second", fileId=file_id)
    fake_aws.put_object(begun, b"second")
    with interleave("TransactWriteItems", lambda: client_with_files.purge(make_caller(client), file_id)):
        refused = client.post("/files/commit", {"uploadId": begun["uploadId"]})

    assert (refused.status, refused.problem()["code"]) == (409, "wrong_state")
    fake_aws.run_workers()
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (6, 1)
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_a_job_is_claimed_once(client: Client, fake_aws: FakeAws) -> None:
    fake_aws.upload(client, make_photo())
    (message,) = fake_aws.receive_messages("images")
    job_id = RenderImage.from_json(message).job_id
    with interleave("TransactWriteItems", lambda: variants.claim(job_id)) as faster:
        slower = variants.claim(job_id)

    assert slower is None
    assert faster != [None]


def test_what_is_gone_is_not_put_away(client: Client, fake_aws: FakeAws) -> None:
    file_id = fake_aws.upload(client, b"x", **TEXT_FILE)["fileId"]
    client_with_files.purge(make_caller(client), file_id)
    fake_aws.run_workers()

    for put_away in (client_with_files.trash, client_with_files.purge):
        with pytest.raises((NotFound, Conflict)):
            put_away(make_caller(client), file_id)
