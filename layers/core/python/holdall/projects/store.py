"""The records of projects, their members and quotas, and nothing else's."""

from dataclasses import dataclass
from datetime import datetime

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall import ids
from holdall.errors import Conflict, Failure
from holdall.page import Page, PageRequest
from holdall.projects.model import Project, Settings, Visibility
from holdall.table import Awaited, ByOwner, Reading, Record, Transaction, page_of


class ProjectRecord(Record, discriminator="project"):
    id = UnicodeAttribute()
    name = UnicodeAttribute()
    slug = UnicodeAttribute()
    personal = BooleanAttribute()
    status = UnicodeAttribute()
    visibility = UnicodeAttribute()  # as in the settings; here for conditions
    settings = UnicodeAttribute()
    owners = NumberAttribute(default=1)
    created_at = UTCDateTimeAttribute()
    deleted_at = UTCDateTimeAttribute(null=True)


class QuotaRecord(Record, discriminator="quota"):
    bytes = NumberAttribute(default=0)
    files = NumberAttribute(default=0)


class MemberRecord(Record, discriminator="member"):
    project_id = UnicodeAttribute()
    role = UnicodeAttribute()


@dataclass(frozen=True)
class Membership:
    """What a user is in a project."""

    project_id: str
    role: str


@dataclass(frozen=True)
class Held:
    """What a project holds, counted."""

    bytes: int
    files: int


def add(write: Transaction, project: Project, owner_id: str) -> None:
    """Add a project with its empty quota and its first member."""
    key, taken = _key(project.id), Conflict("project_exists", "There is a project with this id already.")
    record = ProjectRecord(
        key,
        "PROJECT",
        id=project.id,
        name=project.name,
        slug=project.slug,
        personal=project.personal,
        status=project.status,
        visibility=project.settings.visibility,
        settings=project.settings.model_dump_json(),
        created_at=project.created_at,
    )
    write.create(record, otherwise=taken)
    write.create(QuotaRecord(key, "QUOTA"), otherwise=taken)
    member = MemberRecord(
        key,
        f"MEMBER#{owner_id}",
        owner=_projects_of(owner_id),
        position=ids.new_id(),
        project_id=project.id,
        role="owner",
    )
    write.create(member, otherwise=taken)


def memberships(user_id: str) -> list[Membership]:
    """All memberships of a user in projects that are not deleted. Raises Unavailable."""
    found, asked = [], PageRequest(100)
    while True:
        page = page_of(MemberRecord, ByOwner, _projects_of(user_id), asked)
        found += [Membership(record.project_id, record.role) for record in page.items]
        if page.next is None:
            return found
        asked = PageRequest(100, page.next)


def owners(project_id: str) -> int | None:
    """How many owners a project has; None when it is deleted already. Raises Unavailable."""
    record = ProjectRecord.find(_key(project_id), "PROJECT")
    return int(record.owners) if record and record.status == "active" else None


def soften(write: Transaction, project_id: str, now: datetime, *, otherwise: Failure) -> None:
    """Delete a project that has one owner, so that it may be restored."""
    only = (ProjectRecord.status == "active") & (ProjectRecord.owners == 1)
    actions = [ProjectRecord.status.set("deleted"), ProjectRecord.deleted_at.set(now)]
    write.update(ProjectRecord(_key(project_id), "PROJECT"), actions, when=only, otherwise=otherwise)


def remove_member(write: Transaction, membership: Membership, user_id: str, *, otherwise: Failure) -> None:
    """Remove a member; one who is an owner leaves another behind."""
    key = _key(membership.project_id)
    same = MemberRecord.role == membership.role
    write.delete(MemberRecord(key, f"MEMBER#{user_id}"), when=same, otherwise=otherwise)
    if membership.role == "owner":
        more = ProjectRecord.owners > 1
        write.update(ProjectRecord(key, "PROJECT"), [ProjectRecord.owners.add(-1)], when=more, otherwise=otherwise)


def project(read: Reading, project_id: str) -> Awaited[Project]:
    """A project, in whatever state."""
    return read.get(ProjectRecord, _key(project_id), "PROJECT", _model)


def role(read: Reading, project_id: str, user_id: str) -> Awaited[str]:
    """The role that a member has."""
    return read.get(MemberRecord, _key(project_id), f"MEMBER#{user_id}", lambda record: str(record.role))


def held(project_id: str) -> Held:
    """What a project holds. Raises Unavailable."""
    record = QuotaRecord.find(_key(project_id), "QUOTA")
    return Held(int(record.bytes), int(record.files)) if record else Held(0, 0)


def reserve(write: Transaction, project_id: str, size: int, *, within: Held, otherwise: Failure) -> None:
    """Count one original of `size` bytes in, if what is held stays within these bounds."""
    write.update(
        QuotaRecord(_key(project_id), "QUOTA"),
        [QuotaRecord.bytes.add(size), QuotaRecord.files.add(1)],
        when=(QuotaRecord.bytes <= within.bytes - size) & (QuotaRecord.files <= within.files - 1),
        otherwise=otherwise,
    )


def give_back(write: Transaction, project_id: str, size: int) -> None:
    """Count one original of `size` bytes out."""
    write.update(
        QuotaRecord(_key(project_id), "QUOTA"),
        [QuotaRecord.bytes.add(-size), QuotaRecord.files.add(-1)],
        otherwise=Conflict("no_quota", "This project has no quota."),
    )


def check_visibility(write: Transaction, project_id: str, visibility: Visibility, *, otherwise: Failure) -> None:
    """Hold only while the project lives and is as visible as this."""
    lives = (ProjectRecord.status == "active") & (ProjectRecord.visibility == visibility)
    write.check(ProjectRecord, _key(project_id), "PROJECT", lives, otherwise=otherwise)


def page(user_id: str, asked: PageRequest) -> Page[Project]:
    """The projects of a member, latest joined first. Two round trips. Raises Unavailable."""
    members = page_of(MemberRecord, ByOwner, _projects_of(user_id), asked, descending=True)
    with Reading() as read:
        projects = [project(read, member.project_id) for member in members.items]
    # The index may still hold a project that was purged a moment ago.
    return Page([each.value for each in projects if each.value], next=members.next, prev=members.prev)


def _model(record: ProjectRecord) -> Project:
    # What is stored was validated on its way in; validating it again would cost every read.
    return Project.model_construct(
        id=record.id,
        name=record.name,
        slug=record.slug,
        personal=record.personal,
        status="active" if record.status == "active" else "deleted",
        settings=Settings.model_validate_json(record.settings),
        created_at=record.created_at,
    )


def _key(project_id: str) -> str:
    return f"PROJECT#{project_id}"


def _projects_of(user_id: str) -> str:
    return f"USER#{user_id}#PROJECTS"
