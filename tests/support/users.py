"""Users, who sign up and sign in through the API."""

from itertools import count
from typing import Any

from holdall.accounts.model import SignUpRequest
from holdall.accounts.service import sign_up as accounts
from holdall.platform.caller import ClientInfo
from tests.support.client import Client, Response

PASSWORD = "correct horse battery"
_numbers = count(1)


def unique_email() -> str:
    """Return an email address that no user has."""
    return f"user{next(_numbers)}@example.test"


def sign_up(email: str | None = None) -> dict[str, Any]:
    """Create an account, and return the user."""
    body = {"email": email or unique_email(), "password": PASSWORD}
    user: dict[str, Any] = Client().post("/auth/sign-up", body).created()["user"]
    return user


def sign_in(email: str) -> Client:
    """Create a session."""
    data = Client().post("/auth/login", {"email": email, "password": PASSWORD}).data()
    return Client(data["accessToken"], data["user"], data["refreshToken"])


def create_client() -> Client:
    """Create a user, and sign in."""
    return sign_in(sign_up()["email"])


def create_superuser() -> Client:
    """Create a superuser with the command of the operator, and sign in."""
    new = SignUpRequest(email=unique_email(), password=PASSWORD)
    operator = ClientInfo(ip="operator", user_agent="command", request_id="tests")
    return sign_in(accounts.create_superuser(operator, new).email)


def personal_project_id(client: Client) -> str:
    """Return the ID of the project that was created with the account."""
    return str(client.user["id"])[14:]


def delete_account(client: Client, password: str = PASSWORD) -> Response:
    return client.request("DELETE", "/users/me", {"password": password})
