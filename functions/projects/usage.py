"""/projects/{projectId}/usage: what a project holds."""

from typing import Annotated

from functions.projects.parameters import ProjectId
from holdall.caller import Caller
from holdall.http import Data, Placed, Router, needs
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.quotas.model import UsageView

router = Router()


@router.get("/projects/<projectId>/usage", summary="What a project holds, and how much it may")
def fetch(
    caller: Annotated[Caller, needs("projects.read", of="projectId")],  # noqa: ARG001  # stands for the permission
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
) -> Data[UsageView]:
    return Data(data=quotas.usage(project.id, within=projects.bounds(project)))
