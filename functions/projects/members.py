"""/projects/{projectId}/members, /invitations: who is in a project, and who was asked to come."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.projects.parameters import ProjectId
from holdall.http import (
    CurrentMembership,
    CurrentProject,
    CurrentUser,
    Cursor,
    CursorCodec,
    DataResponse,
    Limit,
    PageResponse,
    Router,
    requires,
    session,
)
from holdall.iam.model import Account
from holdall.platform.caller import Caller
from holdall.projects.model import (
    AcceptInvitationRequest,
    CreateInvitationRequest,
    Invitation,
    Member,
    Membership,
    Project,
    ProjectWithRole,
    TransferOwnershipRequest,
    UpdateMemberRequest,
)
from holdall.projects.service import invitations, members

router = Router()

# Of any length: what is too long for an id is not there, as anything else that is none.
UserId = Annotated[str, Path(alias="userId")]
InvitationId = Annotated[str, Path(alias="invitationId")]


@router.get("/projects/<projectId>/members", summary="List members")
def list_members(
    caller: Annotated[Caller, requires("members.read", project_from="projectId")],  # noqa: ARG001  # stands for the permission
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageResponse[Member]:
    cursors = CursorCodec("members", project.id)
    return cursors.respond(members.list_members(project, cursors.decode(limit, cursor)), limit)


@router.patch("/projects/<projectId>/members/<userId>", summary="Change the role of a member")
def update_member(
    caller: Annotated[Caller, requires("members.write", project_from="projectId")],
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    user_id: UserId,
    body: UpdateMemberRequest,
) -> DataResponse[Member]:
    return DataResponse(data=members.set_role(caller, project, user_id, body.role))


@router.delete("/projects/<projectId>/members/<userId>", status_code=204, summary="Remove a member")
def delete_member(
    caller: Annotated[Caller, requires("members.write", project_from="projectId")],
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    user_id: UserId,
) -> Response[None]:
    members.delete(caller, project, user_id)
    return Response(status_code=204)


@router.post("/projects/<projectId>/leave", status_code=204, summary="Leave a project")
def leave_project(
    caller: Annotated[Caller, requires("members.read", project_from="projectId")],
    project: Annotated[Project, CurrentProject],
    membership: Annotated[Membership | None, CurrentMembership],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
) -> Response[None]:
    members.leave(caller, project, membership)
    return Response(status_code=204)


@router.post("/projects/<projectId>/transfer", summary="Transfer the ownership of a project")
def transfer_ownership(
    caller: Annotated[Caller, requires("members.write", project_from="projectId")],
    project: Annotated[Project, CurrentProject],
    membership: Annotated[Membership | None, CurrentMembership],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    body: TransferOwnershipRequest,
) -> DataResponse[Member]:
    return DataResponse(data=members.transfer_ownership(caller, project, membership, body.user_id))


@router.post("/projects/<projectId>/invitations", status_code=201, summary="Invite a user by email")
def create_invitation(
    caller: Annotated[Caller, requires("members.write", project_from="projectId", rate_limit="create")],
    project: Annotated[Project, CurrentProject],
    user: Annotated[Account, CurrentUser],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    body: CreateInvitationRequest,
) -> DataResponse[Invitation]:
    return DataResponse(data=invitations.create(caller, project, user.user, body))


@router.get("/projects/<projectId>/invitations", summary="List pending invitations")
def list_invitations(
    caller: Annotated[Caller, requires("members.write", project_from="projectId")],  # noqa: ARG001  # stands for the permission
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageResponse[Invitation]:
    cursors = CursorCodec("invitations", project.id)
    return cursors.respond(invitations.list_invitations(project, cursors.decode(limit, cursor)), limit)


@router.delete("/projects/<projectId>/invitations/<invitationId>", status_code=204, summary="Delete an invitation")
def delete_invitation(
    caller: Annotated[Caller, requires("members.write", project_from="projectId")],
    project: Annotated[Project, CurrentProject],
    project_id: ProjectId,  # noqa: ARG001  # read by the door
    invitation_id: InvitationId,
) -> Response[None]:
    invitations.delete(caller, project, invitation_id)
    return Response(status_code=204)


@router.post("/invitations/accept", summary="Accept an invitation")
def accept_invitation(
    caller: Annotated[Caller, session(rate_limit="create")], body: AcceptInvitationRequest
) -> DataResponse[ProjectWithRole]:
    return DataResponse(data=invitations.accept(caller, body.token))
