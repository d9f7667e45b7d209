"""What an operator does with the rights of AWS, and what the schedule asks of `auth`: direct calls, never a route."""

from typing import Any

from holdall import observe
from holdall.accounts.model import SignUp
from holdall.accounts.service import entry
from holdall.caller import Visitor
from holdall.iam.service import sessions
from holdall.letters import service as letters


def run(event: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Do a command or a task. Raises KeyError for one that is none, and what the service raises."""
    observe.begin(request_id)
    operator = Visitor(address="operator", agent="command", request_id=request_id)
    commands = {
        "superuser": _superuser,
        "invite": _invite,
        "token": _token,
        "rotate-keys": _rotate_keys,
        "post-letters": _post_letters,
    }
    return commands[event.get("command") or event["task"]](operator, event)


def _superuser(operator: Visitor, event: dict[str, Any]) -> dict[str, Any]:
    new = SignUp(email=event["email"], password=event["password"])
    return {"userId": entry.make_superuser(operator, new).id}


def _invite(operator: Visitor, event: dict[str, Any]) -> dict[str, Any]:
    return {"userId": entry.invite(operator, event["email"]).id}


def _token(operator: Visitor, event: dict[str, Any]) -> dict[str, Any]:
    return {"accessToken": entry.developer_token(operator, event["email"], int(event["seconds"]))}


def _rotate_keys(_: Visitor, __: dict[str, Any]) -> dict[str, Any]:
    key = sessions.rotate_keys()
    return {"kid": key.kid, "signsFrom": key.signs_from.isoformat()}


def _post_letters(_: Visitor, __: dict[str, Any]) -> dict[str, Any]:
    return {"posted": letters.post_waiting()}
