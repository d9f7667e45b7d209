"""Budgets of jobs. A retry reads the job, and then the file of a job on a version."""

from collections.abc import Callable

from tests.architecture.round_trips import BudgetCase, SendRequest
from tests.support import users
from tests.support.admins import AdminFactory
from tests.support.jobs import create_failed_job
from tests.support.scenario import Scenario

_GUARD, _AUDIT, _SHARDS_OF_PROJECTS, _STATUSES, _NAMES = 1, 1, 16, 4, 1


def _job_request(method: str, path: str = "") -> Callable[[Scenario], SendRequest]:
    """Send a request about a job that failed."""

    def prepare(scenario: Scenario) -> SendRequest:
        job_id = create_failed_job(scenario.client, scenario.fake_aws, scenario.project_id)
        return lambda: scenario.client.request(method, f"/jobs/{job_id}{path}")

    return prepare


def _as_superuser(query: str = "") -> Callable[[Scenario], SendRequest]:
    """Send a request of a superuser. The installation has the project of the scenario, and two personal ones."""

    def prepare(scenario: Scenario) -> SendRequest:
        create_failed_job(scenario.client, scenario.fake_aws, scenario.project_id)
        superuser = users.create_superuser()
        return lambda: superuser.get(f"/admin/jobs{query}")

    return prepare


def _as_admin(scenario: Scenario) -> SendRequest:
    """Send a request of an admin who owns a personal project."""
    admin = AdminFactory(users.create_superuser()).create_user("admin")
    return lambda: admin.get("/admin/jobs")


def _tasks_request(method: str, path: str = "") -> Callable[[Scenario], SendRequest]:
    """Send a request of a superuser about tasks."""

    def prepare(_: Scenario) -> SendRequest:
        superuser = users.create_superuser()
        superuser.get("/admin/tasks").data()  # reads the roles
        return lambda: superuser.request(method, f"/admin/tasks{path}")

    return prepare


_OVERVIEW = "GET /api/v1/admin/jobs"
JOB_CASES = (
    BudgetCase("GET /api/v1/jobs/{jobId}", 200, _job_request("GET"), dynamodb=2),
    # The guard, the rate limiter, the job, the project with the file, the transaction.
    BudgetCase("POST /api/v1/jobs/{jobId}/retry", 202, _job_request("POST", "/retry"), dynamodb=5, sqs=1),
    BudgetCase("GET /api/v1/admin/tasks", 200, _tasks_request("GET"), dynamodb=2),
    # The guard, the rate limiter, the last run, the transaction.
    BudgetCase("POST /api/v1/admin/tasks/{task}/run", 202, _tasks_request("POST", "/recount/run"), dynamodb=4, sqs=1),
    BudgetCase(_OVERVIEW, 200, _as_superuser(), dynamodb=_GUARD + _AUDIT + _SHARDS_OF_PROJECTS + 3 * _STATUSES),
    # One for each project that has failed jobs, and one that shows that there is no other.
    BudgetCase(
        _OVERVIEW,
        200,
        _as_superuser("?failed=true"),
        dynamodb=_GUARD + _AUDIT + 2 + _NAMES + _STATUSES,
        label="with failed jobs",
    ),
    BudgetCase(_OVERVIEW, 200, _as_admin, dynamodb=_GUARD + 1 + _NAMES + _STATUSES, label="of an admin"),
)
