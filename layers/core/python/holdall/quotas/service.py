"""Quotas: counted with what they bound, in the same transaction, so they are never exceeded and given back once."""

from collections.abc import Iterable, Iterator

from holdall.platform import clock, ids
from holdall.platform.config import settings
from holdall.platform.errors import Conflict, ServiceUnavailable, ValidationFailed
from holdall.platform.table import BatchGet, Transaction
from holdall.quotas import store
from holdall.quotas.model import (
    SHARDS,
    EffectiveQuota,
    InstallationLimit,
    ProjectUsage,
    QuotaUsage,
    Reservation,
    Shard,
    StoredVersion,
    UsageBreakdown,
    allocate,
    single_shard_reservation,
    to_response,
    variant_usage,
    version_usage,
)

create = store.create
unfreeze = store.unfreeze  # the word for it
freeze = store.freeze
delete = store.delete

_ATTEMPTS = 8
_PAUSE = 0.02  # seconds before the second attempt, at most; doubles
SHARD_FULL = Conflict("This shard of the counter is full.", code="shard_full")  # the next place may do


def reservations(upload_id: str, size: int, *, limits: EffectiveQuota) -> Iterator[Reservation]:
    """Where in the installation's counters an upload may be counted: the next place for when the last was `TAKEN`.

    The first is one part, without a read; those behind it cost a reading of all parts, and use all the room that there is.
    Raises Invalid for a file that is too large, Conflict when the installation is full, and Unavailable.
    """
    if size > limits.max_file_bytes:
        detail = f"A file of this project must not be larger than {limits.max_file_bytes} bytes."
        raise ValidationFailed(detail, code="file_too_large", pointer="/size")
    cap, first = InstallationLimit(settings().max_bytes, settings().max_files), ids.shard(upload_id, SHARDS)
    # Even where it can have no room: what its transaction tells first is that it repeats one which was done.
    yield single_shard_reservation(cap, first, size)
    for attempt in range(_ATTEMPTS):
        place = allocate(cap, get_shards(), first, size)
        if place is None:
            raise Conflict(
                "The installation is full. Purge files, or ask its operator for more space.", code="installation_full"
            )
        yield place
        clock.sleep(ids.jitter(_PAUSE * 2**attempt))
    raise ServiceUnavailable("Too many changes at once. Try again.", code="busy")


def reserve(tx: Transaction, project_id: str, reservation: Reservation, *, limits: EffectiveQuota) -> None:
    """Count one original into its project and into this place. The transaction raises Conflict when the project is full, and
    `TAKEN` when the place is.
    """
    full = Conflict("The project is full. Purge files, or ask for a larger quota.", code="quota_exceeded")
    store.reserve(tx, project_id, reservation.size, limits=limits, error=full)
    store.reserve_shards(tx, reservation, error=SHARD_FULL)


def release(tx: Transaction, project_id: str, size: int, *, version_id: str) -> None:
    """Count one original of `size` bytes out, `of` this id, in its project and in the installation."""
    store.release(tx, project_id, size, version_id=version_id)


def get_usage(project_id: str) -> QuotaUsage:
    """What a project holds, open uploads included."""
    return store.read_usage(project_id)


def batch_get_usage(project_ids: Iterable[str]) -> dict[str, QuotaUsage]:
    """What each of some projects holds; those that have gone are left out. One round trip for each hundred."""
    with BatchGet() as read:
        awaited = {each: store.get_usage(read, each) for each in project_ids}
    return {each: counted.value for each, counted in awaited.items() if counted.value is not None}


def get_shards() -> list[Shard]:
    """The parts of what the installation holds. One round trip."""
    with BatchGet() as read:
        awaited = [store.get_shard(read, number) for number in range(SHARDS)]
    return [each.value or Shard() for each in awaited]


def get_installation_usage() -> QuotaUsage:
    """What the whole installation holds. One round trip."""
    every = [part.usage for part in get_shards()]
    return QuotaUsage(*(sum(getattr(each, name) for each in every) for name in ("bytes", "files", "version")))


def add_version(tx: Transaction, project_id: str, kind: str, version: StoredVersion) -> None:
    """Count a version that was made into what lies in its project."""
    store.add_to_breakdown(tx, project_id, version.id, version_usage(kind, version))


def remove_version(tx: Transaction, project_id: str, kind: str, version: StoredVersion) -> None:
    """Count a version that is purged, and what was drawn of it, out of what lies in its project."""
    store.add_to_breakdown(tx, project_id, version.id, -version_usage(kind, version))


def update_variants(tx: Transaction, project_id: str, *, before: StoredVersion, after: StoredVersion) -> None:
    """Count what was drawn of a version, or dropped: what it is after the transaction instead of before."""
    store.add_to_breakdown(tx, project_id, after.id, variant_usage(after) + -variant_usage(before))


def get_project_usage(project_id: str, *, limits: EffectiveQuota) -> ProjectUsage:
    """What a project holds, in all and by kind, beside the bounds that count. One round trip."""
    with BatchGet() as read:
        counted = store.get_usage(read, project_id)
        awaited = [store.get_breakdown(read, project_id, number) for number in range(SHARDS)]
    return to_response(counted.value or QuotaUsage(), _sum(each.value for each in awaited), limits)


def count_images(project_id: str) -> int:
    """How many versions of images lie in a project. One round trip."""
    with BatchGet() as read:
        awaited = [store.get_breakdown(read, project_id, number) for number in range(SHARDS)]
    return _sum(each.value for each in awaited).images


def correct(tx: Transaction, project_id: str, expected: QuotaUsage, delta: QuotaUsage) -> None:
    """Add what a recount found missing to a project. The transaction raises Conflict when something came or went since."""
    store.correct(
        tx, project_id, expected, delta, error=Conflict("The usage changed after it was counted.", code="usage_changed")
    )


def correct_installation(tx: Transaction, delta: QuotaUsage) -> None:
    """Add what a recount found missing to the installation."""
    store.correct_installation(tx, delta)


def _sum(breakdowns: Iterable[UsageBreakdown | None]) -> UsageBreakdown:
    return sum((part for part in breakdowns if part is not None), UsageBreakdown())
