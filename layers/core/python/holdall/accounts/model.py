"""What an account needs: an address, and a password that is worth the name."""

import contextlib
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from holdall.accounts.weak import is_weak
from holdall.errors import Invalid
from holdall.iam.model import User
from holdall.projects.model import Name
from holdall.shape import Said, Shown

_LONGEST_PASSWORD = 1024  # bytes, refused before anybody hashes them


def _address(text: str) -> str:
    local, at, domain = text.strip().rpartition("@")
    if not at or not local or len(local.encode()) > 64:
        raise ValueError("must be an e-mail address")
    # Its normal form is what counts, and NFKC makes an @ or a space of signs that only remind of them.
    signs = unicodedata.normalize("NFKC", local) + unicodedata.normalize("NFKC", domain)
    if any(sign == "@" or unicodedata.category(sign)[0] in "CZ" for sign in signs):
        raise ValueError("must be an e-mail address")
    try:
        name = unicodedata.normalize("NFKC", domain).encode("idna").decode().lower()
    except UnicodeError as error:
        raise ValueError("must be an e-mail address") from error
    if "." not in name.strip(".") or not all(name.split(".")):
        raise ValueError("must be an e-mail address")
    return f"{local}@{name}"


def _password(text: str) -> str:
    if len(text.encode("utf-8", "surrogatepass")) > _LONGEST_PASSWORD:
        raise ValueError(f"must not be longer than {_LONGEST_PASSWORD} bytes")
    return text


Address = Annotated[str, Field(min_length=3, max_length=254), AfterValidator(_address)]
NewPassword = Annotated[str, Field(min_length=8, max_length=128), AfterValidator(_password)]
# At a login any text may be tried, so that its answer tells nothing of the rules; the bound only spares us work.
Password = Annotated[str, Field(max_length=1024), AfterValidator(_password)]


class SignUp(Said):
    """What a client says to make an account."""

    email: Address
    password: NewPassword
    name: Name | None = None


class Login(Said):
    """What a client says to sign in."""

    email: Annotated[str, Field(max_length=254)]
    password: Password
    mode: Literal["token"] = "token"


class Refresh(Said):
    """What a client says to go on with a session."""

    refresh_token: Annotated[str, Field(max_length=128)]


class Refreshed(Shown):
    """What a client gets who went on with a session."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a word of RFC 6750, no secret
    expires_in: int  # seconds
    refresh_token: str


class SignedIn(Refreshed):
    """What a client gets who signed in."""

    user: User


class SignedUp(Shown):
    """The account that was made."""

    user: User


def normal(address: str) -> str:
    """The one form of an address under which it is unique: trimmed, NFKC, casefolded, its domain in IDNA."""
    local, _, domain = address.strip().rpartition("@")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", local).casefold())
    with contextlib.suppress(UnicodeError):  # such an address belongs to nobody
        domain = unicodedata.normalize("NFKC", domain).encode("idna").decode()
    return f"{folded}@{domain.lower()}"


def check_password(password: str, address: str) -> None:
    """Refuse a password that is easy to guess for who knows the address. Raises Invalid."""
    if is_weak(password, normal(address)):
        raise Invalid(
            "password_too_easy",
            "The password is too easy to guess: it is common, made of the e-mail address, or a run of neighbouring keys.",
            pointer="/password",
        )
