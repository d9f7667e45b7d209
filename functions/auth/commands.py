"""Commands of an operator, and scheduled tasks. They invoke the function directly: no route leads here."""

from typing import Any

from holdall.accounts.model import SignUpRequest
from holdall.accounts.service import sign_in, sign_up
from holdall.emails import service as emails
from holdall.iam.service import sessions
from holdall.platform import observability
from holdall.platform.caller import ClientInfo


def run(event: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Run a command or a task. Raises KeyError for an unknown one, and the errors of the service."""
    observability.start_context(request_id)
    if "task" in event:
        return {"done": _TASKS[event["task"]]()}
    operator = ClientInfo(ip="operator", user_agent="command", request_id=request_id)
    return _COMMANDS[event["command"]](operator, event)


def _create_superuser(operator: ClientInfo, event: dict[str, Any]) -> dict[str, Any]:
    request = SignUpRequest(email=event["email"], password=event["password"])
    return {"userId": sign_up.create_superuser(operator, request).id}


def _invite_user(operator: ClientInfo, event: dict[str, Any]) -> dict[str, Any]:
    return {"userId": sign_up.invite(operator, event["email"]).id}


def _issue_token(operator: ClientInfo, event: dict[str, Any]) -> dict[str, Any]:
    return {"accessToken": sign_in.issue_developer_token(operator, event["email"], int(event["seconds"]))}


def _rotate_signing_keys(_: ClientInfo, __: dict[str, Any]) -> dict[str, Any]:
    key = sessions.rotate_signing_keys()
    return {"kid": key.kid, "activatesAt": key.activates_at.isoformat()}


_TASKS = {"rotate-keys": sessions.rotate_signing_keys_if_due, "dispatch-emails": emails.dispatch_pending}
_COMMANDS = {
    "superuser": _create_superuser,
    "invite": _invite_user,
    "token": _issue_token,
    "rotate-keys": _rotate_signing_keys,
}
