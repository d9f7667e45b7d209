"""What a user is, what a session is, and the rules of both."""

import contextlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from holdall.platform.errors import Unauthenticated
from holdall.platform.schemas import ResponseModel

SESSION_IDLE_TIMEOUT = timedelta(days=7)
SESSION_MAX_AGE = timedelta(days=30)
RECENT_AUTH_WINDOW = timedelta(minutes=10)
LAST_USED_INTERVAL = timedelta(minutes=1)  # how often the last use of a cookie is written, at the most
REFRESH_GRACE_PERIOD = timedelta(seconds=10)  # how long a client whose answer was lost gets the same one again
SessionMode = Literal["token", "cookie"]
# What a token may look like is its reader's business; the bound only spares us work.
Token = Annotated[str, Field(max_length=512)]


def _validate_email(text: str) -> str:
    local, at, domain = text.strip().rpartition("@")
    if not at or not local or len(local.encode()) > 64:
        raise ValueError("must be an email address")
    # Its normal form is what counts, and NFKC makes an @ or a space of signs that only remind of them.
    signs = unicodedata.normalize("NFKC", local) + unicodedata.normalize("NFKC", domain)
    if any(sign == "@" or unicodedata.category(sign)[0] in "CZ" for sign in signs):
        raise ValueError("must be an email address")
    try:
        name = unicodedata.normalize("NFKC", domain).encode("idna").decode().lower()
    except UnicodeError as error:
        raise ValueError("must be an email address") from error
    if "." not in name.strip(".") or not all(name.split(".")):
        raise ValueError("must be an email address")
    return f"{local}@{name}"


EmailAddress = Annotated[str, Field(min_length=3, max_length=254), AfterValidator(_validate_email)]
_EMAIL_ADDRESS_ADAPTER: TypeAdapter[str] = TypeAdapter(EmailAddress)


class User(ResponseModel):
    """Somebody with an account."""

    id: str
    email: str
    name: str
    status: Literal["active", "disabled", "deleted"]
    roles: list[str]
    created_at: datetime


@dataclass(frozen=True)
class Account:
    """A user as requests need them: with the generation of their sessions that counts."""

    user: User
    generation: int
    email_verified: bool  # whether the address is known to be theirs


@dataclass(frozen=True)
class SessionCredentials:
    """Who a token or a cookie says is asking. `secret` is what a cookie proves itself with; a token proved itself."""

    user_id: str
    session_id: str
    secret: str | None = None


@dataclass(frozen=True)
class PublicKey:
    """The public half of a key of access tokens, and from when on its private half signs."""

    kid: str
    number: int
    pem: str
    activates_at: datetime


@dataclass(frozen=True)
class StoredSession:
    """One sign-in and what came of it. All secrets are digests."""

    id: str
    user_id: str
    mode: SessionMode
    generation: int  # of the user's sessions: one of another generation is ended
    family_sha256: str  # of refresh tokens: the half of their secret that all share
    current_sha256: str  # the half of this rotation, or the secret of the cookie
    previous_sha256: str | None
    encrypted_successor: str | None  # the current rotation's secret, sealed under the previous one
    rotated_at: datetime
    created_at: datetime
    authenticated_at: datetime  # when a password or a second factor was last shown
    last_used_at: datetime
    expires_at: datetime
    revoked: bool
    client_ip: str
    user_agent: str

    def is_active(self, now: datetime) -> bool:
        """Whether it still counts."""
        return not self.revoked and now < self.expires_at

    def is_recently_authenticated(self, now: datetime) -> bool:
        """Whether its user proved to be there a short while ago."""
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


def expiry(created_at: datetime, last_used_at: datetime) -> datetime:
    """When a session ends that was last used at this moment."""
    return min(last_used_at + SESSION_IDLE_TIMEOUT, created_at + SESSION_MAX_AGE)


def describe_device(user_agent: str) -> str:
    """What a person would call the program behind a User-Agent."""
    names = {
        "Edg/": "Edge",
        "OPR/": "Opera",
        "Firefox/": "Firefox",
        "Chrome/": "Chrome",
        "Safari/": "Safari",
        "curl/": "curl",
        "python-requests/": "Python",
    }
    systems = {
        "iPhone": "iPhone",
        "iPad": "iPad",
        "Android": "Android",
        "Windows": "Windows",
        "Mac OS": "macOS",
        "Linux": "Linux",
    }
    program = next((name for sign, name in names.items() if sign in user_agent), "")
    system = next((name for sign, name in systems.items() if sign in user_agent), "")
    return " on ".join(part for part in (program, system) if part) or "Unknown device"


def normalize_email(email: str) -> str:
    """The one form of an address under which it is unique: trimmed, NFKC, casefolded, its domain in IDNA."""
    local, _, domain = email.strip().rpartition("@")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", local).casefold())
    with contextlib.suppress(UnicodeError):  # such an address belongs to nobody
        domain = unicodedata.normalize("NFKC", domain).encode("idna").decode()
    return f"{folded}@{domain.lower()}"


def parse_email_or_none(text: str | None) -> str | None:
    """An address as somebody else tells it, or None when it is none that we take."""
    try:
        return _EMAIL_ADDRESS_ADAPTER.validate_python(text)
    except ValidationError:
        return None


def invalid_token() -> Unauthenticated:
    """One failure for every way in which a token may be wrong."""
    return Unauthenticated("The token is invalid or expired. Sign in again.", code="invalid_token")
