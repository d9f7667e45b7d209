"""Members of a project, and invitations to it."""

from functools import partial
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentMembership, CurrentProject, CurrentUser, requires, session
from holdall.http.responses import Cursor, DataResponse, Limit, PageResponse, data, no_content, paginate
from holdall.projects.model import (
    AcceptInvitationRequest,
    CreateInvitationRequest,
    Invitation,
    Member,
    ProjectWithRole,
    TransferOwnershipRequest,
    UpdateMemberRequest,
)
from holdall.projects.service import invitations, members

router = Router()

# Without a maximum length, because a text that is too long for an ID is a 404, like any other unknown ID.
UserId = Annotated[str, Path(alias="userId")]
InvitationId = Annotated[str, Path(alias="invitationId")]
_READ = requires("members.read", project_from="projectId")
_WRITE = requires("members.write", project_from="projectId")
_INVITE = requires("members.write", project_from="projectId", rate_limit="create")


@router.get("/projects/<projectId>/members", guard=_READ, summary="List members")
def list_members(project: CurrentProject, limit: Limit = 20, cursor: Cursor = None) -> PageResponse[Member]:
    return paginate(limit, cursor, partial(members.list_members, project), "members", project.id)


@router.patch("/projects/<projectId>/members/<userId>", guard=_WRITE, summary="Change the role of a member")
def update_member(
    caller: CurrentCaller,
    project: CurrentProject,
    membership: CurrentMembership,
    user_id: UserId,
    body: UpdateMemberRequest,
) -> DataResponse[Member]:
    return data(members.set_role(caller, project, membership, user_id, body.role))


@router.delete("/projects/<projectId>/members/<userId>", guard=_WRITE, status_code=204, summary="Remove a member")
def delete_member(
    caller: CurrentCaller, project: CurrentProject, membership: CurrentMembership, user_id: UserId
) -> Response[None]:
    members.delete(caller, project, membership, user_id)
    return no_content()


@router.post("/projects/<projectId>/leave", guard=_READ, status_code=204, summary="Leave a project")
def leave_project(caller: CurrentCaller, project: CurrentProject, membership: CurrentMembership) -> Response[None]:
    members.leave(caller, project, membership)
    return no_content()


@router.post("/projects/<projectId>/transfer", guard=_WRITE, summary="Transfer the ownership of a project")
def transfer_ownership(
    caller: CurrentCaller, project: CurrentProject, membership: CurrentMembership, body: TransferOwnershipRequest
) -> DataResponse[Member]:
    return data(members.transfer_ownership(caller, project, membership, body.user_id))


@router.post("/projects/<projectId>/invitations", guard=_INVITE, status_code=201, summary="Invite a user by email")
def create_invitation(
    caller: CurrentCaller, project: CurrentProject, user: CurrentUser, body: CreateInvitationRequest
) -> DataResponse[Invitation]:
    return data(invitations.create(caller, project, user, body))


@router.get("/projects/<projectId>/invitations", guard=_WRITE, summary="List pending invitations")
def list_invitations(project: CurrentProject, limit: Limit = 20, cursor: Cursor = None) -> PageResponse[Invitation]:
    return paginate(limit, cursor, partial(invitations.list_invitations, project), "invitations", project.id)


@router.delete(
    "/projects/<projectId>/invitations/<invitationId>", guard=_WRITE, status_code=204, summary="Delete an invitation"
)
def delete_invitation(caller: CurrentCaller, project: CurrentProject, invitation_id: InvitationId) -> Response[None]:
    invitations.delete(caller, project, invitation_id)
    return no_content()


@router.post("/invitations/accept", guard=session(rate_limit="create"), summary="Accept an invitation")
def accept_invitation(caller: CurrentCaller, body: AcceptInvitationRequest) -> DataResponse[ProjectWithRole]:
    return data(invitations.accept(caller, body.token))
