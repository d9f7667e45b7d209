"""Invitations to projects. Each is for one email address, and only its email contains its secret."""

from contextlib import suppress
from datetime import timedelta
from functools import partial

from holdall.audit.service import log
from holdall.emails import service as emails
from holdall.emails.model import ProjectInvitation
from holdall.events.service import emit
from holdall.iam import tokens
from holdall.iam.model import Account, InvalidToken, User, normalize_email
from holdall.iam.service import users
from holdall.iam.tokens import TokenKind
from holdall.idempotency import service as idempotency
from holdall.platform import clock, ids
from holdall.platform.caller import Caller
from holdall.platform.errors import NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import (
    INVITATION_TTL,
    CreateInvitationRequest,
    EmailMismatch,
    Invitation,
    InvitationChanged,
    PersonalProjectNotShareable,
    Project,
    ProjectWithRole,
    StoredInvitation,
)
from holdall.projects.service import access, members, projects
from holdall.projects.store import members as store
from holdall.projects.store.projects import check_active, get_project
from holdall.rate_limits import service as rate_limits
from holdall.roles import service as roles

_RESEND_AFTER = timedelta(seconds=30)
_BATCH_SIZE = 50  # with two records each, the most that one BatchGetItem reads


def create(caller: Caller, project: Project, inviter: User, request: CreateInvitationRequest) -> Invitation:
    """Invite an email address, and replace an older invitation for it. The response does not tell if it has an account.

    Raises PersonalProjectNotShareable, NotFound if the project is deleted meanwhile, and TooManyRequests for an address that
    was invited too often by all callers together, because it is the mailbox of another person.
    """
    if project.personal:
        raise PersonalProjectNotShareable
    now, normalized_email, secret = clock.now(), normalize_email(request.email), ids.new_secret()
    rate_limits.hit("invite", ids.sha256_hex(normalized_email))
    invitation = StoredInvitation(
        id=ids.deterministic_id(project.id, normalized_email),
        project_id=project.id,
        email=request.email,
        normalized_email=normalized_email,
        role=request.role,
        secret_sha256=ids.sha256_hex(secret),
        created_by=caller.user_id,
        created_at=now,
        expires_at=now + INVITATION_TTL,
    )

    def work(tx: Transaction) -> Invitation:
        check_active(tx, project.id)
        store.put_invitation(tx, invitation)
        log(tx, caller, "invitations.create", invitation.id)
        emit(tx, project.id, "member.invited", role=request.role)  # without the email, because viewers may read this
        tx.on_commit(partial(_send, invitation, secret, inviter.email))
        return _to_response(invitation)

    return idempotency.run(caller, work, save=Invitation.model_dump_json, replay=Invitation.model_validate_json)


def list_invitations(project: Project, page: PageRequest) -> Page[Invitation]:
    """Return the pending invitations to a project. One round trip."""
    found = store.list_invitations(project.id, page)
    return Page([_to_response(invitation) for invitation in found.items], next=found.next, prev=found.prev)


def delete(caller: Caller, project: Project, invitation_id: str) -> None:
    """Delete an invitation. Raises NotFound."""
    with BatchGet() as batch:
        pending = store.get_invitation(batch, invitation_id)
    invitation = pending.require(NotFound)
    if invitation.project_id != project.id:
        raise NotFound
    with Transaction() as tx:
        store.delete_invitation(tx, invitation)
        log(tx, caller, "invitations.delete", invitation_id)


def accept(caller: Caller, token: str) -> ProjectWithRole:
    """Join the project of an invitation.

    Raises InvalidToken for an invitation that is unknown, expired or replaced, or whose creator may not invite any more,
    EmailMismatch and AlreadyMember.
    """
    try:
        return _accept(caller, token)
    except InvalidToken:  # the first of two equal requests deletes the invitation
        stored = idempotency.find(caller)
        if stored is None:
            raise
        return _replay_accept(stored)


def send_pending() -> int:
    """Send invitations whose email is not on its way, each with a new secret, and return their number.

    Skips those that expired, and those to a project that is not active. Raises ServiceUnavailable.
    """
    before, count, page = clock.now() - _RESEND_AFTER, 0, PageRequest(_BATCH_SIZE)
    while True:
        # Skipped invitations stay at the head of the list until their TTL, so one page is not enough.
        found = store.list_unsent(before, page)
        count += sum(_resend(invitation, inviter) for invitation, inviter in _load_sendable(found.items))
        if found.next is None:
            return count
        page = PageRequest(_BATCH_SIZE, found.next)


def _accept(caller: Caller, token: str) -> ProjectWithRole:
    invitation_id, secret = tokens.parse(TokenKind.PROJECT_INVITATION, token)
    with BatchGet() as batch:
        pending_invitation = store.get_invitation(batch, invitation_id)
        pending_project = get_project(batch, ids.project_id_of(invitation_id))
        pending_account = users.get_account(batch, caller.user_id)
    invitation = pending_invitation.require(InvalidToken)
    project, account = pending_project.require(InvalidToken), pending_account.require(InvalidToken)
    is_secret = ids.constant_time_equal(ids.sha256_hex(secret), invitation.secret_sha256)
    if not is_secret or invitation.expires_at <= clock.now() or project.status != "active":
        raise InvalidToken
    if normalize_email(account.user.email) != invitation.normalized_email:
        raise EmailMismatch
    if not _creator_can_invite(invitation):
        raise InvalidToken  # a member who was removed must not come back by an invitation of their own
    response = projects.with_role(project, invitation.role)

    def work(tx: Transaction) -> ProjectWithRole:
        store.delete_invitation(tx, invitation, error=InvalidToken)
        members.add(tx, invitation.project_id, caller.user_id, invitation.role)
        log(tx, caller, "invitations.accept", f"{invitation.project_id}-{caller.user_id}")
        return response

    return idempotency.run(caller, work, save=ProjectWithRole.model_dump_json, replay=_replay_accept)


def _replay_accept(stored: str) -> ProjectWithRole:
    return ProjectWithRole.model_validate_json(stored, by_name=True)


def _creator_can_invite(invitation: StoredInvitation) -> bool:
    """Return whether the creator of an invitation still has the permission to create one. One round trip."""
    with BatchGet() as batch:
        pending_account = users.get_account(batch, invitation.created_by)
        epoch = roles.get_epoch(batch, invitation.created_by)
        project_access = access.load(batch, invitation.project_id, invitation.created_by)
    account = pending_account.value
    if account is None or account.user.status != "active":
        return False
    all_projects = "projects.any" in roles.get_permissions(account.user.roles, epoch.value or 0)
    try:
        _, role = access.authorize(project_access, all_projects=all_projects)
    except NotFound:
        return False
    return "members.write" in roles.get_project_role_permissions(role)


def _load_sendable(candidates: list[StoredInvitation]) -> list[tuple[StoredInvitation, Account | None]]:
    """Return the invitations that can be accepted, with the accounts of their creators. One round trip."""
    now = clock.now()
    with BatchGet() as batch:
        found = [
            (each, get_project(batch, each.project_id), users.get_account(batch, each.created_by))
            for each in candidates
            if each.expires_at > now
        ]
    return [
        (each, inviter.value) for each, project, inviter in found if project.value and project.value.status == "active"
    ]


def _resend(invitation: StoredInvitation, inviter: Account | None) -> bool:
    """Send an invitation with a new secret. Return whether its email is on its way."""
    secret = ids.new_secret()
    try:
        with Transaction() as tx:
            check_active(tx, invitation.project_id)
            reissued = store.reissue(tx, invitation, ids.sha256_hex(secret))
    except (NotFound, InvitationChanged):
        return False
    name = inviter.user.email if inviter and inviter.user.status == "active" else "A project owner"
    return _send(reissued, secret, name)


def _send(invitation: StoredInvitation, secret: str, inviter_name: str) -> bool:
    """Send the email of an invitation. Return whether it is on its way; if not, a scheduled task sends it."""
    # Only the address of the inviter: names of users and projects are free text, and the email may go to anyone.
    token = tokens.format_token(TokenKind.PROJECT_INVITATION, invitation.id, secret)
    if not emails.send_now(invitation.email, ProjectInvitation(inviter_name, token)):
        return False
    with suppress(InvitationChanged), Transaction() as tx:
        store.mark_sent(tx, invitation)
    return True


def _to_response(invitation: StoredInvitation) -> Invitation:
    return Invitation(**{name: getattr(invitation, name) for name in Invitation.model_fields})
