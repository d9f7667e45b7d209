"""Sign-up and login (A1 to A3)."""

from types import SimpleNamespace
from typing import Any

import pytest

from holdall.platform import passwords
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.fixtures import OverrideSettings
from tests.support.iam import load_handler
from tests.support.passwords import count_hashes


def test_new_user_can_sign_in_and_read_the_own_account(anonymous: Client) -> None:
    email = users.unique_email()
    body = {"email": email, "password": users.PASSWORD, "name": "Ada Lovelace"}
    user = anonymous.post("/auth/sign-up", body).created()["user"]

    assert (user["email"], user["name"], user["roles"], user["status"]) == (email, "Ada Lovelace", ["user"], "active")
    # Only a cookie needs a CSRF token.
    assert users.sign_in(email).get("/auth/me").data() == {
        **user,
        "permissions": ["projects.create"],
        "mfaEnabled": False,
        "mfaEnabledAt": None,
        "csrfToken": None,
    }


def test_account_without_a_name_gets_the_local_part_of_its_address(anonymous: Client) -> None:
    user = users.sign_up(f"ada.{users.unique_email()}")

    assert user["name"].startswith("ada.user")


def test_login_returns_a_token_for_fifteen_minutes(anonymous: Client) -> None:
    email = users.sign_up()["email"]
    data = anonymous.post("/auth/login", {"email": email, "password": users.PASSWORD, "mode": "token"}).data()

    assert (data["tokenType"], data["expiresIn"]) == ("Bearer", 900)
    assert data["user"]["email"] == email


@pytest.mark.parametrize("spell", [str.upper, lambda it: f" {it} ", lambda it: it.replace("u", "\uff55", 1)])
def test_address_is_taken_in_every_spelling(anonymous: Client, spell: Any) -> None:
    email = users.sign_up()["email"]

    response = anonymous.post("/auth/sign-up", {"email": spell(email), "password": users.PASSWORD})
    assert (response.status, response.problem()["code"]) == (409, "email_taken")


@pytest.mark.parametrize("spell", [str.upper, lambda it: f" {it} ", str])
def test_login_accepts_every_spelling_of_the_address(anonymous: Client, spell: Any) -> None:
    user = users.sign_up()

    found = anonymous.post("/auth/login", {"email": spell(user["email"]), "password": users.PASSWORD}).data()["user"]
    assert found["id"] == user["id"]


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_sign_up_is_forbidden_unless_it_is_open(
    override_settings: OverrideSettings, anonymous: Client, mode: str
) -> None:
    override_settings(SIGN_UP=mode)

    response = anonymous.post("/auth/sign-up", {"email": users.unique_email(), "password": users.PASSWORD})
    assert (response.status, response.problem()["code"]) == (403, "sign_up_closed")


def test_closed_sign_up_does_not_reveal_whether_an_address_has_an_account(
    override_settings: OverrideSettings, anonymous: Client
) -> None:
    known = users.sign_up()["email"]
    override_settings(SIGN_UP="closed")

    problems = [
        anonymous.post("/auth/sign-up", {"email": email, "password": users.PASSWORD}).problem()
        for email in (known, users.unique_email())
    ]
    assert problems[0] == problems[1]


def test_password_derived_from_the_address_is_rejected(anonymous: Client) -> None:
    email = f"lovelace.{users.unique_email()}"

    response = anonymous.post("/auth/sign-up", {"email": email, "password": email.upper()})
    assert response.status == 422
    assert response.problem()["errors"][0]["pointer"] == "/password"


def test_password_is_any_text_and_never_truncated(anonymous: Client) -> None:
    email, password = users.unique_email(), "\u6f22\u5b57 \U0001f600" * 25 + "end"
    anonymous.post("/auth/sign-up", {"email": email, "password": password}).created()

    assert anonymous.post("/auth/login", {"email": email, "password": password}).status == 200
    assert anonymous.post("/auth/login", {"email": email, "password": password[:-1]}).status == 401


def test_password_is_stored_as_a_hash_with_the_configured_cost(fake_aws: FakeAws) -> None:
    user = users.sign_up()

    (row,) = fake_aws.find_rows("credentials", pk=f"USER#{user['id']}")
    assert row["password_hash"].startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert users.PASSWORD not in str(row)


def test_hash_with_another_cost_is_replaced_at_login(fake_aws: FakeAws, override_settings: OverrideSettings) -> None:
    user = users.sign_up()
    override_settings(ARGON2_MEMORY_KIB="128")
    passwords._hasher.cache_clear()
    try:
        users.sign_in(user["email"])
        (row,) = fake_aws.find_rows("credentials", pk=f"USER#{user['id']}")
        assert row["password_hash"].startswith("$argon2id$v=19$m=128,t=1,p=1$")
        users.sign_in(user["email"])
    finally:
        passwords._hasher.cache_clear()


def invalid_logins(anonymous: Client, known_email: str) -> dict[str, dict[str, Any]]:
    return {
        "unknown": {"email": users.unique_email(), "password": users.PASSWORD},
        "wrong": {"email": known_email, "password": "not the password"},
        "no address": {"email": "nonsense", "password": users.PASSWORD},
        "empty": {"email": known_email, "password": ""},
    }


def test_unknown_wrong_and_disabled_get_the_same_response(anonymous: Client, fake_aws: FakeAws) -> None:
    user, other = users.sign_up(), users.sign_up()
    fake_aws.update_row(f"USER#{other['id']}", "USER", status="disabled")
    bodies = invalid_logins(anonymous, user["email"])
    bodies["disabled"] = {"email": other["email"], "password": users.PASSWORD}

    responses = [anonymous.post("/auth/login", body) for body in bodies.values()]
    assert {response.status for response in responses} == {401}
    problems = [response.problem() for response in responses]
    assert problems[0]["code"] == "invalid_credentials"
    assert all(problem == problems[0] for problem in problems)
    headers = [{name for name in response.headers if name != "x-request-id"} for response in responses]
    assert all(names == headers[0] for names in headers)


@pytest.mark.parametrize("attempt", ["unknown", "wrong", "no address", "empty"])
def test_failed_login_computes_one_hash(anonymous: Client, monkeypatch: pytest.MonkeyPatch, attempt: str) -> None:
    body = invalid_logins(anonymous, users.sign_up()["email"])[attempt]

    with count_hashes(monkeypatch) as calls:
        anonymous.post("/auth/login", body).problem()
    assert calls == ["verify"]


def test_long_password_is_rejected_before_it_is_hashed(anonymous: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with count_hashes(monkeypatch) as calls:
        response = anonymous.post("/auth/login", {"email": "a@example.test", "password": "\u6f22" * 1000})
    assert (response.status, calls) == (422, [])


def test_failed_login_is_audited(anonymous: Client, fake_aws: FakeAws) -> None:
    user = users.sign_up()
    anonymous.post("/auth/login", {"email": user["email"], "password": "not the password"}).problem()

    (row,) = fake_aws.find_rows("audit", action="sessions.create", target=user["id"])
    assert (row["actor"], row["outcome"], row["client_ip"], row["user_agent"]) == (
        "anonymous",
        "denied",
        "192.0.2.7",
        "tests",
    )


def test_sign_up_and_login_are_audited(fake_aws: FakeAws) -> None:
    client = users.create_client()

    rows = fake_aws.find_rows("audit", actor=client.user["id"])
    assert sorted(row["action"] for row in rows) == ["accounts.sign_up", "projects.create", "sessions.create"]
    assert all(row["outcome"] == "success" for row in rows)


def test_operator_creates_a_superuser(fake_aws: FakeAws) -> None:
    email = users.unique_email()
    event = {"command": "superuser", "email": email, "password": users.PASSWORD}
    created = load_handler("auth")(event, SimpleNamespace(aws_request_id="aws"))

    assert users.sign_in(email).get("/auth/me").data()["roles"] == ["superuser"]
    assert load_handler("auth")(event, SimpleNamespace(aws_request_id="aws")) == created


def test_request_is_never_a_command(anonymous: Client) -> None:
    body = {"command": "superuser", "email": users.unique_email(), "password": users.PASSWORD}

    assert anonymous.post("/auth", body).status == 404
    assert anonymous.post("/auth/sign-up", body).status == 422
