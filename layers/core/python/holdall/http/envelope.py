"""The shape of every answer that is not an error."""

from typing import Generic, TypeVar

from pydantic import Field

from holdall import observe
from holdall.shape import Shown

Content = TypeVar("Content")


class Data(Shown, Generic[Content]):
    """One thing."""

    data: Content
    request_id: str = Field(default_factory=observe.request_id)


class Pagination(Shown):
    """Where a list goes on: `next` and `prev` are passed back as `cursor`."""

    limit: int
    has_next: bool
    has_prev: bool
    next: str | None
    prev: str | None


class Listed(Shown, Generic[Content]):
    """A page of things."""

    data: list[Content]
    pagination: Pagination
    request_id: str = Field(default_factory=observe.request_id)
