"""Invitations of the operator: the user of a new account chooses its password with a link."""

from types import SimpleNamespace
from typing import Any

import pytest

from holdall.iam.model import EmailTaken
from holdall.platform.errors import ValidationFailed
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.iam import load_handler
from tests.support.mailbox import receive_emails


def invite_by_command(email: str) -> Any:
    """Run the command of `make invite`."""
    command = {"command": "invite", "email": email}
    return load_handler("auth")(command, SimpleNamespace(aws_request_id="operator"))["userId"]


def test_invited_user_chooses_the_password_and_is_signed_in(anonymous: Client, fake_aws: FakeAws) -> None:
    receive_emails(fake_aws)
    email = users.unique_email()
    user_id = invite_by_command(email)
    (email_message,) = receive_emails(fake_aws)

    assert email_message["kind"] == "account-invitation"
    body = {"token": email_message["token"], "password": users.PASSWORD}
    assert anonymous.post("/auth/accept-invitation", body).data()["user"]["id"] == user_id
    assert users.sign_in(email).get("/auth/me").data()["email"] == email
    assert anonymous.post("/auth/accept-invitation", body).problem()["code"] == "invalid_token"


def test_newer_invitation_revokes_the_older(anonymous: Client, fake_aws: FakeAws) -> None:
    receive_emails(fake_aws)
    email = users.unique_email()
    assert invite_by_command(email) == invite_by_command(email)
    first, second = receive_emails(fake_aws)

    first_response = anonymous.post("/auth/accept-invitation", {"token": first["token"], "password": users.PASSWORD})
    second_response = anonymous.post("/auth/accept-invitation", {"token": second["token"], "password": users.PASSWORD})

    assert first_response.problem()["code"] == "invalid_token"
    assert second_response.status == 200


def test_account_in_use_is_not_invited(client: Client) -> None:
    with pytest.raises(EmailTaken):
        invite_by_command(client.user["email"])


def test_invitation_requires_a_valid_address() -> None:
    with pytest.raises(ValidationFailed):
        invite_by_command("nonsense")
