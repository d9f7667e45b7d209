"""The letters of invitations to a project: after a crash two rather than none, and only the newest counts (A5, A7)."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from holdall.iam.service import users
from holdall.projects.model import Invite
from holdall.projects.service import invitations as service
from tests.api import people, post
from tests.api.callers import caller, place
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock
from tests.api.faults import Dead, injected, meanwhile
from tests.api.log import Log
from tests.api.members import accept, invite, shared


def down(patch: pytest.MonkeyPatch, act: Callable[[], Answer]) -> Answer:
    """Do something while no queue answers."""
    with injected(patch, -1, "refused", "sqs"):
        return act()


def test_what_could_not_be_posted_is_posted_later_with_another_secret(
    client: Client, cloud: Cloud, room: str, stranger: Client, frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"email": stranger.user["email"], "role": "viewer"}
    post.posted(cloud)
    assert down(monkeypatch, lambda: client.post(f"/projects/{room}/invitations", said)).status == 201
    (before,) = cloud.rows("main", record_kind="invitation")
    assert post.posted(cloud) == []

    cloud.run("post-invitations")  # whoever made it may still be at it
    assert post.posted(cloud) == []
    frozen.forward(seconds=31)
    cloud.run("post-invitations")
    letter = post.one(cloud)
    (after,) = cloud.rows("main", record_kind="invitation")
    assert (letter["kind"], letter["to"], letter["name"]) == ("join", stranger.user["email"], client.user["email"])
    assert before["digest"] != after["digest"]
    frozen.forward(seconds=31)
    cloud.run("post-invitations")
    assert post.posted(cloud) == []
    assert accept(stranger, letter["detail"]).status == 200


def test_of_the_letters_of_an_invitation_the_newest_counts(
    client: Client, cloud: Cloud, room: str, stranger: Client, frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends behind the queue's yes: it was posted, and nobody wrote that down."""
    post.posted(cloud)
    with injected(monkeypatch) as seen:
        invite(client, room, stranger.user["email"])
    after_post = seen.calls.index("sqs.SendMessage")
    post.posted(cloud)
    said = {"email": stranger.user["email"], "role": "viewer"}
    with injected(monkeypatch, after_post, "dead"), pytest.raises(Dead):
        client.post(f"/projects/{room}/invitations", said)
    first = post.token(cloud, "join")
    frozen.forward(seconds=31)
    cloud.run("post-invitations")
    second = post.token(cloud, "join")

    assert accept(stranger, first).problem()["code"] == "invalid_token"
    assert accept(stranger, second).status == 200


def test_a_queue_that_stays_down_is_tried_again(
    client: Client, cloud: Cloud, room: str, frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"email": people.new_address(), "role": "viewer"}
    down(monkeypatch, lambda: client.post(f"/projects/{room}/invitations", said))
    for _ in range(2):
        frozen.forward(seconds=31)
        with injected(monkeypatch, -1, "refused", "sqs"):
            cloud.run("post-invitations")
    frozen.forward(seconds=31)
    cloud.run("post-invitations")

    assert len(post.posted(cloud)) == 1


def unposted(client: Client, room: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    said = {"email": people.new_address(), "role": "viewer"}
    made: dict[str, Any] = down(patch, lambda: client.post(f"/projects/{room}/invitations", said)).created()
    return made


def test_what_was_taken_back_or_has_ended_is_posted_to_nobody(
    client: Client, cloud: Cloud, room: str, frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, room_gone = unposted(client, room, monkeypatch), shared(client)
    unposted(client, room_gone, monkeypatch)
    client.delete(f"/projects/{room}/invitations/{gone['id']}")
    client.delete(f"/projects/{room_gone}")
    frozen.forward(seconds=31)
    cloud.run("post-invitations")
    assert post.posted(cloud) == []

    frozen.forward(days=7)
    client = people.log_in(client.user["email"])
    unposted(client, room, monkeypatch)
    frozen.forward(days=7)
    cloud.run("post-invitations")
    assert post.posted(cloud) == []


def test_what_is_passed_over_holds_up_nobody(
    client: Client, cloud: Cloud, frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_AT_ONCE", 2)
    dead, room = shared(client), shared(client)
    for _ in range(3):
        unposted(client, room, monkeypatch)
    frozen.forward(days=7)
    client = people.log_in(client.user["email"])
    for _ in range(3):
        unposted(client, dead, monkeypatch)
    client.delete(f"/projects/{dead}")
    live = {unposted(client, room, monkeypatch)["email"] for _ in range(3)}
    frozen.forward(seconds=31)
    post.posted(cloud)
    cloud.run("post-invitations")

    assert {each["to"] for each in post.posted(cloud)} == live


def test_two_runs_at_once_post_one_letter_that_counts(
    client: Client, cloud: Cloud, room: str, stranger: Client, frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"email": stranger.user["email"], "role": "viewer"}
    down(monkeypatch, lambda: client.post(f"/projects/{room}/invitations", said))
    frozen.forward(seconds=31)
    with meanwhile("TransactWriteItems", service.post_waiting):
        service.post_waiting()

    assert accept(stranger, post.token(cloud, "join")).status == 200


def test_an_invitation_anew_while_the_schedule_posts_the_old_one(
    client: Client, cloud: Cloud, room: str, stranger: Client, frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Invite(email=stranger.user["email"], role="editor")
    down(monkeypatch, lambda: client.post(f"/projects/{room}/invitations", said.model_dump()))
    frozen.forward(seconds=31)
    inviter = users.find(client.user["id"])
    with meanwhile("TransactWriteItems", partial(service.invite, caller(client), place(room), inviter, said)):
        service.post_waiting()

    assert accept(stranger, post.token(cloud, "join")).status == 200


def test_no_log_tells_what_an_invitation_says(
    client: Client, cloud: Cloud, room: str, stranger: Client, log: Log, frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"email": stranger.user["email"], "role": "viewer"}
    down(monkeypatch, lambda: client.post(f"/projects/{room}/invitations", said))
    frozen.forward(seconds=31)
    cloud.run("post-invitations")
    (body,) = cloud.waiting("mail")
    cloud.deliver("mail", body)
    token = json.loads(body)["detail"]
    accept(client, token)
    client.post("/invitations/accept", {"token": token, token: 1})
    client.post("/invitations/accept", {"token": [token]})
    client.get(f"/invitations/{token}")
    client.get(f"/invitations/accept?token={token}")
    accept(stranger, token).data()

    assert "letter.unposted" in log.text
    for canary in (token, token.rpartition("_")[2], stranger.user["email"], client.user["email"]):
        assert canary not in log.text
