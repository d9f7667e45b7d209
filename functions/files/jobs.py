"""Jobs."""

from functools import partial
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentProject, requires
from holdall.http.responses import (
    Cursor,
    DataResponse,
    Limit,
    PageResponse,
    accepted,
    data,
    documented,
    paginate,
)
from holdall.jobs import service as jobs
from holdall.jobs import views
from holdall.jobs.model import JobStatus, JobView
from holdall.maintenance import job_list, job_overview, retries
from holdall.maintenance.model import ProjectJobs

router = Router()

JobId = Annotated[str, Path(alias="jobId", max_length=64)]
Status = Annotated[JobStatus | None, Query(description="Only jobs with this status.")]
FailedOnly = Annotated[bool, Query(alias="failed", description="Only projects that have failed jobs.")]


@router.get("/jobs", guard=requires("jobs.read", project_from="projectId"), summary="List jobs, newest first")
def list_jobs(
    caller: CurrentCaller, project: CurrentProject, status: Status = None, limit: Limit = 20, cursor: Cursor = None
) -> PageResponse[JobView]:
    list_page = partial(job_list.list_jobs, caller, project.id, status)
    return paginate(limit, cursor, list_page, "jobs", project.id, status)


@router.get("/jobs/<jobId>", guard=requires("jobs.read", project_from="jobId"), summary="Get a job")
def get_job(job_id: JobId) -> DataResponse[JobView]:
    return data(views.view(jobs.get(job_id)))


@router.post(
    "/jobs/<jobId>/retry",
    guard=requires("jobs.retry", project_from="jobId", rate_limit="create"),
    summary="Retry a failed job",
    responses={202: documented("The job is pending again.", DataResponse[JobView])},
)
def retry_job(caller: CurrentCaller, job_id: JobId) -> Response[DataResponse[JobView]]:
    return accepted(data(views.view(retries.retry(caller, job_id))))


@router.get("/admin/jobs", guard=requires("jobs.admin"), summary="Count the jobs of projects by status")
def list_projects_with_jobs(
    caller: CurrentCaller, *, failed: FailedOnly = False, limit: Limit = 20, cursor: Cursor = None
) -> PageResponse[ProjectJobs]:
    list_page = partial(job_overview.list_projects, caller, failed_only=failed)
    return paginate(limit, cursor, list_page, "admin-jobs", caller.user_id, str(failed))
