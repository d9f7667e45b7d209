"""Letters on their way: what lies in the queue, and the secrets of their links, which only a letter tells."""

import json
from typing import Any

import pyotp

from holdall.accounts import challenges
from holdall.accounts.challenges import InvitationPayload
from holdall.accounts.service import sign_up
from holdall.platform.caller import ClientInfo
from holdall.platform.table import Transaction
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client


def receive_emails(fake_aws: FakeAws) -> list[dict[str, Any]]:
    """Take all letters out of the queue."""
    found: list[dict[str, Any]] = []
    while bodies := fake_aws.receive_messages("mail"):
        found += [json.loads(body) for body in bodies]
    return found


def receive_email(fake_aws: FakeAws) -> dict[str, Any]:
    """Take the only letter out of the queue."""
    (letter,) = receive_emails(fake_aws)
    return letter


def receive_token(fake_aws: FakeAws, kind: str) -> str:
    """The secret of the only letter in the queue, which is of this kind."""
    letter = receive_email(fake_aws)
    assert letter["kind"] == kind
    return str(letter["token"])


def receive_tokens(fake_aws: FakeAws, email: str, kind: str) -> list[str]:
    """Return the tokens of the emails of a kind to an address. Empties the queue."""
    return [each["token"] for each in receive_emails(fake_aws) if (each["kind"], each["to"]) == (kind, email)]


def receive_changes(fake_aws: FakeAws, email: str) -> list[str]:
    """Return the changes that security notices to an address report. Empties the queue."""
    return [
        each["change"] for each in receive_emails(fake_aws) if (each["kind"], each["to"]) == ("security-notice", email)
    ]


def create_account_invitation(email: str) -> str:
    """The secret of an invitation to a user without a password, as the route will pose it that makes such users."""
    operator = ClientInfo("operator", "tests", "request")
    with Transaction() as write:
        user = sign_up.create_account(write, operator, email, None, action="users.create").user
        return challenges.issue(write, user.id, InvitationPayload(user.id))


def sign_in_with_verified_email(email: str, fake_aws: FakeAws) -> Client:
    """Let somebody choose their password by a letter, which proves their address, and log in."""
    receive_emails(fake_aws)
    Client().post("/auth/forgot-password", {"email": email}).data()
    said = {"token": receive_token(fake_aws, "password-reset"), "password": users.PASSWORD}
    assert Client().post("/auth/reset-password", said).status == 204
    return users.sign_in(email)


def enable_mfa(client: Client) -> str:
    """Turn the second factor on; its seed."""
    seed = str(client.post("/auth/2fa/setup").data()["secret"])
    client.post("/auth/2fa/enable", {"code": pyotp.TOTP(seed).now()}).data()
    return seed


def request_mfa_token(email: str) -> str:
    """What a login gets of somebody with a second factor."""
    data = Client().post("/auth/login", {"email": email, "password": users.PASSWORD}).data()
    return str(data["mfaToken"])
