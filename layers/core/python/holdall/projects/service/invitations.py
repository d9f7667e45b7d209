"""Invitations to a project: by letter, for one address, used once. Nobody keeps their secrets but whoever reads the letter."""

import contextlib
from datetime import timedelta

from holdall import clock, ids
from holdall.audit.service import record
from holdall.caller import Caller
from holdall.errors import Conflict, Forbidden, NotFound, Unauthenticated
from holdall.events.service import emit
from holdall.iam import tokens
from holdall.iam.model import Known, User, invalid_token, normal
from holdall.iam.service import users
from holdall.iam.tokens import TokenKind
from holdall.idempotency import service as idempotency
from holdall.idempotency.service import Repeated
from holdall.letters import service as letters
from holdall.letters.model import Kind
from holdall.limits import service as limits
from holdall.page import Page, PageRequest
from holdall.projects.model import INVITED, Invitation, InvitationView, Invite, Project, ProjectView
from holdall.projects.service import entry, members, projects
from holdall.projects.store import members as store
from holdall.projects.store import projects as project_store
from holdall.roles import service as roles
from holdall.table import Reading, Transaction

_CHANGED = Conflict("invitation_changed", "The invitation was changed at this moment. Try again.")
_PATIENCE = timedelta(seconds=30)
_AT_ONCE = 50  # with two rows for each, what one BatchGetItem takes


def invite(caller: Caller, project: Project, inviter: User, said: Invite) -> InvitationView:
    """Ask an address to join; what it was asked before is void. Nobody learns whether it has an account. Raises Conflict, and
    TooMany for an address that was asked too often, whoever asks: it is a stranger's mailbox.
    """
    if project.personal:
        raise Conflict("personal_project", "A personal project belongs to one person.")
    now, address, secret = clock.now(), normal(said.email), ids.new_secret()
    limits.take("invite", ids.digest(address))
    invitation = Invitation(
        id=ids.id_about(project.id, address),
        project_id=project.id,
        email=said.email,
        address=address,
        role=said.role,
        digest=ids.digest(secret),
        created_by=caller.user_id,
        created_at=now,
        expires_at=now + INVITED,
    )
    shown = _view(invitation)
    try:
        with Transaction() as write:
            project_store.check_lives(write, project.id, otherwise=NotFound())
            store.invite(write, invitation)
            record(write, caller, "members.invite", invitation.id)
            emit(write, project.id, "member.invited", role=said.role)  # not whom: viewers may read this
            idempotency.keep(write, caller, shown.model_dump_json())
    except Repeated:
        return InvitationView.model_validate_json(idempotency.outcome(caller))
    _post(invitation, secret, inviter.email)
    return shown


def page(project: Project, asked: PageRequest) -> Page[InvitationView]:
    """The invitations to a project that nobody took yet. One round trip."""
    found = store.invitations(project.id, asked)
    return Page([_view(each) for each in found.items], next=found.next, prev=found.prev)


def withdraw(caller: Caller, project: Project, invitation_id: str) -> None:
    """Take an invitation back. Raises NotFound."""
    found = _found(invitation_id)
    if found is None or found.project_id != project.id:
        raise NotFound
    with Transaction() as write:
        store.withdraw(write, found, otherwise=NotFound())
        record(write, caller, "members.uninvite", invitation_id)


def accept(caller: Caller, token: str) -> ProjectView:
    """Join the project that a letter asked the caller to.

    Raises Unauthenticated for a token that does not count, or whose writer may not invite any more, Forbidden when it was sent
    to another address, and Conflict for a member.
    """
    try:
        return _joined(caller, token)
    except Repeated:
        return ProjectView.model_validate_json(idempotency.outcome(caller), by_name=True)
    except Unauthenticated:  # a repetition finds its invitation used, by itself
        kept = idempotency.find(caller)
        if kept is None:
            raise
        return ProjectView.model_validate_json(kept, by_name=True)


def _joined(caller: Caller, token: str) -> ProjectView:
    invitation_id, secret = tokens.read(TokenKind.JOIN, token)
    with Reading() as read:
        wanted = store.invitation(read, invitation_id)
        project, known = project_store.project(read, ids.project_of(invitation_id)), users.user(read, caller.user_id)
    invitation = wanted.value
    if (
        invitation is None
        or invitation.expires_at <= clock.now()
        or not ids.same(ids.digest(secret), invitation.digest)
    ):
        raise invalid_token()
    if project.value is None or project.value.status != "active" or known.value is None:
        raise invalid_token()
    if normal(known.value.user.email) != invitation.address:
        raise Forbidden(
            "other_address", "This invitation was sent to another address. Sign in with the account of that one."
        )
    if not _may_invite(invitation):
        raise invalid_token()  # whoever was shown the door brings nobody in, themselves least of all
    shown = projects.view(project.value, invitation.role)
    with Transaction() as write:
        store.withdraw(write, invitation, otherwise=invalid_token())
        members.join(write, invitation.project_id, caller.user_id, invitation.role)
        record(write, caller, "members.join", f"{invitation.project_id}-{caller.user_id}")
        idempotency.keep(write, caller, shown.model_dump_json())
    return shown


def post_waiting() -> int:
    """Post invitations whose letters are not on their way, each with another secret; tells how many. Raises Unavailable.

    Those that have ended and those to a project that does not live are passed over: their letters would lead nowhere.
    """
    before, posted, asked = clock.now() - _PATIENCE, 0, PageRequest(_AT_ONCE)
    while True:
        # Those that are passed over stay at the head of the list until they are collected, so one page is not enough.
        page = store.unposted(before, asked)
        posted += sum(_post_again(invitation, inviter) for invitation, inviter in _posted_still(page.items))
        if page.next is None:
            return posted
        asked = PageRequest(_AT_ONCE, page.next)


def _posted_still(waiting: list[Invitation]) -> list[tuple[Invitation, Known | None]]:
    """Those of invitations that lead somewhere, with who wrote them. One round trip."""
    now = clock.now()
    with Reading() as read:
        found = [
            (each, project_store.project(read, each.project_id), users.user(read, each.created_by))
            for each in waiting
            if each.expires_at > now
        ]
    return [
        (each, inviter.value) for each, project, inviter in found if project.value and project.value.status == "active"
    ]


def _post_again(invitation: Invitation, inviter: Known | None) -> bool:
    """Post an invitation with another secret; tells whether it is on its way."""
    secret = ids.new_secret()
    try:
        with Transaction() as write:
            project_store.check_lives(write, invitation.project_id, otherwise=_CHANGED)
            renewed = store.renew(write, invitation, ids.digest(secret), otherwise=_CHANGED)
    except Conflict:
        return False  # posted, taken or taken back in this moment
    name = inviter.user.email if inviter and inviter.user.status == "active" else "Somebody"
    return _post(renewed, secret, name)


def _post(invitation: Invitation, secret: str, inviter: str) -> bool:
    """Put the letter of an invitation on its way; tells whether it is. If not, the schedule does it."""
    # The inviter's address, and neither their name nor the project's: those are any words, and this letter goes to anybody.
    token = tokens.write(TokenKind.JOIN, invitation.id, secret)
    if not letters.post_at_once(Kind.JOIN, invitation.email, name=inviter, detail=token):
        return False
    with contextlib.suppress(Conflict), Transaction() as write:  # taken in this moment, or made anew
        store.posted(write, invitation, otherwise=_CHANGED)
    return True


def _may_invite(invitation: Invitation) -> bool:
    """Whether whoever wrote an invitation may still write one. One round trip."""
    with Reading() as read:
        known, epoch = users.user(read, invitation.created_by), roles.epoch(read, invitation.created_by)
        place = entry.place_of(read, invitation.project_id, invitation.created_by)
    if known.value is None or known.value.user.status != "active":
        return False
    anywhere = "projects.any" in roles.held(known.value.user.roles, epoch.value or 0)
    try:
        _, role = entry.enter(place, anywhere=anywhere)
    except NotFound:
        return False
    return "members.write" in roles.in_project(role)


def _found(invitation_id: str) -> Invitation | None:
    with Reading() as read:
        found = store.invitation(read, invitation_id)
    return found.value


def _view(invitation: Invitation) -> InvitationView:
    return InvitationView(**{name: getattr(invitation, name) for name in InvitationView.model_fields})
