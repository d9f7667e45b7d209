"""Budgets of the largest pages: those of empty pages, and one more where 100 records are fetched behind an index."""

from collections.abc import Callable

from tests.architecture.round_trips import BudgetCase, SendRequest
from tests.support import users
from tests.support.lists import LISTS
from tests.support.rows import Partition
from tests.support.scenario import Scenario

_MAX_LIMIT = 100
_INSTALLATION_LISTS = ("users", "roles", "permissions")


def _full_page(name: str, path: str) -> Callable[[Scenario], SendRequest]:
    """Request a list of a user, a project or the installation that has more than one page."""

    def prepare(scenario: Scenario) -> SendRequest:
        caller = users.create_superuser() if name in _INSTALLATION_LISTS else scenario.client
        owner_id = scenario.project_id if "{project}" in path else caller.user["id"]
        Partition(LISTS[name].factory, owner_id).grow(_MAX_LIMIT + 1)
        return lambda: caller.get(path.format(project=scenario.project_id))

    return prepare


def _case(name: str, path: str, dynamodb: int) -> BudgetCase:
    route = LISTS[name].route.replace(" ", " /api/v1")
    return BudgetCase(route, 200, _full_page(name, path), dynamodb=dynamodb, label="full page")


LIST_CASES = (
    _case("projects of a user", "/projects?limit=100", 3),
    _case("members of a project", "/projects/{project}/members?limit=100", 3),
    _case("invitations", "/projects/{project}/invitations?limit=100", 2),
    # The last use of each key is read, and the user and the membership of each creator.
    _case("API keys of a project", "/projects/{project}/keys?limit=100", 5),
    _case("files, newest first", "/files?projectId={project}&limit=100", 2),
    _case("trash of a project", "/trash?projectId={project}&limit=100", 2),
    _case("open uploads of a project", "/uploads?projectId={project}&limit=100", 2),
    # With the names of the files that they are about.
    _case("jobs of a project", "/jobs?projectId={project}&limit=100", 3),
    _case("jobs by status", "/jobs?projectId={project}&status=pending&limit=100", 3),
    _case("users", "/users?limit=100", 2),
    _case("roles", "/roles?limit=100", 2),
    _case("permissions", "/permissions?limit=100", 2),
)
