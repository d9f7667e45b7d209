"""Users, their sessions and their email addresses."""

import contextlib
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Literal, Self

import idna
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from holdall.platform import ids
from holdall.platform.errors import Conflict, Unauthenticated
from holdall.platform.schemas import ResponseModel

SESSION_IDLE_TIMEOUT = timedelta(days=7)
SESSION_MAX_AGE = timedelta(days=30)
RECENT_AUTH_WINDOW = timedelta(minutes=10)
REFRESH_GRACE_PERIOD = timedelta(seconds=10)  # a client that lost the response gets the same successor again
_MAX_LOCAL_PART_BYTES = 64  # RFC 5321, section 4.5.3.1.1
_BROWSERS = {  # by a part of the User-Agent: the first match counts, because Edge also says Chrome, and Chrome says Safari
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
    "curl/": "curl",
    "python-requests/": "Python",
}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "Linux": "Linux",
}
SessionMode = Literal["token", "cookie"]
UserId = Annotated[str, Field(pattern=f"^{ids.ID_PATTERN}$")]
Token = Annotated[str, Field(max_length=512)]  # of any kind; the function that parses it checks its form


class InvalidToken(Unauthenticated):
    """The token is malformed, unknown, expired, revoked or of another kind. The client cannot tell which."""

    code, detail = "invalid_token", "The token is invalid or expired. Sign in again."


class EmailTaken(Conflict):
    """Another account has the address, or had it until less than 30 days ago."""

    code, detail = "email_taken", "An account with this email address already exists."


class AlreadyRotated(Exception):
    """Another request used the refresh token first, or the session was revoked. Only the service sees this error."""


class AlreadyRevoked(Exception):
    """Another request revoked the session first. Only the service sees this error."""


class AlreadyPublished(Exception):
    """Another process published the public key first. Only `signing_keys` sees this error."""


def _validate_email(text: str) -> str:
    """Return the address with its domain as A-labels (IDNA 2008, UTS 46). The local part must be a dot-atom (RFC 6531)."""
    # Its regular expressions take 15 ms to compile, and few requests contain an address.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    # Local installations use `.test` (RFC 6761), which the library accepts in a "test environment" only.
    validate = partial(validate_email, check_deliverability=False, test_environment=True)
    try:
        parsed = validate(text.strip())
        validate(normalize_email(text))  # NFKC makes "@" and ".." of characters that a local part may contain
    except EmailNotValidError as error:
        raise ValueError("must be an email address") from error
    # The library accepts `ada@test` in a test environment, and counts the characters of the local part.
    if "." not in parsed.ascii_domain or len(parsed.local_part.encode()) > _MAX_LOCAL_PART_BYTES:
        raise ValueError("must be an email address")
    return f"{parsed.local_part}@{parsed.ascii_domain}"


EmailAddress = Annotated[str, Field(min_length=3, max_length=254), AfterValidator(_validate_email)]
_EMAIL_ADDRESS_ADAPTER: TypeAdapter[str] = TypeAdapter(EmailAddress, config=ConfigDict(defer_build=True))


class User(ResponseModel):
    id: str
    email: str
    name: str
    status: Literal["active", "disabled", "deleted"]
    roles: list[str]
    created_at: datetime

    @property
    def is_active(self) -> bool:
        return self.status == "active"


@dataclass(frozen=True)
class Account:
    """A user, with what decides about their sessions and identities."""

    user: User
    generation: int  # of the sessions: those of another generation have ended
    email_verified: bool  # the user has proved that the address is theirs


@dataclass(frozen=True)
class SessionCredentials:
    """The content of an access token, whose signature was verified, or of a session cookie, whose secret was not."""

    user_id: str
    session_id: str
    secret: str | None = None  # of a cookie


@dataclass(frozen=True)
class IssuedTokens:
    """The tokens of a session. No other response contains them."""

    session_id: str
    access_token: str
    refresh_token: str
    expires_in: int  # seconds


@dataclass(frozen=True)
class IssuedCookie:
    """The cookie of a session, and the CSRF token that a change needs beside it."""

    session_id: str
    cookie: str
    csrf_token: str


IssuedSession = IssuedTokens | IssuedCookie


@dataclass(frozen=True)
class PublicKey:
    """The public half of a signing key. The private half signs from `activates_at` until a key with a higher number does."""

    kid: str
    number: int
    pem: str
    activates_at: datetime


@dataclass(frozen=True)
class StoredSession:
    """A session as it is stored. Secrets are stored as SHA-256 digests."""

    id: str
    user_id: str
    mode: SessionMode
    generation: int  # of the user's sessions when it began
    family_sha256: str  # of the half that all refresh tokens of the session share
    current_sha256: str  # of the half of the current rotation, or of the cookie's secret
    previous_sha256: str | None
    encrypted_successor: str | None  # the half of the current rotation, encrypted under the previous one
    rotated_at: datetime
    created_at: datetime
    authenticated_at: datetime  # when the user last entered a password or a second factor
    last_used_at: datetime  # as of the first use and of refreshes; a cookie has a record of its last use
    revoked: bool
    client_ip: str
    user_agent: str

    @property
    def expires_at(self) -> datetime:
        return min(self.last_used_at + SESSION_IDLE_TIMEOUT, self.created_at + SESSION_MAX_AGE)

    def is_active(self, now: datetime) -> bool:
        return not self.revoked and now < self.expires_at

    def used_at(self, last_used_at: datetime | None) -> Self:
        """Return the session with the recorded time of its last use, if there is one."""
        return replace(self, last_used_at=last_used_at) if last_used_at else self

    def is_recently_authenticated(self, now: datetime) -> bool:
        """Return whether the user authenticated so recently that security settings may be changed."""
        return now - self.authenticated_at <= RECENT_AUTH_WINDOW


class Session(ResponseModel):
    """A session as its user sees it."""

    id: str
    device: str
    mode: SessionMode
    client_ip: str
    created_at: datetime
    last_used_at: datetime
    current: bool


def describe_device(user_agent: str) -> str:
    """Return a name for the device with a User-Agent, such as "Firefox on Linux"."""
    names = [
        next((name for part, name in table.items() if part in user_agent), None) for table in (_BROWSERS, _SYSTEMS)
    ]
    return " on ".join(name for name in names if name) or "Unknown device"


def normalize_email(email: str) -> str:
    """Return the form in which an address is unique: trimmed, the local part casefolded in NFKC, the domain as A-labels.

    Accepts any text: the form of a text that is not an address belongs to no account.
    """
    local, _, domain = email.strip().rpartition("@")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", local).casefold())
    with contextlib.suppress(UnicodeError):  # idna.IDNAError is one
        domain = idna.encode(domain, uts46=True).decode()
    return f"{folded}@{domain}"


def parse_email_or_none(text: str | None) -> str | None:
    """Return an address that an identity provider or an operator sent, or None if it is not valid."""
    try:
        return _EMAIL_ADDRESS_ADAPTER.validate_python(text)
    except ValidationError:
        return None
