"""The records of who is in a project, and of who was asked to come."""

from dataclasses import replace
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.condition import Condition

from holdall import clock, ids
from holdall.errors import Conflict, Failure
from holdall.page import Page, PageRequest
from holdall.projects.model import Invitation, Membership, Role
from holdall.table import Awaited, ByOwner, Reading, Record, Transaction, page_of

_UNPOSTED = "INVITATIONS#unposted"


class MemberRecord(Record, discriminator="member"):
    project_id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    role = UnicodeAttribute()
    joined_at = UTCDateTimeAttribute()


class InvitationRecord(Record, discriminator="invitation"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    email = UnicodeAttribute()
    address = UnicodeAttribute()  # the same in its normal form
    role = UnicodeAttribute()
    digest = UnicodeAttribute()
    created_by = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute()


def add(write: Transaction, membership: Membership) -> None:
    """Add a member. The transaction raises Conflict for one who is there."""
    record = MemberRecord(
        _key(membership.project_id),
        f"MEMBER#{membership.user_id}",
        owner=_projects_of(membership.user_id),
        position=membership.id,
        project_id=membership.project_id,
        user_id=membership.user_id,
        role=membership.role,
        joined_at=membership.joined_at,
    )
    write.create(record, otherwise=Conflict("already_member", "They are a member of this project already."))


def member(read: Reading, project_id: str, user_id: str) -> Awaited[Membership]:
    """What a user is in a project."""
    return read.get(MemberRecord, _key(project_id), f"MEMBER#{user_id}", _membership)


def members(project_id: str, asked: PageRequest) -> Page[Membership]:
    """The members of a project. One round trip. Raises Unavailable."""
    page = page_of(MemberRecord, None, _key(project_id), asked, prefix="MEMBER#")
    return Page([_membership(record) for record in page.items], next=page.next, prev=page.prev)


def memberships(user_id: str, asked: PageRequest) -> Page[Membership]:
    """What a user is a member of, latest joined first. One round trip. Raises Unavailable."""
    page = page_of(MemberRecord, ByOwner, _projects_of(user_id), asked, descending=True)
    return Page([_membership(record) for record in page.items], next=page.next, prev=page.prev)


def check_same(write: Transaction, membership: Membership, *, otherwise: Failure) -> None:
    """Hold only while a member is what they were when they were read."""
    pk, sk = _key(membership.project_id), f"MEMBER#{membership.user_id}"
    write.check(MemberRecord, pk, sk, _same(membership), otherwise=otherwise)


def change_role(write: Transaction, membership: Membership, role: Role, *, otherwise: Failure) -> None:
    """Give a member another role."""
    record = MemberRecord(_key(membership.project_id), f"MEMBER#{membership.user_id}")
    write.update(record, [MemberRecord.role.set(role)], when=_same(membership), otherwise=otherwise)


def remove(write: Transaction, membership: Membership, *, otherwise: Failure) -> None:
    """Remove a member."""
    record = MemberRecord(_key(membership.project_id), f"MEMBER#{membership.user_id}")
    write.delete(record, when=_same(membership), otherwise=otherwise)


def forget(write: Transaction, membership: Membership) -> None:
    """Remove a member, with the project."""
    write.forget(MemberRecord(_key(membership.project_id), f"MEMBER#{membership.user_id}"))


def forget_invitation(write: Transaction, invitation: Invitation) -> None:
    """Remove an invitation, with the project."""
    write.forget(InvitationRecord(_key(invitation.project_id), _invitation_key(invitation.id)))


def invite(write: Transaction, invitation: Invitation) -> None:
    """Ask somebody to come; what was asked of the same address before is void."""
    # Owned until it is posted: nobody keeps its secret, so one that was not posted gets another.
    record = InvitationRecord(
        _key(invitation.project_id),
        _invitation_key(invitation.id),
        owner=_UNPOSTED,
        position=f"{_moment(invitation.created_at)}#{invitation.id}",
        ttl=int(invitation.expires_at.timestamp()),
        **vars(invitation),
    )
    write.put(record)


def invitation(read: Reading, invitation_id: str) -> Awaited[Invitation]:
    """An invitation, expired or not."""
    return read.get(InvitationRecord, _key(ids.project_of(invitation_id)), _invitation_key(invitation_id), _invitation)


def invitations(project_id: str, asked: PageRequest) -> Page[Invitation]:
    """The invitations to a project. One round trip. Raises Unavailable."""
    page = page_of(InvitationRecord, None, _key(project_id), asked, prefix="INVITATION#")
    return Page([_invitation(record) for record in page.items], next=page.next, prev=page.prev)


def posted(write: Transaction, invitation: Invitation, *, otherwise: Failure) -> None:
    """Say that the letter of an invitation is on its way."""
    record = InvitationRecord(_key(invitation.project_id), _invitation_key(invitation.id))
    gone = [InvitationRecord.owner.remove(), InvitationRecord.position.remove()]
    write.update(record, gone, when=InvitationRecord.digest == invitation.digest, otherwise=otherwise)


def renew(write: Transaction, invitation: Invitation, digest: str, *, otherwise: Failure) -> Invitation:
    """Give an invitation that was not posted another secret."""
    record = InvitationRecord(_key(invitation.project_id), _invitation_key(invitation.id))
    position = f"{_moment(clock.now())}#{invitation.id}"
    actions = [InvitationRecord.digest.set(digest), InvitationRecord.position.set(position)]
    waits = (InvitationRecord.digest == invitation.digest) & InvitationRecord.owner.exists()
    write.update(record, actions, when=waits, otherwise=otherwise)
    return replace(invitation, digest=digest)


def unposted(before: datetime, asked: PageRequest) -> Page[Invitation]:
    """Invitations that were made before a moment and whose letters are not on their way, oldest first. One round trip. Raises
    Unavailable.
    """
    page = page_of(InvitationRecord, ByOwner, _UNPOSTED, asked, between=(None, _moment(before)))
    return Page([_invitation(record) for record in page.items], next=page.next, prev=page.prev)


def withdraw(write: Transaction, invitation: Invitation, *, otherwise: Failure) -> None:
    """Remove an invitation: it was taken, or taken back."""
    record = InvitationRecord(_key(invitation.project_id), _invitation_key(invitation.id))
    write.delete(record, when=InvitationRecord.digest == invitation.digest, otherwise=otherwise)


def _same(membership: Membership) -> Condition:
    same: Condition = (MemberRecord.position == membership.id) & (MemberRecord.role == membership.role)
    return same


def _membership(record: MemberRecord) -> Membership:
    role: Role = record.role  # type: ignore[assignment]  # a text, as it was written
    return Membership(record.position or "", record.project_id, record.user_id, role, record.joined_at)


def _invitation(record: InvitationRecord) -> Invitation:
    return Invitation(**{name: getattr(record, name) for name in Invitation.__dataclass_fields__})


def _key(project_id: str) -> str:
    return f"PROJECT#{project_id}"


def _invitation_key(invitation_id: str) -> str:
    return f"INVITATION#{ids.own_part(invitation_id)}"


def _projects_of(user_id: str) -> str:
    return f"USER#{user_id}#PROJECTS"


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
