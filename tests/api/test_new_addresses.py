"""Another address: the new one is asked, the old one is told, and what went to the old one counts no more."""

import pytest

from tests.api import faults, people, post
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock


def ask(client: Client, email: str, password: str = people.PASSWORD) -> Answer:
    return client.post("/auth/change-email", {"email": email, "password": password})


def confirm(token: str) -> Answer:
    return Client().post("/auth/confirm-email", {"token": token})


def test_the_new_address_is_asked_and_the_old_one_told(client: Client, cloud: Cloud) -> None:
    old, new = client.user["email"], people.new_address()
    assert ask(client, new).status == 202
    asked = post.one(cloud)
    assert (asked["kind"], asked["to"]) == ("email-change", new)
    assert client.get("/users/me").data()["email"] == old
    assert confirm(asked["detail"]).status == 204

    told = post.one(cloud)
    assert (told["kind"], told["to"]) == ("changed", old)
    assert client.get("/users/me").data()["email"] == new
    assert people.log_in(new).get("/auth/me").status == 200
    assert Client().post("/auth/login", {"email": old, "password": people.PASSWORD}).status == 401


def test_the_old_address_is_free_for_others(client: Client, cloud: Cloud) -> None:
    old = client.user["email"]
    ask(client, people.new_address())
    confirm(post.token(cloud, "email-change"))

    assert people.sign_up(old)["id"] != client.user["id"]


def test_links_that_went_to_the_old_address_are_void(client: Client, cloud: Cloud) -> None:
    Client().post("/auth/forgot-password", {"email": client.user["email"]})
    token = post.token(cloud, "reset")
    ask(client, people.new_address())
    confirm(post.token(cloud, "email-change"))

    said = {"token": token, "password": "another horse battery"}
    assert Client().post("/auth/reset-password", said).problem()["code"] == "invalid_token"


def test_a_taken_address_tells_nothing(
    client: Client, stranger: Client, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for email in (stranger.user["email"], people.new_address()):
        with faults.injected(monkeypatch) as seen:
            answer = ask(client, email)
        told.append((answer.status, answer.data(), seen.calls))

    assert told[0] == told[1]
    assert [letter["kind"] for letter in post.posted(cloud)] == ["nobody", "email-change"]


def test_an_address_that_was_taken_meanwhile_is_refused(client: Client, cloud: Cloud) -> None:
    new = people.new_address()
    ask(client, new)
    token = post.token(cloud, "email-change")
    people.sign_up(new)

    assert (confirm(token).status, confirm(token).problem()["code"]) == (409, "email_taken")
    assert client.get("/users/me").data()["email"] == client.user["email"]


def test_an_older_link_is_void_and_a_link_counts_once(client: Client, cloud: Cloud) -> None:
    ask(client, people.new_address())
    older = post.token(cloud, "email-change")
    ask(client, people.new_address())
    newer = post.token(cloud, "email-change")

    assert [confirm(each).status for each in (older, newer, newer)] == [401, 204, 401]


@pytest.mark.parametrize(("hours", "status"), [(23.9, 204), (24.1, 401)])
def test_a_link_ends_after_a_day(client: Client, cloud: Cloud, frozen: Clock, hours: float, status: int) -> None:
    ask(client, people.new_address())
    frozen.forward(hours=hours)

    assert confirm(post.token(cloud, "email-change")).status == status


def test_the_password_is_asked_for(client: Client, cloud: Cloud) -> None:
    assert ask(client, people.new_address(), "not the password").problem()["code"] == "invalid_credentials"
    assert post.posted(cloud) == []


def test_ones_own_address_changes_nothing(client: Client, cloud: Cloud) -> None:
    assert ask(client, client.user["email"].upper()).status == 202
    assert post.one(cloud)["kind"] == "nobody"
