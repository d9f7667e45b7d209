"""What a user is, what a session is, and the rules of both."""

import contextlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from holdall.errors import Unauthenticated
from holdall.shape import Shown

IDLE = timedelta(days=7)
LONGEST = timedelta(days=30)
FRESH = timedelta(minutes=10)
TOUCHED = timedelta(minutes=1)  # how often the last use of a cookie is written, at the most
SAME_SUCCESSOR = timedelta(seconds=10)  # how long a client whose answer was lost gets the same one again
Mode = Literal["token", "cookie"]
# What a token may look like is its reader's business; the bound only spares us work.
Token = Annotated[str, Field(max_length=512)]


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


Address = Annotated[str, Field(min_length=3, max_length=254), AfterValidator(_address)]
_ADDRESS: TypeAdapter[str] = TypeAdapter(Address)


class User(Shown):
    """Somebody with an account."""

    id: str
    email: str
    name: str
    status: Literal["active", "disabled", "deleted"]
    roles: list[str]
    created_at: datetime


@dataclass(frozen=True)
class Known:
    """A user as requests need them: with the generation of their sessions that counts."""

    user: User
    generation: int
    proven: bool  # whether the address is known to be theirs


@dataclass(frozen=True)
class Claims:
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
    signs_from: datetime


@dataclass(frozen=True)
class Session:
    """One sign-in and what came of it. All secrets are digests."""

    id: str
    user_id: str
    mode: Mode
    generation: int  # of the user's sessions: one of another generation is ended
    family: str  # of refresh tokens: the half of their secret that all share
    current: str  # the half of this rotation, or the secret of the cookie
    previous: str | None
    successor: str | None  # the current rotation's secret, sealed under the previous one
    rotated_at: datetime
    created_at: datetime
    verified_at: datetime  # when a password or a second factor was last shown
    used_at: datetime
    expires_at: datetime
    ended: bool
    address: str
    agent: str

    def live(self, now: datetime) -> bool:
        """Whether it still counts."""
        return not self.ended and now < self.expires_at

    def fresh(self, now: datetime) -> bool:
        """Whether its user proved to be there a short while ago."""
        return now - self.verified_at <= FRESH


class Device(Shown):
    """A session as its user sees it."""

    id: str
    device: str
    mode: Mode
    address: str
    created_at: datetime
    last_used_at: datetime
    current: bool


def expiry(session_born: datetime, used: datetime) -> datetime:
    """When a session ends that was last used at this moment."""
    return min(used + IDLE, session_born + LONGEST)


def device(agent: str) -> str:
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
    program = next((name for sign, name in names.items() if sign in agent), "")
    system = next((name for sign, name in systems.items() if sign in agent), "")
    return " on ".join(part for part in (program, system) if part) or "Unknown device"


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


def invalid_token() -> Unauthenticated:
    """One failure for every way in which a token may be wrong."""
    return Unauthenticated("invalid_token", "This token is not valid, or no longer. Sign in again.")
