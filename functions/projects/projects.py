"""/projects: make them, find them, change them, put them away."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.projects.parameters import ProjectId
from holdall.caller import Caller
from holdall.http import Cursor, Cursors, Data, Limit, Listed, Placed, Router, needs, signed_in
from holdall.jobs.model import Started
from holdall.projects.model import ChangeProject, NewProject, Project, ProjectView
from holdall.projects.service import projects
from holdall.variants import sync
from holdall.variants.model import Forecast

router = Router()

Permanent = Annotated[bool, Query(description="For good, with all that is in it.")]
DryRun = Annotated[bool, Query(alias="dryRun", description="Only tell what would be done.")]


@router.post("/projects", status_code=201, summary="Make a project")
def create(caller: Annotated[Caller, needs("projects.create", limit="create")], new: NewProject) -> Data[ProjectView]:
    return Data(data=projects.view(projects.create(caller, new), "owner"))


@router.get("/projects", summary="The projects that the caller is a member of")
def mine(caller: Annotated[Caller, signed_in()], limit: Limit = 20, cursor: Cursor = None) -> Listed[ProjectView]:
    cursors = Cursors("projects", caller.user_id)
    return cursors.answer(projects.mine(caller, cursors.request(limit, cursor)), limit)


@router.get("/projects/<projectId>", summary="One project")
def fetch(
    caller: Annotated[Caller, needs("projects.read", of="projectId")],
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
) -> Data[ProjectView]:
    return Data(data=projects.view(project, caller.project_role))


@router.put("/projects/<projectId>", summary="Change a project; what is not said stays")
def change(
    caller: Annotated[Caller, needs("projects.update", of="projectId")],
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    said: ChangeProject,
) -> Data[ProjectView]:
    return Data(data=projects.view(projects.change(caller, project, said), caller.project_role))


@router.delete("/projects/<projectId>", summary="Delete a project for 30 days, or for good")
def remove(
    caller: Annotated[Caller, needs("projects.delete", of="projectId", deleted="permanent")],
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    permanent: Permanent = False,  # noqa: FBT002
) -> Response[Data[ProjectView] | Data[Started]]:
    if not permanent:
        deleted = Data(data=projects.view(projects.delete(caller, project), caller.project_role))
        return Response(status_code=200, content_type="application/json", body=deleted)
    started = Data(data=Started(job_id=projects.purge(caller, project).id))
    return Response(status_code=202, content_type="application/json", body=started)


@router.post("/projects/<projectId>/restore", summary="Take a deletion back")
def restore(
    caller: Annotated[Caller, needs("projects.delete", of="projectId", deleted="always")],
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
) -> Data[ProjectView]:
    return Data(data=projects.view(projects.restore(caller, project), caller.project_role))


@router.post("/projects/<projectId>/sync-variants", status_code=202, summary="Bring all variants up to the settings")
def sync_variants(
    caller: Annotated[Caller, needs("variants.sync", of="projectId", limit="create")],
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    dry_run: DryRun = False,  # noqa: FBT002
) -> Response[Data[Forecast] | Data[Started]]:
    if dry_run:
        forecast = Data(data=sync.forecast(project))
        return Response(status_code=200, content_type="application/json", body=forecast)
    started = Data(data=Started(job_id=sync.start(caller, project)))
    return Response(status_code=202, content_type="application/json", body=started)
