"""Links of letters (A5, A7): void when what they stand on has changed, and sent to who is meant, in words that are ours."""

import json
from typing import Any

import pytest

from holdall.accounts import challenges
from holdall.iam.tokens import TokenKind
from holdall.platform.table import Transaction
from tests.api.conftest import FrozenClock, OverrideSettings
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.mfa import enable_mfa, receive_email_details

_NEW_PASSWORD = "another long password"


def receive_emails(fake_aws: FakeAws) -> list[dict[str, Any]]:
    return [json.loads(body) for body in fake_aws.receive_messages("mail")]


def create_account_invitation(client: Client, fake_aws: FakeAws, *, has_password: bool = False) -> str:
    """An invitation of somebody who has signed in by another way before."""
    user_id = client.user["id"]
    if not has_password:
        fake_aws.dynamodb.Table("credentials").delete_item(Key={"pk": f"USER#{user_id}", "sk": "PASSWORD"})
    with Transaction() as write:
        return challenges.issue(write, TokenKind.ACCOUNT_INVITATION, user_id, user_id=user_id)


def accept_account_invitation(token: str) -> Response:
    return Client().post("/auth/accept-invitation", {"token": token, "password": _NEW_PASSWORD})


@pytest.mark.parametrize("how", ["reset", "change"])
def test_prehijacking_an_email_change_does_not_outlive_the_password(
    client: Client, fake_aws: FakeAws, how: str
) -> None:
    """Unexpired e-mail change: whoever had the account asked to take its address elsewhere, and confirms it later."""
    email, elsewhere = client.user["email"], users.unique_email()
    client.post("/auth/change-email", {"email": elsewhere, "password": users.PASSWORD}).data()
    (token,) = receive_email_details(fake_aws, elsewhere, "email-change")
    if how == "reset":
        Client().post("/auth/forgot-password", {"email": email}).data()
        (link,) = receive_email_details(fake_aws, email, "reset")
        assert Client().post("/auth/reset-password", {"token": link, "password": _NEW_PASSWORD}).status == 204
    else:
        said = {"currentPassword": users.PASSWORD, "newPassword": _NEW_PASSWORD}
        assert client.post("/auth/change-password", said).status == 204

    assert Client().post("/auth/confirm-email", {"token": token}).problem()["code"] == "invalid_token"
    assert Client().post("/auth/login", {"email": email, "password": _NEW_PASSWORD}).status == 200


def test_an_invitation_gives_the_first_password_and_a_session(client: Client, fake_aws: FakeAws) -> None:
    token = create_account_invitation(client, fake_aws)

    assert accept_account_invitation(token).data()["user"]["id"] == client.user["id"]
    assert Client().post("/auth/login", {"email": client.user["email"], "password": _NEW_PASSWORD}).status == 200
    assert accept_account_invitation(token).status == 401


def test_an_invitation_replaces_no_password(client: Client, fake_aws: FakeAws) -> None:
    answer = accept_account_invitation(create_account_invitation(client, fake_aws, has_password=True))

    assert (answer.status, answer.problem()["code"]) == (409, "password_exists")
    assert users.sign_in(client.user["email"]).get("/auth/me").status == 200


def test_an_invitation_does_not_pass_the_second_factor(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    owner = enable_mfa(client)
    frozen_clock.advance(seconds=60)
    data = accept_account_invitation(create_account_invitation(client, fake_aws)).data()

    assert set(data) == {"mfaRequired", "mfaToken", "methods"}
    assert owner.complete_login(data["mfaToken"], code=owner.totp_code()).status == 200


def test_a_letter_to_a_stranger_holds_no_word_of_who_asked_for_it(
    fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    override_settings(EMAIL_VERIFICATION="on")
    email = users.unique_email()
    said = {"email": email, "password": users.PASSWORD, "name": "You won, see evil.test"}
    Client().post("/auth/sign-up", said).data()
    Client().post("/auth/verify-email/resend", {"email": email}).data()

    told = receive_emails(fake_aws)
    assert [letter["kind"] for letter in told] == ["verify", "verify"]
    assert "evil" not in str(told)


def test_who_has_an_account_is_told_at_the_address_that_is_stored(
    client: Client, fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    override_settings(EMAIL_VERIFICATION="on")
    typed = client.user["email"].replace("u", "ｕ", 1)  # noqa: RUF001  # equal in its normal form, and another mailbox
    said = {"email": typed, "password": users.PASSWORD, "name": "Eve"}
    assert Client().post("/auth/sign-up", said).status == 202

    (letter,) = receive_emails(fake_aws)
    assert (letter["kind"], letter["to"], letter["name"]) == ("known", client.user["email"], client.user["name"])
