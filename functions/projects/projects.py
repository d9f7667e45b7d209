"""/projects: make them, find them."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path

from holdall.caller import Caller
from holdall.http import Cursor, Cursors, Data, Limit, Listed, Placed, Router, needs, signed_in
from holdall.projects import service
from holdall.projects.model import NewProject, Project

router = Router()

ProjectId = Annotated[str, Path(alias="projectId", max_length=64)]


@router.post("/projects", status_code=201, summary="Make a project")
def create(caller: Annotated[Caller, needs("projects.create", limit="create")], new: NewProject) -> Data[Project]:
    return Data(data=service.create(caller, new))


@router.get("/projects", summary="The projects that the caller is a member of")
def mine(caller: Annotated[Caller, signed_in()], limit: Limit = 20, cursor: Cursor = None) -> Listed[Project]:
    cursors = Cursors("projects", caller.user_id)
    return cursors.answer(service.mine(caller, cursors.request(limit, cursor)), limit)


@router.get("/projects/<projectId>", summary="One project")
def fetch(
    caller: Annotated[Caller, needs("projects.read", of="projectId")],  # noqa: ARG001  # stands for the permission
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
) -> Data[Project]:
    return Data(data=project)
