"""Invitations: an operator prepares an account, and its owner chooses the password by a link."""

from types import SimpleNamespace
from typing import Any

import pytest

from functions.auth.handler import handler
from holdall.platform.errors import Conflict, ValidationFailed
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.mailbox import receive_emails


def invite_by_command(email: str) -> Any:
    """What `make invite` does."""
    return handler({"command": "invite", "email": email}, SimpleNamespace(aws_request_id="operator"))["userId"]


def test_an_invited_owner_chooses_the_password_and_is_in(anonymous: Client, fake_aws: FakeAws) -> None:
    receive_emails(fake_aws)  # what other tests left
    email = users.unique_email()
    user_id = invite_by_command(email)
    (letter,) = receive_emails(fake_aws)

    assert letter["kind"] == "invitation"
    said = {"token": letter["detail"], "password": users.PASSWORD}
    assert anonymous.post("/auth/accept-invitation", said).data()["user"]["id"] == user_id
    assert users.sign_in(email).get("/auth/me").data()["email"] == email
    assert anonymous.post("/auth/accept-invitation", said).problem()["code"] == "invalid_token"


def test_another_invitation_makes_the_first_void(anonymous: Client, fake_aws: FakeAws) -> None:
    receive_emails(fake_aws)
    email = users.unique_email()
    assert invite_by_command(email) == invite_by_command(email)
    first, second = receive_emails(fake_aws)

    refused = anonymous.post("/auth/accept-invitation", {"token": first["detail"], "password": users.PASSWORD})
    taken = anonymous.post("/auth/accept-invitation", {"token": second["detail"], "password": users.PASSWORD})

    assert refused.problem()["code"] == "invalid_token"
    assert taken.status == 200


def test_nobody_is_invited_to_an_account_in_use(client: Client) -> None:
    with pytest.raises(Conflict, match="already"):
        invite_by_command(client.user["email"])


def test_an_invitation_wants_an_address() -> None:
    with pytest.raises(ValidationFailed):
        invite_by_command("nobody")
