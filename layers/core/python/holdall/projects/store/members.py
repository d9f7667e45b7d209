"""The records of who is in a project, and of who was asked to come."""

from dataclasses import replace
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.condition import Condition

from holdall.platform import clock, ids
from holdall.platform.errors import Conflict, HoldallError
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, BatchGet, Pending, Record, Transaction, query_page
from holdall.projects.model import Membership, Role, StoredInvitation

_UNSENT = "INVITATIONS#unsent"


class MemberRecord(Record, discriminator="member"):
    project_id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    role = UnicodeAttribute()
    joined_at = UTCDateTimeAttribute()


class InvitationRecord(Record, discriminator="invitation"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    email = UnicodeAttribute()
    normalized_email = UnicodeAttribute()  # the same in its normal form
    role = UnicodeAttribute()
    secret_sha256 = UnicodeAttribute()
    created_by = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    expires_at = UTCDateTimeAttribute()


def put_membership(tx: Transaction, membership: Membership) -> None:
    """Add a member. The transaction raises Conflict for one who is there."""
    record = MemberRecord(
        _pk(membership.project_id),
        f"MEMBER#{membership.user_id}",
        gsi1pk=_projects_gsi1pk(membership.user_id),
        gsi1sk=membership.id,
        project_id=membership.project_id,
        user_id=membership.user_id,
        role=membership.role,
        joined_at=membership.joined_at,
    )
    tx.put_new(record, error=Conflict("The user is already a member of this project.", code="already_member"))


def get_membership(batch: BatchGet, project_id: str, user_id: str) -> Pending[Membership]:
    """What a user is in a project."""
    return batch.get(MemberRecord, _pk(project_id), f"MEMBER#{user_id}", _to_membership)


def list_members(project_id: str, page: PageRequest) -> Page[Membership]:
    """The members of a project. One round trip. Raises Unavailable."""
    page_result = query_page(MemberRecord, None, _pk(project_id), page, prefix="MEMBER#")
    return Page([_to_membership(record) for record in page_result.items], next=page_result.next, prev=page_result.prev)


def list_for_user(user_id: str, page: PageRequest) -> Page[Membership]:
    """What a user is a member of, latest joined first. One round trip. Raises Unavailable."""
    page_result = query_page(MemberRecord, GSI1, _projects_gsi1pk(user_id), page, descending=True)
    return Page([_to_membership(record) for record in page_result.items], next=page_result.next, prev=page_result.prev)


def check_unchanged(tx: Transaction, membership: Membership, *, error: HoldallError) -> None:
    """Hold only while a member is what they were when they were read."""
    pk, sk = _pk(membership.project_id), f"MEMBER#{membership.user_id}"
    tx.condition_check(MemberRecord, pk, sk, _is_unchanged(membership), error=error)


def set_role(tx: Transaction, membership: Membership, role: Role, *, error: HoldallError) -> None:
    """Give a member another role."""
    record = MemberRecord(_pk(membership.project_id), f"MEMBER#{membership.user_id}")
    tx.update(record, [MemberRecord.role.set(role)], condition=_is_unchanged(membership), error=error)


def delete_membership(tx: Transaction, membership: Membership, *, error: HoldallError) -> None:
    """Remove a member."""
    record = MemberRecord(_pk(membership.project_id), f"MEMBER#{membership.user_id}")
    tx.delete(record, condition=_is_unchanged(membership), error=error)


def delete_membership_if_exists(tx: Transaction, membership: Membership) -> None:
    """Remove a member, with the project."""
    tx.delete_if_exists(MemberRecord(_pk(membership.project_id), f"MEMBER#{membership.user_id}"))


def delete_invitation_if_exists(tx: Transaction, invitation: StoredInvitation) -> None:
    """Remove an invitation, with the project."""
    tx.delete_if_exists(InvitationRecord(_pk(invitation.project_id), _invitation_sk(invitation.id)))


def put_invitation(tx: Transaction, invitation: StoredInvitation) -> None:
    """Ask somebody to come; what was asked of the same address before is void."""
    # Owned until it is posted: nobody keeps its secret, so one that was not posted gets another.
    record = InvitationRecord(
        _pk(invitation.project_id),
        _invitation_sk(invitation.id),
        gsi1pk=_UNSENT,
        gsi1sk=f"{_format_timestamp(invitation.created_at)}#{invitation.id}",
        ttl=int(invitation.expires_at.timestamp()),
        **vars(invitation),
    )
    tx.put(record)


def get_invitation(batch: BatchGet, invitation_id: str) -> Pending[StoredInvitation]:
    """An invitation, expired or not."""
    return batch.get(
        InvitationRecord, _pk(ids.project_id_of(invitation_id)), _invitation_sk(invitation_id), _to_invitation
    )


def list_invitations(project_id: str, page: PageRequest) -> Page[StoredInvitation]:
    """The invitations to a project. One round trip. Raises Unavailable."""
    page_result = query_page(InvitationRecord, None, _pk(project_id), page, prefix="INVITATION#")
    return Page([_to_invitation(record) for record in page_result.items], next=page_result.next, prev=page_result.prev)


def mark_sent(tx: Transaction, invitation: StoredInvitation, *, error: HoldallError) -> None:
    """Say that the letter of an invitation is on its way."""
    record = InvitationRecord(_pk(invitation.project_id), _invitation_sk(invitation.id))
    gone = [InvitationRecord.gsi1pk.remove(), InvitationRecord.gsi1sk.remove()]
    tx.update(record, gone, condition=InvitationRecord.secret_sha256 == invitation.secret_sha256, error=error)


def reissue(
    tx: Transaction, invitation: StoredInvitation, secret_sha256: str, *, error: HoldallError
) -> StoredInvitation:
    """Give an invitation that was not posted another secret."""
    record = InvitationRecord(_pk(invitation.project_id), _invitation_sk(invitation.id))
    position = f"{_format_timestamp(clock.now())}#{invitation.id}"
    actions = [InvitationRecord.secret_sha256.set(secret_sha256), InvitationRecord.gsi1sk.set(position)]
    waits = (InvitationRecord.secret_sha256 == invitation.secret_sha256) & InvitationRecord.gsi1pk.exists()
    tx.update(record, actions, condition=waits, error=error)
    return replace(invitation, secret_sha256=secret_sha256)


def list_unsent(before: datetime, page: PageRequest) -> Page[StoredInvitation]:
    """Invitations that were made before a moment and whose letters are not on their way, oldest first. One round trip. Raises
    Unavailable.
    """
    page_result = query_page(InvitationRecord, GSI1, _UNSENT, page, range_=(None, _format_timestamp(before)))
    return Page([_to_invitation(record) for record in page_result.items], next=page_result.next, prev=page_result.prev)


def delete_invitation(tx: Transaction, invitation: StoredInvitation, *, error: HoldallError) -> None:
    """Remove an invitation: it was taken, or taken back."""
    record = InvitationRecord(_pk(invitation.project_id), _invitation_sk(invitation.id))
    tx.delete(record, condition=InvitationRecord.secret_sha256 == invitation.secret_sha256, error=error)


def _is_unchanged(membership: Membership) -> Condition:
    same: Condition = (MemberRecord.gsi1sk == membership.id) & (MemberRecord.role == membership.role)
    return same


def _to_membership(record: MemberRecord) -> Membership:
    role: Role = record.role  # type: ignore[assignment]  # a text, as it was written
    return Membership(record.gsi1sk or "", record.project_id, record.user_id, role, record.joined_at)


def _to_invitation(record: InvitationRecord) -> StoredInvitation:
    return StoredInvitation(**{name: getattr(record, name) for name in StoredInvitation.__dataclass_fields__})


def _pk(project_id: str) -> str:
    return f"PROJECT#{project_id}"


def _invitation_sk(invitation_id: str) -> str:
    return f"INVITATION#{ids.local_part(invitation_id)}"


def _projects_gsi1pk(user_id: str) -> str:
    return f"USER#{user_id}#PROJECTS"


def _format_timestamp(timestamp: datetime) -> str:
    return timestamp.isoformat(timespec="milliseconds")
