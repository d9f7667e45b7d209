"""The caller's own profile, and how they leave."""

from typing import Any

import pytest

from tests.api.conftest import FrozenClock, OverrideSettings
from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client


def delete_account(client: Client, password: str = users.PASSWORD) -> int:
    return client.request("DELETE", "/users/me", {"password": password}).status


def test_a_profile_is_ones_own(client: Client, stranger: Client) -> None:
    assert client.get("/users/me").data() == client.user
    assert stranger.get("/users/me").data() == stranger.user


def test_a_name_is_changed_and_told(client: Client, fake_aws: FakeAws) -> None:
    changed = client.request("PUT", "/users/me", {"name": "  Ada Lovelace "}).data()

    assert changed == {**client.user, "name": "Ada Lovelace"}
    assert client.get("/auth/me").data()["name"] == "Ada Lovelace"
    assert [row["actor"] for row in fake_aws.find_rows("audit", action="users.rename")] == [client.user["id"]]


@pytest.mark.parametrize(
    "more",
    [{"roles": ["superuser"]}, {"status": "active"}, {"email": "a@example.test"}, {"id": "x"}, {"generation": 7}],
)
def test_nothing_else_is_changed(client: Client, more: dict[str, Any]) -> None:
    answer = client.request("PUT", "/users/me", {"name": "Ada", **more})

    assert (answer.status, answer.problem()["errors"][0]["code"]) == (422, "unknown_field")
    assert client.get("/users/me").data() == client.user


def test_whoever_leaves_is_out_at_once(client: Client) -> None:
    other = users.sign_in(client.user["email"])

    assert delete_account(client) == 204
    assert [each.get("/auth/me").status for each in (client, other)] == [401, 401]
    assert Client().post("/auth/refresh", {"refreshToken": other.refresh_token}).status == 401
    said = {"email": client.user["email"], "password": users.PASSWORD}
    assert Client().post("/auth/login", said).problem()["code"] == "invalid_credentials"


def test_the_password_is_asked_for(client: Client) -> None:
    assert delete_account(client, "not the password") == 401
    assert client.get("/auth/me").status == 200


def test_an_id_without_a_name_stays(client: Client, fake_aws: FakeAws) -> None:
    delete_account(client)

    (user,) = fake_aws.find_rows("main", record_type="user")
    assert (user["id"], user["status"], user["name"], user["email"]) == (client.user["id"], "deleted", "", "")
    assert "owner" not in user
    assert fake_aws.find_rows("credentials", record_type="password") == []


def test_whoever_leaves_takes_what_signed_them_in_along(client: Client, fake_aws: FakeAws) -> None:
    mailbox.enable_mfa(client)
    delete_account(client)

    kinds = {row["record_type"] for row in fake_aws.find_rows("credentials")}
    assert not kinds & {"password", "totp", "recovery-code", "identity"}


def test_projects_without_another_owner_are_softly_deleted(
    client: Client, project: dict[str, Any], fake_aws: FakeAws
) -> None:
    delete_account(client)

    rows = fake_aws.find_rows("main", record_type="project")
    assert {row["id"]: row["status"] for row in rows} == {
        project["id"]: "deleted",
        users.personal_project_id(client): "deleted",
    }
    assert len(fake_aws.find_rows("audit", action="projects.delete")) == 2
    assert len(fake_aws.find_rows("audit", action="users.delete")) == 1


def test_the_address_is_free_after_thirty_days(client: Client, frozen_clock: FrozenClock) -> None:
    email = client.user["email"]
    delete_account(client)
    said = {"email": email, "password": users.PASSWORD}

    assert Client().post("/auth/sign-up", said).problem()["code"] == "email_taken"
    frozen_clock.advance(days=29, hours=23)
    assert Client().post("/auth/sign-up", said).status == 409
    frozen_clock.advance(hours=1, seconds=1)
    assert Client().post("/auth/sign-up", said).created()["user"]["id"] != client.user["id"]


def test_the_address_is_free_for_those_who_prove_it_as_well(
    client: Client, frozen_clock: FrozenClock, fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    delete_account(client)
    frozen_clock.advance(days=30, seconds=1)
    mailbox.receive_emails(fake_aws)
    override_settings(EMAIL_VERIFICATION="on")
    Client().post("/auth/sign-up", {"email": client.user["email"], "password": users.PASSWORD}).data()

    said = {"token": mailbox.receive_token(fake_aws, "verify"), "password": users.PASSWORD}
    assert Client().post("/auth/verify-email", said).status == 200


def test_whoever_leaves_is_told(client: Client, fake_aws: FakeAws) -> None:
    delete_account(client)

    letter = mailbox.receive_email(fake_aws)
    assert (letter["kind"], letter["to"]) == ("changed", client.user["email"])


def test_an_invitation_is_taken_by_choosing_the_first_password(fake_aws: FakeAws) -> None:
    email = users.unique_email()
    said = {"token": mailbox.create_account_invitation(email), "password": users.PASSWORD}
    data = Client().post("/auth/accept-invitation", said).data()

    assert Client(data["accessToken"]).get("/users/me").data()["email"] == email
    assert users.sign_in(email).get("/auth/me").status == 200
    assert Client().post("/auth/accept-invitation", said).problem()["code"] == "invalid_token"


def test_an_invitation_is_taken_where_strangers_may_not_sign_up(override_settings: OverrideSettings) -> None:
    override_settings(SIGN_UP="invite")

    said = {"token": mailbox.create_account_invitation(users.unique_email()), "password": users.PASSWORD}
    assert Client().post("/auth/accept-invitation", said).status == 200


@pytest.mark.parametrize(("days", "status"), [(6.9, 200), (7.1, 401)])
def test_an_invitation_ends_after_a_week(frozen_clock: FrozenClock, days: float, status: int) -> None:
    said = {"token": mailbox.create_account_invitation(users.unique_email()), "password": users.PASSWORD}
    frozen_clock.advance(days=days)

    assert Client().post("/auth/accept-invitation", said).status == status


def test_a_poor_password_uses_up_no_invitation() -> None:
    token = mailbox.create_account_invitation(users.unique_email())

    assert Client().post("/auth/accept-invitation", {"token": token, "password": "password"}).status == 422
    assert Client().post("/auth/accept-invitation", {"token": token, "password": users.PASSWORD}).status == 200
