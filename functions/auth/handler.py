"""Accounts, sessions, users and their rights, and the audit."""

from typing import Any

from functions.auth import accounts, audit, authz, commands, mfa, oauth, roles, sessions, users
from holdall.http import HttpApp

api = HttpApp(
    "auth",
    accounts.router,
    sessions.router,
    mfa.router,
    oauth.router,
    users.router,
    roles.router,
    authz.router,
    audit.router,
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request, or do what the operator or the schedule says: an event of the HTTP API always has a route key."""
    if "routeKey" not in event and ("command" in event or "task" in event):
        return commands.run(event, context.aws_request_id)
    return api(event, context)
