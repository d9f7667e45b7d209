"""Accounts and sessions."""

from typing import Any

from functions.auth import accounts, commands, sessions
from holdall.http import Api

api = Api("auth", accounts.router, sessions.router)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request, or do a command of the operator: an event of the HTTP API always has a route key."""
    if "routeKey" not in event and "command" in event:
        return commands.run(event, context.aws_request_id)
    return api(event, context)
