"""Cursors: a position in a list, tagged with the list that it belongs to.

A cursor is not a secret and grants nothing, because the partition comes from the authorized request.
"""

import base64
import hashlib
import json

from holdall.platform.errors import BadRequest
from holdall.platform.pagination import PageRequest

_NEXT, _PREV = "n", "p"
_MAX_POSITION_BYTES = 1024  # the limit of a sort key in DynamoDB


class InvalidCursor(BadRequest):
    """The cursor does not come from this list, with these filters."""

    code, detail = "bad_cursor", "The cursor is not valid for this list. Start again without a cursor."


class CursorCodec:
    """Decodes and encodes the cursors of a list. The scope is its route, and every filter and order."""

    def __init__(self, *scope: str | None) -> None:
        self._scope = hashlib.sha256(json.dumps(scope).encode()).hexdigest()[:12]

    def decode(self, limit: int, cursor: str | None) -> PageRequest:
        """Return the page to read. Raises InvalidCursor."""
        if cursor is None:
            return PageRequest(limit)
        try:
            scope, direction, position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            size = len(position.encode())
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise InvalidCursor from None
        if scope != self._scope or direction not in (_NEXT, _PREV) or not 0 < size <= _MAX_POSITION_BYTES:
            raise InvalidCursor
        return PageRequest(limit, position, backward=direction == _PREV)

    def encode(self, position: str | None, *, backward: bool = False) -> str | None:
        """Return the cursor of the page after a position, or before it. None stands for the end of the list."""
        if position is None:
            return None
        direction = _PREV if backward else _NEXT
        text = json.dumps([self._scope, direction, position], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
