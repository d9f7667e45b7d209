"""Records of files and their versions."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from holdall.files.model import File, FileChanged, FileKind, SyncList, Version, VersionKey
from holdall.files.names import name_key_prefix, name_sort_key
from holdall.files.version_json import from_json, to_json
from holdall.platform import ids
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, GSI2, GSI3, BatchGet, Pending, Record, Transaction, query_page

_VERSION, _DELETED = "VERSION#", "DELETED#"  # prefixes of the sort keys of versions


class FileRecord(Record, discriminator="file"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    name = UnicodeAttribute()
    relative_path = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    last_number = NumberAttribute()
    has_variants = BooleanAttribute()
    current = UnicodeAttribute()  # a copy of the current version as JSON, so that lists need one round trip
    created_by = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    updated_at = UTCDateTimeAttribute()
    deleted_at = UTCDateTimeAttribute(null=True)
    revision = NumberAttribute()


class VersionRecord(Record, discriminator="version"):
    number = NumberAttribute()
    version_json = UnicodeAttribute()


class RestoredVersionRecord(Record, discriminator="restored-version"):
    """Leads from the ID of a version that no upload created to its file, because keys of variants name the ID."""

    file_id = UnicodeAttribute()
    number = NumberAttribute()


def put(tx: Transaction, file: File) -> None:
    """Add a file. The transaction raises FileChanged if another request with the same upload added it."""
    values: dict[str, Any] = {**vars(file), "current": to_json(file.current), **_index_keys(file)}
    tx.put_new(FileRecord(_pk(file.id), "FILE", **values), error=FileChanged)


def put_version(tx: Transaction, file_id: str, version: Version) -> None:
    """Add a version. The transaction raises FileChanged if another version has its number."""
    _put_version(tx, file_id, version)
    if version.restored_from is not None:
        tx.put_new(RestoredVersionRecord(*_restored_key(version.id), file_id=file_id, number=version.number))


def mark_deleted(tx: Transaction, file_id: str, version: Version) -> None:
    """Move a version to the deleted ones, where only its job finds it. The transaction raises FileChanged."""
    delete_version(tx, file_id, version)
    _put_version(tx, file_id, replace(version, status="deleted"))


def update(tx: Transaction, file: File) -> File:
    """Update a file, and return it with its next revision. The transaction raises FileChanged if the revision is old."""
    updated = replace(file, revision=file.revision + 1)
    actions: list[Action] = [
        FileRecord.name.set(updated.name),
        FileRecord.state.set(updated.state),
        FileRecord.last_number.set(updated.last_number),
        FileRecord.has_variants.set(updated.has_variants),
        FileRecord.current.set(to_json(updated.current)),
        FileRecord.updated_at.set(updated.updated_at),
        FileRecord.deleted_at.set(updated.deleted_at) if updated.deleted_at else FileRecord.deleted_at.remove(),
        FileRecord.revision.set(updated.revision),
    ]
    actions += _set_or_remove(_index_keys(updated), "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk", "gsi3pk", "gsi3sk")
    record = FileRecord(_pk(file.id), "FILE")
    tx.update(record, actions, condition=FileRecord.revision == file.revision, error=FileChanged)
    return updated


def update_version(tx: Transaction, file_id: str, version: Version) -> None:
    """Update a version. The transaction raises FileChanged if the version was deleted."""
    actions = _set_or_remove(_edge_keys(version), "gsi2pk", "gsi2sk")
    actions.append(VersionRecord.version_json.set(to_json(version)))
    tx.update(VersionRecord(_pk(file_id), _sk_of(version)), actions, error=FileChanged)


def delete_version(tx: Transaction, file_id: str, version: Version) -> None:
    """Delete the record of a version. The transaction raises FileChanged if the version does not exist."""
    tx.delete(VersionRecord(_pk(file_id), _sk_of(version)), error=FileChanged)


def delete_restored_key(tx: Transaction, version: Version) -> None:
    """Delete what leads from the ID of a restored version to its file, after its variants."""
    if version.restored_from is not None:
        tx.delete_if_exists(RestoredVersionRecord(*_restored_key(version.id)))


def delete(tx: Transaction, file: File) -> None:
    """Delete a purged file whose versions are deleted. The transaction raises FileChanged if the file does not exist."""
    tx.delete(FileRecord(_pk(file.id), "FILE"), condition=FileRecord.state == "purging", error=FileChanged)


def check_live(tx: Transaction, file_id: str) -> None:
    """Condition check: the file is neither in the trash nor purged. The transaction raises FileChanged."""
    tx.condition_check(FileRecord, _pk(file_id), "FILE", FileRecord.state == "live", error=FileChanged)


def get_or_none(file_id: str) -> File | None:
    """Return a file in any state, or None. Raises ServiceUnavailable."""
    record = FileRecord.get_or_none(_pk(file_id), "FILE")
    return _to_model(record) if record else None


def get_pending(batch: BatchGet, file_id: str) -> Pending[File]:
    """Read a file in any state."""
    return batch.get(FileRecord, _pk(file_id), "FILE", _to_model)


def get_version_or_none(file_id: str, number: int, *, deleted: bool = False) -> Version | None:
    """Return a version, or a deleted one that is not purged yet, or None. Raises ServiceUnavailable."""
    record = VersionRecord.get_or_none(_pk(file_id), _version_sk(number, deleted=deleted))
    return from_json(record.version_json) if record else None


def get_version(batch: BatchGet, file_id: str, number: int, *, deleted: bool = False) -> Pending[Version]:
    """Read a version, or a deleted one that is not purged yet."""
    key = _pk(file_id), _version_sk(number, deleted=deleted)
    return batch.get(VersionRecord, *key, lambda record: from_json(record.version_json))


def get_restored_key(batch: BatchGet, version_id: str) -> Pending[tuple[str, int]]:
    """Read the file and the number of a version that restores another one."""
    key = _restored_key(version_id)
    return batch.get(RestoredVersionRecord, *key, lambda record: (record.file_id, int(record.number)))


def list_versions(file_id: str, page: PageRequest, *, newest_first: bool = False) -> Page[Version]:
    """Return versions of a file, oldest first. Strongly consistent. Raises ServiceUnavailable."""
    return _list_versions(file_id, page, _VERSION, newest_first=newest_first)


def list_deleted_versions(file_id: str, page: PageRequest) -> Page[Version]:
    """Return deleted versions of a file that are not purged yet. Strongly consistent. Raises ServiceUnavailable."""
    return _list_versions(file_id, page, _DELETED)


def list_project_versions(project_id: str, page: PageRequest) -> Page[Version]:
    """Return the versions of all files of a project, by ID. One round trip per megabyte. Raises ServiceUnavailable."""
    found = query_page(VersionRecord, GSI1, _versions_pk(project_id), page)
    return Page([from_json(record.version_json) for record in found.items], next=found.next, prev=found.prev)


def list_newest(project_id: str, page: PageRequest) -> Page[File]:
    """Return the live files of a project, newest first. One round trip. Raises ServiceUnavailable."""
    return _to_page(query_page(FileRecord, GSI1, _files_pk(project_id), page, descending=True))


def list_trash(project_id: str, page: PageRequest) -> Page[File]:
    """Return the files in the trash of a project, the last trashed first. One round trip. Raises ServiceUnavailable."""
    return _to_page(query_page(FileRecord, GSI1, _trash_pk(project_id), page, descending=True))


def list_trashed_before(project_id: str, cutoff: datetime, page: PageRequest) -> Page[File]:
    """Return the files that were moved to the trash before a time, oldest first. One round trip. Raises ServiceUnavailable."""
    range_ = (None, _trash_sk(cutoff, ""))
    return _to_page(query_page(FileRecord, GSI1, _trash_pk(project_id), page, range_=range_))


def list_by_name(project_id: str, prefix: str, page: PageRequest) -> Page[File]:
    """Return the live files of a project whose names start with a prefix, by name. One round trip. Raises PrefixTooLong."""
    return _to_page(query_page(FileRecord, GSI2, _names_pk(project_id), page, prefix=name_key_prefix(prefix)))


def list_by_kind(project_id: str, kind: FileKind, page: PageRequest) -> Page[File]:
    """Return the live files of a kind, newest first. One round trip. Raises ServiceUnavailable."""
    return _to_page(query_page(FileRecord, GSI3, _kind_pk(project_id, kind), page, descending=True))


def list_for_sync(kind: SyncList, shard: int, page: PageRequest, before: datetime | None) -> Page[VersionKey]:
    """Return versions of a shard, of `copied` those that moved before a time. One round trip. Raises ServiceUnavailable."""
    range_ = (None, _timestamp(before) if before else None)
    found = query_page(VersionRecord, GSI2, _sync_pk(kind, shard), page, range_=range_)
    keys = [(record.pk.removeprefix(_pk("")), int(record.number)) for record in found.items]
    return Page(keys, next=found.next, prev=found.prev)


def _put_version(tx: Transaction, file_id: str, version: Version) -> None:
    record = VersionRecord(
        _pk(file_id),
        _sk_of(version),
        gsi1pk=_versions_pk(ids.project_id_of(version.id)),
        gsi1sk=version.id,
        number=version.number,
        version_json=to_json(version),
        **_edge_keys(version),
    )
    tx.put_new(record, error=FileChanged)


def _list_versions(file_id: str, page: PageRequest, prefix: str, *, newest_first: bool = False) -> Page[Version]:
    found = query_page(VersionRecord, None, _pk(file_id), page, prefix=prefix, descending=newest_first)
    return Page([from_json(record.version_json) for record in found.items], next=found.next, prev=found.prev)


def _to_page(page_result: Page[FileRecord]) -> Page[File]:
    return Page([_to_model(record) for record in page_result.items], next=page_result.next, prev=page_result.prev)


def _index_keys(file: File) -> dict[str, str]:
    """Return the index keys: in the lists of the project, in the trash, or in no index while the file is purged."""
    ulid = ids.local_part(file.id)
    if file.state == "trash" and file.deleted_at is not None:
        return {"gsi1pk": _trash_pk(file.project_id), "gsi1sk": _trash_sk(file.deleted_at, ulid)}
    if file.state == "purging":
        return {}
    return {
        "gsi1pk": _files_pk(file.project_id),
        "gsi1sk": file.id,
        "gsi2pk": _names_pk(file.project_id),
        "gsi2sk": name_sort_key(file.name, file.id),
        "gsi3pk": _kind_pk(file.project_id, file.kind),
        "gsi3sk": file.id,
    }


def _edge_keys(version: Version) -> dict[str, Any]:
    """Return the index keys: in a list of the sync if the original has to move from the edge store, or left a copy there."""
    shard = ids.shard(version.id)
    if version.location == "edge" and version.status == "ready":
        return {"gsi2pk": _sync_pk("to-sync", shard), "gsi2sk": version.id}
    if version.edge_version_id is not None and version.synced_at is not None:
        return {"gsi2pk": _sync_pk("copied", shard), "gsi2sk": f"{_timestamp(version.synced_at)}#{version.id}"}
    return {}


def _set_or_remove(index_keys: dict[str, str], *names: str) -> list[Action]:
    attributes = {name: getattr(Record, name) for name in names}
    return [each.set(index_keys[name]) if name in index_keys else each.remove() for name, each in attributes.items()]


def _to_model(record: FileRecord) -> File:
    values = {name: getattr(record, name) for name in File.__dataclass_fields__}
    numbers = {name: int(values[name]) for name in ("last_number", "revision")}
    if record.state == "trash":  # the last release did not store the time
        values["deleted_at"] = values["deleted_at"] or record.updated_at
    return File(**{**values, **numbers, "current": from_json(record.current)})


def _pk(file_id: str) -> str:
    return f"FILE#{file_id}"


def _sk_of(version: Version) -> str:
    return _version_sk(version.number, deleted=version.status == "deleted")


def _version_sk(number: int, *, deleted: bool) -> str:
    return f"{_DELETED if deleted else _VERSION}{number:08d}"


def _restored_key(version_id: str) -> tuple[str, str]:
    return f"VERSION#{version_id}", "VERSION"


def _files_pk(project_id: str) -> str:
    return f"PROJECT#{project_id}#FILES"


def _versions_pk(project_id: str) -> str:
    return f"PROJECT#{project_id}#VERSIONS"


def _sync_pk(kind: SyncList, shard: int) -> str:
    return f"EDGE#{kind}#{shard}"


def _trash_pk(project_id: str) -> str:
    return f"PROJECT#{project_id}#TRASH"


def _trash_sk(deleted_at: datetime, ulid: str) -> str:
    return f"{_timestamp(deleted_at)}#{ulid}"


def _timestamp(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


def _names_pk(project_id: str) -> str:
    return f"PROJECT#{project_id}#NAMES"


def _kind_pk(project_id: str, kind: FileKind) -> str:
    return f"PROJECT#{project_id}#KIND#{kind}"
