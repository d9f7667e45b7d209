"""The caller's own profile, and how they leave."""

from typing import Any

import pytest

from tests.api import people, post
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock, Installed


def leave(client: Client, password: str = people.PASSWORD) -> int:
    return client.request("DELETE", "/users/me", {"password": password}).status


def test_a_profile_is_ones_own(client: Client, stranger: Client) -> None:
    assert client.get("/users/me").data() == client.user
    assert stranger.get("/users/me").data() == stranger.user


def test_a_name_is_changed_and_told(client: Client, cloud: Cloud) -> None:
    changed = client.request("PUT", "/users/me", {"name": "  Ada Lovelace "}).data()

    assert changed == {**client.user, "name": "Ada Lovelace"}
    assert client.get("/auth/me").data()["name"] == "Ada Lovelace"
    assert [row["actor"] for row in cloud.rows("audit", action="users.rename")] == [client.user["id"]]


@pytest.mark.parametrize(
    "more",
    [{"roles": ["superuser"]}, {"status": "active"}, {"email": "a@example.test"}, {"id": "x"}, {"generation": 7}],
)
def test_nothing_else_is_changed(client: Client, more: dict[str, Any]) -> None:
    answer = client.request("PUT", "/users/me", {"name": "Ada", **more})

    assert (answer.status, answer.problem()["errors"][0]["code"]) == (422, "unknown_field")
    assert client.get("/users/me").data() == client.user


def test_whoever_leaves_is_out_at_once(client: Client) -> None:
    other = people.log_in(client.user["email"])

    assert leave(client) == 204
    assert [each.get("/auth/me").status for each in (client, other)] == [401, 401]
    assert Client().post("/auth/refresh", {"refreshToken": other.refresh_token}).status == 401
    said = {"email": client.user["email"], "password": people.PASSWORD}
    assert Client().post("/auth/login", said).problem()["code"] == "invalid_credentials"


def test_the_password_is_asked_for(client: Client) -> None:
    assert leave(client, "not the password") == 401
    assert client.get("/auth/me").status == 200


def test_an_id_without_a_name_stays(client: Client, cloud: Cloud) -> None:
    leave(client)

    (user,) = cloud.rows("main", record_kind="user")
    assert (user["id"], user["status"], user["name"], user["email"]) == (client.user["id"], "deleted", "", "")
    assert "owner" not in user
    assert cloud.rows("credentials", record_kind="password") == []


def test_whoever_leaves_takes_what_signed_them_in_along(client: Client, cloud: Cloud) -> None:
    post.second_factor(client)
    leave(client)

    kinds = {row["record_kind"] for row in cloud.rows("credentials")}
    assert not kinds & {"password", "factor", "recovery", "identity"}


def test_projects_without_another_owner_are_softly_deleted(
    client: Client, project: dict[str, Any], cloud: Cloud
) -> None:
    leave(client)

    rows = cloud.rows("main", record_kind="project")
    assert {row["id"]: row["status"] for row in rows} == {
        project["id"]: "deleted",
        people.personal_project(client): "deleted",
    }
    assert len(cloud.rows("audit", action="projects.delete")) == 2
    assert len(cloud.rows("audit", action="users.delete")) == 1


def test_the_address_is_free_after_thirty_days(client: Client, frozen: Clock) -> None:
    email = client.user["email"]
    leave(client)
    said = {"email": email, "password": people.PASSWORD}

    assert Client().post("/auth/sign-up", said).problem()["code"] == "email_taken"
    frozen.forward(days=29, hours=23)
    assert Client().post("/auth/sign-up", said).status == 409
    frozen.forward(hours=1, seconds=1)
    assert Client().post("/auth/sign-up", said).created()["user"]["id"] != client.user["id"]


def test_the_address_is_free_for_those_who_prove_it_as_well(
    client: Client, frozen: Clock, cloud: Cloud, installed: Installed
) -> None:
    leave(client)
    frozen.forward(days=30, seconds=1)
    post.posted(cloud)
    installed(EMAIL_VERIFICATION="on")
    Client().post("/auth/sign-up", {"email": client.user["email"], "password": people.PASSWORD}).data()

    said = {"token": post.token(cloud, "verify"), "password": people.PASSWORD}
    assert Client().post("/auth/verify-email", said).status == 200


def test_whoever_leaves_is_told(client: Client, cloud: Cloud) -> None:
    leave(client)

    letter = post.one(cloud)
    assert (letter["kind"], letter["to"]) == ("changed", client.user["email"])


def test_an_invitation_is_taken_by_choosing_the_first_password(cloud: Cloud) -> None:
    email = people.new_address()
    said = {"token": post.invitation(email), "password": people.PASSWORD}
    data = Client().post("/auth/accept-invitation", said).data()

    assert Client(data["accessToken"]).get("/users/me").data()["email"] == email
    assert people.log_in(email).get("/auth/me").status == 200
    assert Client().post("/auth/accept-invitation", said).problem()["code"] == "invalid_token"


def test_an_invitation_is_taken_where_strangers_may_not_sign_up(installed: Installed) -> None:
    installed(SIGN_UP="invite")

    said = {"token": post.invitation(people.new_address()), "password": people.PASSWORD}
    assert Client().post("/auth/accept-invitation", said).status == 200


@pytest.mark.parametrize(("days", "status"), [(6.9, 200), (7.1, 401)])
def test_an_invitation_ends_after_a_week(frozen: Clock, days: float, status: int) -> None:
    said = {"token": post.invitation(people.new_address()), "password": people.PASSWORD}
    frozen.forward(days=days)

    assert Client().post("/auth/accept-invitation", said).status == status


def test_a_poor_password_uses_up_no_invitation() -> None:
    token = post.invitation(people.new_address())

    assert Client().post("/auth/accept-invitation", {"token": token, "password": "password"}).status == 422
    assert Client().post("/auth/accept-invitation", {"token": token, "password": people.PASSWORD}).status == 200
