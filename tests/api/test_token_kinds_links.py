"""Links of letters (A5, A7): void when what they stand on has changed, and sent to who is meant, in words that are ours."""

import json
from typing import Any

import pytest

from holdall.accounts import challenges
from holdall.iam.tokens import TokenKind
from holdall.table import Transaction
from tests.api import people
from tests.api.authenticator import letters, protect
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock, Installed

_OTHER = "another long password"


def mailed(cloud: Cloud) -> list[dict[str, Any]]:
    return [json.loads(body) for body in cloud.waiting("mail")]


def invite(client: Client, cloud: Cloud, *, password: bool = False) -> str:
    """An invitation of somebody who has signed in by another way before."""
    user_id = client.user["id"]
    if not password:
        cloud.dynamodb.Table("credentials").delete_item(Key={"pk": f"USER#{user_id}", "sk": "PASSWORD"})
    with Transaction() as write:
        return challenges.pose(write, TokenKind.INVITATION, user_id, user_id=user_id)


def accept(token: str) -> Answer:
    return Client().post("/auth/accept-invitation", {"token": token, "password": _OTHER})


@pytest.mark.parametrize("how", ["reset", "change"])
def test_prehijacking_an_email_change_does_not_outlive_the_password(client: Client, cloud: Cloud, how: str) -> None:
    """Unexpired e-mail change: whoever had the account asked to take its address elsewhere, and confirms it later."""
    email, elsewhere = client.user["email"], people.new_address()
    client.post("/auth/change-email", {"email": elsewhere, "password": people.PASSWORD}).data()
    (token,) = letters(cloud, elsewhere, "email-change")
    if how == "reset":
        Client().post("/auth/forgot-password", {"email": email}).data()
        (link,) = letters(cloud, email, "reset")
        assert Client().post("/auth/reset-password", {"token": link, "password": _OTHER}).status == 204
    else:
        said = {"currentPassword": people.PASSWORD, "newPassword": _OTHER}
        assert client.post("/auth/change-password", said).status == 204

    assert Client().post("/auth/confirm-email", {"token": token}).problem()["code"] == "invalid_token"
    assert Client().post("/auth/login", {"email": email, "password": _OTHER}).status == 200


def test_an_invitation_gives_the_first_password_and_a_session(client: Client, cloud: Cloud) -> None:
    token = invite(client, cloud)

    assert accept(token).data()["user"]["id"] == client.user["id"]
    assert Client().post("/auth/login", {"email": client.user["email"], "password": _OTHER}).status == 200
    assert accept(token).status == 401


def test_an_invitation_replaces_no_password(client: Client, cloud: Cloud) -> None:
    answer = accept(invite(client, cloud, password=True))

    assert (answer.status, answer.problem()["code"]) == (409, "password_exists")
    assert people.log_in(client.user["email"]).get("/auth/me").status == 200


def test_an_invitation_does_not_pass_the_second_factor(client: Client, cloud: Cloud, frozen: Clock) -> None:
    owner = protect(client)
    frozen.forward(seconds=60)
    data = accept(invite(client, cloud)).data()

    assert set(data) == {"mfaRequired", "mfaToken", "methods"}
    assert owner.finish(data["mfaToken"], code=owner.code()).status == 200


def test_a_letter_to_a_stranger_holds_no_word_of_who_asked_for_it(cloud: Cloud, installed: Installed) -> None:
    installed(EMAIL_VERIFICATION="on")
    email = people.new_address()
    said = {"email": email, "password": people.PASSWORD, "name": "You won, see evil.test"}
    Client().post("/auth/sign-up", said).data()
    Client().post("/auth/verify-email/resend", {"email": email}).data()

    told = mailed(cloud)
    assert [letter["kind"] for letter in told] == ["verify", "verify"]
    assert "evil" not in str(told)


def test_who_has_an_account_is_told_at_the_address_that_is_stored(
    client: Client, cloud: Cloud, installed: Installed
) -> None:
    installed(EMAIL_VERIFICATION="on")
    typed = client.user["email"].replace("u", "ｕ", 1)  # noqa: RUF001  # equal in its normal form, and another mailbox
    said = {"email": typed, "password": people.PASSWORD, "name": "Eve"}
    assert Client().post("/auth/sign-up", said).status == 202

    (letter,) = mailed(cloud)
    assert (letter["kind"], letter["to"], letter["name"]) == ("known", client.user["email"], client.user["name"])
