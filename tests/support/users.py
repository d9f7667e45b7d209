"""People who use the API: they sign up and log in as anybody does."""

from itertools import count
from typing import Any

from holdall.accounts.model import SignUpRequest
from holdall.accounts.service import sign_up as accounts
from holdall.platform.caller import ClientInfo
from tests.support.client import Client, Response

PASSWORD = "correct horse battery"
_numbers = count(1)


def unique_email() -> str:
    """An address that nobody has."""
    return f"user{next(_numbers)}@example.test"


def sign_up(email: str | None = None) -> dict[str, Any]:
    """Make an account; the user."""
    said = {"email": email or unique_email(), "password": PASSWORD}
    user: dict[str, Any] = Client().post("/auth/sign-up", said).created()["user"]
    return user


def sign_in(email: str) -> Client:
    """Begin a session."""
    data = Client().post("/auth/login", {"email": email, "password": PASSWORD}).data()
    return Client(data["accessToken"], data["user"], data["refreshToken"])


def create_client() -> Client:
    """Somebody with an account of their own, who is logged in."""
    return sign_in(sign_up()["email"])


def create_superuser() -> Client:
    """Somebody who may everything, as only the operator makes them."""
    new = SignUpRequest(email=unique_email(), password=PASSWORD)
    operator = ClientInfo(ip="operator", user_agent="command", request_id="tests")
    return sign_in(accounts.create_superuser(operator, new).email)


def personal_project_id(client: Client) -> str:
    """The id of the project that came with an account."""
    return str(client.user["id"])[14:]


def delete_account(client: Client, password: str = PASSWORD) -> Response:
    """Somebody deletes their account."""
    return client.request("DELETE", "/users/me", {"password": password})
