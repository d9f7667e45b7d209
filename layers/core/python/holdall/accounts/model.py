"""What an account needs: an address, and a password that is worth the name."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from holdall.accounts.password_strength import is_weak
from holdall.iam.model import EmailAddress, SessionMode, Token, User, normalize_email
from holdall.iam.tokens import TokenKind
from holdall.platform.errors import ValidationFailed
from holdall.platform.schemas import RequestModel, ResponseModel
from holdall.projects.model import Name
from holdall.roles.model import RoleNames

_MAX_PASSWORD_BYTES = 1024  # bytes, refused before anybody hashes them


def _validate_byte_length(text: str) -> str:
    if len(text.encode("utf-8", "surrogatepass")) > _MAX_PASSWORD_BYTES:
        raise ValueError(f"must not be longer than {_MAX_PASSWORD_BYTES} bytes")
    return text


NewPassword = Annotated[str, Field(min_length=8, max_length=128), AfterValidator(_validate_byte_length)]
# At a login any text may be tried, so that its answer tells nothing of the rules; the bound only spares us work.
Password = Annotated[str, Field(max_length=1024), AfterValidator(_validate_byte_length)]


@dataclass(frozen=True)
class Challenge:
    """What was asked of somebody. `content` is what the asker wants to know again."""

    kind: TokenKind
    lookup_id: str
    secret_sha256: str
    expires_at: datetime
    payload: dict[str, str]


@dataclass(frozen=True)
class LinkedIdentity:
    """An identity of a provider that belongs to a user."""

    provider: str
    issuer: str
    subject: str
    email: str
    linked_at: datetime

    @property
    def unique_key(self) -> str:
        """What is unique about it."""
        return f"{self.issuer} {self.subject}"


@dataclass(frozen=True)
class TotpFactor:
    """A second factor: its seed, sealed; whether it is on; the last time step that was used."""

    encrypted_seed: str
    enabled: bool
    last_step: int


MfaCode = Annotated[str, Field(max_length=64)]


class SignUpRequest(RequestModel):
    """What a client says to make an account."""

    email: EmailAddress
    password: NewPassword
    name: Name | None = None


class VerifyEmailRequest(RequestModel):
    """What a client says to answer the challenge of a sign-up."""

    token: Token
    password: Password
    mode: SessionMode = "token"


class EmailRequest(RequestModel):
    """An address that something is to be sent to."""

    email: Annotated[str, Field(max_length=254)]


class LoginRequest(RequestModel):
    """What a client says to sign in."""

    email: Annotated[str, Field(max_length=254)]
    password: Password
    mode: SessionMode = "token"


class RefreshRequest(RequestModel):
    """What a client says to go on with a session."""

    refresh_token: Token


class ResetPasswordRequest(RequestModel):
    """What a client says to answer a challenge with a new password."""

    token: Token
    password: NewPassword


class ChangePasswordRequest(RequestModel):
    """What a client says to change a password."""

    current_password: Password
    new_password: NewPassword


class ChangeEmailRequest(RequestModel):
    """What a client says to use another address."""

    email: EmailAddress
    password: Password


class TokenRequest(RequestModel):
    """The answer to a challenge."""

    token: Token


class PasswordRequest(RequestModel):
    """A password that confirms something."""

    password: Password


class UpdateProfileRequest(RequestModel):
    """What users may change of themselves."""

    name: Name


class CreateUserRequest(RequestModel):
    """What an administrator says to make an account. Without a password its owner is asked by letter to choose one."""

    email: EmailAddress
    password: NewPassword | None = None
    name: Name | None = None
    roles: RoleNames


class UpdateUserRequest(RequestModel):
    """What an administrator says to change an account. What is left out stays."""

    name: Name | None = None
    status: Literal["active", "disabled"] | None = None


class VerifyMfaRequest(RequestModel):
    """What finishes a login: a code, or a recovery code."""

    mfa_token: Token
    code: MfaCode | None = None
    recovery_code: MfaCode | None = None
    mode: SessionMode = "token"

    @model_validator(mode="after")
    def _require_exactly_one_code(self) -> Self:
        if (self.code is None) == (self.recovery_code is None):
            raise ValueError("exactly one of code and recoveryCode is required")
        return self


class TotpCodeRequest(RequestModel):
    """A code of the second factor."""

    code: MfaCode


class RefreshResponse(ResponseModel):
    """What a client gets who went on with a session."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a word of RFC 6750, no secret
    expires_in: int  # seconds
    refresh_token: str


class TokenResponse(RefreshResponse):
    """What a client gets who signed in."""

    user: User


class CookieSessionResponse(ResponseModel):
    """What a browser gets who signed in; the cookie itself goes in a header."""

    csrf_token: str
    user: User


class MfaRequiredResponse(ResponseModel):
    """What a client gets whose login wants a second factor."""

    mfa_required: Literal[True] = True
    mfa_token: str
    methods: list[Literal["totp", "recovery_code"]]


class SignUpResponse(ResponseModel):
    """The account that was made."""

    user: User


class AcceptedResponse(ResponseModel):
    """A letter is on its way, if there is anybody to get it."""

    status: Literal["pending"] = "pending"


class CurrentUserResponse(User):
    """Who is signed in, and what their browser needs to change things."""

    csrf_token: str | None = None


class TotpSetupResponse(ResponseModel):
    """What an authenticator needs: the seed, and the same as a link and a picture."""

    secret: str
    otpauth_uri: str
    qr_svg: str


class IdentityResponse(ResponseModel):
    """An identity that somebody can sign in with."""

    provider: str
    email: str
    linked_at: datetime


class LinkIdentityResponse(ResponseModel):
    """Where to send the browser."""

    url: str


class RecoveryCodesResponse(ResponseModel):
    """Codes that work once each when the authenticator is lost. They are shown here and never again."""

    recovery_codes: list[str]


def check_password_strength(password: str, email: str) -> None:
    """Refuse a password that is easy to guess for who knows the address. Raises Invalid."""
    if is_weak(password, normalize_email(email)):
        raise ValidationFailed(
            "The password is too weak: it is common, derived from the email address, or a keyboard walk.",
            code="password_too_weak",
            pointer="/password",
        )
