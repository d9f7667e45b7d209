"""The local cloud's process. Runs in its own environment, and sees nothing of ours.

Everything at the desk is plain HTTP, and the stack enforces TLS; MiniStack takes this header for it. So the same
policies hold here, and a client cannot say otherwise.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import ministack.app

_Message = MutableMapping[str, Any]
_ministack_app = ministack.app.app


async def app(
    scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
) -> None:
    """MiniStack, told that each request came over TLS."""
    if scope["type"] in ("http", "websocket"):
        kept = [header for header in scope["headers"] if header[0].lower() != b"x-forwarded-proto"]
        scope = {**scope, "headers": [*kept, (b"x-forwarded-proto", b"https")]}
    await _ministack_app(scope, receive, send)


if __name__ == "__main__":
    ministack.app.app = app
    ministack.app.main()
