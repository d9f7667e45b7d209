"""People who use the API: they sign up and log in as anybody does."""

from itertools import count
from typing import Any

from holdall.accounts.model import SignUp
from holdall.accounts.service import entry
from holdall.caller import Visitor
from tests.api.client import Answer, Client

PASSWORD = "correct horse battery"
_numbers = count(1)


def new_address() -> str:
    """An address that nobody has."""
    return f"user{next(_numbers)}@example.test"


def sign_up(email: str | None = None) -> dict[str, Any]:
    """Make an account; the user."""
    said = {"email": email or new_address(), "password": PASSWORD}
    user: dict[str, Any] = Client().post("/auth/sign-up", said).created()["user"]
    return user


def log_in(email: str) -> Client:
    """Begin a session."""
    data = Client().post("/auth/login", {"email": email, "password": PASSWORD}).data()
    return Client(data["accessToken"], data["user"], data["refreshToken"])


def signed_in() -> Client:
    """Somebody with an account of their own, who is logged in."""
    return log_in(sign_up()["email"])


def superuser() -> Client:
    """Somebody who may everything, as only the operator makes them."""
    new = SignUp(email=new_address(), password=PASSWORD)
    operator = Visitor(address="operator", agent="command", request_id="tests")
    return log_in(entry.make_superuser(operator, new).email)


def personal_project(client: Client) -> str:
    """The id of the project that came with an account."""
    return str(client.user["id"])[14:]


def leave(client: Client, password: str = PASSWORD) -> Answer:
    """Somebody deletes their account."""
    return client.request("DELETE", "/users/me", {"password": password})
