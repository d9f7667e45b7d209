"""/projects/{projectId}/usage: what a project holds."""

from typing import Annotated

from functions.projects.parameters import ProjectId
from holdall.http import CurrentProject, DataResponse, Router, requires
from holdall.platform.caller import Caller
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.quotas.model import ProjectUsage

router = Router()


@router.get("/projects/<projectId>/usage", summary="Get the usage and the quota of a project")
def get_project_usage(
    caller: Annotated[Caller, requires("projects.read", project_from="projectId")],  # noqa: ARG001  # stands for the permission
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
) -> DataResponse[ProjectUsage]:
    return DataResponse(data=quotas.get_project_usage(project.id, limits=projects.quota_limits(project)))
