"""Quotas of projects and of the installation.

The counters change in the transactions of what they count. Two limits are exact: the quota of a project, and what the open
uploads of a user may reserve. Two are soft, because they are compared with counters that were read before: the limit of the
installation, since an exact one would need a record that every upload writes, and what the open uploads of a project may
reserve.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter

from holdall.platform import clock
from holdall.platform.config import settings
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.quotas import store
from holdall.quotas.model import (
    SHARDS,
    FileTooLarge,
    InstallationFull,
    ProjectUsage,
    QuotaExceeded,
    QuotaLimits,
    QuotaUsage,
    StoredVersion,
    TooMuchOpen,
    UsageBreakdown,
    open_uploads,
    original_usage,
    to_response,
    version_usage,
)
from holdall.quotas.store import (
    add_api_key,
    close_upload,
    correct,
    correct_installation,
    create,
    delete,
    freeze,
    get_usage,
    release,
    remove_api_key,
    unfreeze,
)

__all__ = [
    "add_api_key",
    "close_upload",
    "correct",
    "correct_installation",
    "create",
    "delete",
    "freeze",
    "get_usage",
    "release",
    "remove_api_key",
    "unfreeze",
]

_CACHE_TTL = timedelta(seconds=10)
_SHARE_FRACTION = 10  # of what a user may have open: what strangers may have open by one share, beside it


@dataclass
class _InstallationCache:
    """The usage of the installation, which this process reads again when it is ten seconds old."""

    usage: QuotaUsage = field(default_factory=QuotaUsage)
    read_at: datetime | None = None

    def get(self) -> QuotaUsage:
        now = clock.now()
        if self.read_at is None or now - self.read_at >= _CACHE_TTL:
            self.usage, self.read_at = get_installation_usage(), now
        return self.usage


_cache = _InstallationCache()


@dataclass(frozen=True)
class UsageLookup:
    """The counters of a project."""

    total: Pending[QuotaUsage]
    shards: list[Pending[UsageBreakdown]]

    @property
    def usage(self) -> QuotaUsage:
        return self.total.value or QuotaUsage()

    @property
    def breakdown(self) -> UsageBreakdown:
        return _sum(self.shards)


def load_usage(batch: BatchGet, project_id: str) -> UsageLookup:
    """Read the counters of a project."""
    return UsageLookup(store.get_usage(batch, project_id), _load_shards(batch, project_id))


def reserve(
    tx: Transaction,
    project_id: str,
    size: int,
    *,
    opener_id: str,
    is_share: bool,
    version_id: str,
    limits: QuotaLimits,
    lookup: UsageLookup,
) -> None:
    """Reserve room for an upload of `size` bytes by a user, or by strangers with a share, in its project and the installation.

    Raises FileTooLarge, TooMuchOpen, and InstallationFull if the installation had no room at most ten seconds ago. The
    transaction raises QuotaExceeded and TooMuchOpen. One round trip every ten seconds.
    """
    check_file_size(size, limits)
    _check_installation(size, files=1)
    max_open_bytes = settings().max_open_bytes_per_user // (_SHARE_FRACTION if is_share else 1)
    is_above_project = open_uploads(lookup.usage, lookup.breakdown).bytes + size > settings().max_open_bytes_per_project
    if is_above_project or size > max_open_bytes:
        raise TooMuchOpen
    store.reserve(tx, project_id, size, version_id=version_id, limits=limits)
    store.open_upload(tx, opener_id, size, max_bytes=max_open_bytes)


def check_file_size(size: int, limits: QuotaLimits) -> None:
    """Raise FileTooLarge if a file of the project must not have this size."""
    if size > limits.max_file_bytes:
        detail = f"A file of this project must not be larger than {limits.max_file_bytes} bytes."
        raise FileTooLarge(detail, pointer="/size")


def resize(tx: Transaction, project_id: str, *, reserved: int, size: int, version_id: str, limits: QuotaLimits) -> None:
    """Count the real size of an original that was reserved without it.

    Raises InstallationFull as `reserve` does. The transaction raises QuotaExceeded. One round trip every ten seconds, if the
    original is larger than what was reserved.
    """
    if size > reserved:
        _check_installation(size - reserved, files=0)
    if size != reserved:
        store.resize(tx, project_id, size - reserved, version_id=version_id, limits=limits)


def get_room(project_id: str, user_id: str, limits: QuotaLimits) -> int:
    """Return the bytes that the next upload of a user in a project can reserve. One round trip, and one every ten seconds.

    Raises QuotaExceeded, InstallationFull and TooMuchOpen if there is no room.
    """
    with BatchGet() as batch:
        lookup, open_by_user = load_usage(batch, project_id), store.get_open_bytes(batch, user_id)
    open_in_project = open_uploads(lookup.usage, lookup.breakdown).bytes
    rooms = {
        QuotaExceeded: min(limits.max_bytes - lookup.usage.bytes, limits.max_file_bytes),
        InstallationFull: settings().max_bytes - _cache.get().bytes,
        TooMuchOpen: min(
            settings().max_open_bytes_per_user - (open_by_user.value or 0),
            settings().max_open_bytes_per_project - open_in_project,
        ),
    }
    error, room = min(rooms.items(), key=itemgetter(1))
    if lookup.usage.files >= limits.max_files:
        raise QuotaExceeded
    if room <= 0:
        raise error
    return room


def get_installation_usage() -> QuotaUsage:
    """Return the usage of the installation. One round trip."""
    with BatchGet() as batch:
        shards = [store.get_installation_shard(batch, shard) for shard in range(SHARDS)]
    return sum((shard.value for shard in shards if shard.value is not None), QuotaUsage())


def get_project_usage(project_id: str, *, limits: QuotaLimits, max_limits: QuotaLimits) -> ProjectUsage:
    """Return the usage of a project, in total and by kind. One round trip."""
    with BatchGet() as batch:
        lookup = load_usage(batch, project_id)
    return to_response(lookup.usage, lookup.breakdown, limits, max_limits)


def get_breakdown(project_id: str) -> UsageBreakdown:
    """Return the usage of a project by kind. One round trip."""
    with BatchGet() as batch:
        shards = _load_shards(batch, project_id)
    return _sum(shards)


def add_version(tx: Transaction, project_id: str, version: StoredVersion) -> None:
    """Count a new version with its variants by kind. The transaction raises NotFound if the project is deleted."""
    store.add_to_breakdown(tx, project_id, version.id, version_usage(version), to_active=True)


def remove_version(tx: Transaction, project_id: str, version: StoredVersion) -> None:
    """Stop counting a purged version with its variants by kind."""
    store.add_to_breakdown(tx, project_id, version.id, -version_usage(version))


def update_version(tx: Transaction, project_id: str, *, before: StoredVersion, after: StoredVersion) -> None:
    """Count the difference between a version with its variants before and after the transaction. Its kind may change."""
    store.add_to_breakdown(tx, project_id, after.id, version_usage(after) + -version_usage(before))


def move_original(tx: Transaction, project_id: str, *, before: StoredVersion, after: StoredVersion) -> None:
    """Count an original for another version that shares it. This changes something only if their kinds differ."""
    store.add_to_breakdown(tx, project_id, after.id, original_usage(after) + -original_usage(before))


def _check_installation(size: int, *, files: int) -> None:
    """Raise InstallationFull if the installation had no room for this at most ten seconds ago."""
    usage = _cache.get()
    if usage.bytes + size > settings().max_bytes or usage.files + files > settings().max_files:
        raise InstallationFull


def _load_shards(batch: BatchGet, project_id: str) -> list[Pending[UsageBreakdown]]:
    return [store.get_breakdown_shard(batch, project_id, shard) for shard in range(SHARDS)]


def _sum(shards: list[Pending[UsageBreakdown]]) -> UsageBreakdown:
    return sum((shard.value for shard in shards if shard.value is not None), UsageBreakdown())
