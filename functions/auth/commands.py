"""What an operator does with the rights of AWS: commands reach the function by a direct call, never by a route."""

from typing import Any

from holdall import observe
from holdall.accounts import service
from holdall.accounts.model import SignUp
from holdall.caller import Visitor


def run(event: dict[str, Any], request_id: str) -> dict[str, str]:
    """Do a command. Raises KeyError for one that is none, and what the service raises."""
    observe.begin(request_id)
    operator = Visitor(address="operator", agent="command", request_id=request_id)
    commands = {"superuser": _superuser}
    return commands[event["command"]](operator, event)


def _superuser(operator: Visitor, event: dict[str, Any]) -> dict[str, str]:
    new = SignUp(email=event["email"], password=event["password"])
    return {"userId": service.make_superuser(operator, new).id}
