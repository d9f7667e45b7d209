"""Accounts: the credentials that prove them, the requests that change them, and what can fail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from holdall.accounts.password_strength import is_weak
from holdall.iam.model import EmailAddress, SessionMode, Token, User, normalize_email
from holdall.iam.tokens import TokenKind
from holdall.platform.errors import Conflict, Forbidden, NotFound, Unauthenticated, ValidationFailed
from holdall.platform.schemas import NewPassword, Password, RequestModel, ResponseModel
from holdall.projects.model import Name
from holdall.roles.model import RoleNames

MAX_ROLES = 20  # of a user


class SignUpClosed(Forbidden):
    code, detail = "sign_up_closed", "This installation creates accounts by invitation only."


class DeveloperTokensDisabled(Forbidden):
    code, detail = "developer_tokens_disabled", "Developer tokens are disabled in this stage."


class OperatorOnly(Forbidden):
    code, detail = "operator_only", "Only the operator of this installation can create superusers."


class InvalidCredentials(Unauthenticated):
    """The account is unknown or not active, or the password is wrong. The client cannot tell which."""

    code, detail = "invalid_credentials", "The email address or the password is incorrect."


class WrongCode(Unauthenticated):
    code, detail = "wrong_code", "The code is incorrect or was already used."


class UserNotFound(NotFound):
    code, detail = "user_not_found", "No account has this email address."


class AccountChanged(Conflict):
    code, detail = "account_changed", "The account changed meanwhile. Try again."


class UserChanged(Conflict):
    code, detail = "user_changed", "The user changed meanwhile. Try again."


class PasswordExists(Conflict):
    code, detail = "password_exists", "The account already has a password."


class PasswordChanged(Conflict):
    code, detail = "password_changed", "The password changed meanwhile. Sign in again."


class MfaAlreadyEnabled(Conflict):
    code, detail = "wrong_state", "Two-factor authentication is already enabled."


class MfaNotEnabled(Conflict):
    code, detail = "wrong_state", "Two-factor authentication is not enabled."


class OwnAccount(Conflict):
    """Callers delete their own account with their password, because a session that they forgot somewhere is not enough."""

    code, detail = "own_account", "Use DELETE /users/me with your password to delete your own account."


class TooManyRoles(Conflict):
    code, detail = "too_many_roles", f"A user can have at most {MAX_ROLES} roles."


class UnknownRole(ValidationFailed):
    code, detail = "unknown_role", "This role does not exist."


class PasswordTooWeak(ValidationFailed):
    code, detail = "password_too_weak", "The password is too weak: it is common or derived from the email address."


@dataclass(frozen=True)
class StoredChallenge:
    """A challenge as it is stored. `payload` is the JSON of a payload class of `challenges`."""

    kind: TokenKind
    lookup_id: str
    secret_sha256: str
    expires_at: datetime
    payload: str


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
        """Return the text that no other identity has."""
        return f"{self.issuer} {self.subject}"


@dataclass(frozen=True)
class TotpFactor:
    """A second factor. It counts when it is enabled."""

    encrypted_seed: str
    enabled: bool
    last_step: int  # the last time step whose code was used
    enabled_at: datetime | None  # None if it is not enabled, or an earlier release enabled it


AnyEmailAddress = Annotated[str, Field(max_length=254)]  # not validated, because only that of an account has an effect
TotpCode = Annotated[str, Field(max_length=64)]
RecoveryCode = Annotated[str, Field(max_length=64)]


class SignUpRequest(RequestModel):
    email: EmailAddress
    password: NewPassword
    name: Name | None = None


class VerifyEmailRequest(RequestModel):
    """The token of a sign-up, and the password of the sign-up: the token alone does not show who chose it."""

    token: Token
    password: Password
    mode: SessionMode = "token"


class EmailRequest(RequestModel):
    email: AnyEmailAddress


class LoginRequest(RequestModel):
    email: AnyEmailAddress
    password: Password
    mode: SessionMode = "token"


class RefreshRequest(RequestModel):
    refresh_token: Token


class ResetPasswordRequest(RequestModel):
    token: Token
    password: NewPassword


class ChangePasswordRequest(RequestModel):
    current_password: Password
    new_password: NewPassword


class ChangeEmailRequest(RequestModel):
    email: EmailAddress
    password: Password


class TokenRequest(RequestModel):
    token: Token


class PasswordRequest(RequestModel):
    password: Password


class UpdateProfileRequest(RequestModel):
    name: Name


class CreateUserRequest(RequestModel):
    """A new user. A user without a password gets an invitation to choose one."""

    email: EmailAddress
    password: NewPassword | None = None
    name: Name | None = None
    roles: RoleNames


class UnsupportedFilter(ValidationFailed):
    code, detail = "unsupported_combination", "Look for an email address or for IDs, but not for both."


class ListedUser(User):
    """A user as an administrator sees them."""

    invited: bool = Field(description="No one can sign in: the user has not accepted the invitation.")


class UpdateUserRequest(RequestModel):
    """A partial update of a user."""

    name: Name | None = None
    status: Literal["active", "disabled"] | None = None


class VerifyMfaRequest(RequestModel):
    """The second step of a sign-in, with one of two kinds of codes."""

    mfa_token: Token
    code: TotpCode | None = None
    recovery_code: RecoveryCode | None = None
    mode: SessionMode = "token"

    @model_validator(mode="after")
    def _require_exactly_one_code(self) -> Self:
        if (self.code is None) == (self.recovery_code is None):
            raise ValueError("exactly one of code and recoveryCode is required")
        return self


class TotpCodeRequest(RequestModel):
    code: TotpCode


class RefreshResponse(ResponseModel):
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a token type (RFC 6750), not a secret
    expires_in: int  # seconds
    refresh_token: str


class TokenResponse(RefreshResponse):
    user: User


class CookieSessionResponse(ResponseModel):
    """A sign-in with a cookie, which is in a header."""

    csrf_token: str
    user: User


class MfaRequiredResponse(ResponseModel):
    """A sign-in that needs a second factor."""

    mfa_required: Literal[True] = True
    mfa_token: str
    methods: list[Literal["totp", "recovery_code"]]


class SignUpResponse(ResponseModel):
    user: User


class AcceptedResponse(ResponseModel):
    """The request was accepted. An email is on its way if the address has an account."""

    status: Literal["pending"] = "pending"


class CurrentUserResponse(User):
    permissions: list[str]  # in the whole installation
    mfa_enabled: bool = False
    mfa_enabled_at: datetime | None = None  # not known of one that an earlier release enabled
    csrf_token: str | None = None  # of the session cookie


class TotpSetupResponse(ResponseModel):
    """A seed for an authenticator app, and the same seed as a URI and a QR code."""

    secret: str
    otpauth_uri: str
    qr_svg: str


class IdentityResponse(ResponseModel):
    provider: str
    email: str
    linked_at: datetime


class LinkIdentityResponse(ResponseModel):
    url: str  # of the provider, for the browser


class RecoveryCodesResponse(ResponseModel):
    """Codes for the loss of the authenticator app. Each works once. No other response contains them."""

    recovery_codes: list[str]


def check_password_strength(password: str, email: str) -> None:
    """Raise PasswordTooWeak for a password that an attacker who knows the address tries first."""
    if is_weak(password, normalize_email(email)):
        raise PasswordTooWeak(pointer="/password")
