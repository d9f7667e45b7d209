"""Cursors: a position in a list, tagged with the list that it belongs to.

A cursor is no secret and grants nothing: the partition that it moves in always comes from the authorised request.
"""

import base64
import hashlib
import json
from typing import Annotated, TypeVar

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel

from holdall.errors import Malformed
from holdall.http.envelope import Listed, Pagination
from holdall.page import Page, PageRequest

Content = TypeVar("Content", bound=BaseModel)

Limit = Annotated[int, Query(ge=1, le=100, description="How many at the most.")]
Cursor = Annotated[str | None, Query(max_length=4096, description="`next` or `prev` of a page of the same list.")]

_NEXT, _PREV = "n", "p"
_LONGEST = 1024  # bytes of a sort key


class Cursors:
    """Reads and writes the cursors of one list, named by its route and whatever selects and orders its rows."""

    def __init__(self, *names: str | None) -> None:
        self._tag = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:12]

    def request(self, limit: int, cursor: str | None) -> PageRequest:
        """The page that is asked for. Raises Malformed for what is no cursor of this list."""
        if cursor is None:
            return PageRequest(limit)
        try:
            tag, way, position = json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
            known = tag == self._tag and way in (_NEXT, _PREV) and 0 < len(position.encode()) <= _LONGEST
        except (ValueError, TypeError, AttributeError, RecursionError):
            known, way, position = False, "", ""
        if not known:
            raise Malformed("bad_cursor", "This cursor belongs to another list. Start again without it.")
        return PageRequest(limit, position, backward=way == _PREV)

    def answer(self, page: Page[Content], limit: int) -> Listed[Content]:
        """The page in its envelope."""
        return Listed(
            data=page.items,
            pagination=Pagination(
                limit=limit,
                has_next=page.next is not None,
                has_prev=page.prev is not None,
                next=self._cursor(_NEXT, page.next),
                prev=self._cursor(_PREV, page.prev),
            ),
        )

    def _cursor(self, way: str, position: str | None) -> str | None:
        if position is None:
            return None
        text = json.dumps([self._tag, way, position], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
