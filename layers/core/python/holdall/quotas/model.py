"""What a project and the whole installation may hold, and what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from holdall.shape import Shown

PARTS = 16  # of counters that everything would write to


@dataclass(frozen=True)
class Bounds:
    """How much a project may hold: what its quota says, and never more than the installation allows."""

    bytes: int
    files: int
    file_bytes: int


@dataclass(frozen=True)
class Held:
    """What a project holds, or a part of the installation, counted. `moves` counts what came and went."""

    bytes: int = 0
    files: int = 0
    moves: int = 0


@dataclass(frozen=True)
class Part:
    """One of the parts in which the installation is counted. `within` are the caps that it was last fitted to."""

    held: Held = Held()
    within: str | None = None


@dataclass(frozen=True)
class Cap:
    """How much the whole installation may hold. Each part may reach a share of it, so their sum never passes it."""

    bytes: int
    files: int

    @property
    def name(self) -> str:
        """What a part keeps of the caps that it was fitted to."""
        return f"{self.bytes} {self.files}"

    def share(self, part: int) -> Held:
        """What a part may reach; what is left over by the division goes to the first ones."""
        return Held(_share(self.bytes, part), _share(self.files, part))


@dataclass(frozen=True)
class Place:
    """Where in the installation's counters an original of `size` bytes is counted: a change of each part that is moved.

    `fits` says that all parts are fitted to the cap with it; without it they are already.
    """

    size: int
    cap: Cap
    moves: dict[int, Held]
    fits: bool = False


def usual_place(cap: Cap, part: int, size: int) -> Place:
    """One part alone."""
    return Place(size, cap, {part: Held(size, 1)})


def spread(cap: Cap, parts: Sequence[Part], first: int, size: int) -> Place | None:
    """Parts that have room for an original together, from the `first` on; None when there is not enough in all.

    Parts that were not fitted to this cap are, with the same moves: what passes a share goes where there is room.
    """
    order = [(first + step) % PARTS for step in range(PARTS)]
    fits = any(part.within != cap.name for part in parts)
    more_bytes = _moves([parts[each].held.bytes for each in order], [cap.share(each).bytes for each in order], size)
    more_files = _moves([parts[each].held.files for each in order], [cap.share(each).files for each in order], 1)
    if more_bytes is None or more_files is None:
        return None
    moves = {each: Held(*more) for each, *more in zip(order, more_bytes, more_files, strict=True)}
    return Place(size, cap, {each: move for each, move in moves.items() if fits or move != Held()}, fits)


def _share(most: int, part: int) -> int:
    return most // PARTS + (part < most % PARTS)


def _moves(held: Sequence[int], shares: Sequence[int], more: int) -> list[int] | None:
    """How each part changes to take `more` in, so that none is above its share; None when the sum of the shares is passed."""
    if sum(held) + more > sum(shares):
        return None
    changes = [min(share - has, 0) for has, share in zip(held, shares, strict=True)]
    rest = more - sum(changes)
    for number, (has, share) in enumerate(zip(held, shares, strict=True)):
        taken = min(max(share - has, 0), rest)
        changes[number] += taken
        rest -= taken
    return changes


class Drawing(Protocol):
    """A variant, as far as it is counted."""

    @property
    def status(self) -> str:
        """Only what is ready counts."""

    @property
    def size(self) -> int | None:
        """In bytes."""


class Original(Protocol):
    """A version, as far as it is counted."""

    @property
    def id(self) -> str:
        """Its id, of which all that belongs to it is counted in one part."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def variants(self) -> Sequence[Drawing]:
        """What was drawn of it, or will be."""


@dataclass(frozen=True)
class Usage:
    """What lies in a project: versions by kind, and what was drawn of them. A change of it has numbers below zero."""

    image_bytes: int = 0
    images: int = 0
    file_bytes: int = 0
    files: int = 0
    variant_bytes: int = 0
    variants: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __neg__(self) -> "Usage":
        return Usage(*(-getattr(self, each.name) for each in fields(self)))


def usage_of(kind: str, version: Original) -> Usage:
    """What a version is counted as."""
    own = Usage(image_bytes=version.size, images=1) if kind == "image" else Usage(file_bytes=version.size, files=1)
    return own + drawn_of(version)


def drawn_of(version: Original) -> Usage:
    """What the variants of a version are counted as."""
    sizes = [each.size or 0 for each in version.variants if each.status == "ready"]
    return Usage(variant_bytes=sum(sizes), variants=len(sizes))


class Originals(Shown):
    """Some originals."""

    bytes: int
    files: int


class Variants(Shown):
    """Some variants."""

    bytes: int
    count: int


class ByKind(Shown):
    """Versions of each kind."""

    image: Originals
    file: Originals


class MostHeld(Shown):
    """The bounds that count for a project: its own, or the installation's where those are lower."""

    max_bytes: int
    max_files: int
    max_file_bytes: int


class UsageView(Shown):
    """What a project holds. `bytes` and `files` are what its quota counts: originals, with open uploads, without variants."""

    bytes: int
    files: int
    open_uploads: Originals
    variants: Variants
    by_kind: ByKind
    quota: MostHeld


def view(held: Held, usage: Usage, within: Bounds) -> UsageView:
    """What clients see. What is counted and lies in no version is an open upload."""
    image = Originals(bytes=usage.image_bytes, files=usage.images)
    file = Originals(bytes=usage.file_bytes, files=usage.files)
    # The counters are read together and not at one moment: a commit in between would make less than nothing.
    waiting = Originals(
        bytes=max(held.bytes - image.bytes - file.bytes, 0), files=max(held.files - image.files - file.files, 0)
    )
    return UsageView(
        bytes=held.bytes,
        files=held.files,
        open_uploads=waiting,
        variants=Variants(bytes=usage.variant_bytes, count=usage.variants),
        by_kind=ByKind(image=image, file=file),
        quota=MostHeld(max_bytes=within.bytes, max_files=within.files, max_file_bytes=within.file_bytes),
    )
