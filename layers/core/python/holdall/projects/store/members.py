"""Records of members and invitations."""

from dataclasses import replace
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.condition import Condition

from holdall.platform import clock, ids
from holdall.platform.errors import NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, BatchGet, ErrorFactory, Pending, Record, Transaction, query_page
from holdall.projects.model import AlreadyMember, InvitationChanged, MemberChanged, Membership, Role, StoredInvitation

_UNSENT = "INVITATIONS#unsent"


class MemberRecord(Record, discriminator="member"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    role = UnicodeAttribute()
    joined_at = UTCDateTimeAttribute()


class InvitationRecord(Record, discriminator="invitation"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    email = UnicodeAttribute()
    normalized_email = UnicodeAttribute()
    role = UnicodeAttribute()
    secret_sha256 = UnicodeAttribute()
    created_by = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute()


def put_membership(tx: Transaction, membership: Membership) -> None:
    """Add a member. The transaction raises AlreadyMember."""
    record = MemberRecord(
        *_key(membership.project_id, membership.user_id),
        gsi1pk=_projects_pk(membership.user_id),
        gsi1sk=membership.id,
        **vars(membership),
    )
    tx.put_new(record, error=AlreadyMember)


def get_membership(batch: BatchGet, project_id: str, user_id: str) -> Pending[Membership]:
    """Read the membership of a user."""
    return batch.get(MemberRecord, *_key(project_id, user_id), _to_membership)


def list_members(project_id: str, page: PageRequest) -> Page[Membership]:
    """Return the members of a project. One round trip. Raises ServiceUnavailable."""
    found = query_page(MemberRecord, None, _pk(project_id), page, prefix="MEMBER#")
    return Page([_to_membership(record) for record in found.items], next=found.next, prev=found.prev)


def list_for_user(user_id: str, page: PageRequest) -> Page[Membership]:
    """Return the memberships of a user, the last joined first. One round trip. Raises ServiceUnavailable."""
    found = query_page(MemberRecord, GSI1, _projects_pk(user_id), page, descending=True)
    return Page([_to_membership(record) for record in found.items], next=found.next, prev=found.prev)


def check_unchanged(tx: Transaction, membership: Membership) -> None:
    """Condition check: the member has the same role. The transaction raises MemberChanged."""
    pk, sk = _key(membership.project_id, membership.user_id)
    tx.condition_check(MemberRecord, pk, sk, _is_unchanged(membership), error=MemberChanged)


def set_role(tx: Transaction, membership: Membership, role: Role) -> None:
    """Change the role of a member. The transaction raises MemberChanged."""
    record = MemberRecord(*_key(membership.project_id, membership.user_id))
    tx.update(record, [MemberRecord.role.set(role)], condition=_is_unchanged(membership), error=MemberChanged)


def delete_membership(tx: Transaction, membership: Membership) -> None:
    """Remove a member. The transaction raises MemberChanged."""
    record = MemberRecord(*_key(membership.project_id, membership.user_id))
    tx.delete(record, condition=_is_unchanged(membership), error=MemberChanged)


def delete_membership_if_exists(tx: Transaction, membership: Membership) -> None:
    """Remove a member of a project that is purged."""
    tx.delete_if_exists(MemberRecord(*_key(membership.project_id, membership.user_id)))


def put_invitation(tx: Transaction, invitation: StoredInvitation) -> None:
    """Add an invitation, or replace the one for the same address. It is unsent until its email is on its way."""
    record = InvitationRecord(
        *_invitation_key(invitation.id),
        gsi1pk=_UNSENT,
        gsi1sk=f"{_format_timestamp(invitation.created_at)}#{invitation.id}",
        ttl=int(invitation.expires_at.timestamp()),
        **vars(invitation),
    )
    tx.put(record)


def get_invitation(batch: BatchGet, invitation_id: str) -> Pending[StoredInvitation]:
    """Read an invitation, which may have expired."""
    return batch.get(InvitationRecord, *_invitation_key(invitation_id), _to_invitation)


def list_invitations(project_id: str, page: PageRequest) -> Page[StoredInvitation]:
    """Return the invitations to a project. One round trip. Raises ServiceUnavailable."""
    found = query_page(InvitationRecord, None, _pk(project_id), page, prefix="INVITATION#")
    return Page([_to_invitation(record) for record in found.items], next=found.next, prev=found.prev)


def list_unsent(before: datetime, page: PageRequest) -> Page[StoredInvitation]:
    """Return invitations created before a time whose email is not on its way, oldest first.

    One round trip. Raises ServiceUnavailable.
    """
    found = query_page(InvitationRecord, GSI1, _UNSENT, page, range_=(None, _format_timestamp(before)))
    return Page([_to_invitation(record) for record in found.items], next=found.next, prev=found.prev)


def mark_sent(tx: Transaction, invitation: StoredInvitation) -> None:
    """Record that the email of an invitation is on its way. The transaction raises InvitationChanged."""
    record = InvitationRecord(*_invitation_key(invitation.id))
    actions = [InvitationRecord.gsi1pk.remove(), InvitationRecord.gsi1sk.remove()]
    tx.update(record, actions, condition=_has_same_secret(invitation), error=InvitationChanged)


def reissue(tx: Transaction, invitation: StoredInvitation, secret_sha256: str) -> StoredInvitation:
    """Replace the secret of an unsent invitation, which no one knows. The transaction raises InvitationChanged."""
    gsi1sk = f"{_format_timestamp(clock.now())}#{invitation.id}"
    is_unsent = _has_same_secret(invitation) & InvitationRecord.gsi1pk.exists()
    tx.update(
        InvitationRecord(*_invitation_key(invitation.id)),
        [InvitationRecord.secret_sha256.set(secret_sha256), InvitationRecord.gsi1sk.set(gsi1sk)],
        condition=is_unsent,
        error=InvitationChanged,
    )
    return replace(invitation, secret_sha256=secret_sha256)


def delete_invitation(tx: Transaction, invitation: StoredInvitation, *, error: ErrorFactory = NotFound) -> None:
    """Delete an invitation. The transaction raises the error if it was deleted or replaced."""
    tx.delete(InvitationRecord(*_invitation_key(invitation.id)), condition=_has_same_secret(invitation), error=error)


def delete_invitation_if_exists(tx: Transaction, invitation: StoredInvitation) -> None:
    """Delete an invitation to a project that is purged."""
    tx.delete_if_exists(InvitationRecord(*_invitation_key(invitation.id)))


def _is_unchanged(membership: Membership) -> Condition:
    same: Condition = (MemberRecord.id == membership.id) & (MemberRecord.role == membership.role)
    return same


def _has_same_secret(invitation: StoredInvitation) -> Condition:
    same: Condition = InvitationRecord.secret_sha256 == invitation.secret_sha256
    return same


def _to_membership(record: MemberRecord) -> Membership:
    return Membership(**{name: getattr(record, name) for name in Membership.__dataclass_fields__})


def _to_invitation(record: InvitationRecord) -> StoredInvitation:
    return StoredInvitation(**{name: getattr(record, name) for name in StoredInvitation.__dataclass_fields__})


def _pk(project_id: str) -> str:
    return f"PROJECT#{project_id}"


def _key(project_id: str, user_id: str) -> tuple[str, str]:
    return _pk(project_id), f"MEMBER#{user_id}"


def _invitation_key(invitation_id: str) -> tuple[str, str]:
    return _pk(ids.project_id_of(invitation_id)), f"INVITATION#{ids.local_part(invitation_id)}"


def _projects_pk(user_id: str) -> str:
    return f"USER#{user_id}#PROJECTS"


def _format_timestamp(timestamp: datetime) -> str:
    return timestamp.isoformat(timespec="milliseconds")
