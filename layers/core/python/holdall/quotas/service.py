"""Quotas: counted with what they bound, in the same transaction, so they are never exceeded and given back once."""

from collections.abc import Iterable, Iterator

from holdall import clock, ids
from holdall.config import settings
from holdall.errors import Conflict, Invalid, Unavailable
from holdall.quotas import store
from holdall.quotas.model import (
    PARTS,
    Bounds,
    Cap,
    Held,
    Original,
    Part,
    Place,
    Usage,
    UsageView,
    drawn_of,
    spread,
    usage_of,
    usual_place,
    view,
)
from holdall.table import Reading, Transaction

add = store.add
open = store.open  # noqa: A001  # the word for it
close = store.close
forget = store.forget

_ATTEMPTS = 8
_PAUSE = 0.02  # seconds before the second attempt, at most; doubles
TAKEN = Conflict("room_taken", "Somebody else took this room.")  # the next place may do


def places(upload_id: str, size: int, *, within: Bounds) -> Iterator[Place]:
    """Where in the installation's counters an upload may be counted: the next place for when the last was `TAKEN`.

    The first is one part, without a read; those behind it cost a reading of all parts, and use all the room that there is.
    Raises Invalid for a file that is too large, Conflict when the installation is full, and Unavailable.
    """
    if size > within.file_bytes:
        detail = f"A file of this project must not be larger than {within.file_bytes} bytes."
        raise Invalid("file_too_large", detail, pointer="/size")
    cap, first = Cap(settings().max_bytes, settings().max_files), ids.shard(upload_id, PARTS)
    # Even where it can have no room: what its transaction tells first is that it repeats one which was done.
    yield usual_place(cap, first, size)
    for attempt in range(_ATTEMPTS):
        place = spread(cap, parts(), first, size)
        if place is None:
            raise Conflict("installation_full", "This installation is full. Purge files, or ask its operator for more.")
        yield place
        clock.pause(ids.jitter(_PAUSE * 2**attempt))
    raise Unavailable("busy", "Too many changes at once. Try again.")


def reserve(write: Transaction, project_id: str, place: Place, *, within: Bounds) -> None:
    """Count one original into its project and into this place. The transaction raises Conflict when the project is full, and
    `TAKEN` when the place is.
    """
    full = Conflict("quota_exceeded", "The project is full. Purge files, or ask for a larger quota.")
    store.reserve(write, project_id, place.size, within=within, otherwise=full)
    store.take(write, place, otherwise=TAKEN)


def give_back(write: Transaction, project_id: str, size: int, *, of: str) -> None:
    """Count one original of `size` bytes out, `of` this id, in its project and in the installation."""
    store.give_back(write, project_id, size, of=of)


def held(project_id: str) -> Held:
    """What a project holds, open uploads included."""
    return store.held(project_id)


def held_by(project_ids: Iterable[str]) -> dict[str, Held]:
    """What each of some projects holds; those that have gone are left out. One round trip for each hundred."""
    with Reading() as read:
        awaited = {each: store.counted(read, each) for each in project_ids}
    return {each: counted.value for each, counted in awaited.items() if counted.value is not None}


def parts() -> list[Part]:
    """The parts of what the installation holds. One round trip."""
    with Reading() as read:
        awaited = [store.part(read, number) for number in range(PARTS)]
    return [each.value or Part() for each in awaited]


def installation() -> Held:
    """What the whole installation holds. One round trip."""
    every = [part.held for part in parts()]
    return Held(*(sum(getattr(each, name) for each in every) for name in ("bytes", "files", "moves")))


def count_in(write: Transaction, project_id: str, kind: str, version: Original) -> None:
    """Count a version that was made into what lies in its project."""
    store.use(write, project_id, version.id, usage_of(kind, version))


def count_out(write: Transaction, project_id: str, kind: str, version: Original) -> None:
    """Count a version that is purged, and what was drawn of it, out of what lies in its project."""
    store.use(write, project_id, version.id, -usage_of(kind, version))


def count_variants(write: Transaction, project_id: str, *, before: Original, after: Original) -> None:
    """Count what was drawn of a version, or dropped: what it is after the transaction instead of before."""
    store.use(write, project_id, after.id, drawn_of(after) + -drawn_of(before))


def usage(project_id: str, *, within: Bounds) -> UsageView:
    """What a project holds, in all and by kind, beside the bounds that count. One round trip."""
    with Reading() as read:
        counted = store.counted(read, project_id)
        awaited = [store.usage(read, project_id, number) for number in range(PARTS)]
    return view(counted.value or Held(), _sum(each.value for each in awaited), within)


def images(project_id: str) -> int:
    """How many versions of images lie in a project. One round trip."""
    with Reading() as read:
        awaited = [store.usage(read, project_id, number) for number in range(PARTS)]
    return _sum(each.value for each in awaited).images


def correct(write: Transaction, project_id: str, seen: Held, change: Held) -> None:
    """Add what a recount found missing to a project. The transaction raises Conflict when something came or went since."""
    store.correct(write, project_id, seen, change, otherwise=Conflict("moved", "It was moved since it was counted."))


def correct_installation(write: Transaction, change: Held) -> None:
    """Add what a recount found missing to the installation."""
    store.correct_installation(write, change)


def _sum(parts: Iterable[Usage | None]) -> Usage:
    return sum((part for part in parts if part is not None), Usage())
