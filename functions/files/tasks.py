"""Tasks of the installation, for those who operate it."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, requires
from holdall.http.responses import DataResponse, accepted, data, documented
from holdall.jobs.model import JobAccepted
from holdall.tasks import service as tasks
from holdall.tasks.model import TaskView

router = Router()

TaskName = Annotated[str, Path(alias="task")]
DryRun = Annotated[bool, Query(alias="dryRun", description="Only report what the task would do.")]


@router.get("/admin/tasks", guard=requires("tasks.read"), summary="List tasks with their last reports")
def list_tasks() -> DataResponse[list[TaskView]]:
    return data(tasks.list_tasks())


@router.post(
    "/admin/tasks/<task>/run",
    guard=requires("tasks.run", rate_limit="create"),
    summary="Run a task now",
    description="Its report is `lastRequest` of the task, with the same `jobId`. A task that was requested before and has "
    "not ended goes on, and is not started a second time.",
    responses={202: documented("The task starts, or is running.", DataResponse[JobAccepted])},
)
def run_task(caller: CurrentCaller, task: TaskName, *, dry_run: DryRun = False) -> Response[DataResponse[JobAccepted]]:
    return accepted(data(JobAccepted(job_id=tasks.request(caller, task, dry_run=dry_run))))
