"""Accounts: one per address, made whole or not at all, and a login that tells nothing (A1 to A3)."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import argon2
import pytest

from functions.auth.handler import handler
from holdall.accounts import passwords
from tests.api.conftest import OverrideSettings
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client


def test_a_new_account_can_log_in_and_sees_itself(anonymous: Client) -> None:
    email = users.unique_email()
    said = {"email": email, "password": users.PASSWORD, "name": "Ada Lovelace"}
    made = anonymous.post("/auth/sign-up", said).created()["user"]

    assert (made["email"], made["name"], made["roles"], made["status"]) == (email, "Ada Lovelace", ["user"], "active")
    # A token needs no CSRF token, so there is none to tell.
    assert users.sign_in(email).get("/auth/me").data() == {**made, "csrfToken": None}


def test_an_account_without_a_name_is_called_after_its_address(anonymous: Client) -> None:
    user = users.sign_up(f"ada.{users.unique_email()}")

    assert user["name"].startswith("ada.user")


def test_a_login_gives_a_token_of_fifteen_minutes(anonymous: Client) -> None:
    email = users.sign_up()["email"]
    data = anonymous.post("/auth/login", {"email": email, "password": users.PASSWORD, "mode": "token"}).data()

    assert (data["tokenType"], data["expiresIn"]) == ("Bearer", 900)
    assert data["user"]["email"] == email


@pytest.mark.parametrize("change", [str.upper, lambda it: f" {it} ", lambda it: it.replace("u", "\uff55", 1)])
def test_an_address_is_taken_in_whatever_way_it_is_written(anonymous: Client, change: Any) -> None:
    email = users.sign_up()["email"]

    again = anonymous.post("/auth/sign-up", {"email": change(email), "password": users.PASSWORD})
    assert (again.status, again.problem()["code"]) == (409, "email_taken")


@pytest.mark.parametrize("change", [str.upper, lambda it: f" {it} ", str])
def test_a_login_takes_the_address_in_whatever_way_it_is_written(anonymous: Client, change: Any) -> None:
    user = users.sign_up()

    found = anonymous.post("/auth/login", {"email": change(user["email"]), "password": users.PASSWORD}).data()["user"]
    assert found["id"] == user["id"]


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_strangers_may_not_sign_up_where_it_is_not_open(
    override_settings: OverrideSettings, anonymous: Client, mode: str
) -> None:
    override_settings(SIGN_UP=mode)

    refused = anonymous.post("/auth/sign-up", {"email": users.unique_email(), "password": users.PASSWORD})
    assert (refused.status, refused.problem()["code"]) == (403, "sign_up_closed")


def test_a_closed_door_does_not_tell_whose_address_is_known(
    override_settings: OverrideSettings, anonymous: Client
) -> None:
    known = users.sign_up()["email"]
    override_settings(SIGN_UP="closed")

    refusals = [
        anonymous.post("/auth/sign-up", {"email": email, "password": users.PASSWORD}).problem()
        for email in (known, users.unique_email())
    ]
    assert refusals[0] == refusals[1]


def test_a_password_made_of_the_address_is_refused(anonymous: Client) -> None:
    email = f"lovelace.{users.unique_email()}"

    refused = anonymous.post("/auth/sign-up", {"email": email, "password": email.upper()})
    assert refused.status == 422
    assert refused.problem()["errors"][0]["pointer"] == "/password"


def test_a_password_is_any_text_and_cut_nowhere(anonymous: Client) -> None:
    email, password = users.unique_email(), "\u6f22\u5b57 \U0001f600" * 25 + "end"
    anonymous.post("/auth/sign-up", {"email": email, "password": password}).created()

    assert anonymous.post("/auth/login", {"email": email, "password": password}).status == 200
    assert anonymous.post("/auth/login", {"email": email, "password": password[:-1]}).status == 401


def test_a_password_is_stored_as_a_hash_of_the_asked_cost(fake_aws: FakeAws) -> None:
    user = users.sign_up()

    (row,) = fake_aws.find_rows("credentials", pk=f"USER#{user['id']}")
    assert row["hash"].startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert users.PASSWORD not in str(row)


def test_an_old_hash_is_upgraded_at_login(fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    user = users.sign_up()
    override_settings(ARGON2_MEMORY_KIB="128")
    passwords._hasher.cache_clear()
    try:
        users.sign_in(user["email"])
        (row,) = fake_aws.find_rows("credentials", pk=f"USER#{user['id']}")
        assert row["hash"].startswith("$argon2id$v=19$m=128,t=1,p=1$")
        users.sign_in(user["email"])
    finally:
        passwords._hasher.cache_clear()


def invalid_logins(anonymous: Client, known_email: str) -> dict[str, dict[str, Any]]:
    """What a visitor may try who does not know the password."""
    return {
        "unknown": {"email": users.unique_email(), "password": users.PASSWORD},
        "wrong": {"email": known_email, "password": "not the password"},
        "no address": {"email": "nonsense", "password": users.PASSWORD},
        "empty": {"email": known_email, "password": ""},
    }


def test_unknown_wrong_and_disabled_look_alike(anonymous: Client, fake_aws: FakeAws) -> None:
    user, other = users.sign_up(), users.sign_up()
    fake_aws.update_row(f"USER#{other['id']}", "USER", status="disabled")
    tried = invalid_logins(anonymous, user["email"])
    tried["disabled"] = {"email": other["email"], "password": users.PASSWORD}

    answers = {name: anonymous.post("/auth/login", said) for name, said in tried.items()}
    assert {answer.status for answer in answers.values()} == {401}
    problems = [answer.problem() for answer in answers.values()]
    assert problems[0]["code"] == "invalid_credentials"
    assert all(problem == problems[0] for problem in problems)
    headers = [{name for name in answer.headers if name != "x-request-id"} for answer in answers.values()]
    assert all(names == headers[0] for names in headers)


@contextmanager
def count_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Count the hashes that argon2 makes, whoever asks for them."""
    made: list[str] = []
    with monkeypatch.context() as within:
        for name in ("hash", "verify"):
            real = getattr(argon2.PasswordHasher, name)

            def counted(*given: Any, real: Any = real, name: str = name, **more: Any) -> Any:
                made.append(name)
                return real(*given, **more)

            within.setattr(argon2.PasswordHasher, name, counted)
        yield made


@pytest.mark.parametrize("attempt", ["unknown", "wrong", "no address", "empty"])
def test_a_failed_login_takes_the_time_of_one_hash(
    anonymous: Client, monkeypatch: pytest.MonkeyPatch, attempt: str
) -> None:
    said = invalid_logins(anonymous, users.sign_up()["email"])[attempt]

    with count_hashes(monkeypatch) as made:
        anonymous.post("/auth/login", said).problem()
    assert made == ["verify"]


def test_an_overlong_password_is_refused_before_anybody_hashes_it(
    anonymous: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with count_hashes(monkeypatch) as made:
        answer = anonymous.post("/auth/login", {"email": "a@example.test", "password": "\u6f22" * 1000})
    assert (answer.status, made) == (422, [])


def test_a_failed_login_is_audited(anonymous: Client, fake_aws: FakeAws) -> None:
    user = users.sign_up()
    anonymous.post("/auth/login", {"email": user["email"], "password": "not the password"}).problem()

    (row,) = fake_aws.find_rows("audit", action="login.failed", target=user["id"])
    assert (row["actor"], row["outcome"], row["client_ip"], row["user_agent"]) == (
        "anonymous",
        "denied",
        "192.0.2.7",
        "tests",
    )


def test_a_sign_up_and_a_login_are_audited(fake_aws: FakeAws) -> None:
    client = users.create_client()

    rows = fake_aws.find_rows("audit", actor=client.user["id"])
    assert sorted(row["action"] for row in rows) == ["accounts.sign-up", "login", "projects.create"]
    assert all(row["outcome"] == "success" for row in rows)


def test_a_superuser_is_made_by_the_operator_alone(fake_aws: FakeAws) -> None:
    email = users.unique_email()
    event = {"command": "superuser", "email": email, "password": users.PASSWORD}
    made = handler(event, SimpleNamespace(aws_request_id="aws"))

    assert users.sign_in(email).get("/auth/me").data()["roles"] == ["superuser"]
    assert handler(event, SimpleNamespace(aws_request_id="aws")) == made


def test_no_request_is_taken_for_a_command(anonymous: Client) -> None:
    said = {"command": "superuser", "email": users.unique_email(), "password": users.PASSWORD}

    assert anonymous.post("/auth", said).status == 404
    assert anonymous.post("/auth/sign-up", said).status == 422
