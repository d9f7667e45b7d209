"""Invitations: an operator prepares an account, and its owner chooses the password by a link."""

from types import SimpleNamespace
from typing import Any

import pytest

from functions.auth.handler import handler
from holdall.errors import Conflict, Invalid
from tests.api import people
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.post import posted


def invite(email: str) -> Any:
    """What `make invite` does."""
    return handler({"command": "invite", "email": email}, SimpleNamespace(aws_request_id="operator"))["userId"]


def test_an_invited_owner_chooses_the_password_and_is_in(visitor: Client, cloud: Cloud) -> None:
    posted(cloud)  # what other tests left
    email = people.new_address()
    user_id = invite(email)
    (letter,) = posted(cloud)

    assert letter["kind"] == "invitation"
    said = {"token": letter["detail"], "password": people.PASSWORD}
    assert visitor.post("/auth/accept-invitation", said).data()["user"]["id"] == user_id
    assert people.log_in(email).get("/auth/me").data()["email"] == email
    assert visitor.post("/auth/accept-invitation", said).problem()["code"] == "invalid_token"


def test_another_invitation_makes_the_first_void(visitor: Client, cloud: Cloud) -> None:
    posted(cloud)
    email = people.new_address()
    assert invite(email) == invite(email)
    first, second = posted(cloud)

    refused = visitor.post("/auth/accept-invitation", {"token": first["detail"], "password": people.PASSWORD})
    taken = visitor.post("/auth/accept-invitation", {"token": second["detail"], "password": people.PASSWORD})

    assert refused.problem()["code"] == "invalid_token"
    assert taken.status == 200


def test_nobody_is_invited_to_an_account_in_use(client: Client) -> None:
    with pytest.raises(Conflict, match="already"):
        invite(client.user["email"])


def test_an_invitation_wants_an_address() -> None:
    with pytest.raises(Invalid):
        invite("nobody")
