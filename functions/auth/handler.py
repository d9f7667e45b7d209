"""The Lambda function behind accounts, sessions, users, roles, the audit log and the public settings."""

from typing import Any

from functions import complete_imports
from functions.auth import accounts, audit, authz, commands, config, mfa, oauth, roles, sessions, users
from holdall.http.app import HttpApp

app = HttpApp(
    "auth",
    accounts.router,
    sessions.router,
    mfa.router,
    oauth.router,
    users.router,
    roles.router,
    authz.router,
    audit.router,
    config.router,
    error_page=oauth.lead_back,
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Respond to a request, or run a command or a scheduled task. Only events of the HTTP API have a route key."""
    if "routeKey" not in event and ("command" in event or "task" in event):
        return commands.run(event, context.aws_request_id)
    return app(event, context)


complete_imports()
