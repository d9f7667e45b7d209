"""Idempotency-Key: of requests that are sent twice one is done, and both get its result."""

from dataclasses import replace
from typing import Any

import pytest

from holdall.platform import ids
from holdall.platform.caller import IdempotencyKey
from holdall.projects.service import invitations
from tests.api.conftest import FrozenClock
from tests.support import invariants, users
from tests.support.aws import FakeAws, make_upload_request
from tests.support.callers import make_caller
from tests.support.client import Client, Response
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


def test_the_same_request_gets_the_same_project(client: Client) -> None:
    first, second = create_project(client, "key"), create_project(client, "key")

    assert (first.status, second.status) == (201, 201)
    assert first.data() == second.data()
    assert len(client.get("/projects").data()) == 2


def test_another_key_makes_another(client: Client) -> None:
    assert create_project(client, "one").data()["id"] != create_project(client, "two").data()["id"]


def test_another_request_with_the_key_is_refused(client: Client) -> None:
    create_project(client, "key")
    refused = create_project(client, "key", name="y")

    assert (refused.status, refused.problem()["code"]) == (422, "idempotency_key_reused")
    assert len(client.get("/projects").data()) == 2


def test_a_key_is_its_owners_alone(client: Client, stranger: Client) -> None:
    assert create_project(client, "key").data()["id"] != create_project(stranger, "key").data()["id"]


def test_a_key_belongs_to_one_route(client: Client) -> None:
    create_project(client, "key")

    assert init_upload(client, "key").status == 201


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_a_key_has_a_form(client: Client, key: str) -> None:
    refused = create_project(client, key)

    assert (refused.status, refused.problem()["code"]) == (400, "bad_idempotency_key")


def test_a_key_is_forgotten_after_a_day(client: Client, frozen_clock: FrozenClock) -> None:
    first = create_project(client, "key").data()
    frozen_clock.advance(hours=23, minutes=59)
    later = users.sign_in(client.user["email"])
    assert create_project(later, "key").data() == first
    frozen_clock.advance(minutes=1)
    assert create_project(later, "key").data()["id"] != first["id"]


def test_an_upload_is_begun_once_and_its_url_is_signed_afresh(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    first = init_upload(client, "key").created()
    frozen_clock.advance(minutes=5)
    second = init_upload(client, "key").created()

    ours = ("uploadId", "fileId", "key", "method", "headers")
    assert [second[name] for name in ours] == [first[name] for name in ours]
    assert second["expiresAt"] > first["expiresAt"]
    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (7, 1)


def test_a_repetition_finds_the_quota_used_by_itself(client: Client) -> None:
    settings = {"quota": {"maxBytes": 7, "maxFiles": 1}}
    project = client.post("/projects", {"name": "full", "settings": settings}).created()["id"]
    first = init_upload(client, "key", projectId=project).created()

    assert init_upload(client, "key", projectId=project).created()["uploadId"] == first["uploadId"]
    assert init_upload(client, "other", projectId=project).problem()["code"] == "quota_exceeded"


def test_who_joined_and_did_not_hear_of_it_asks_again(client: Client, fake_aws: FakeAws, stranger: Client) -> None:
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


def test_of_two_who_join_with_one_key_at_once_both_hear_of_it(
    client: Client, fake_aws: FakeAws, stranger: Client
) -> None:
    shared_project = create_shared_project(client)
    token = create_invitation_token(client, shared_project, fake_aws, stranger.user["email"])
    once = IdempotencyKey(
        ids.sha256_hex(f"{stranger.user['id']} /api/v1/invitations/accept key"),
        ids.sha256_hex(f'{{"token": "{token}"}}'),
    )
    faster = replace(make_caller(stranger), idempotency_key=once)
    with interleave("TransactWriteItems", lambda: invitations.accept(faster, token)):
        answer = accept_invitation(stranger, token, "key")

    assert answer.data()["id"] == shared_project
    assert len(fake_aws.find_rows("audit", action="invitations.accept")) == 1


def test_a_key_to_join_with_is_forgotten_after_a_day(
    client: Client, fake_aws: FakeAws, stranger: Client, frozen_clock: FrozenClock
) -> None:
    token = create_invitation_token(client, create_shared_project(client), fake_aws, stranger.user["email"])
    accept_invitation(stranger, token, "key").data()
    frozen_clock.advance(days=1)

    assert status_and_code(accept_invitation(users.sign_in(stranger.user["email"]), token, "key")) == (
        401,
        "invalid_token",
    )


def test_a_request_that_failed_leaves_its_key_free(client: Client) -> None:
    assert init_upload(client, "key", projectId="000000000000").status == 404

    assert create_project(client, "key").status == 201
    assert create_project(client, "other", name="").status == 422
    assert create_project(client, "other").status == 201
