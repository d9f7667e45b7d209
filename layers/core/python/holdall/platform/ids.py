"""IDs and secrets. No other module generates random values, so a test can seed them here.

ULIDs sort by creation time. The ID of a resource in a project starts with the ID of the project. A request that names the
resource therefore names the project too, and the guard reads everything that it needs in one round trip.
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

_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's alphabet, as in ULIDs
_PROJECT_ID_LENGTH = 12  # 60 random bits; the condition of the put detects a collision
_SECRET_LENGTH = 26  # 130 random bits
ID_PATTERN = f"[{_BASE32}]{{26}}"  # of IDs and secrets
PROJECT_ID_PATTERN = f"[{_BASE32}]{{{_PROJECT_ID_LENGTH}}}"
_ID = re.compile(ID_PATTERN)
_PROJECT_ID = re.compile(PROJECT_ID_PATTERN)
_SCOPED_ID = re.compile(f"({PROJECT_ID_PATTERN})-{ID_PATTERN}")
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TIME_LENGTH = 10  # of a ULID; the other characters are random
SHARDS = 16


def new_id() -> str:
    """Return the ID of a resource outside of projects, such as a user or a session."""
    return str(ULID.from_datetime(clock.now())).lower()


def created_at(id_: str) -> datetime:
    """Return the creation time in an ID, to the millisecond."""
    return _UNIX_EPOCH + ULID.from_str(id_.upper()).milliseconds * _MILLISECOND


def min_id_at(timestamp: datetime) -> str:
    """Return a text that sorts before every ID from this time on and after every older ID, and equals none of them."""
    # ULIDs have milliseconds, so a fraction of one is rounded up. No ID is from before 1970.
    milliseconds = max(-((_UNIX_EPOCH - timestamp) // _MILLISECOND), 0)
    return str(ULID.from_bytes(milliseconds.to_bytes(6) + bytes(10))).lower()[:_TIME_LENGTH]


def new_project_id() -> str:
    """Return the ID of a project. It is short because the IDs of everything in the project repeat it."""
    return _random_base32(_PROJECT_ID_LENGTH)


def personal_project_id(user_id: str) -> str:
    """Return the ID of the project that is created with the account of a user."""
    return user_id[-_PROJECT_ID_LENGTH:]


def new_scoped_id(project_id: str) -> str:
    """Return the ID of a resource in a project, such as a file, a version or a job."""
    return f"{project_id}-{new_id()}"


def deterministic_id(project_id: str, subject: str) -> str:
    """Return the ID of the only resource of a subject in a project. Hexadecimal digits belong to our alphabet."""
    return f"{project_id}-{sha256_hex(subject)[:26]}"


def is_id(text: str) -> bool:
    """Return whether a text has the format of `new_id`."""
    return _ID.fullmatch(text) is not None


def validate_id(text: str) -> str:
    """Return the text. Raises NotFound if it is not an ID; a longer text may not fit into a key of DynamoDB."""
    if not is_id(text):
        raise NotFound
    return text


def is_project_id(text: str) -> bool:
    """Return whether a text has the format of `new_project_id`."""
    return _PROJECT_ID.fullmatch(text) is not None


def project_id_of(scoped_id: str) -> str:
    """Return the project of a resource. Raises NotFound for a text that is not such an ID."""
    match = _SCOPED_ID.fullmatch(scoped_id)
    if match is None:
        raise NotFound
    return match[1]


def project_id_of_object_key(object_key: str) -> str:
    """Return the project in an object key, `{slug}-{projectId}/…`. Raises NotFound for a key with another format."""
    project_id = object_key.partition("/")[0][-_PROJECT_ID_LENGTH:]
    if not is_project_id(project_id):
        raise NotFound
    return project_id


def local_part(scoped_id: str) -> str:
    """Return an ID without its project."""
    return scoped_id[_PROJECT_ID_LENGTH + 1 :]


def shard(key: str, shards: int = SHARDS) -> int:
    """Return the shard of a key, from 0. Shards spread the load of a partition that every request would write to."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) % shards


def new_secret() -> str:
    """Return a secret with 130 random bits, which is safe in URLs and headers."""
    return _random_base32(_SECRET_LENGTH)


def new_bytes(length: int) -> bytes:
    """Return random bytes for keys, seeds and nonces."""
    return secrets.token_bytes(length)


def sha256_hex(text: str) -> str:
    """Return the SHA-256 digest. Long random secrets need no salt."""
    return hashlib.sha256(text.encode()).hexdigest()


def constant_time_equal(a: str, b: str) -> bool:
    """Compare two digests without revealing through timing where they differ."""
    return hmac.compare_digest(a.encode(), b.encode())


def jitter(max_seconds: float) -> float:
    """Return a random delay in seconds."""
    return random.uniform(0, max_seconds)  # noqa: S311  # not a secret


def _random_base32(length: int) -> str:
    return "".join(secrets.choice(_BASE32) for _ in range(length))
