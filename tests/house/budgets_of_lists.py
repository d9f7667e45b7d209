"""What the largest page costs: as much as an empty one, and a round trip for each hundred rows that are fetched behind it."""

from collections.abc import Callable

from tests.api import people
from tests.house.budget import Case, Request
from tests.house.scene import Scene
from tests.scale.lists import LISTS
from tests.scale.rows import Field

_MOST = 100
_OF_ALL = ("users", "roles", "permissions")


def _full(name: str, path: str) -> Callable[[Scene], Request]:
    """A list of somebody, of a project or of all, grown until there is a page after the first."""

    def prepared(scene: Scene) -> Request:
        asker = people.superuser() if name in _OF_ALL else scene.client
        owner = scene.project_id if "{project}" in path else asker.user["id"]
        Field(LISTS[name].rows, owner).grow(_MOST + 1)
        return lambda: asker.get(path.format(project=scene.project_id))

    return prepared


def _case(name: str, path: str, dynamodb: int) -> Case:
    route = LISTS[name].route.replace(" ", " /api/v1")
    return Case(route, 200, _full(name, path), dynamodb=dynamodb, what="full")


CASES_OF_LISTS = (
    _case("projects of a user", "/projects?limit=100", 3),
    _case("members of a project", "/projects/{project}/members?limit=100", 3),
    _case("invitations", "/projects/{project}/invitations?limit=100", 2),
    # A maker is two rows: who they are, and what they are in the project.
    _case("keys of a project", "/projects/{project}/keys?limit=100", 4),
    _case("files, newest first", "/files?projectId={project}&limit=100", 2),
    _case("users", "/users?limit=100", 2),
    _case("roles", "/roles?limit=100", 2),
    _case("permissions", "/permissions?limit=100", 2),
)
