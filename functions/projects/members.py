"""/projects/{projectId}/members, /invitations: who is in a project, and who was asked to come."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.projects.parameters import ProjectId
from holdall.caller import Caller
from holdall.http import Cursor, Cursors, Data, Joined, Limit, Listed, Myself, Placed, Router, needs, signed_in
from holdall.iam.model import Known
from holdall.projects.model import (
    ChangeMember,
    InvitationView,
    Invite,
    Join,
    Member,
    Membership,
    Project,
    ProjectView,
    Transfer,
)
from holdall.projects.service import invitations, members

router = Router()

# Of any length: what is too long for an id is not there, as anything else that is none.
UserId = Annotated[str, Path(alias="userId")]
InvitationId = Annotated[str, Path(alias="invitationId")]


@router.get("/projects/<projectId>/members", summary="The members of a project")
def find(
    caller: Annotated[Caller, needs("members.read", of="projectId")],  # noqa: ARG001  # stands for the permission
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Listed[Member]:
    cursors = Cursors("members", project.id)
    return cursors.answer(members.page(project, cursors.request(limit, cursor)), limit)


@router.patch("/projects/<projectId>/members/<userId>", summary="Give a member another role")
def change(
    caller: Annotated[Caller, needs("members.write", of="projectId")],
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    user_id: UserId,
    said: ChangeMember,
) -> Data[Member]:
    return Data(data=members.change(caller, project, user_id, said.role))


@router.delete("/projects/<projectId>/members/<userId>", status_code=204, summary="Remove a member")
def remove(
    caller: Annotated[Caller, needs("members.write", of="projectId")],
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    user_id: UserId,
) -> Response[None]:
    members.remove(caller, project, user_id)
    return Response(status_code=204)


@router.post("/projects/<projectId>/leave", status_code=204, summary="Leave a project")
def leave(
    caller: Annotated[Caller, needs("members.read", of="projectId")],
    project: Annotated[Project, Placed],
    own: Annotated[Membership | None, Joined],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
) -> Response[None]:
    members.leave(caller, project, own)
    return Response(status_code=204)


@router.post("/projects/<projectId>/transfer", summary="Hand a project on to a member")
def transfer(
    caller: Annotated[Caller, needs("members.write", of="projectId")],
    project: Annotated[Project, Placed],
    own: Annotated[Membership | None, Joined],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    said: Transfer,
) -> Data[Member]:
    return Data(data=members.transfer(caller, project, own, said.user_id))


@router.post("/projects/<projectId>/invitations", status_code=201, summary="Ask an address to join")
def invite(
    caller: Annotated[Caller, needs("members.write", of="projectId", limit="create")],
    project: Annotated[Project, Placed],
    known: Annotated[Known, Myself],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    said: Invite,
) -> Data[InvitationView]:
    return Data(data=invitations.invite(caller, project, known.user, said))


@router.get("/projects/<projectId>/invitations", summary="The invitations that nobody took yet")
def invited(
    caller: Annotated[Caller, needs("members.write", of="projectId")],  # noqa: ARG001  # stands for the permission
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Listed[InvitationView]:
    cursors = Cursors("invitations", project.id)
    return cursors.answer(invitations.page(project, cursors.request(limit, cursor)), limit)


@router.delete("/projects/<projectId>/invitations/<invitationId>", status_code=204, summary="Take an invitation back")
def withdraw(
    caller: Annotated[Caller, needs("members.write", of="projectId")],
    project: Annotated[Project, Placed],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    invitation_id: InvitationId,
) -> Response[None]:
    invitations.withdraw(caller, project, invitation_id)
    return Response(status_code=204)


@router.post("/invitations/accept", summary="Join the project that a letter asks to")
def accept(caller: Annotated[Caller, signed_in(limit="create")], said: Join) -> Data[ProjectView]:
    return Data(data=invitations.accept(caller, said.token))
