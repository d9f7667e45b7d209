"""Accounts and sessions."""

from typing import Any

from functions.auth import accounts, commands, mfa, oauth, sessions
from holdall.http import Api

api = Api("auth", accounts.router, sessions.router, mfa.router, oauth.router)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request, or do what the operator or the schedule says: an event of the HTTP API always has a route key."""
    if "routeKey" not in event and ("command" in event or "task" in event):
        return commands.run(event, context.aws_request_id)
    return api(event, context)
