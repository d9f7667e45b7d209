"""The process of MiniStack. It runs in a virtual environment of its own, and imports nothing of ours.

The local cloud uses plain HTTP, and the policies of the stack require TLS. MiniStack decides by the header
X-Forwarded-Proto whether a request used TLS. This module sets it, so the same policies work here, and clients cannot change it.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import ministack.app

_Message = MutableMapping[str, Any]
_ministack_app = ministack.app.app


async def app(
    scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
) -> None:
    """Pass the request to MiniStack as one that was received over TLS."""
    if scope["type"] in ("http", "websocket"):
        others = [header for header in scope["headers"] if header[0].lower() != b"x-forwarded-proto"]
        scope = {**scope, "headers": [*others, (b"x-forwarded-proto", b"https")]}
    await _ministack_app(scope, receive, send)


if __name__ == "__main__":
    ministack.app.app = app
    ministack.app.main()
