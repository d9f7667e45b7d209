"""Invitations to a project: by letter, for one address, used once. Nobody keeps their secrets but whoever reads the letter."""

import contextlib
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
from holdall.platform.errors import Conflict, Forbidden, NotFound, Unauthenticated
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import (
    INVITATION_TTL,
    CreateInvitationRequest,
    Invitation,
    Project,
    ProjectWithRole,
    StoredInvitation,
)
from holdall.projects.service import access, members, projects
from holdall.projects.store import members as store
from holdall.projects.store import projects as project_store
from holdall.rate_limits import service as rate_limits
from holdall.roles import service as roles

_CHANGED = Conflict("The invitation was changed meanwhile. Try again.", code="invitation_changed")
_RESEND_AFTER = timedelta(seconds=30)
_BATCH_SIZE = 50  # with two rows for each, what one BatchGetItem takes


def create(caller: Caller, project: Project, inviter: User, request: CreateInvitationRequest) -> Invitation:
    """Ask an address to join; what it was asked before is void. Nobody learns whether it has an account. Raises Conflict, and
    TooMany for an address that was asked too often, whoever asks: it is a stranger's mailbox.
    """
    if project.personal:
        raise Conflict("A personal project cannot have other members.", code="personal_project")
    now, address, secret = clock.now(), normalize_email(request.email), ids.new_secret()
    rate_limits.hit("invite", ids.sha256_hex(address))
    invitation = StoredInvitation(
        id=ids.deterministic_id(project.id, address),
        project_id=project.id,
        email=request.email,
        normalized_email=address,
        role=request.role,
        secret_sha256=ids.sha256_hex(secret),
        created_by=caller.user_id,
        created_at=now,
        expires_at=now + INVITATION_TTL,
    )

    def work(tx: Transaction) -> Invitation:
        project_store.check_active(tx, project.id, error=NotFound())
        store.put_invitation(tx, invitation)
        log(tx, caller, "invitations.create", invitation.id)
        emit(tx, project.id, "member.invited", role=request.role)  # without the email, because viewers may read this
        tx.on_commit(partial(_send, invitation, secret, inviter.email))
        return _to_response(invitation)

    return idempotency.run(caller, work, save=Invitation.model_dump_json, replay=Invitation.model_validate_json)


def list_invitations(project: Project, page: PageRequest) -> Page[Invitation]:
    """The invitations to a project that nobody took yet. One round trip."""
    found = store.list_invitations(project.id, page)
    return Page([_to_response(each) for each in found.items], next=found.next, prev=found.prev)


def delete(caller: Caller, project: Project, invitation_id: str) -> None:
    """Take an invitation back. Raises NotFound."""
    found = _get_or_none(invitation_id)
    if found is None or found.project_id != project.id:
        raise NotFound
    with Transaction() as write:
        store.delete_invitation(write, found, error=NotFound())
        log(write, caller, "invitations.delete", invitation_id)


def accept(caller: Caller, token: str) -> ProjectWithRole:
    """Join the project that a letter asked the caller to.

    Raises Unauthenticated for a token that does not count, or whose writer may not invite any more, Forbidden when it was sent
    to another address, and Conflict for a member.
    """
    try:
        return _accept(caller, token)
    except Unauthenticated:  # the first of two equal requests deletes the invitation
        stored = idempotency.find(caller)
        if stored is None:
            raise
        return _replay_accept(stored)


def _accept(caller: Caller, token: str) -> ProjectWithRole:
    invitation_id, secret = tokens.parse(TokenKind.PROJECT_INVITATION, token)
    with BatchGet() as read:
        wanted = store.get_invitation(read, invitation_id)
        project, known = (
            project_store.get_project(read, ids.project_id_of(invitation_id)),
            users.get_account(read, caller.user_id),
        )
    invitation = wanted.value
    if (
        invitation is None
        or invitation.expires_at <= clock.now()
        or not ids.constant_time_equal(ids.sha256_hex(secret), invitation.secret_sha256)
    ):
        raise InvalidToken
    if project.value is None or project.value.status != "active" or known.value is None:
        raise InvalidToken
    if normalize_email(known.value.user.email) != invitation.normalized_email:
        raise Forbidden(
            "This invitation was sent to another email address. Sign in with the account that has it.",
            code="email_mismatch",
        )
    if not _creator_can_invite(invitation):
        raise InvalidToken  # whoever was shown the door brings nobody in, themselves least of all
    joined = projects.with_role(project.value, invitation.role)

    def work(tx: Transaction) -> ProjectWithRole:
        store.delete_invitation(tx, invitation, error=InvalidToken)
        members.add(tx, invitation.project_id, caller.user_id, invitation.role)
        log(tx, caller, "invitations.accept", f"{invitation.project_id}-{caller.user_id}")
        return joined

    return idempotency.run(caller, work, save=ProjectWithRole.model_dump_json, replay=_replay_accept)


def _replay_accept(stored: str) -> ProjectWithRole:
    return ProjectWithRole.model_validate_json(stored, by_name=True)


def send_pending() -> int:
    """Post invitations whose letters are not on their way, each with another secret; tells how many. Raises Unavailable.

    Those that have ended and those to a project that does not live are passed over: their letters would lead nowhere.
    """
    before, posted, asked = clock.now() - _RESEND_AFTER, 0, PageRequest(_BATCH_SIZE)
    while True:
        # Those that are passed over stay at the head of the list until they are collected, so one page is not enough.
        page = store.list_unsent(before, asked)
        posted += sum(_resend(invitation, inviter) for invitation, inviter in _load_sendable(page.items))
        if page.next is None:
            return posted
        asked = PageRequest(_BATCH_SIZE, page.next)


def _load_sendable(candidates: list[StoredInvitation]) -> list[tuple[StoredInvitation, Account | None]]:
    """Those of invitations that lead somewhere, with who wrote them. One round trip."""
    now = clock.now()
    with BatchGet() as read:
        found = [
            (each, project_store.get_project(read, each.project_id), users.get_account(read, each.created_by))
            for each in candidates
            if each.expires_at > now
        ]
    return [
        (each, inviter.value) for each, project, inviter in found if project.value and project.value.status == "active"
    ]


def _resend(invitation: StoredInvitation, inviter: Account | None) -> bool:
    """Post an invitation with another secret; tells whether it is on its way."""
    secret = ids.new_secret()
    try:
        with Transaction() as write:
            project_store.check_active(write, invitation.project_id, error=_CHANGED)
            renewed = store.reissue(write, invitation, ids.sha256_hex(secret), error=_CHANGED)
    except Conflict:
        return False  # posted, taken or taken back in this moment
    name = inviter.user.email if inviter and inviter.user.status == "active" else "A project owner"
    return _send(renewed, secret, name)


def _send(invitation: StoredInvitation, secret: str, inviter_name: str) -> bool:
    """Put the letter of an invitation on its way; tells whether it is. If not, the schedule does it."""
    # The inviter's address, and neither their name nor the project's: those are any words, and this letter goes to anybody.
    token = tokens.format_token(TokenKind.PROJECT_INVITATION, invitation.id, secret)
    if not emails.send_now(invitation.email, ProjectInvitation(inviter_name, token)):
        return False
    with contextlib.suppress(Conflict), Transaction() as write:  # taken in this moment, or made anew
        store.mark_sent(write, invitation, error=_CHANGED)
    return True


def _creator_can_invite(invitation: StoredInvitation) -> bool:
    """Whether whoever wrote an invitation may still write one. One round trip."""
    with BatchGet() as read:
        known, epoch = users.get_account(read, invitation.created_by), roles.get_epoch(read, invitation.created_by)
        place = access.load(read, invitation.project_id, invitation.created_by)
    if known.value is None or known.value.user.status != "active":
        return False
    anywhere = "projects.any" in roles.get_permissions(known.value.user.roles, epoch.value or 0)
    try:
        _, role = access.authorize(place, all_projects=anywhere)
    except NotFound:
        return False
    return "members.write" in roles.get_project_role_permissions(role)


def _get_or_none(invitation_id: str) -> StoredInvitation | None:
    with BatchGet() as read:
        found = store.get_invitation(read, invitation_id)
    return found.value


def _to_response(invitation: StoredInvitation) -> Invitation:
    return Invitation(**{name: getattr(invitation, name) for name in Invitation.model_fields})
