"""What an account needs: an address, and a password that is worth the name."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from holdall.accounts.weak import is_weak
from holdall.errors import Invalid
from holdall.iam.model import Address, Mode, Token, User, normal
from holdall.iam.tokens import TokenKind
from holdall.projects.model import Name
from holdall.roles.model import RoleNames
from holdall.shape import Said, Shown

_LONGEST_PASSWORD = 1024  # bytes, refused before anybody hashes them


def _password(text: str) -> str:
    if len(text.encode("utf-8", "surrogatepass")) > _LONGEST_PASSWORD:
        raise ValueError(f"must not be longer than {_LONGEST_PASSWORD} bytes")
    return text


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


class NewUser(Said):
    """What an administrator says to make an account. Without a password its owner is asked by letter to choose one."""

    email: Address
    password: NewPassword | None = None
    name: Name | None = None
    roles: RoleNames


class ChangeUser(Said):
    """What an administrator says to change an account. What is left out stays."""

    name: Name | None = None
    status: Literal["active", "disabled"] | None = None


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


def check_password(password: str, address: str) -> None:
    """Refuse a password that is easy to guess for who knows the address. Raises Invalid."""
    if is_weak(password, normal(address)):
        raise Invalid(
            "password_too_easy",
            "The password is too easy to guess: it is common, made of the e-mail address, or a run of neighbouring keys.",
            pointer="/password",
        )
