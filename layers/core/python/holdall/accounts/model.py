"""What an account needs: an address, and a password that is worth the name."""

import contextlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from holdall.accounts.weak import is_weak
from holdall.errors import Invalid
from holdall.iam.model import Mode, User
from holdall.iam.tokens import TokenKind
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
_ADDRESS: TypeAdapter[str] = TypeAdapter(Address)
NewPassword = Annotated[str, Field(min_length=8, max_length=128), AfterValidator(_password)]
# At a login any text may be tried, so that its answer tells nothing of the rules; the bound only spares us work.
Password = Annotated[str, Field(max_length=1024), AfterValidator(_password)]


@dataclass(frozen=True)
class Challenge:
    """What was asked of somebody. `content` is what the asker wants to know again."""

    kind: TokenKind
    place: str
    digest: str
    expires_at: datetime
    content: dict[str, str]


@dataclass(frozen=True)
class Linked:
    """An identity of a provider that belongs to a user."""

    provider: str
    issuer: str
    subject: str
    email: str
    linked_at: datetime

    @property
    def key(self) -> str:
        """What is unique about it."""
        return f"{self.issuer} {self.subject}"


@dataclass(frozen=True)
class Factor:
    """A second factor: its seed, sealed; whether it is on; the last time step that was used."""

    sealed: str
    on: bool
    step: int


# What a token may look like is its reader's business; the bound only spares us work.
Token = Annotated[str, Field(max_length=512)]
Code = Annotated[str, Field(max_length=64)]


class SignUp(Said):
    """What a client says to make an account."""

    email: Address
    password: NewPassword
    name: Name | None = None


class VerifyEmail(Said):
    """What a client says to answer the challenge of a sign-up."""

    token: Token
    password: Password
    mode: Mode = "token"


class OnlyEmail(Said):
    """An address that something is to be sent to."""

    email: Annotated[str, Field(max_length=254)]


class Login(Said):
    """What a client says to sign in."""

    email: Annotated[str, Field(max_length=254)]
    password: Password
    mode: Mode = "token"


class Refresh(Said):
    """What a client says to go on with a session."""

    refresh_token: Token


class ResetPassword(Said):
    """What a client says to answer a challenge with a new password."""

    token: Token
    password: NewPassword


class ChangePassword(Said):
    """What a client says to change a password."""

    current_password: Password
    new_password: NewPassword


class ChangeEmail(Said):
    """What a client says to use another address."""

    email: Address
    password: Password


class OnlyToken(Said):
    """The answer to a challenge."""

    token: Token


class OnlyPassword(Said):
    """A password that confirms something."""

    password: Password


class Profile(Said):
    """What users may change of themselves."""

    name: Name


class SecondFactor(Said):
    """What finishes a login: a code, or a recovery code."""

    mfa_token: Token
    code: Code | None = None
    recovery_code: Code | None = None
    mode: Mode = "token"

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.code is None) == (self.recovery_code is None):
            raise ValueError("either code or recoveryCode must be given")
        return self


class OnlyCode(Said):
    """A code of the second factor."""

    code: Code


class Refreshed(Shown):
    """What a client gets who went on with a session."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a word of RFC 6750, no secret
    expires_in: int  # seconds
    refresh_token: str


class SignedIn(Refreshed):
    """What a client gets who signed in."""

    user: User


class SignedInByCookie(Shown):
    """What a browser gets who signed in; the cookie itself goes in a header."""

    csrf_token: str
    user: User


class MfaRequired(Shown):
    """What a client gets whose login wants a second factor."""

    mfa_required: Literal[True] = True
    mfa_token: str
    methods: list[Literal["totp", "recovery_code"]]


class SignedUp(Shown):
    """The account that was made."""

    user: User


class Pending(Shown):
    """A letter is on its way, if there is anybody to get it."""

    status: Literal["pending"] = "pending"


class Me(User):
    """Who is signed in, and what their browser needs to change things."""

    csrf_token: str | None = None


class FactorSetup(Shown):
    """What an authenticator needs: the seed, and the same as a link and a picture."""

    secret: str
    otpauth_uri: str
    qr_svg: str


class IdentityView(Shown):
    """An identity that somebody can sign in with."""

    provider: str
    email: str
    linked_at: datetime


class LinkStarted(Shown):
    """Where to send the browser."""

    url: str


class RecoveryCodes(Shown):
    """Codes that work once each when the authenticator is lost. They are shown here and never again."""

    recovery_codes: list[str]


def normal(address: str) -> str:
    """The one form of an address under which it is unique: trimmed, NFKC, casefolded, its domain in IDNA."""
    local, _, domain = address.strip().rpartition("@")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", local).casefold())
    with contextlib.suppress(UnicodeError):  # such an address belongs to nobody
        domain = unicodedata.normalize("NFKC", domain).encode("idna").decode()
    return f"{folded}@{domain.lower()}"


def as_address(text: str | None) -> str | None:
    """An address as somebody else tells it, or None when it is none that we take."""
    try:
        return _ADDRESS.validate_python(text)
    except ValidationError:
        return None


def check_password(password: str, address: str) -> None:
    """Refuse a password that is easy to guess for who knows the address. Raises Invalid."""
    if is_weak(password, normal(address)):
        raise Invalid(
            "password_too_easy",
            "The password is too easy to guess: it is common, made of the e-mail address, or a run of neighbouring keys.",
            pointer="/password",
        )
