"""/projects: make them, find them, change them, put them away."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.projects.parameters import ProjectId
from holdall.http import (
    CurrentProject,
    Cursor,
    CursorCodec,
    DataResponse,
    Limit,
    PageResponse,
    Router,
    requires,
    session,
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


@router.post("/projects", status_code=201, summary="Create a project")
def create_project(
    caller: Annotated[Caller, requires("projects.create", rate_limit="create")], body: CreateProjectRequest
) -> DataResponse[ProjectWithRole]:
    return DataResponse(data=projects.with_role(projects.create(caller, body), "owner"))


@router.get("/projects", summary="List own projects")
def list_projects(
    caller: Annotated[Caller, session()], limit: Limit = 20, cursor: Cursor = None
) -> PageResponse[ProjectWithRole]:
    cursors = CursorCodec("projects", caller.user_id)
    return cursors.respond(projects.list_for_user(caller, cursors.decode(limit, cursor)), limit)


@router.get("/projects/<projectId>", summary="Get a project")
def get_project(
    caller: Annotated[Caller, requires("projects.read", project_from="projectId")],
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
) -> DataResponse[ProjectWithRole]:
    return DataResponse(data=projects.with_role(project, caller.project_role))


@router.put("/projects/<projectId>", summary="Update a project (partial update)")
def update_project(
    caller: Annotated[Caller, requires("projects.update", project_from="projectId")],
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    body: UpdateProjectRequest,
) -> DataResponse[ProjectWithRole]:
    return DataResponse(data=projects.with_role(projects.update(caller, project, body), caller.project_role))


@router.delete("/projects/<projectId>", summary="Delete a project, with 30 days to restore it or permanently")
def delete_project(
    caller: Annotated[Caller, requires("projects.delete", project_from="projectId", allow_deleted="permanent")],
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    permanent: Permanent = False,  # noqa: FBT002
) -> Response[DataResponse[ProjectWithRole] | DataResponse[JobAccepted]]:
    if not permanent:
        deleted = DataResponse(data=projects.with_role(projects.delete(caller, project), caller.project_role))
        return Response(status_code=200, content_type="application/json", body=deleted)
    started = DataResponse(data=JobAccepted(job_id=projects.purge(caller, project).id))
    return Response(status_code=202, content_type="application/json", body=started)


@router.post("/projects/<projectId>/restore", summary="Restore a project")
def restore_project(
    caller: Annotated[Caller, requires("projects.delete", project_from="projectId", allow_deleted="always")],
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
) -> DataResponse[ProjectWithRole]:
    return DataResponse(data=projects.with_role(projects.restore(caller, project), caller.project_role))


@router.post(
    "/projects/<projectId>/sync-variants", status_code=202, summary="Synchronize all variants with the settings"
)
def sync_variants(
    caller: Annotated[Caller, requires("variants.sync", project_from="projectId", rate_limit="create")],
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    dry_run: DryRun = False,  # noqa: FBT002
) -> Response[DataResponse[SyncEstimate] | DataResponse[JobAccepted]]:
    if dry_run:
        forecast = DataResponse(data=sync.estimate(project))
        return Response(status_code=200, content_type="application/json", body=forecast)
    started = DataResponse(data=JobAccepted(job_id=sync.start(caller, project)))
    return Response(status_code=202, content_type="application/json", body=started)
