"""The shape of every answer that is not an error."""

from typing import Generic, TypeVar

from pydantic import Field

from holdall.platform import observability
from holdall.platform.schemas import ResponseModel

T = TypeVar("T")


class DataResponse(ResponseModel, Generic[T]):
    """One thing."""

    data: T
    request_id: str = Field(default_factory=observability.request_id)


class Pagination(ResponseModel):
    """Where a list goes on: `next` and `prev` are passed back as `cursor`."""

    limit: int
    has_next: bool
    has_prev: bool
    next: str | None
    prev: str | None


class PageResponse(ResponseModel, Generic[T]):
    """A page of things."""

    data: list[T]
    pagination: Pagination
    request_id: str = Field(default_factory=observability.request_id)
