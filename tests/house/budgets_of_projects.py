"""What a change of a whole project costs: the door, which reads the project, and a transaction; a message where a job follows.

So it costs the same however much is in the project. Only a dry run looks at images, a page of a hundred for each round trip.
"""

from typing import Any

from tests.house.budget import Case, Request
from tests.house.scene import Scene

_PROJECT = "/api/v1/projects/{projectId}"
_WIDE = {"settings": {"variants": [{"name": "wide", "width": 30}]}}


def _ask(method: str, path: str = "", said: Any = None, *before: tuple[str, str, Any]) -> Any:
    """A request about a project with an image, in which something was done `before`."""

    def prepared(scene: Scene) -> Request:
        scene.drawn()
        for each in before:
            _request(scene, *each).data()
        return lambda: _request(scene, method, path, said)

    return prepared


def _request(scene: Scene, method: str, path: str, said: Any) -> Any:
    return scene.client.request(method, f"/projects/{scene.project_id}{path}", said)


_HIDDEN = ("PUT", "", {"settings": {"visibility": "private"}})
_DELETED, _WIDENED = ("DELETE", "", None), ("PUT", "", _WIDE)
CASES_OF_PROJECTS = (
    Case(f"PUT {_PROJECT}", 200, _ask("PUT", "", {"name": "Winter"}), dynamodb=2),
    Case(f"PUT {_PROJECT}", 200, _ask(*_HIDDEN), dynamodb=2, sqs=1, what="with variants to move"),
    Case(f"DELETE {_PROJECT}", 200, _ask(*_DELETED), dynamodb=2, sqs=1, what="with variants to move"),
    Case(f"DELETE {_PROJECT}", 200, _ask(*_DELETED, _HIDDEN), dynamodb=2, what="that is private"),
    Case(f"DELETE {_PROJECT}", 202, _ask("DELETE", "?permanent=true"), dynamodb=2, sqs=1, what="for good"),
    Case(
        f"DELETE {_PROJECT}",
        202,
        _ask("DELETE", "?permanent=true", None, _DELETED),
        dynamodb=2,
        sqs=1,
        what="for good, that was deleted",
    ),
    Case(
        f"POST {_PROJECT}/restore",
        200,
        _ask("POST", "/restore", None, _DELETED),
        dynamodb=2,
        sqs=1,
        what="with variants to move",
    ),
    Case(
        f"POST {_PROJECT}/restore",
        200,
        _ask("POST", "/restore", None, _HIDDEN, _DELETED),
        dynamodb=2,
        what="that is private",
    ),
    # One of these three is the limiter's.
    Case(f"POST {_PROJECT}/sync-variants", 202, _ask("POST", "/sync-variants", None, _WIDENED), dynamodb=3, sqs=1),
    Case(
        f"POST {_PROJECT}/sync-variants",
        200,
        _ask("POST", "/sync-variants?dryRun=true", None, _WIDENED),
        dynamodb=3,
        what="only told",
    ),
)
