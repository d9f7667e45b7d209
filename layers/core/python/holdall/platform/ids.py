"""Identifiers and secrets. Nothing else in Holdall draws random numbers, so a test seeds one place.

Ids sort by the moment of their birth (ULID). Whatever lives in a project has an id that begins with the project's, so a
request names its project whatever it names, and the caller's rights there are read in the first round trip.
"""

import hashlib
import hmac
import random
import re
import secrets
from datetime import UTC, datetime, timedelta

from ulid import ULID

from holdall.platform import clock
from holdall.platform.errors import NotFound

_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, as in ULID
_PROJECT_LENGTH = 12  # 60 random bits; the create condition catches the collision that never comes
_SECRET_LENGTH = 26  # 130 random bits
ID_PATTERN = f"[{_BASE32}]{{26}}"  # of IDs and secrets
PROJECT_ID_PATTERN = f"[{_BASE32}]{{{_PROJECT_LENGTH}}}"
_ID = re.compile(ID_PATTERN)
_SCOPED_ID = re.compile(f"({PROJECT_ID_PATTERN})-{ID_PATTERN}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)  # of a ULID
_TIME_LENGTH = 10  # of a ULID, the random ones follow
SHARDS = 16


def new_id() -> str:
    """The id of something that stands alone: a user, a session."""
    return str(ULID.from_datetime(clock.now())).lower()


def created_at(id_: str) -> datetime:
    """When something that stands alone was born, to the millisecond."""
    return _EPOCH + ULID.from_str(id_.upper()).milliseconds * _MILLISECOND


def min_id_at(timestamp: datetime) -> str:
    """What sorts behind all ids that were born before a moment, and before all others. No id is equal to it.

    Ids know milliseconds: a moment within one lies behind it. Before 1970 nothing was born.
    """
    ticks = max(-((_EPOCH - timestamp) // _MILLISECOND), 0)
    return str(ULID.from_bytes(ticks.to_bytes(6) + bytes(10))).lower()[:_TIME_LENGTH]


def new_project_id() -> str:
    """The id of a project, short because everything in the project repeats it."""
    return _random_base32(_PROJECT_LENGTH)


def personal_project_id(user_id: str) -> str:
    """The id of the project that is made with a user's account, known without a read."""
    return user_id[-_PROJECT_LENGTH:]


def new_scoped_id(project_id: str) -> str:
    """The id of something in a project: a file, a version, a job."""
    return f"{project_id}-{new_id()}"


def deterministic_id(project_id: str, subject: str) -> str:
    """The id of the one thing in a project that is about a subject. Hexadecimal digits are letters of our alphabet."""
    return f"{project_id}-{sha256_hex(subject)[:26]}"


def is_id(text: str) -> bool:
    """Whether this is written like the id of something that stands alone."""
    return _ID.fullmatch(text) is not None


def validate_id(text: str) -> str:
    """The id, if this is written like one. Raises NotFound: what is no id may be too long for a key, and is nobody's."""
    if not is_id(text):
        raise NotFound
    return text


def is_project_id(text: str) -> bool:
    """Whether this is written like the id of a project."""
    return len(text) == _PROJECT_LENGTH and not set(text) - set(_BASE32)


def project_id_of(scoped_id: str) -> str:
    """The project that an id belongs to. Raises NotFound for a string that is no such id."""
    match = _SCOPED_ID.fullmatch(scoped_id)
    if match is None:
        raise NotFound
    return match.group(1)


def project_id_of_object_key(object_key: str) -> str:
    """The project whose objects' keys begin so. Raises NotFound for a key that is none of ours."""
    project_id = object_key.partition("/")[0][-_PROJECT_LENGTH:]
    if not is_project_id(project_id):
        raise NotFound
    return project_id


def local_part(scoped_id: str) -> str:
    """The part of an id behind its project's."""
    return scoped_id[_PROJECT_LENGTH + 1 :]


def shard(key: str, shards: int = SHARDS) -> int:
    """The suffix, from 0, that spreads a key which everything would write to."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) % shards


def new_secret() -> str:
    """A secret of 130 random bits, safe in a URL and in a header."""
    return _random_base32(_SECRET_LENGTH)


def new_bytes(length: int) -> bytes:
    """Random bytes, for keys, seeds and nonces."""
    return secrets.token_bytes(length)


def sha256_hex(text: str) -> str:
    """What is stored of a secret. A plain SHA-256 suffices, as our secrets are random and long."""
    return hashlib.sha256(text.encode()).hexdigest()


def constant_time_equal(a: str, b: str) -> bool:
    """Whether two digests are equal, in a time that tells nothing."""
    return hmac.compare_digest(a.encode(), b.encode())


def jitter(max_seconds: float) -> float:
    """A random pause before another attempt, between 0 and `longest` seconds."""
    return random.uniform(0, max_seconds)  # noqa: S311  # a pause is no secret


def _random_base32(length: int) -> str:
    return "".join(secrets.choice(_BASE32) for _ in range(length))
