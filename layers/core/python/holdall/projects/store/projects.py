"""The records of projects."""

from datetime import datetime

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.condition import Condition

from holdall.platform import ids
from holdall.platform.errors import Conflict, HoldallError
from holdall.platform.pagination import PageRequest
from holdall.platform.table import GSI1, GSI2, BatchGet, Pending, Record, Transaction, query_page
from holdall.projects.model import Project, ProjectSettings, ProjectStatus

_DELETED_GSI2PK = "PROJECTS#deleted"
_PURGE_BATCH_SIZE = 100  # in one run


class ProjectRecord(Record, discriminator="project"):
    id = UnicodeAttribute()
    name = UnicodeAttribute()
    slug = UnicodeAttribute()
    personal = BooleanAttribute()
    status = UnicodeAttribute()
    visibility = UnicodeAttribute()  # as in the settings; here for conditions
    settings = UnicodeAttribute()
    owner_count = NumberAttribute(default=1)
    created_at = UTCDateTimeAttribute()
    updated_at = UTCDateTimeAttribute()
    deleted_at = UTCDateTimeAttribute(null=True)


def put(tx: Transaction, project: Project) -> None:
    """Add a project, which has one owner."""
    record = ProjectRecord(
        _pk(project.id),
        "PROJECT",
        gsi1pk=_gsi1pk(ids.shard(project.id)),
        gsi1sk=project.id,
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
    tx.put_new(record, error=Conflict("A project with this ID exists.", code="project_exists"))


def get_project(batch: BatchGet, project_id: str) -> Pending[Project]:
    """A project, in whatever state."""
    return batch.get(ProjectRecord, _pk(project_id), "PROJECT", _to_project)


def get_with_owner_count(batch: BatchGet, project_id: str) -> Pending[tuple[Project, int]]:
    """A project, in whatever state, and how many owners it has."""
    return batch.get(
        ProjectRecord, _pk(project_id), "PROJECT", lambda record: (_to_project(record), int(record.owner_count))
    )


def update(tx: Transaction, before: Project, after: Project, *, error: HoldallError) -> None:
    """Write what the owners decided over the view that they decided on."""
    tx.update(
        ProjectRecord(_pk(before.id), "PROJECT"),
        [
            ProjectRecord.name.set(after.name),
            ProjectRecord.visibility.set(after.settings.visibility),
            ProjectRecord.settings.set(after.settings.model_dump_json()),
            ProjectRecord.updated_at.set(after.updated_at),
        ],
        condition=(ProjectRecord.status == "active") & (ProjectRecord.updated_at == before.updated_at),
        error=error,
    )


def update_owner_count(tx: Transaction, project_id: str, delta: int, *, error: HoldallError) -> None:
    """Count one owner more, of a project that lives, or one less, of one that may come back as well; the last one stays."""
    joins = ProjectRecord.status == "active"
    leaves = ProjectRecord.status.is_in("active", "deleted") & (ProjectRecord.owner_count > 1)
    when = joins if delta > 0 else leaves
    tx.update(
        ProjectRecord(_pk(project_id), "PROJECT"), [ProjectRecord.owner_count.add(delta)], condition=when, error=error
    )


def soft_delete(
    tx: Transaction, project: Project, now: datetime, *, require_sole_owner: bool, error: HoldallError
) -> None:
    """Delete a project, so that it may be restored. `alone` asks for there being one owner."""
    when = (ProjectRecord.status == "active") & (ProjectRecord.updated_at == project.updated_at)
    actions = [
        ProjectRecord.status.set("deleted"),
        ProjectRecord.deleted_at.set(now),
        ProjectRecord.updated_at.set(now),
        ProjectRecord.gsi2pk.set(_DELETED_GSI2PK),
        ProjectRecord.gsi2sk.set(_gsi2sk(now, project.id)),
    ]
    record = ProjectRecord(_pk(project.id), "PROJECT")
    tx.update(
        record, actions, condition=when & (ProjectRecord.owner_count == 1) if require_sole_owner else when, error=error
    )


def restore(tx: Transaction, project: Project, now: datetime, *, error: HoldallError) -> None:
    """Make a deleted project live again."""
    actions = [
        ProjectRecord.status.set("active"),
        ProjectRecord.updated_at.set(now),
        ProjectRecord.deleted_at.remove(),
        ProjectRecord.gsi2pk.remove(),
        ProjectRecord.gsi2sk.remove(),
    ]
    deleted = (ProjectRecord.status == "deleted") & (ProjectRecord.updated_at == project.updated_at)
    tx.update(ProjectRecord(_pk(project.id), "PROJECT"), actions, condition=deleted, error=error)


def mark_purging(tx: Transaction, project: Project, now: datetime, *, error: HoldallError) -> None:
    """Take a project from every route, for good: what is left of it goes piece by piece."""
    actions = [
        ProjectRecord.status.set("purging"),
        ProjectRecord.updated_at.set(now),
        ProjectRecord.gsi2pk.remove(),
        ProjectRecord.gsi2sk.remove(),
    ]
    same = (ProjectRecord.status == project.status) & (ProjectRecord.updated_at == project.updated_at)
    tx.update(ProjectRecord(_pk(project.id), "PROJECT"), actions, condition=same, error=error)


def delete_if_exists(tx: Transaction, project_id: str) -> None:
    """Remove the row of a project, last of all."""
    tx.delete_if_exists(ProjectRecord(_pk(project_id), "PROJECT"))


def check_visibility_unchanged(tx: Transaction, project: Project, *, error: HoldallError) -> None:
    """Hold only while a project lives, or does not, and is as visible, as when it was read."""
    tx.condition_check(ProjectRecord, _pk(project.id), "PROJECT", _visibility_unchanged(project), error=error)


def check_unchanged(tx: Transaction, project: Project, *, error: HoldallError) -> None:
    """Hold only while a project, with its settings, is as it was when it was read."""
    same = _visibility_unchanged(project) & (ProjectRecord.updated_at == project.updated_at)
    tx.condition_check(ProjectRecord, _pk(project.id), "PROJECT", same, error=error)


def check_active(tx: Transaction, project_id: str, *, error: HoldallError) -> None:
    """Hold only while a project lives."""
    tx.condition_check(ProjectRecord, _pk(project_id), "PROJECT", ProjectRecord.status == "active", error=error)


def list_deleted_before(cutoff: datetime) -> list[str]:
    """The ids of projects that were deleted before a moment, longest ago first. One round trip. Raises Unavailable."""
    page = query_page(ProjectRecord, GSI2, _DELETED_GSI2PK, PageRequest(_PURGE_BATCH_SIZE))
    return [record.id for record in page.items if (record.gsi2sk or "") < _gsi2sk(cutoff, "")]


def list_ids(shard: int, page: PageRequest) -> tuple[list[str], str | None]:
    """The ids of the projects of a shard, whatever their state, and where they go on. One round trip. Raises Unavailable."""
    page_result = query_page(ProjectRecord, GSI1, _gsi1pk(shard), page)
    return [record.id for record in page_result.items], page_result.next


def _to_project(record: ProjectRecord) -> Project:
    # What is stored was validated on its way in; validating it again would cost every read.
    status: ProjectStatus = record.status  # type: ignore[assignment]  # a text, as it was written
    return Project.model_construct(
        id=record.id,
        name=record.name,
        slug=record.slug,
        personal=record.personal,
        status=status,
        settings=ProjectSettings.model_validate_json(record.settings, by_name=True),
        created_at=record.created_at,
        updated_at=record.updated_at,
        deleted_at=record.deleted_at,
    )


def _visibility_unchanged(project: Project) -> Condition:
    status, visibility = ProjectRecord.status == project.status, ProjectRecord.visibility == project.settings.visibility
    same: Condition = status & visibility
    return same


def _pk(project_id: str) -> str:
    return f"PROJECT#{project_id}"


def _gsi1pk(shard: int) -> str:
    return f"PROJECTS#{shard}"


def _gsi2sk(deleted_at: datetime, project_id: str) -> str:
    return f"{deleted_at.isoformat(timespec='milliseconds')}#{project_id}"
