"""Projects."""

from functools import partial
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentProject, requires, session
from holdall.http.etags import IfMatch, check_if_match, format_etag
from holdall.http.responses import (
    Cursor,
    DataResponse,
    Limit,
    PageResponse,
    accepted,
    data,
    documented,
    json_response,
    paginate,
)
from holdall.jobs.model import JobAccepted
from holdall.platform.caller import Caller
from holdall.projects.model import CreateProjectRequest, Project, ProjectWithRole, UpdateProjectRequest
from holdall.projects.service import projects
from holdall.variants import sync
from holdall.variants.model import SyncEstimate

router = Router()

Permanent = Annotated[bool, Query(description="Delete the project permanently, with all its files.")]
DryRun = Annotated[bool, Query(alias="dryRun", description="Only return an estimate.")]


@router.post(
    "/projects",
    guard=requires("projects.create", rate_limit="create"),
    status_code=201,
    summary="Create a project",
)
def create_project(caller: CurrentCaller, body: CreateProjectRequest) -> DataResponse[ProjectWithRole]:
    return data(projects.with_role(projects.create(caller, body), "owner"))


@router.get("/projects", guard=session(), summary="List own projects")
def list_projects(caller: CurrentCaller, limit: Limit = 20, cursor: Cursor = None) -> PageResponse[ProjectWithRole]:
    return paginate(limit, cursor, partial(projects.list_for_user, caller), "projects", caller.user_id)


@router.get(
    "/projects/<projectId>",
    guard=requires("projects.read", project_from="projectId"),
    summary="Get a project",
    responses={200: documented("The project. `ETag` changes with it.", DataResponse[ProjectWithRole])},
)
def get_project(caller: CurrentCaller, project: CurrentProject) -> Response[DataResponse[ProjectWithRole]]:
    return _tagged(caller, project)


@router.patch(
    "/projects/<projectId>",
    guard=requires("projects.update", project_from="projectId", rate_limit="create"),
    put_alias=True,
    summary="Update a project",
    description="With `If-Match`, only if the project is the one that was read: else 412.",
    responses={200: documented("The updated project.", DataResponse[ProjectWithRole])},
)
def update_project(
    caller: CurrentCaller, project: CurrentProject, body: UpdateProjectRequest, if_match: IfMatch = None
) -> Response[DataResponse[ProjectWithRole]]:
    updated = projects.update(caller, project, body, check=lambda current: check_if_match(if_match, current.revision))
    return _tagged(caller, updated)


@router.delete(
    "/projects/<projectId>",
    guard=requires("projects.delete", project_from="projectId", rate_limit="create", allow_deleted="permanent"),
    summary="Delete a project",
    description="Without `permanent`, the project can be restored for 30 days.",
    responses={
        200: documented("The deleted project.", DataResponse[ProjectWithRole]),
        202: documented("A job deletes the project permanently.", DataResponse[JobAccepted]),
    },
)
def delete_project(
    caller: CurrentCaller, project: CurrentProject, *, permanent: Permanent = False
) -> Response[DataResponse[ProjectWithRole] | DataResponse[JobAccepted]]:
    if permanent:
        return accepted(data(JobAccepted(job_id=projects.purge(caller, project).id)))
    return json_response(data(projects.with_role(projects.delete(caller, project), caller.project_role)))


@router.post(
    "/projects/<projectId>/restore",
    guard=requires("projects.delete", project_from="projectId", rate_limit="create", allow_deleted=True),
    summary="Restore a project",
)
def restore_project(caller: CurrentCaller, project: CurrentProject) -> DataResponse[ProjectWithRole]:
    return data(projects.with_role(projects.restore(caller, project), caller.project_role))


@router.post(
    "/projects/<projectId>/sync-variants",
    guard=requires("variants.sync", project_from="projectId", rate_limit="create"),
    summary="Synchronize all variants with the settings",
    responses={
        200: documented("The estimate of a dry run.", DataResponse[SyncEstimate]),
        202: documented("A job synchronizes the variants.", DataResponse[JobAccepted]),
    },
)
def sync_variants(
    caller: CurrentCaller, project: CurrentProject, *, dry_run: DryRun = False
) -> Response[DataResponse[SyncEstimate] | DataResponse[JobAccepted]]:
    if dry_run:
        return json_response(data(sync.estimate(project)))
    return accepted(data(JobAccepted(job_id=sync.start(caller, project))))


def _tagged(caller: Caller, project: Project) -> Response[DataResponse[ProjectWithRole]]:
    """Return a project with its entity tag."""
    body = data(projects.with_role(project, caller.project_role))
    return json_response(body, headers={"etag": format_etag(project.revision)})
