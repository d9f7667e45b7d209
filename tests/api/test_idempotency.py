"""Idempotency-Key: of requests that are sent twice one is done, and both get its result."""

from dataclasses import replace
from typing import Any

import pytest

from holdall import ids
from holdall.caller import Once
from holdall.projects.service import invitations
from tests.api import books, people
from tests.api.callers import caller
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud, announce
from tests.api.conftest import Clock
from tests.api.faults import meanwhile
from tests.api.members import code, invited, shared


def create(client: Client, key: str, name: str = "x") -> Answer:
    return client.post("/projects", {"name": name}, headers={"idempotency-key": key})


def begin(client: Client, key: str, **said: Any) -> Answer:
    return client.post("/files/init-upload", announce(b"content", **said), headers={"idempotency-key": key})


def join(client: Client, token: str, key: str) -> Answer:
    return client.post("/invitations/accept", {"token": token}, headers={"idempotency-key": key})


REUSED = (422, "idempotency_key_reused")


def test_the_same_request_gets_the_same_project(client: Client) -> None:
    first, second = create(client, "key"), create(client, "key")

    assert (first.status, second.status) == (201, 201)
    assert first.data() == second.data()
    assert len(client.get("/projects").data()) == 2


def test_another_key_makes_another(client: Client) -> None:
    assert create(client, "one").data()["id"] != create(client, "two").data()["id"]


def test_another_request_with_the_key_is_refused(client: Client) -> None:
    create(client, "key")
    refused = create(client, "key", name="y")

    assert (refused.status, refused.problem()["code"]) == (422, "idempotency_key_reused")
    assert len(client.get("/projects").data()) == 2


def test_a_key_is_its_owners_alone(client: Client, stranger: Client) -> None:
    assert create(client, "key").data()["id"] != create(stranger, "key").data()["id"]


def test_a_key_belongs_to_one_route(client: Client) -> None:
    create(client, "key")

    assert begin(client, "key").status == 201


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_a_key_has_a_form(client: Client, key: str) -> None:
    refused = create(client, key)

    assert (refused.status, refused.problem()["code"]) == (400, "bad_idempotency_key")


def test_a_key_is_forgotten_after_a_day(client: Client, frozen: Clock) -> None:
    first = create(client, "key").data()
    frozen.forward(hours=23, minutes=59)
    later = people.log_in(client.user["email"])
    assert create(later, "key").data() == first
    frozen.forward(minutes=1)
    assert create(later, "key").data()["id"] != first["id"]


def test_an_upload_is_begun_once_and_its_url_is_signed_afresh(client: Client, cloud: Cloud, frozen: Clock) -> None:
    first = begin(client, "key").created()
    frozen.forward(minutes=5)
    second = begin(client, "key").created()

    ours = ("uploadId", "fileId", "key", "method", "headers")
    assert [second[name] for name in ours] == [first[name] for name in ours]
    assert second["expiresAt"] > first["expiresAt"]
    assert books.held(cloud, people.personal_project(client)) == (7, 1)


def test_a_repetition_finds_the_quota_used_by_itself(client: Client) -> None:
    settings = {"quota": {"maxBytes": 7, "maxFiles": 1}}
    project = client.post("/projects", {"name": "full", "settings": settings}).created()["id"]
    first = begin(client, "key", projectId=project).created()

    assert begin(client, "key", projectId=project).created()["uploadId"] == first["uploadId"]
    assert begin(client, "other", projectId=project).problem()["code"] == "quota_exceeded"


def test_who_joined_and_did_not_hear_of_it_asks_again(client: Client, cloud: Cloud, stranger: Client) -> None:
    room = shared(client)
    token = invited(client, room, cloud, stranger.user["email"], "editor")
    first, second = (join(stranger, token, "key") for _ in range(2))

    assert (first.data()["id"], first.data()["role"]) == (room, "editor")
    assert second.data() == first.data()
    assert len(cloud.rows("audit", action="members.join")) == 1
    assert code(join(stranger, token, "other")) == (401, "invalid_token")
    assert code(join(stranger, invited(client, shared(client), cloud, stranger.user["email"]), "key")) == REUSED
    assert code(join(stranger, "nonsense", "key")) == REUSED


def test_of_two_who_join_with_one_key_at_once_both_hear_of_it(client: Client, cloud: Cloud, stranger: Client) -> None:
    room = shared(client)
    token = invited(client, room, cloud, stranger.user["email"])
    once = Once(
        ids.digest(f"{stranger.user['id']} /api/v1/invitations/accept key"), ids.digest(f'{{"token": "{token}"}}')
    )
    faster = replace(caller(stranger), once=once)
    with meanwhile("TransactWriteItems", lambda: invitations.accept(faster, token)):
        answer = join(stranger, token, "key")

    assert answer.data()["id"] == room
    assert len(cloud.rows("audit", action="members.join")) == 1


def test_a_key_to_join_with_is_forgotten_after_a_day(
    client: Client, cloud: Cloud, stranger: Client, frozen: Clock
) -> None:
    token = invited(client, shared(client), cloud, stranger.user["email"])
    join(stranger, token, "key").data()
    frozen.forward(days=1)

    assert code(join(people.log_in(stranger.user["email"]), token, "key")) == (401, "invalid_token")


def test_a_request_that_failed_leaves_its_key_free(client: Client) -> None:
    assert begin(client, "key", projectId="000000000000").status == 404

    assert create(client, "key").status == 201
    assert create(client, "other", name="").status == 422
    assert create(client, "other").status == 201
