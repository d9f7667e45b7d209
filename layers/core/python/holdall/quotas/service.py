"""Quotas of projects and of the installation.

The counters change in the transactions of what they count. The quota of a project is exact: it is never exceeded, and released
once. The limit of the installation is soft, because an exact one would need a record that every upload writes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from holdall.platform import clock
from holdall.platform.config import settings
from holdall.platform.table import BatchGet, Transaction
from holdall.quotas import store
from holdall.quotas.model import (
    SHARDS,
    FileTooLarge,
    InstallationFull,
    ProjectUsage,
    QuotaLimits,
    QuotaUsage,
    StoredVersion,
    UsageBreakdown,
    to_response,
    variant_usage,
    version_usage,
)
from holdall.quotas.store import correct, correct_installation, create, delete, freeze, get_usage, release, unfreeze

__all__ = ["correct", "correct_installation", "create", "delete", "freeze", "get_usage", "release", "unfreeze"]

_CACHE_TTL = timedelta(seconds=10)


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


def reserve(tx: Transaction, project_id: str, size: int, *, version_id: str, limits: QuotaLimits) -> None:
    """Reserve room for an original of `size` bytes in its project and in the installation.

    Raises FileTooLarge, and InstallationFull if the installation had no room at most ten seconds ago. The transaction raises
    QuotaExceeded if the project has no room. One round trip every ten seconds.
    """
    if size > limits.max_file_bytes:
        detail = f"A file of this project must not be larger than {limits.max_file_bytes} bytes."
        raise FileTooLarge(detail, pointer="/size")
    usage = _cache.get()
    if usage.bytes + size > settings().max_bytes or usage.files + 1 > settings().max_files:
        raise InstallationFull
    store.reserve(tx, project_id, size, version_id=version_id, limits=limits)


def get_installation_usage() -> QuotaUsage:
    """Return the usage of the installation. One round trip."""
    with BatchGet() as batch:
        shards = [store.get_installation_shard(batch, shard) for shard in range(SHARDS)]
    return sum((shard.value for shard in shards if shard.value is not None), QuotaUsage())


def get_project_usage(project_id: str, *, limits: QuotaLimits) -> ProjectUsage:
    """Return the usage of a project, in total and by kind. One round trip."""
    with BatchGet() as batch:
        total = store.get_usage(batch, project_id)
        shards = [store.get_breakdown_shard(batch, project_id, shard) for shard in range(SHARDS)]
    return to_response(total.value or QuotaUsage(), _sum(shard.value for shard in shards), limits)


def count_images(project_id: str) -> int:
    """Return the number of versions of images in a project. One round trip."""
    with BatchGet() as batch:
        shards = [store.get_breakdown_shard(batch, project_id, shard) for shard in range(SHARDS)]
    return _sum(shard.value for shard in shards).images


def add_version(tx: Transaction, project_id: str, kind: str, version: StoredVersion) -> None:
    """Count a new version with its variants by kind."""
    store.add_to_breakdown(tx, project_id, version.id, version_usage(kind, version))


def remove_version(tx: Transaction, project_id: str, kind: str, version: StoredVersion) -> None:
    """Stop counting a purged version with its variants by kind."""
    store.add_to_breakdown(tx, project_id, version.id, -version_usage(kind, version))


def update_variants(tx: Transaction, project_id: str, *, before: StoredVersion, after: StoredVersion) -> None:
    """Count the difference between the variants of a version before and after the transaction."""
    store.add_to_breakdown(tx, project_id, after.id, variant_usage(after) + -variant_usage(before))


def _sum(shards: Iterable[UsageBreakdown | None]) -> UsageBreakdown:
    return sum((shard for shard in shards if shard is not None), UsageBreakdown())
