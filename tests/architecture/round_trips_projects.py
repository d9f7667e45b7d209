"""Budgets of changes of a whole project: the guard's read, the rate limiter, a transaction, and a message where a job follows.

They do not depend on the size of the project. Only a dry run reads images, 100 for each round trip.
"""

from typing import Any

from tests.architecture.round_trips import BudgetCase, SendRequest
from tests.support.scenario import Scenario

_PROJECT = "/api/v1/projects/{projectId}"
_WIDE_VARIANT = {"settings": {"variants": [{"name": "wide", "width": 30}]}}


def _project_request(method: str, path: str = "", body: Any = None, *setup: tuple[str, str, Any]) -> Any:
    """Send a request about a project with an image, after the requests of `setup`."""

    def prepare(scenario: Scenario) -> SendRequest:
        scenario.create_rendered_image()
        for each in setup:
            _send(scenario, *each).data()
        return lambda: _send(scenario, method, path, body)

    return prepare


def _send(scenario: Scenario, method: str, path: str, body: Any) -> Any:
    return scenario.client.request(method, f"/projects/{scenario.project_id}{path}", body)


_MAKE_PRIVATE = ("PATCH", "", {"settings": {"visibility": "private"}})
_DELETE, _ADD_VARIANT = ("DELETE", "", None), ("PATCH", "", _WIDE_VARIANT)
PROJECT_CASES = (
    BudgetCase(f"PATCH {_PROJECT}", 200, _project_request("PATCH", "", {"name": "Winter"}), dynamodb=3),
    BudgetCase(
        f"PATCH {_PROJECT}", 200, _project_request(*_MAKE_PRIVATE), dynamodb=3, sqs=1, label="with variants to move"
    ),
    BudgetCase(f"DELETE {_PROJECT}", 200, _project_request(*_DELETE), dynamodb=3, sqs=2, label="with variants to move"),
    BudgetCase(
        f"DELETE {_PROJECT}",
        200,
        _project_request(*_DELETE, _MAKE_PRIVATE),
        dynamodb=3,
        sqs=1,
        label="of a private project",
    ),
    BudgetCase(
        f"DELETE {_PROJECT}", 202, _project_request("DELETE", "?permanent=true"), dynamodb=3, sqs=1, label="permanently"
    ),
    BudgetCase(
        f"DELETE {_PROJECT}",
        202,
        _project_request("DELETE", "?permanent=true", None, _DELETE),
        dynamodb=3,
        sqs=1,
        label="permanently, of a deleted project",
    ),
    BudgetCase(
        f"POST {_PROJECT}/restore",
        200,
        _project_request("POST", "/restore", None, _DELETE),
        dynamodb=3,
        sqs=1,
        label="with variants to move",
    ),
    BudgetCase(
        f"POST {_PROJECT}/restore",
        200,
        _project_request("POST", "/restore", None, _MAKE_PRIVATE, _DELETE),
        dynamodb=3,
        label="of a private project",
    ),
    BudgetCase(
        f"POST {_PROJECT}/sync-variants",
        202,
        _project_request("POST", "/sync-variants", None, _ADD_VARIANT),
        dynamodb=3,
        sqs=1,
    ),
    BudgetCase(
        f"POST {_PROJECT}/sync-variants",
        200,
        _project_request("POST", "/sync-variants?dryRun=true", None, _ADD_VARIANT),
        dynamodb=3,
        label="as a dry run",
    ),
)
