"""Accounts: one per address, made whole or not at all, and a login that tells nothing (A1 to A3)."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import argon2
import pytest

from functions.auth.handler import handler
from holdall.accounts import passwords
from tests.api import people
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.conftest import Installed


def test_a_new_account_can_log_in_and_sees_itself(visitor: Client) -> None:
    email = people.new_address()
    said = {"email": email, "password": people.PASSWORD, "name": "Ada Lovelace"}
    made = visitor.post("/auth/sign-up", said).created()["user"]

    assert (made["email"], made["name"], made["roles"], made["status"]) == (email, "Ada Lovelace", ["user"], "active")
    # A token needs no CSRF token, so there is none to tell.
    assert people.log_in(email).get("/auth/me").data() == {**made, "csrfToken": None}


def test_an_account_without_a_name_is_called_after_its_address(visitor: Client) -> None:
    user = people.sign_up(f"ada.{people.new_address()}")

    assert user["name"].startswith("ada.user")


def test_a_login_gives_a_token_of_fifteen_minutes(visitor: Client) -> None:
    email = people.sign_up()["email"]
    data = visitor.post("/auth/login", {"email": email, "password": people.PASSWORD, "mode": "token"}).data()

    assert (data["tokenType"], data["expiresIn"]) == ("Bearer", 900)
    assert data["user"]["email"] == email


@pytest.mark.parametrize("change", [str.upper, lambda it: f" {it} ", lambda it: it.replace("u", "\uff55", 1)])
def test_an_address_is_taken_in_whatever_way_it_is_written(visitor: Client, change: Any) -> None:
    email = people.sign_up()["email"]

    again = visitor.post("/auth/sign-up", {"email": change(email), "password": people.PASSWORD})
    assert (again.status, again.problem()["code"]) == (409, "email_taken")


@pytest.mark.parametrize("change", [str.upper, lambda it: f" {it} ", str])
def test_a_login_takes_the_address_in_whatever_way_it_is_written(visitor: Client, change: Any) -> None:
    user = people.sign_up()

    found = visitor.post("/auth/login", {"email": change(user["email"]), "password": people.PASSWORD}).data()["user"]
    assert found["id"] == user["id"]


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_strangers_may_not_sign_up_where_it_is_not_open(installed: Installed, visitor: Client, mode: str) -> None:
    installed(SIGN_UP=mode)

    refused = visitor.post("/auth/sign-up", {"email": people.new_address(), "password": people.PASSWORD})
    assert (refused.status, refused.problem()["code"]) == (403, "sign_up_closed")


def test_a_closed_door_does_not_tell_whose_address_is_known(installed: Installed, visitor: Client) -> None:
    known = people.sign_up()["email"]
    installed(SIGN_UP="closed")

    refusals = [
        visitor.post("/auth/sign-up", {"email": email, "password": people.PASSWORD}).problem()
        for email in (known, people.new_address())
    ]
    assert refusals[0] == refusals[1]


def test_a_password_made_of_the_address_is_refused(visitor: Client) -> None:
    email = f"lovelace.{people.new_address()}"

    refused = visitor.post("/auth/sign-up", {"email": email, "password": email.upper()})
    assert refused.status == 422
    assert refused.problem()["errors"][0]["pointer"] == "/password"


def test_a_password_is_any_text_and_cut_nowhere(visitor: Client) -> None:
    email, password = people.new_address(), "\u6f22\u5b57 \U0001f600" * 25 + "end"
    visitor.post("/auth/sign-up", {"email": email, "password": password}).created()

    assert visitor.post("/auth/login", {"email": email, "password": password}).status == 200
    assert visitor.post("/auth/login", {"email": email, "password": password[:-1]}).status == 401


def test_a_password_is_stored_as_a_hash_of_the_asked_cost(cloud: Cloud) -> None:
    user = people.sign_up()

    (row,) = cloud.rows("credentials", pk=f"USER#{user['id']}")
    assert row["hash"].startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert people.PASSWORD not in str(row)


def test_an_old_hash_is_upgraded_at_login(cloud: Cloud, installed: Installed) -> None:
    user = people.sign_up()
    installed(PASSWORD_MEMORY="128")
    passwords._hasher.cache_clear()
    try:
        people.log_in(user["email"])
        (row,) = cloud.rows("credentials", pk=f"USER#{user['id']}")
        assert row["hash"].startswith("$argon2id$v=19$m=128,t=1,p=1$")
        people.log_in(user["email"])
    finally:
        passwords._hasher.cache_clear()


def attempts(visitor: Client, known: str) -> dict[str, dict[str, Any]]:
    """What a visitor may try who does not know the password."""
    return {
        "unknown": {"email": people.new_address(), "password": people.PASSWORD},
        "wrong": {"email": known, "password": "not the password"},
        "no address": {"email": "nonsense", "password": people.PASSWORD},
        "empty": {"email": known, "password": ""},
    }


def test_unknown_wrong_and_disabled_look_alike(visitor: Client, cloud: Cloud) -> None:
    user, other = people.sign_up(), people.sign_up()
    cloud.change(f"USER#{other['id']}", "USER", status="disabled")
    tried = attempts(visitor, user["email"])
    tried["disabled"] = {"email": other["email"], "password": people.PASSWORD}

    answers = {name: visitor.post("/auth/login", said) for name, said in tried.items()}
    assert {answer.status for answer in answers.values()} == {401}
    problems = [answer.problem() for answer in answers.values()]
    assert problems[0]["code"] == "invalid_credentials"
    assert all(problem == problems[0] for problem in problems)
    headers = [{name for name in answer.headers if name != "x-request-id"} for answer in answers.values()]
    assert all(names == headers[0] for names in headers)


@contextmanager
def counting(patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Count the hashes that argon2 makes, whoever asks for them."""
    made: list[str] = []
    with patch.context() as within:
        for name in ("hash", "verify"):
            real = getattr(argon2.PasswordHasher, name)

            def counted(*given: Any, real: Any = real, name: str = name, **more: Any) -> Any:
                made.append(name)
                return real(*given, **more)

            within.setattr(argon2.PasswordHasher, name, counted)
        yield made


@pytest.mark.parametrize("attempt", ["unknown", "wrong", "no address", "empty"])
def test_a_failed_login_takes_the_time_of_one_hash(
    visitor: Client, monkeypatch: pytest.MonkeyPatch, attempt: str
) -> None:
    said = attempts(visitor, people.sign_up()["email"])[attempt]

    with counting(monkeypatch) as made:
        visitor.post("/auth/login", said).problem()
    assert made == ["verify"]


def test_an_overlong_password_is_refused_before_anybody_hashes_it(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counting(monkeypatch) as made:
        answer = visitor.post("/auth/login", {"email": "a@example.test", "password": "\u6f22" * 1000})
    assert (answer.status, made) == (422, [])


def test_a_failed_login_is_audited(visitor: Client, cloud: Cloud) -> None:
    user = people.sign_up()
    visitor.post("/auth/login", {"email": user["email"], "password": "not the password"}).problem()

    (row,) = cloud.rows("audit", action="login.failed", target=user["id"])
    assert (row["actor"], row["outcome"], row["address"], row["agent"]) == ("anonymous", "denied", "192.0.2.7", "tests")


def test_a_sign_up_and_a_login_are_audited(cloud: Cloud) -> None:
    client = people.signed_in()

    rows = cloud.rows("audit", actor=client.user["id"])
    assert sorted(row["action"] for row in rows) == ["accounts.sign-up", "login", "projects.create"]
    assert all(row["outcome"] == "success" for row in rows)


def test_a_superuser_is_made_by_the_operator_alone(cloud: Cloud) -> None:
    email = people.new_address()
    event = {"command": "superuser", "email": email, "password": people.PASSWORD}
    made = handler(event, SimpleNamespace(aws_request_id="aws"))

    assert people.log_in(email).get("/auth/me").data()["roles"] == ["superuser"]
    assert handler(event, SimpleNamespace(aws_request_id="aws")) == made


def test_no_request_is_taken_for_a_command(visitor: Client) -> None:
    said = {"command": "superuser", "email": people.new_address(), "password": people.PASSWORD}

    assert visitor.post("/auth", said).status == 404
    assert visitor.post("/auth/sign-up", said).status == 422
