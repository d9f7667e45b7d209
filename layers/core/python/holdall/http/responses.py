"""Successful responses."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.shared.cookies import Cookie
from pydantic import BaseModel, Field

from holdall.http.credentials import session_cookie
from holdall.http.cursors import CursorCodec
from holdall.platform import observability
from holdall.platform.caller import Caller
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.schemas import ResponseModel

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
_JSON = "application/json"
SET_COOKIE = {"Set-Cookie": {"description": "`__Host-session`, set or deleted.", "schema": {"type": "string"}}}

Limit = Annotated[int, Query(ge=1, le=100, description="Maximum number of items per page.")]
Cursor = Annotated[str | None, Query(max_length=4096, description="`next` or `prev` from a page of the same list.")]


def _schema_name(type_: Any) -> str:
    """Return the name of a resource for the names of its schemas: FileView gives FileEnvelope and FilePage."""
    if get_origin(type_) is list:
        return f"{_schema_name(get_args(type_)[0])}List"
    name: str = type_.__name__
    return name.removesuffix("Response").removesuffix("View")


class DataResponse(ResponseModel, Generic[T]):
    """A resource."""

    data: T
    request_id: str = Field(default_factory=observability.request_id)

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{_schema_name(params[0])}Envelope"


class Pagination(ResponseModel):
    """The position of a page. Send `next` or `prev` as `cursor` to get the page after or before it."""

    limit: int
    has_next: bool
    has_prev: bool
    next: str | None
    prev: str | None


class PageResponse(ResponseModel, Generic[T]):
    """A page of a list."""

    data: list[T]
    pagination: Pagination
    request_id: str = Field(default_factory=observability.request_id)

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{_schema_name(params[0])}Page"


def data(resource: T) -> DataResponse[T]:
    return DataResponse(data=resource)


def paginate(
    limit: int, cursor: str | None, list_page: Callable[[PageRequest], Page[M]], *scope: str | None
) -> PageResponse[M]:
    """Return the page at a cursor. `scope` is the name of the list and every filter and order. Raises InvalidCursor."""
    cursors = CursorCodec(*scope)
    page = list_page(cursors.decode(limit, cursor))
    return PageResponse(
        data=page.items,
        pagination=Pagination(
            limit=limit,
            has_next=page.next is not None,
            has_prev=page.prev is not None,
            next=cursors.encode(page.next),
            prev=cursors.encode(page.prev, backward=True),
        ),
    )


def json_response(
    body: T, status: int = 200, *, headers: dict[str, str] | None = None, cookies: Sequence[Cookie] = ()
) -> Response[T]:
    return Response(status, _JSON, body, headers, list(cookies))


def accepted(body: T, *, headers: dict[str, str] | None = None) -> Response[T]:
    """Return 202: the work continues after the response, for example as a job."""
    return json_response(body, 202, headers=headers)


def no_content() -> Response[None]:
    return Response(204)


def see_other(url: str) -> Response[Any]:
    """Return 303: a browser that posted a form gets the URL (RFC 9110, section 15.4.4)."""
    return Response(303, headers={"location": url})


def redirect(url: str, cookie: Cookie | None = None, *, max_age: int = 0) -> Response[Any]:
    """Return 302. The caller's browser may follow it again for `max_age` seconds without a request."""
    caching = {"cache-control": f"private, max-age={max_age}"} if max_age else {}
    return Response(302, headers={"location": url, **caching}, cookies=[cookie] if cookie else [])


def clear_session(caller: Caller) -> Response[None]:
    """Return 204, and delete the session cookie if the caller sent one."""
    return Response(204, cookies=[session_cookie("")] if caller.csrf_token else [])


def documented(
    description: str, model: Any = None, *, media_type: str = _JSON, headers: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the OpenAPI description of a response, for `responses=` of a route whose return type does not say it all."""
    content = {media_type: {"model": model}} if model else {}
    return {"description": description, "content": content, **({"headers": headers} if headers else {})}
