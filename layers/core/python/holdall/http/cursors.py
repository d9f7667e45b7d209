"""Cursors: a position in a list, tagged with the list that it belongs to.

A cursor is no secret and grants nothing: the partition that it moves in always comes from the authorised request.
"""

import base64
import hashlib
import json
from typing import Annotated, TypeVar

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel

from holdall.http.responses import PageResponse, Pagination
from holdall.platform.errors import BadRequest
from holdall.platform.pagination import Page, PageRequest

T = TypeVar("T", bound=BaseModel)

Limit = Annotated[int, Query(ge=1, le=100, description="Maximum number of items per page.")]
Cursor = Annotated[str | None, Query(max_length=4096, description="`next` or `prev` from a page of the same list.")]

_NEXT, _PREV = "n", "p"
_MAX_POSITION_BYTES = 1024  # bytes of a sort key


class CursorCodec:
    """Reads and writes the cursors of one list, named by its route and whatever selects and orders its rows."""

    def __init__(self, *scope: str | None) -> None:
        self._scope = hashlib.sha256(json.dumps(scope).encode()).hexdigest()[:12]

    def decode(self, limit: int, cursor: str | None) -> PageRequest:
        """The page that is asked for. Raises Malformed for what is no cursor of this list."""
        if cursor is None:
            return PageRequest(limit)
        try:
            tag, way, position = json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
            known = tag == self._scope and way in (_NEXT, _PREV) and 0 < len(position.encode()) <= _MAX_POSITION_BYTES
        except (ValueError, TypeError, AttributeError, RecursionError):
            known, way, position = False, "", ""
        if not known:
            raise BadRequest("The cursor is not valid for this list. Start again without a cursor.", code="bad_cursor")
        return PageRequest(limit, position, backward=way == _PREV)

    def respond(self, page: Page[T], limit: int) -> PageResponse[T]:
        """The page in its envelope."""
        return PageResponse(
            data=page.items,
            pagination=Pagination(
                limit=limit,
                has_next=page.next is not None,
                has_prev=page.prev is not None,
                next=self._encode(_NEXT, page.next),
                prev=self._encode(_PREV, page.prev),
            ),
        )

    def _encode(self, direction: str, position: str | None) -> str | None:
        if position is None:
            return None
        text = json.dumps([self._scope, direction, position], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
