"""Idempotency-Key: a duplicate request gets the result of the first one."""

import json
from dataclasses import replace
from typing import Any

import pytest

from holdall.platform import ids
from holdall.platform.caller import IdempotencyKey
from holdall.projects.service import invitations
from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.callers import make_caller
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.faults import interleave
from tests.support.projects import create_invitation_token, create_shared_project, status_and_code


def create_project(client: Client, key: str, name: str = "x") -> Response:
    return client.post("/projects", {"name": name}, headers={"idempotency-key": key})


def init_upload(client: Client, key: str, **overrides: Any) -> Response:
    return client.post(
        "/files/init-upload", make_upload_request(b"content", **overrides), headers={"idempotency-key": key}
    )


def accept_invitation(client: Client, token: str, key: str) -> Response:
    return client.post("/invitations/accept", {"token": token}, headers={"idempotency-key": key})


KEY_REUSED = (422, "idempotency_key_reused")


def test_duplicate_request_gets_the_same_project(client: Client) -> None:
    first, second = create_project(client, "key"), create_project(client, "key")

    assert (first.status, second.status) == (201, 201)
    assert first.data() == second.data()
    assert len(client.get("/projects").data()) == 2


def test_request_with_another_key_creates_another_project(client: Client) -> None:
    assert create_project(client, "one").data()["id"] != create_project(client, "two").data()["id"]


def test_another_request_with_the_same_key_is_rejected(client: Client) -> None:
    create_project(client, "key")
    response = create_project(client, "key", name="y")

    assert status_and_code(response) == KEY_REUSED
    assert len(client.get("/projects").data()) == 2


def test_stored_digest_of_a_body_proves_no_guess_without_the_key(client: Client, fake_aws: FakeAws) -> None:
    """A body may contain a password, and the digest of a password that can be guessed tells it."""
    for key in ("one", "two"):
        create_project(client, key)

    digests = [row["body_sha256"] for row in fake_aws.find_rows("ephemeral", record_type="idempotency")]
    assert len(set(digests)) == 2
    assert ids.sha256_hex(json.dumps({"name": "x"})) not in digests
    assert [row for row in fake_aws.find_rows("ephemeral") if "'one'" in str(row)] == []


def test_request_of_the_last_release_is_recognized(client: Client, fake_aws: FakeAws) -> None:
    first = create_project(client, "key").data()
    (row,) = fake_aws.find_rows("ephemeral", record_type="idempotency")
    fake_aws.dynamodb.Table("ephemeral").put_item(
        Item={**row, "body_sha256": ids.sha256_hex(json.dumps({"name": "x"}))}
    )

    assert create_project(client, "key").data() == first
    assert status_and_code(create_project(client, "key", name="y")) == KEY_REUSED


def test_key_belongs_to_one_user(client: Client, stranger: Client) -> None:
    assert create_project(client, "key").data()["id"] != create_project(stranger, "key").data()["id"]


def test_key_belongs_to_one_route(client: Client) -> None:
    create_project(client, "key")

    assert init_upload(client, "key").status == 201


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_invalid_key_is_rejected(client: Client, key: str) -> None:
    assert status_and_code(create_project(client, key)) == (400, "bad_idempotency_key")


def test_key_expires_after_a_day(client: Client, frozen_clock: FrozenClock) -> None:
    first = create_project(client, "key").data()
    frozen_clock.advance(hours=23, minutes=59)
    later = users.sign_in(client.user["email"])
    assert create_project(later, "key").data() == first
    frozen_clock.advance(minutes=1)
    assert create_project(later, "key").data()["id"] != first["id"]


def test_duplicate_init_upload_gets_the_same_upload_with_a_url_that_ends_with_it(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    first = init_upload(client, "key").created()
    frozen_clock.advance(minutes=5)
    second = init_upload(client, "key").created()

    names = ("uploadId", "fileId", "key", "method", "headers")
    assert [second[name] for name in names] == [first[name] for name in names]
    assert second["url"] != first["url"]
    assert second["expiresAt"] == first["expiresAt"]
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (7, 1)


@pytest.mark.parametrize("state", ["completed", "aborted", "expired", "too late to begin"])
def test_duplicate_init_upload_gets_no_url_if_the_upload_can_no_longer_begin(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, state: str
) -> None:
    upload = init_upload(client, "key").created()
    if state == "completed":
        fake_aws.put_object(upload, b"content")
        client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    elif state == "aborted":
        assert client.delete(f"/uploads/{upload['uploadId']}").status == 204
    elif state == "expired":
        frozen_clock.advance(hours=1)
        fake_aws.run_task("expire-uploads")
        fake_aws.run_workers()
    else:
        frozen_clock.advance(minutes=15)

    later = users.sign_in(client.user["email"])
    assert status_and_code(init_upload(later, "key")) == (409, "wrong_state")
    assert len(fake_aws.find_rows("main", record_type="upload")) == 1


def test_duplicate_request_is_replayed_before_the_quota_is_checked(client: Client) -> None:
    settings = {"quota": {"maxBytes": 7, "maxFiles": 1}}
    project = client.post("/projects", {"name": "full", "settings": settings}).created()["id"]
    first = init_upload(client, "key", projectId=project).created()

    assert init_upload(client, "key", projectId=project).created()["uploadId"] == first["uploadId"]
    assert init_upload(client, "other", projectId=project).problem()["code"] == "quota_exceeded"


def test_duplicate_accept_gets_the_same_membership(client: Client, fake_aws: FakeAws, stranger: Client) -> None:
    shared_project = create_shared_project(client)
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"], "editor")
    first, second = (accept_invitation(stranger, token, "key") for _ in range(2))

    assert (first.data()["id"], first.data()["role"]) == (shared_project, "editor")
    assert second.data() == first.data()
    assert len(fake_aws.find_rows("audit", action="invitations.accept")) == 1
    assert status_and_code(accept_invitation(stranger, token, "other")) == (401, "invalid_token")
    assert (
        status_and_code(
            accept_invitation(
                stranger,
                create_invitation_token(client, create_shared_project(client), fake_aws, stranger.user["email"]),
                "key",
            )
        )
        == KEY_REUSED
    )
    assert status_and_code(accept_invitation(stranger, "nonsense", "key")) == KEY_REUSED


def test_concurrent_duplicate_accepts_both_succeed(client: Client, fake_aws: FakeAws, stranger: Client) -> None:
    shared_project = create_shared_project(client)
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    body = f'{{"token": "{token}"}}'
    key = IdempotencyKey.create(stranger.user["id"], "/api/v1/invitations/accept", "key", body)
    faster = replace(make_caller(stranger), idempotency_key=key)
    with interleave("TransactWriteItems", lambda: invitations.accept(faster, token)):
        response = accept_invitation(stranger, token, "key")

    assert response.data()["id"] == shared_project
    assert len(fake_aws.find_rows("audit", action="invitations.accept")) == 1


def test_key_of_an_accept_expires_after_a_day(
    client: Client, fake_aws: FakeAws, stranger: Client, frozen_clock: FrozenClock
) -> None:
    token = create_invitation_token(client, create_shared_project(client), fake_aws, stranger.user["email"])
    accept_invitation(stranger, token, "key").data()
    frozen_clock.advance(days=1)

    assert status_and_code(accept_invitation(users.sign_in(stranger.user["email"]), token, "key")) == (
        401,
        "invalid_token",
    )


def test_failed_request_does_not_use_its_key(client: Client) -> None:
    assert init_upload(client, "key", projectId="000000000000").status == 404

    assert create_project(client, "key").status == 201
    assert create_project(client, "other", name="").status == 422
    assert create_project(client, "other").status == 201
