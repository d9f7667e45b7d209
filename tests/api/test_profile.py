"""The caller's profile, the deletion of the account, and the acceptance of an invitation."""

from typing import Any

import pytest

from holdall.accounts.service import security
from holdall.iam.service import users as accounts
from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.callers import make_caller
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import interleave
from tests.support.fixtures import OverrideSettings
from tests.support.mfa import enable_mfa


def delete_account(client: Client, password: str = users.PASSWORD) -> int:
    return client.request("DELETE", "/users/me", {"password": password}).status


def test_profile_is_that_of_the_caller(client: Client, stranger: Client) -> None:
    assert client.get("/users/me").data() == client.user
    assert stranger.get("/users/me").data() == stranger.user


def test_name_is_updated_and_audited(client: Client, fake_aws: FakeAws) -> None:
    updated = client.request("PUT", "/users/me", {"name": "  Ada Lovelace "}).data()

    assert updated == {**client.user, "name": "Ada Lovelace"}
    assert client.get("/auth/me").data()["name"] == "Ada Lovelace"
    assert [row["actor"] for row in fake_aws.find_rows("audit", action="accounts.update_profile")] == [
        client.user["id"]
    ]


@pytest.mark.parametrize(
    "fields",
    [{"roles": ["superuser"]}, {"status": "active"}, {"email": "a@example.test"}, {"id": "x"}, {"generation": 7}],
)
def test_other_fields_are_rejected(client: Client, fields: dict[str, Any]) -> None:
    response = client.request("PUT", "/users/me", {"name": "Ada", **fields})

    assert (response.status, response.problem()["errors"][0]["code"]) == (422, "unknown_field")
    assert client.get("/users/me").data() == client.user


def test_deleted_user_is_signed_out_at_once(client: Client) -> None:
    other = users.sign_in(client.user["email"])

    assert delete_account(client) == 204
    assert [each.get("/auth/me").status for each in (client, other)] == [401, 401]
    assert Client().post("/auth/refresh", {"refreshToken": other.refresh_token}).status == 401
    body = {"email": client.user["email"], "password": users.PASSWORD}
    assert Client().post("/auth/login", body).problem()["code"] == "invalid_credentials"


def test_deletion_requires_the_password(client: Client) -> None:
    assert delete_account(client, "not the password") == 401
    assert client.get("/auth/me").status == 200


def test_deleted_user_keeps_only_the_id(client: Client, fake_aws: FakeAws) -> None:
    delete_account(client)

    (user,) = fake_aws.find_rows("main", record_type="user")
    assert (user["id"], user["status"], user["name"], user["email"]) == (client.user["id"], "deleted", "", "")
    assert "gsi1pk" not in user
    assert fake_aws.find_rows("credentials", record_type="password") == []


def test_name_is_not_updated_after_a_concurrent_deletion(client: Client, fake_aws: FakeAws) -> None:
    caller, account = make_caller(client), accounts.find_active(client.user["id"])
    assert account is not None
    with interleave("TransactWriteItems", lambda: security.delete_account(caller, account, "it was deleted")):
        response = client.request("PATCH", "/users/me", {"name": "Ghost"})

    assert response.status == 401
    (user,) = fake_aws.find_rows("main", record_type="user")
    assert (user["status"], user["name"]) == ("deleted", "")


def test_credentials_are_deleted_with_the_account(client: Client, fake_aws: FakeAws) -> None:
    enable_mfa(client)
    delete_account(client)

    kinds = {row["record_type"] for row in fake_aws.find_rows("credentials")}
    assert not kinds & {"password", "totp", "recovery-code", "identity"}


def test_projects_without_another_owner_are_soft_deleted(
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


def test_address_is_free_after_thirty_days(client: Client, frozen_clock: FrozenClock) -> None:
    email = client.user["email"]
    delete_account(client)
    body = {"email": email, "password": users.PASSWORD}

    assert Client().post("/auth/sign-up", body).problem()["code"] == "email_taken"
    frozen_clock.advance(days=29, hours=23)
    assert Client().post("/auth/sign-up", body).status == 409
    frozen_clock.advance(hours=1, seconds=1)
    assert Client().post("/auth/sign-up", body).created()["user"]["id"] != client.user["id"]


def test_address_is_free_for_a_verified_sign_up_after_thirty_days(
    client: Client, frozen_clock: FrozenClock, fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    delete_account(client)
    frozen_clock.advance(days=30, seconds=1)
    mailbox.receive_emails(fake_aws)
    override_settings(EMAIL_VERIFICATION="on")
    Client().post("/auth/sign-up", {"email": client.user["email"], "password": users.PASSWORD}).data()

    body = {"token": mailbox.receive_token(fake_aws, "email-verification"), "password": users.PASSWORD}
    assert Client().post("/auth/verify-email", body).status == 200


def test_deleted_user_is_notified(client: Client, fake_aws: FakeAws) -> None:
    delete_account(client)

    notice = mailbox.receive_email(fake_aws)
    assert (notice["kind"], notice["to"]) == ("security-notice", client.user["email"])


def test_invitation_is_accepted_with_the_first_password(fake_aws: FakeAws) -> None:
    email = users.unique_email()
    body = {"token": mailbox.create_account_invitation(email), "password": users.PASSWORD}
    data = Client().post("/auth/accept-invitation", body).data()

    assert Client(data["accessToken"]).get("/users/me").data()["email"] == email
    assert users.sign_in(email).get("/auth/me").status == 200
    assert Client().post("/auth/accept-invitation", body).problem()["code"] == "invalid_token"


def test_invitation_is_accepted_where_sign_up_is_closed(override_settings: OverrideSettings) -> None:
    override_settings(SIGN_UP="invite")

    body = {"token": mailbox.create_account_invitation(users.unique_email()), "password": users.PASSWORD}
    assert Client().post("/auth/accept-invitation", body).status == 200


@pytest.mark.parametrize(("days", "status"), [(6.9, 200), (7.1, 401)])
def test_invitation_expires_after_a_week(frozen_clock: FrozenClock, days: float, status: int) -> None:
    body = {"token": mailbox.create_account_invitation(users.unique_email()), "password": users.PASSWORD}
    frozen_clock.advance(days=days)

    assert Client().post("/auth/accept-invitation", body).status == status


def test_weak_password_does_not_use_up_the_invitation() -> None:
    token = mailbox.create_account_invitation(users.unique_email())

    assert Client().post("/auth/accept-invitation", {"token": token, "password": "password"}).status == 422
    assert Client().post("/auth/accept-invitation", {"token": token, "password": users.PASSWORD}).status == 200
