"""Letters on their way: what lies in the queue, and the secrets of their links, which only a letter tells."""

import json
from typing import Any

import pyotp

from holdall.accounts import challenges
from holdall.accounts.service import entry
from holdall.caller import Visitor
from holdall.iam.tokens import TokenKind
from holdall.table import Transaction
from tests.api import people
from tests.api.client import Client
from tests.api.cloud import Cloud


def posted(cloud: Cloud) -> list[dict[str, Any]]:
    """Take all letters out of the queue."""
    found: list[dict[str, Any]] = []
    while bodies := cloud.waiting("mail"):
        found += [json.loads(body) for body in bodies]
    return found


def one(cloud: Cloud) -> dict[str, Any]:
    """Take the only letter out of the queue."""
    (letter,) = posted(cloud)
    return letter


def token(cloud: Cloud, kind: str) -> str:
    """The secret of the only letter in the queue, which is of this kind."""
    letter = one(cloud)
    assert letter["kind"] == kind
    return str(letter["detail"])


def invitation(email: str) -> str:
    """The secret of an invitation to a user without a password, as the route will pose it that makes such users."""
    operator = Visitor("operator", "tests", "request")
    with Transaction() as write:
        user = entry.make(write, operator, email, None, action="users.create").user
        return challenges.pose(write, TokenKind.INVITATION, user.id, user_id=user.id)


def proven(email: str, cloud: Cloud) -> Client:
    """Let somebody choose their password by a letter, which proves their address, and log in."""
    posted(cloud)
    Client().post("/auth/forgot-password", {"email": email}).data()
    said = {"token": token(cloud, "reset"), "password": people.PASSWORD}
    assert Client().post("/auth/reset-password", said).status == 204
    return people.log_in(email)


def second_factor(client: Client) -> str:
    """Turn the second factor on; its seed."""
    seed = str(client.post("/auth/2fa/setup").data()["secret"])
    client.post("/auth/2fa/enable", {"code": pyotp.TOTP(seed).now()}).data()
    return seed


def asked_for_a_code(email: str) -> str:
    """What a login gets of somebody with a second factor."""
    data = Client().post("/auth/login", {"email": email, "password": people.PASSWORD}).data()
    return str(data["mfaToken"])
