"""The records of projects."""

from datetime import datetime

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.condition import Condition

from holdall import ids
from holdall.errors import Conflict, Failure
from holdall.page import PageRequest
from holdall.projects.model import Project, Settings, Status
from holdall.table import Awaited, ByFacet, ByOwner, Reading, Record, Transaction, page_of

_DELETED = "PROJECTS#deleted"
_DUE_AT_ONCE = 100  # in one run


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
    updated_at = UTCDateTimeAttribute()
    deleted_at = UTCDateTimeAttribute(null=True)


def add(write: Transaction, project: Project) -> None:
    """Add a project, which has one owner."""
    record = ProjectRecord(
        _key(project.id),
        "PROJECT",
        owner=_projects(ids.shard(project.id)),
        position=project.id,
        id=project.id,
        name=project.name,
        slug=project.slug,
        personal=project.personal,
        status=project.status,
        visibility=project.settings.visibility,
        settings=project.settings.model_dump_json(),
        created_at=project.created_at,
        updated_at=project.updated_at,
    )
    write.create(record, otherwise=Conflict("project_exists", "There is a project with this id already."))


def project(read: Reading, project_id: str) -> Awaited[Project]:
    """A project, in whatever state."""
    return read.get(ProjectRecord, _key(project_id), "PROJECT", _model)


def owners(read: Reading, project_id: str) -> Awaited[tuple[Project, int]]:
    """A project, in whatever state, and how many owners it has."""
    return read.get(ProjectRecord, _key(project_id), "PROJECT", lambda record: (_model(record), int(record.owners)))


def change(write: Transaction, seen: Project, changed: Project, *, otherwise: Failure) -> None:
    """Write what the owners decided over the view that they decided on."""
    write.update(
        ProjectRecord(_key(seen.id), "PROJECT"),
        [
            ProjectRecord.name.set(changed.name),
            ProjectRecord.visibility.set(changed.settings.visibility),
            ProjectRecord.settings.set(changed.settings.model_dump_json()),
            ProjectRecord.updated_at.set(changed.updated_at),
        ],
        when=(ProjectRecord.status == "active") & (ProjectRecord.updated_at == seen.updated_at),
        otherwise=otherwise,
    )


def count_owners(write: Transaction, project_id: str, change: int, *, otherwise: Failure) -> None:
    """Count one owner more, of a project that lives, or one less, of one that may come back as well; the last one stays."""
    joins = ProjectRecord.status == "active"
    leaves = ProjectRecord.status.is_in("active", "deleted") & (ProjectRecord.owners > 1)
    when = joins if change > 0 else leaves
    write.update(
        ProjectRecord(_key(project_id), "PROJECT"), [ProjectRecord.owners.add(change)], when=when, otherwise=otherwise
    )


def soften(write: Transaction, project: Project, now: datetime, *, alone: bool, otherwise: Failure) -> None:
    """Delete a project, so that it may be restored. `alone` asks for there being one owner."""
    when = (ProjectRecord.status == "active") & (ProjectRecord.updated_at == project.updated_at)
    actions = [
        ProjectRecord.status.set("deleted"),
        ProjectRecord.deleted_at.set(now),
        ProjectRecord.updated_at.set(now),
        ProjectRecord.facet.set(_DELETED),
        ProjectRecord.rank.set(_rank(now, project.id)),
    ]
    record = ProjectRecord(_key(project.id), "PROJECT")
    write.update(record, actions, when=when & (ProjectRecord.owners == 1) if alone else when, otherwise=otherwise)


def restore(write: Transaction, project: Project, now: datetime, *, otherwise: Failure) -> None:
    """Make a deleted project live again."""
    actions = [
        ProjectRecord.status.set("active"),
        ProjectRecord.updated_at.set(now),
        ProjectRecord.deleted_at.remove(),
        ProjectRecord.facet.remove(),
        ProjectRecord.rank.remove(),
    ]
    deleted = (ProjectRecord.status == "deleted") & (ProjectRecord.updated_at == project.updated_at)
    write.update(ProjectRecord(_key(project.id), "PROJECT"), actions, when=deleted, otherwise=otherwise)


def condemn(write: Transaction, project: Project, now: datetime, *, otherwise: Failure) -> None:
    """Take a project from every route, for good: what is left of it goes piece by piece."""
    actions = [
        ProjectRecord.status.set("purging"),
        ProjectRecord.updated_at.set(now),
        ProjectRecord.facet.remove(),
        ProjectRecord.rank.remove(),
    ]
    same = (ProjectRecord.status == project.status) & (ProjectRecord.updated_at == project.updated_at)
    write.update(ProjectRecord(_key(project.id), "PROJECT"), actions, when=same, otherwise=otherwise)


def remove(write: Transaction, project_id: str) -> None:
    """Remove the row of a project, last of all."""
    write.forget(ProjectRecord(_key(project_id), "PROJECT"))


def check_as_seen(write: Transaction, project: Project, *, otherwise: Failure) -> None:
    """Hold only while a project lives, or does not, and is as visible, as when it was read."""
    write.check(ProjectRecord, _key(project.id), "PROJECT", _as_seen(project), otherwise=otherwise)


def check_unchanged(write: Transaction, project: Project, *, otherwise: Failure) -> None:
    """Hold only while a project, with its settings, is as it was when it was read."""
    same = _as_seen(project) & (ProjectRecord.updated_at == project.updated_at)
    write.check(ProjectRecord, _key(project.id), "PROJECT", same, otherwise=otherwise)


def check_lives(write: Transaction, project_id: str, *, otherwise: Failure) -> None:
    """Hold only while a project lives."""
    write.check(ProjectRecord, _key(project_id), "PROJECT", ProjectRecord.status == "active", otherwise=otherwise)


def deleted_before(moment: datetime) -> list[str]:
    """The ids of projects that were deleted before a moment, longest ago first. One round trip. Raises Unavailable."""
    page = page_of(ProjectRecord, ByFacet, _DELETED, PageRequest(_DUE_AT_ONCE))
    return [record.id for record in page.items if (record.rank or "") < _rank(moment, "")]


def every(shard: int, asked: PageRequest) -> tuple[list[str], str | None]:
    """The ids of the projects of a shard, whatever their state, and where they go on. One round trip. Raises Unavailable."""
    page = page_of(ProjectRecord, ByOwner, _projects(shard), asked)
    return [record.id for record in page.items], page.next


def _model(record: ProjectRecord) -> Project:
    # What is stored was validated on its way in; validating it again would cost every read.
    status: Status = record.status  # type: ignore[assignment]  # a text, as it was written
    return Project.model_construct(
        id=record.id,
        name=record.name,
        slug=record.slug,
        personal=record.personal,
        status=status,
        settings=Settings.model_validate_json(record.settings, by_name=True),
        created_at=record.created_at,
        updated_at=record.updated_at,
        deleted_at=record.deleted_at,
    )


def _as_seen(project: Project) -> Condition:
    status, visibility = ProjectRecord.status == project.status, ProjectRecord.visibility == project.settings.visibility
    same: Condition = status & visibility
    return same


def _key(project_id: str) -> str:
    return f"PROJECT#{project_id}"


def _projects(shard: int) -> str:
    return f"PROJECTS#{shard}"


def _rank(moment: datetime, project_id: str) -> str:
    return f"{moment.isoformat(timespec='milliseconds')}#{project_id}"
