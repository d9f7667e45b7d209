"""Links in emails (A5, A7): when they become invalid, whom they are sent to, and what the emails contain."""

import json
from typing import Any

import pytest

from holdall.accounts import challenges
from holdall.accounts.challenges import InvitationPayload
from holdall.platform.table import Transaction
from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.mfa import enable_mfa

_NEW_PASSWORD = "another long password"


def receive_emails(fake_aws: FakeAws) -> list[dict[str, Any]]:
    return [json.loads(body) for body in fake_aws.receive_messages("mail")]


def create_account_invitation(client: Client, fake_aws: FakeAws, *, has_password: bool = False) -> str:
    """Return the token of an invitation to an existing account."""
    user_id = client.user["id"]
    if not has_password:
        fake_aws.dynamodb.Table("credentials").delete_item(Key={"pk": f"USER#{user_id}", "sk": "PASSWORD"})
    with Transaction() as tx:
        return challenges.issue(tx, user_id, InvitationPayload(user_id))


def accept_account_invitation(token: str) -> Response:
    return Client().post("/auth/accept-invitation", {"token": token, "password": _NEW_PASSWORD})


@pytest.mark.parametrize("method", ["reset", "change"])
def test_password_change_invalidates_a_pending_email_change(client: Client, fake_aws: FakeAws, method: str) -> None:
    """An attacker who had the account requested another address, and confirms it later (unexpired email change attack)."""
    email, other_email = client.user["email"], users.unique_email()
    client.post("/auth/change-email", {"email": other_email, "password": users.PASSWORD}).data()
    (token,) = mailbox.receive_tokens(fake_aws, other_email, "email-change")
    if method == "reset":
        Client().post("/auth/forgot-password", {"email": email}).data()
        (link,) = mailbox.receive_tokens(fake_aws, email, "password-reset")
        assert Client().post("/auth/reset-password", {"token": link, "password": _NEW_PASSWORD}).status == 204
    else:
        request = {"currentPassword": users.PASSWORD, "newPassword": _NEW_PASSWORD}
        assert client.post("/auth/change-password", request).status == 204

    assert Client().post("/auth/confirm-email", {"token": token}).problem()["code"] == "invalid_token"
    assert Client().post("/auth/login", {"email": email, "password": _NEW_PASSWORD}).status == 200


def test_account_invitation_sets_the_first_password_and_signs_in(client: Client, fake_aws: FakeAws) -> None:
    token = create_account_invitation(client, fake_aws)

    assert accept_account_invitation(token).data()["user"]["id"] == client.user["id"]
    assert Client().post("/auth/login", {"email": client.user["email"], "password": _NEW_PASSWORD}).status == 200
    assert accept_account_invitation(token).status == 401


def test_account_invitation_does_not_replace_a_password(client: Client, fake_aws: FakeAws) -> None:
    response = accept_account_invitation(create_account_invitation(client, fake_aws, has_password=True))

    assert (response.status, response.problem()["code"]) == (409, "password_exists")
    assert users.sign_in(client.user["email"]).get("/auth/me").status == 200


def test_account_invitation_does_not_skip_the_second_factor(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    owner = enable_mfa(client)
    frozen_clock.advance(seconds=60)
    data = accept_account_invitation(create_account_invitation(client, fake_aws)).data()

    assert set(data) == {"mfaRequired", "mfaToken", "methods"}
    assert owner.complete_login(data["mfaToken"], code=owner.totp_code()).status == 200


def test_email_to_an_unverified_address_contains_no_text_of_the_sender(
    fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    override_settings(EMAIL_VERIFICATION="on")
    email = users.unique_email()
    request = {"email": email, "password": users.PASSWORD, "name": "You won, see evil.test"}
    Client().post("/auth/sign-up", request).data()
    Client().post("/auth/verify-email/resend", {"email": email}).data()

    emails = receive_emails(fake_aws)
    assert [each["kind"] for each in emails] == ["email-verification", "email-verification"]
    assert "evil" not in str(emails)


def test_existing_account_is_notified_at_its_stored_address(
    client: Client, fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    override_settings(EMAIL_VERIFICATION="on")
    typed = client.user["email"].replace("u", "ｕ", 1)  # noqa: RUF001  # the same normal form, but another mailbox
    request = {"email": typed, "password": users.PASSWORD, "name": "Eve"}
    assert Client().post("/auth/sign-up", request).status == 202

    (email,) = receive_emails(fake_aws)
    assert (email["kind"], email["to"], email["name"]) == (
        "account-exists",
        client.user["email"],
        client.user["name"],
    )
