"""/projects/{projectId}/keys: ways into a project for programs."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.projects.parameters import ProjectId
from holdall.caller import Caller
from holdall.http import Cursor, Cursors, Data, Joined, Limit, Listed, Placed, Router, needs
from holdall.keys import service
from holdall.keys.model import ChangeKey, KeyMade, KeyView, NewKey
from holdall.projects.model import Membership, Project

router = Router()

KeyId = Annotated[str, Path(alias="keyId")]


@router.post("/projects/<projectId>/keys", status_code=201, summary="Make an API key; its secret is shown this once")
def create(
    caller: Annotated[Caller, needs("keys.write", of="projectId", limit="create")],
    project: Annotated[Project, Placed],
    own: Annotated[Membership | None, Joined],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    new: NewKey,
) -> Data[KeyMade]:
    return Data(data=service.create(caller, project, own, new))


@router.get("/projects/<projectId>/keys", summary="The API keys of a project")
def find(
    caller: Annotated[Caller, needs("keys.write", of="projectId")],  # noqa: ARG001  # stands for the permission
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Listed[KeyView]:
    cursors = Cursors("keys", project.id)
    return cursors.answer(service.page(project, cursors.request(limit, cursor)), limit)


@router.patch("/projects/<projectId>/keys/<keyId>", summary="Switch an API key on or off")
def change(
    caller: Annotated[Caller, needs("keys.write", of="projectId")],
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    key_id: KeyId,
    said: ChangeKey,
) -> Data[KeyView]:
    return Data(data=service.enable(caller, project, key_id, enabled=said.enabled))


@router.delete("/projects/<projectId>/keys/<keyId>", status_code=204, summary="Remove an API key")
def remove(
    caller: Annotated[Caller, needs("keys.write", of="projectId")],
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    key_id: KeyId,
) -> Response[None]:
    service.remove(caller, project, key_id)
    return Response(status_code=204)
