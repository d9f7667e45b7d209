"""Pages of a list."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class PageRequest:
    """At most `limit` items after `position` in the order of the list, or, if `backward`, before it."""

    limit: int
    position: str | None = None
    backward: bool = False


@dataclass(frozen=True)
class Page(Generic[T]):
    """A page is full, or it is the last one. `next` and `prev` are the positions of the pages around it, or None."""

    items: list[T]
    next: str | None = None
    prev: str | None = None
