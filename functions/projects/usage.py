"""Usage of a project."""

from holdall.http.app import Router
from holdall.http.auth import CurrentProject, requires
from holdall.http.responses import DataResponse, data
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.quotas.model import ProjectUsage

router = Router()


@router.get(
    "/projects/<projectId>/usage",
    guard=requires("projects.read", project_from="projectId"),
    summary="Get the usage and the quota of a project",
)
def get_project_usage(project: CurrentProject) -> DataResponse[ProjectUsage]:
    limits, max_limits = projects.quota_limits(project), projects.installation_limits()
    return data(quotas.get_project_usage(project.id, limits=limits, max_limits=max_limits))
