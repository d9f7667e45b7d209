"""Emails in the queue `mail`, and sign-ins that need their tokens."""

import json
from typing import Any

from holdall.accounts import challenges
from holdall.accounts.challenges import InvitationPayload
from holdall.accounts.service import sign_up
from holdall.platform.caller import ClientInfo
from holdall.platform.table import Transaction
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client


def receive_emails(fake_aws: FakeAws) -> list[dict[str, Any]]:
    """Return all emails in the queue, and empty it."""
    found: list[dict[str, Any]] = []
    while bodies := fake_aws.receive_messages("mail"):
        found += [json.loads(body) for body in bodies]
    return found


def receive_email(fake_aws: FakeAws) -> dict[str, Any]:
    """Return the only email in the queue, and empty it."""
    (message,) = receive_emails(fake_aws)
    return message


def receive_token(fake_aws: FakeAws, kind: str) -> str:
    """Return the token of the only email in the queue, which must be of this kind."""
    message = receive_email(fake_aws)
    assert message["kind"] == kind
    return str(message["token"])


def receive_tokens(fake_aws: FakeAws, email: str, kind: str) -> list[str]:
    """Return the tokens of the emails of a kind to an address. Empties the queue."""
    return [each["token"] for each in receive_emails(fake_aws) if (each["kind"], each["to"]) == (kind, email)]


def receive_changes(fake_aws: FakeAws, email: str) -> list[str]:
    """Return the changes that security notices to an address report. Empties the queue."""
    return [
        each["change"] for each in receive_emails(fake_aws) if (each["kind"], each["to"]) == ("security-notice", email)
    ]


def create_account_invitation(email: str) -> str:
    """Create a user without a password, and return the token of an invitation."""
    operator = ClientInfo("operator", "tests", "request")
    with Transaction() as tx:
        user = sign_up.create_account(tx, operator, email, None, action="users.create").user
        return challenges.issue(tx, user.id, InvitationPayload(user.id))


def sign_in_with_verified_email(email: str, fake_aws: FakeAws) -> Client:
    """Verify the address of a user with a reset of the password, and log in."""
    receive_emails(fake_aws)
    Client().post("/auth/forgot-password", {"email": email}).data()
    body = {"token": receive_token(fake_aws, "password-reset"), "password": users.PASSWORD}
    assert Client().post("/auth/reset-password", body).status == 204
    return users.sign_in(email)
