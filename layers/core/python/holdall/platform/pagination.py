"""Pages of a list."""

from collections.abc import Callable
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


def cut_page(items: list[T], page: PageRequest, position: Callable[[T], str]) -> Page[T]:
    """Return the page of items that were read in its direction. One item more than the limit shows that the list goes on."""
    has_more, items = len(items) > page.limit, items[: page.limit]
    has_previous, has_next = page.position is not None, has_more
    if page.backward:
        items = items[::-1]
        has_previous, has_next = has_more, True
    return Page(
        items,
        next=position(items[-1]) if items and has_next else None,
        prev=position(items[0]) if items and has_previous else None,
    )
