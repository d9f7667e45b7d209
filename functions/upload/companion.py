"""The contract of Uppy Companion, for @uppy/aws-s3 as published. Its responses have no envelope."""

from holdall.companion.model import CompanionEndpoint, CreateEndpointRequest
from holdall.companion.service import tokens
from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentProject, requires
from holdall.http.responses import DataResponse, data

router = Router()


@router.post(
    "/uploads/companion-token",
    guard=requires("files.write", project_from="projectId", rate_limit="create"),
    status_code=201,
    summary="Create an endpoint for Uppy",
    description="The `endpoint` of @uppy/aws-s3. It is shown once.",
)
def create_companion_token(
    caller: CurrentCaller, project: CurrentProject, _body: CreateEndpointRequest | None = None
) -> DataResponse[CompanionEndpoint]:
    return data(tokens.issue(caller, project))
