"""Faults while people prove and change who they are: a secret counts once, nothing is half done, and no letter is lost."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from functions.auth.handler import handler
from tests.api import people, post
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock, Installed
from tests.api.faults import MODES, Mode, Scene, survive

each_mode = pytest.mark.parametrize("mode", MODES)
ANOTHER = "another horse battery"


def all_letters(cloud: Cloud, frozen: Clock) -> list[dict[str, Any]]:
    """What is posted now and by the schedule."""
    frozen.forward(seconds=31)
    handler({"task": "post-letters"}, SimpleNamespace(aws_request_id="aws"))
    assert cloud.rows("credentials", record_kind="letter") == []
    return post.posted(cloud)


def once(cloud: Cloud, action: str) -> bool:
    return len(cloud.rows("audit", action=action, outcome="success")) == 1


@each_mode
def test_a_sign_up_for_proof_sends_a_link_that_counts(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, installed: Installed, frozen: Clock, mode: Mode
) -> None:
    installed(EMAIL_VERIFICATION="on")

    def prepare() -> Scene:
        cloud.forget()
        said = {"email": people.new_address(), "password": people.PASSWORD}

        def check(again: Answer) -> None:
            assert again.status == 202
            tokens = [letter["detail"] for letter in all_letters(cloud, frozen)]
            tried = [{"token": token, "password": people.PASSWORD} for token in dict.fromkeys(tokens)]
            statuses = [Client().post("/auth/verify-email", each).status for each in tried]
            assert sorted(statuses) == sorted([200, *[401] * (len(tried) - 1)])
            assert len(cloud.rows("main", record_kind="user")) == 1

        return Scene(lambda: Client().post("/auth/sign-up", said), check)

    survive(monkeypatch, mode, prepare)


@each_mode
def test_a_proof_makes_one_whole_account(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, installed: Installed, mode: Mode
) -> None:
    installed(EMAIL_VERIFICATION="on")

    def prepare() -> Scene:
        cloud.forget()
        email = people.new_address()
        Client().post("/auth/sign-up", {"email": email, "password": people.PASSWORD}).data()
        said = {"token": post.token(cloud, "verify"), "password": people.PASSWORD}

        def check(again: Answer) -> None:
            assert again.status in (200, 401)
            (user,) = cloud.rows("main", record_kind="user", email=email)
            assert once(cloud, "accounts.sign-up")
            client = people.log_in(email)
            assert [each["personal"] for each in client.get("/projects").data()] == [True]
            sessions = cloud.rows("main", record_kind="session", user_id=user["id"])
            assert len(cloud.rows("audit", action="login", outcome="success")) == len(sessions)

        return Scene(lambda: Client().post("/auth/verify-email", said), check)

    survive(monkeypatch, mode, prepare)


@each_mode
def test_a_reset_is_done_once_and_told(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, frozen: Clock, mode: Mode
) -> None:
    def prepare() -> Scene:
        cloud.forget()
        client = people.signed_in()
        Client().post("/auth/forgot-password", {"email": client.user["email"]}).data()
        said = {"token": post.token(cloud, "reset"), "password": ANOTHER}

        def check(again: Answer) -> None:
            assert again.status in (204, 401)
            assert once(cloud, "accounts.reset-password")
            assert {letter["kind"] for letter in all_letters(cloud, frozen)} == {"changed"}
            assert client.get("/auth/me").status == 401
            login = {"email": client.user["email"], "password": ANOTHER}
            assert Client().post("/auth/login", login).status == 200

        return Scene(lambda: Client().post("/auth/reset-password", said), check)

    survive(monkeypatch, mode, prepare)


@each_mode
def test_another_address_is_taken_whole_and_the_old_one_told(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, frozen: Clock, mode: Mode
) -> None:
    def prepare() -> Scene:
        cloud.forget()
        client, new = people.signed_in(), people.new_address()
        client.post("/auth/change-email", {"email": new, "password": people.PASSWORD}).data()
        said = {"token": post.token(cloud, "email-change")}

        def check(again: Answer) -> None:
            assert again.status in (204, 401)
            assert once(cloud, "accounts.confirm-email")
            assert {letter["to"] for letter in all_letters(cloud, frozen)} == {client.user["email"]}
            (unique,) = cloud.rows("main", record_kind="unique", user_id=client.user["id"])
            assert unique["pk"] == f"UNIQUE#email#{new}"
            assert people.log_in(new).get("/users/me").data()["email"] == new

        return Scene(lambda: Client().post("/auth/confirm-email", said), check)

    survive(monkeypatch, mode, prepare)


def _change_password(client: Client) -> Answer:
    said = {"currentPassword": people.PASSWORD, "newPassword": ANOTHER}
    return client.post("/auth/change-password", said)


def _leave(client: Client) -> Answer:
    return client.request("DELETE", "/users/me", {"password": people.PASSWORD})


@each_mode
@pytest.mark.parametrize(
    ("deed", "action"),
    [(_change_password, "accounts.change-password"), (_leave, "users.delete")],
    ids=["change", "leave"],
)
def test_what_guards_an_account_is_changed_once_and_told(
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    frozen: Clock,
    mode: Mode,
    deed: Callable[[Client], Answer],
    action: str,
) -> None:
    def prepare() -> Scene:
        cloud.forget()
        client = people.signed_in()
        other = people.log_in(client.user["email"])

        def check(again: Answer) -> None:
            assert again.status in (204, 401)
            assert once(cloud, action)
            assert [letter["kind"] for letter in all_letters(cloud, frozen)][:1] == ["changed"]
            assert other.get("/auth/me").status == 401
            login = {"email": client.user["email"], "password": people.PASSWORD}
            assert Client().post("/auth/login", login).status == 401

        return Scene(lambda: deed(client), check)

    survive(monkeypatch, mode, prepare)
