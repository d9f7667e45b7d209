"""What a project and the whole installation may hold, and what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from holdall.platform.schemas import ResponseModel

SHARDS = 16  # of counters that everything would write to


@dataclass(frozen=True)
class EffectiveQuota:
    """How much a project may hold: what its quota says, and never more than the installation allows."""

    max_bytes: int
    max_files: int
    max_file_bytes: int


@dataclass(frozen=True)
class QuotaUsage:
    """What a project holds, or a part of the installation, counted. `moves` counts what came and went."""

    bytes: int = 0
    files: int = 0
    version: int = 0


@dataclass(frozen=True)
class Shard:
    """One of the parts in which the installation is counted. `within` are the caps that it was last fitted to."""

    usage: QuotaUsage = QuotaUsage()
    limit_version: str | None = None


@dataclass(frozen=True)
class InstallationLimit:
    """How much the whole installation may hold. Each part may reach a share of it, so their sum never passes it."""

    bytes: int
    files: int

    @property
    def version(self) -> str:
        """What a part keeps of the caps that it was fitted to."""
        return f"{self.bytes} {self.files}"

    def shard_limit(self, shard: int) -> QuotaUsage:
        """What a part may reach; what is left over by the division goes to the first ones."""
        return QuotaUsage(_shard_limit(self.bytes, shard), _shard_limit(self.files, shard))


@dataclass(frozen=True)
class Reservation:
    """Where in the installation's counters an original of `size` bytes is counted: a change of each part that is moved.

    `fits` says that all parts are fitted to the cap with it; without it they are already.
    """

    size: int
    limit: InstallationLimit
    changes: dict[int, QuotaUsage]
    rebalances: bool = False


def single_shard_reservation(limit: InstallationLimit, shard: int, size: int) -> Reservation:
    """One part alone."""
    return Reservation(size, limit, {shard: QuotaUsage(size, 1)})


def allocate(limit: InstallationLimit, shards: Sequence[Shard], first_shard: int, size: int) -> Reservation | None:
    """Parts that have room for an original together, from the `first` on; None when there is not enough in all.

    Parts that were not fitted to this cap are, with the same moves: what passes a share goes where there is room.
    """
    order = [(first_shard + step) % SHARDS for step in range(SHARDS)]
    fits = any(part.limit_version != limit.version for part in shards)
    more_bytes = _distribute(
        [shards[each].usage.bytes for each in order], [limit.shard_limit(each).bytes for each in order], size
    )
    more_files = _distribute(
        [shards[each].usage.files for each in order], [limit.shard_limit(each).files for each in order], 1
    )
    if more_bytes is None or more_files is None:
        return None
    moves = {each: QuotaUsage(*more) for each, *more in zip(order, more_bytes, more_files, strict=True)}
    return Reservation(size, limit, {each: move for each, move in moves.items() if fits or move != QuotaUsage()}, fits)


def _shard_limit(total: int, shard: int) -> int:
    return total // SHARDS + (shard < total % SHARDS)


def _distribute(used: Sequence[int], shard_limits: Sequence[int], increase: int) -> list[int] | None:
    """How each part changes to take `more` in, so that none is above its share; None when the sum of the shares is passed."""
    if sum(used) + increase > sum(shard_limits):
        return None
    changes = [min(share - has, 0) for has, share in zip(used, shard_limits, strict=True)]
    rest = increase - sum(changes)
    for number, (has, share) in enumerate(zip(used, shard_limits, strict=True)):
        taken = min(max(share - has, 0), rest)
        changes[number] += taken
        rest -= taken
    return changes


class StoredVariant(Protocol):
    """A variant, as far as it is counted."""

    @property
    def status(self) -> str:
        """Only what is ready counts."""

    @property
    def size(self) -> int | None:
        """In bytes."""


class StoredVersion(Protocol):
    """A version, as far as it is counted."""

    @property
    def id(self) -> str:
        """Its id, of which all that belongs to it is counted in one part."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def variants(self) -> Sequence[StoredVariant]:
        """What was drawn of it, or will be."""


@dataclass(frozen=True)
class UsageBreakdown:
    """What lies in a project: versions by kind, and what was drawn of them. A change of it has numbers below zero."""

    image_bytes: int = 0
    images: int = 0
    file_bytes: int = 0
    files: int = 0
    variant_bytes: int = 0
    variants: int = 0

    def __add__(self, other: "UsageBreakdown") -> "UsageBreakdown":
        return UsageBreakdown(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __neg__(self) -> "UsageBreakdown":
        return UsageBreakdown(*(-getattr(self, each.name) for each in fields(self)))


def version_usage(kind: str, version: StoredVersion) -> UsageBreakdown:
    """What a version is counted as."""
    own = (
        UsageBreakdown(image_bytes=version.size, images=1)
        if kind == "image"
        else UsageBreakdown(file_bytes=version.size, files=1)
    )
    return own + variant_usage(version)


def variant_usage(version: StoredVersion) -> UsageBreakdown:
    """What the variants of a version are counted as."""
    sizes = [each.size or 0 for each in version.variants if each.status == "ready"]
    return UsageBreakdown(variant_bytes=sum(sizes), variants=len(sizes))


class StoredFiles(ResponseModel):
    """Some originals."""

    bytes: int
    files: int


class StoredVariants(ResponseModel):
    """Some variants."""

    bytes: int
    count: int


class UsageByKind(ResponseModel):
    """Versions of each kind."""

    image: StoredFiles
    file: StoredFiles


class QuotaLimits(ResponseModel):
    """The bounds that count for a project: its own, or the installation's where those are lower."""

    max_bytes: int
    max_files: int
    max_file_bytes: int


class ProjectUsage(ResponseModel):
    """What a project holds. `bytes` and `files` are what its quota counts: originals, with open uploads, without variants."""

    bytes: int
    files: int
    open_uploads: StoredFiles
    variants: StoredVariants
    by_kind: UsageByKind
    quota: QuotaLimits


def to_response(total: QuotaUsage, breakdown: UsageBreakdown, limits: EffectiveQuota) -> ProjectUsage:
    """What clients see. What is counted and lies in no version is an open upload."""
    image = StoredFiles(bytes=breakdown.image_bytes, files=breakdown.images)
    file = StoredFiles(bytes=breakdown.file_bytes, files=breakdown.files)
    # The counters are read together and not at one moment: a commit in between would make less than nothing.
    waiting = StoredFiles(
        bytes=max(total.bytes - image.bytes - file.bytes, 0), files=max(total.files - image.files - file.files, 0)
    )
    return ProjectUsage(
        bytes=total.bytes,
        files=total.files,
        open_uploads=waiting,
        variants=StoredVariants(bytes=breakdown.variant_bytes, count=breakdown.variants),
        by_kind=UsageByKind(image=image, file=file),
        quota=QuotaLimits(max_bytes=limits.max_bytes, max_files=limits.max_files, max_file_bytes=limits.max_file_bytes),
    )
