"""What the largest page costs: as much as an empty one, and a round trip for each hundred rows that are fetched behind it."""

from collections.abc import Callable

from tests.architecture.round_trips import BudgetCase, SendRequest
from tests.support import users
from tests.support.lists import LISTS
from tests.support.rows import Partition
from tests.support.scenario import Scenario

_MAX_LIMIT = 100
_INSTALLATION_LISTS = ("users", "roles", "permissions")


def _full_page(name: str, path: str) -> Callable[[Scenario], SendRequest]:
    """A list of somebody, of a project or of all, grown until there is a page after the first."""

    def prepared(scenario: Scenario) -> SendRequest:
        asker = users.create_superuser() if name in _INSTALLATION_LISTS else scenario.client
        owner = scenario.project_id if "{project}" in path else asker.user["id"]
        Partition(LISTS[name].factory, owner).grow(_MAX_LIMIT + 1)
        return lambda: asker.get(path.format(project=scenario.project_id))

    return prepared


def _case(name: str, path: str, dynamodb: int) -> BudgetCase:
    route = LISTS[name].route.replace(" ", " /api/v1")
    return BudgetCase(route, 200, _full_page(name, path), dynamodb=dynamodb, label="full page")


LIST_CASES = (
    _case("projects of a user", "/projects?limit=100", 3),
    _case("members of a project", "/projects/{project}/members?limit=100", 3),
    _case("invitations", "/projects/{project}/invitations?limit=100", 2),
    # A maker is two rows: who they are, and what they are in the project.
    _case("API keys of a project", "/projects/{project}/keys?limit=100", 4),
    _case("files, newest first", "/files?projectId={project}&limit=100", 2),
    _case("users", "/users?limit=100", 2),
    _case("roles", "/roles?limit=100", 2),
    _case("permissions", "/permissions?limit=100", 2),
)
