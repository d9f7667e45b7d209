"""Pages of a list: what is asked for and what comes back."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class PageRequest:
    """At most `limit` items from behind `position` in the order of the list, or, going `backward`, from before it."""

    limit: int
    position: str | None = None
    backward: bool = False


@dataclass(frozen=True)
class Page(Generic[T]):
    """A full page, or the last one. `next` and `prev` are positions to go on from, or None where the list ends."""

    items: list[T]
    next: str | None = None
    prev: str | None = None
