"""Records of projects."""

from datetime import datetime

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from holdall.platform import ids
from holdall.platform.errors import NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, GSI2, BatchGet, Pending, Record, Transaction, query_page, query_shards
from holdall.projects.model import LastOwner, Project, ProjectChanged, ProjectExists, ProjectSettings

_DELETED = "PROJECTS#deleted"
_PURGE_LIMIT = 100  # projects in one run


class ProjectRecord(Record, discriminator="project"):
    id = UnicodeAttribute()
    name = UnicodeAttribute()
    slug = UnicodeAttribute()
    personal = BooleanAttribute()
    status = UnicodeAttribute()
    visibility = UnicodeAttribute()  # a copy from the settings, for conditions
    settings = UnicodeAttribute()
    owner_count = NumberAttribute(default=1)
    created_at = UTCDateTimeAttribute()
    updated_at = UTCDateTimeAttribute()
    deleted_at = UTCDateTimeAttribute(null=True)


def put(tx: Transaction, project: Project) -> None:
    """Add a project with one owner. The transaction raises ProjectExists."""
    values = {
        **vars(project),
        "visibility": project.settings.visibility,
        "settings": project.settings.model_dump_json(),
    }
    record = ProjectRecord(*_key(project.id), gsi1pk=_shard_pk(ids.shard(project.id)), gsi1sk=project.id, **values)
    tx.put_new(record, error=ProjectExists)


def get_project(batch: BatchGet, project_id: str) -> Pending[Project]:
    """Read a project with any status."""
    return batch.get(ProjectRecord, *_key(project_id), _to_project)


def get_with_owner_count(batch: BatchGet, project_id: str) -> Pending[tuple[Project, int]]:
    """Read a project with any status, and the number of its owners."""
    return batch.get(ProjectRecord, *_key(project_id), lambda record: (_to_project(record), int(record.owner_count)))


def update(tx: Transaction, before: Project, after: Project) -> None:
    """Update the name and the settings of an active project. The transaction raises ProjectChanged."""
    actions = [
        ProjectRecord.name.set(after.name),
        ProjectRecord.visibility.set(after.settings.visibility),
        ProjectRecord.settings.set(after.settings.model_dump_json()),
        ProjectRecord.updated_at.set(after.updated_at),
    ]
    condition = (ProjectRecord.status == "active") & _is_unchanged(before)
    tx.update(ProjectRecord(*_key(before.id)), actions, condition=condition, error=ProjectChanged)


def add_owner(tx: Transaction, project_id: str) -> None:
    """Count one more owner of an active project. The transaction raises NotFound."""
    is_active = ProjectRecord.status == "active"
    tx.update(ProjectRecord(*_key(project_id)), [ProjectRecord.owner_count.add(1)], condition=is_active, error=NotFound)


def remove_owner(tx: Transaction, project_id: str) -> None:
    """Count one owner less of a project that is active or can be restored. The transaction raises LastOwner."""
    has_another = ProjectRecord.status.is_in("active", "deleted") & (ProjectRecord.owner_count > 1)
    actions = [ProjectRecord.owner_count.add(-1)]
    tx.update(ProjectRecord(*_key(project_id)), actions, condition=has_another, error=LastOwner)


def soft_delete(tx: Transaction, project: Project, now: datetime, *, require_sole_owner: bool) -> None:
    """Delete an active project so that it can be restored. The transaction raises ProjectChanged."""
    actions = [
        ProjectRecord.status.set("deleted"),
        ProjectRecord.deleted_at.set(now),
        ProjectRecord.updated_at.set(now),
        ProjectRecord.gsi2pk.set(_DELETED),
        ProjectRecord.gsi2sk.set(_deleted_sk(now, project.id)),
    ]
    condition = (ProjectRecord.status == "active") & _is_unchanged(project)
    if require_sole_owner:
        condition &= ProjectRecord.owner_count == 1
    tx.update(ProjectRecord(*_key(project.id)), actions, condition=condition, error=ProjectChanged)


def restore(tx: Transaction, project: Project, now: datetime) -> None:
    """Make a deleted project active again. The transaction raises ProjectChanged."""
    actions = [
        ProjectRecord.status.set("active"),
        ProjectRecord.updated_at.set(now),
        ProjectRecord.deleted_at.remove(),
        *_remove_from_deleted(),
    ]
    condition = (ProjectRecord.status == "deleted") & _is_unchanged(project)
    tx.update(ProjectRecord(*_key(project.id)), actions, condition=condition, error=ProjectChanged)


def mark_purging(tx: Transaction, project: Project, now: datetime) -> None:
    """Make a project inaccessible, for good. The transaction raises ProjectChanged."""
    actions = [ProjectRecord.status.set("purging"), ProjectRecord.updated_at.set(now), *_remove_from_deleted()]
    condition = (ProjectRecord.status == project.status) & _is_unchanged(project)
    tx.update(ProjectRecord(*_key(project.id)), actions, condition=condition, error=ProjectChanged)


def delete_if_exists(tx: Transaction, project_id: str) -> None:
    """Delete a project that is purged, after everything else of it."""
    tx.delete_if_exists(ProjectRecord(*_key(project_id)))


def check_visibility_unchanged(tx: Transaction, project: Project) -> None:
    """Condition check: status and visibility are as they were read. The transaction raises ProjectChanged."""
    tx.condition_check(ProjectRecord, *_key(project.id), _has_same_visibility(project), error=ProjectChanged)


def check_unchanged(tx: Transaction, project: Project) -> None:
    """Condition check: the project and its settings are as they were read. The transaction raises ProjectChanged."""
    condition = _has_same_visibility(project) & _is_unchanged(project)
    tx.condition_check(ProjectRecord, *_key(project.id), condition, error=ProjectChanged)


def check_active(tx: Transaction, project_id: str) -> None:
    """Condition check: the project is active. The transaction raises NotFound."""
    tx.condition_check(ProjectRecord, *_key(project_id), ProjectRecord.status == "active", error=NotFound)


def list_deleted_before(cutoff: datetime) -> list[str]:
    """Return the IDs of projects deleted before a time, oldest first. One round trip. Raises ServiceUnavailable."""
    page = query_page(ProjectRecord, GSI2, _DELETED, PageRequest(_PURGE_LIMIT))
    return [record.id for record in page.items if (record.gsi2sk or "") < _deleted_sk(cutoff, "")]


def list_ids(shard: int, page: PageRequest) -> tuple[list[str], str | None]:
    """Return the IDs of the projects of a shard with any status, and the next position.

    One round trip. Raises ServiceUnavailable.
    """
    found = query_page(ProjectRecord, GSI1, _shard_pk(shard), page)
    return [record.id for record in found.items], found.next


def list_all(page: PageRequest) -> Page[Project]:
    """Return the projects of the installation with any status, by ID. One round trip for each shard."""
    partitions = [_shard_pk(shard) for shard in range(ids.SHARDS)]
    found = query_shards(ProjectRecord, GSI1, partitions, page)
    return Page([_to_project(record) for record in found.items], next=found.next, prev=found.prev)


def _remove_from_deleted() -> list[Action]:
    return [ProjectRecord.gsi2pk.remove(), ProjectRecord.gsi2sk.remove()]


def _is_unchanged(project: Project) -> Condition:
    same: Condition = ProjectRecord.updated_at == project.updated_at
    return same


def _has_same_visibility(project: Project) -> Condition:
    status, visibility = ProjectRecord.status == project.status, ProjectRecord.visibility == project.settings.visibility
    same: Condition = status & visibility
    return same


def _to_project(record: ProjectRecord) -> Project:
    # Without validation, because it was validated before it was stored, and each request reads a project.
    values = {name: getattr(record, name) for name in Project.model_fields if name != "settings"}
    settings = ProjectSettings.model_validate_json(record.settings, by_name=True)
    return Project.model_construct(**values, settings=settings)


def _key(project_id: str) -> tuple[str, str]:
    return f"PROJECT#{project_id}", "PROJECT"


def _shard_pk(shard: int) -> str:
    return f"PROJECTS#{shard}"


def _deleted_sk(deleted_at: datetime, project_id: str) -> str:
    return f"{deleted_at.isoformat(timespec='milliseconds')}#{project_id}"
