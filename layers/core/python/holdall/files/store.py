"""The records of files and their versions."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from holdall.files.model import File, FileKind, Variant, Version, name_sort_key
from holdall.platform import ids
from holdall.platform.errors import Conflict, HoldallError
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import GSI1, GSI2, GSI3, BatchGet, Pending, Record, Transaction, query_page, scan_page


class FileRecord(Record, discriminator="file"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    name = UnicodeAttribute()
    kind = UnicodeAttribute()
    state = UnicodeAttribute()
    last_number = NumberAttribute()
    current = UnicodeAttribute()  # the version that is shown, whole
    created_by = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    updated_at = UTCDateTimeAttribute()
    revision = NumberAttribute()


class VersionRecord(Record, discriminator="version"):
    number = NumberAttribute()
    version_json = UnicodeAttribute()


def put(tx: Transaction, file: File) -> None:
    """Add a file that was not there."""
    values: dict[str, Any] = {**vars(file), "current": _to_json(file.current), **_index_keys(file)}
    record = FileRecord(_pk(file.id), "FILE", **values)
    tx.put_new(record, error=Conflict("A file with this ID already exists.", code="file_exists"))


def put_version(tx: Transaction, file_id: str, version: Version) -> None:
    """Add a version under a number that no other has."""
    record = VersionRecord(
        _pk(file_id), _version_sk(version.number), number=version.number, version_json=_to_json(version)
    )
    tx.put_new(record, error=Conflict("Another version has this number. Try again.", code="version_exists"))


def update(tx: Transaction, file: File, *, error: HoldallError) -> File:
    """Write a file over the view that the change was made on. Its revision counts on."""
    changed = replace(file, revision=file.revision + 1)
    places = _index_keys(changed)
    actions: list[Action] = [
        FileRecord.name.set(changed.name),
        FileRecord.state.set(changed.state),
        FileRecord.last_number.set(changed.last_number),
        FileRecord.current.set(_to_json(changed.current)),
        FileRecord.updated_at.set(changed.updated_at),
        FileRecord.revision.set(changed.revision),
    ]
    for name in ("gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk", "gsi3pk", "gsi3sk"):
        attribute = getattr(FileRecord, name)
        actions.append(attribute.set(places[name]) if name in places else attribute.remove())
    record = FileRecord(_pk(file.id), "FILE")
    tx.update(record, actions, condition=FileRecord.revision == file.revision, error=error)
    return changed


def update_version(tx: Transaction, file_id: str, version: Version, *, error: HoldallError) -> None:
    """Write what a version has become."""
    record = VersionRecord(_pk(file_id), _version_sk(version.number))
    tx.update(record, [VersionRecord.version_json.set(_to_json(version))], error=error)


def delete_version(tx: Transaction, file_id: str, number: int, *, error: HoldallError) -> None:
    """Remove a version, after its object."""
    tx.delete(VersionRecord(_pk(file_id), _version_sk(number)), error=error)


def delete(tx: Transaction, file: File, *, error: HoldallError) -> None:
    """Remove a file, after all of its versions."""
    tx.delete(FileRecord(_pk(file.id), "FILE"), condition=FileRecord.state == "purging", error=error)


def get_or_none(file_id: str) -> File | None:
    """The file with this id, in whatever state. Raises Unavailable."""
    record = FileRecord.get_or_none(_pk(file_id), "FILE")
    return _to_model(record) if record else None


def get(batch: BatchGet, file_id: str) -> Pending[File]:
    """A file, in whatever state."""
    return batch.get(FileRecord, _pk(file_id), "FILE", _to_model)


def get_version(batch: BatchGet, file_id: str, number: int) -> Pending[Version]:
    """One version of a file."""
    return batch.get(VersionRecord, _pk(file_id), _version_sk(number), lambda record: _from_json(record.content))


def get_version_or_none(file_id: str, number: int) -> Version | None:
    """One version of a file, or None. Raises Unavailable."""
    record = VersionRecord.get_or_none(_pk(file_id), _version_sk(number))
    return _from_json(record.version_json) if record else None


def list_versions(file_id: str) -> list[Version]:
    """All versions of a file, oldest first. Raises Unavailable."""
    return [_from_json(record.version_json) for record in VersionRecord.query_prefix(_pk(file_id), "VERSION#")]


def scan_originals(start_key: str | None, before: datetime) -> tuple[list[tuple[str, int]], str | None]:
    """What versions born before a moment hold in the next megabyte of the table, as projects and bytes, and where it goes on.

    One round trip. Raises Unavailable.
    """
    found = scan_page(VersionRecord, json.loads(start_key) if start_key else None)
    versions = [_from_json(record.version_json) for record in found.rows]
    counted = [(ids.project_id_of(each.id), each.size) for each in versions if each.created_at < before]
    return counted, json.dumps(found.last_evaluated_key) if found.last_evaluated_key else None


def existing(version_keys: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Which of these versions, named by file and number, are there. One round trip for each hundred. Raises Unavailable."""
    with BatchGet() as read:
        found = {each: get_version(read, *each) for each in version_keys}
    return {each for each, awaited in found.items() if awaited.value is not None}


def list_newest(project_id: str, page: PageRequest) -> Page[File]:
    """The live files of a project, newest first. One round trip. Raises Unavailable."""
    return _to_page(query_page(FileRecord, GSI1, _files_pk(project_id), page, descending=True))


def list_trash(project_id: str, page: PageRequest) -> Page[File]:
    """The files in the trash of a project, latest put away first. One round trip. Raises Unavailable."""
    return _to_page(query_page(FileRecord, GSI1, _trash_pk(project_id), page, descending=True))


def list_by_name(project_id: str, prefix: str, page: PageRequest) -> Page[File]:
    """The live files of a project whose names begin so, in the order of their names."""
    return _to_page(query_page(FileRecord, GSI2, f"PROJECT#{project_id}#NAMES", page, prefix=name_sort_key(prefix)))


def list_by_kind(project_id: str, kind: FileKind, page: PageRequest) -> Page[File]:
    """The live files of one kind, newest first."""
    return _to_page(query_page(FileRecord, GSI3, f"PROJECT#{project_id}#KIND#{kind}", page, descending=True))


def _to_page(page_result: Page[FileRecord]) -> Page[File]:
    return Page([_to_model(record) for record in page_result.items], next=page_result.next, prev=page_result.prev)


def _index_keys(file: File) -> dict[str, str]:
    """Where a file stands in the indexes: its project's lists, or the trash; nowhere while it is purged."""
    own = ids.local_part(file.id)
    if file.state == "trash":
        position = f"{file.updated_at.isoformat(timespec='milliseconds')}#{own}"
        return {"gsi1pk": _trash_pk(file.project_id), "gsi1sk": position}
    if file.state == "purging":
        return {}
    return {
        "gsi1pk": _files_pk(file.project_id),
        "gsi1sk": file.id,
        "gsi2pk": f"PROJECT#{file.project_id}#NAMES",
        "gsi2sk": f"{name_sort_key(file.name)}#{own}",
        "gsi3pk": f"PROJECT#{file.project_id}#KIND#{file.kind}",
        "gsi3sk": file.id,
    }


def _to_json(version: Version) -> str:
    """A version as one value: it is always read and written whole."""
    values: dict[str, Any] = {
        **vars(version),
        "variants": [variant.model_dump() for variant in version.variants],
        "created_at": version.created_at.isoformat(),
    }
    return json.dumps(values, separators=(",", ":"))


def _from_json(text: str) -> Version:
    values = json.loads(text)
    values["variants"] = tuple(Variant.model_construct(**variant) for variant in values["variants"])
    return Version(**{**values, "created_at": datetime.fromisoformat(values["created_at"])})


def _to_model(record: FileRecord) -> File:
    values = {name: getattr(record, name) for name in File.__dataclass_fields__}
    numbers = {name: int(values[name]) for name in ("last_number", "revision")}
    return File(**{**values, **numbers, "current": _from_json(record.current)})


def _pk(file_id: str) -> str:
    return f"FILE#{file_id}"


def _version_sk(number: int) -> str:
    return f"VERSION#{number:08d}"


def _files_pk(project_id: str) -> str:
    return f"PROJECT#{project_id}#FILES"


def _trash_pk(project_id: str) -> str:
    return f"PROJECT#{project_id}#TRASH"
