"""The records of files and their versions."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from holdall import ids
from holdall.errors import Conflict, Failure
from holdall.files.model import File, Kind, Variant, Version, rank
from holdall.page import Page, PageRequest
from holdall.table import Awaited, ByFacet, ByOwner, ByQuality, Reading, Record, Transaction, page_of, stretch_of


class FileRecord(Record, discriminator="file"):
    id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    name = UnicodeAttribute()
    kind = UnicodeAttribute()
    state = UnicodeAttribute()
    latest = NumberAttribute()
    current = UnicodeAttribute()  # the version that is shown, whole
    created_by = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    updated_at = UTCDateTimeAttribute()
    revision = NumberAttribute()


class VersionRecord(Record, discriminator="version"):
    number = NumberAttribute()
    content = UnicodeAttribute()


def add(write: Transaction, file: File) -> None:
    """Add a file that was not there."""
    values: dict[str, Any] = {**vars(file), "current": _pack(file.current), **_places(file)}
    record = FileRecord(_key(file.id), "FILE", **values)
    write.create(record, otherwise=Conflict("file_exists", "There is a file with this id already."))


def add_version(write: Transaction, file_id: str, version: Version) -> None:
    """Add a version under a number that no other has."""
    record = VersionRecord(_key(file_id), _version_key(version.number), number=version.number, content=_pack(version))
    write.create(record, otherwise=Conflict("raced", "Another version got this number."))


def change(write: Transaction, file: File, *, otherwise: Failure) -> File:
    """Write a file over the view that the change was made on. Its revision counts on."""
    changed = replace(file, revision=file.revision + 1)
    places = _places(changed)
    actions: list[Action] = [
        FileRecord.name.set(changed.name),
        FileRecord.state.set(changed.state),
        FileRecord.latest.set(changed.latest),
        FileRecord.current.set(_pack(changed.current)),
        FileRecord.updated_at.set(changed.updated_at),
        FileRecord.revision.set(changed.revision),
    ]
    for name in ("owner", "position", "facet", "rank", "quality", "turn"):
        attribute = getattr(FileRecord, name)
        actions.append(attribute.set(places[name]) if name in places else attribute.remove())
    record = FileRecord(_key(file.id), "FILE")
    write.update(record, actions, when=FileRecord.revision == file.revision, otherwise=otherwise)
    return changed


def change_version(write: Transaction, file_id: str, version: Version, *, otherwise: Failure) -> None:
    """Write what a version has become."""
    record = VersionRecord(_key(file_id), _version_key(version.number))
    write.update(record, [VersionRecord.content.set(_pack(version))], otherwise=otherwise)


def remove_version(write: Transaction, file_id: str, number: int, *, otherwise: Failure) -> None:
    """Remove a version, after its object."""
    write.delete(VersionRecord(_key(file_id), _version_key(number)), otherwise=otherwise)


def remove(write: Transaction, file: File, *, otherwise: Failure) -> None:
    """Remove a file, after all of its versions."""
    write.delete(FileRecord(_key(file.id), "FILE"), when=FileRecord.state == "purging", otherwise=otherwise)


def find(file_id: str) -> File | None:
    """The file with this id, in whatever state. Raises Unavailable."""
    record = FileRecord.find(_key(file_id), "FILE")
    return _file(record) if record else None


def file(read: Reading, file_id: str) -> Awaited[File]:
    """A file, in whatever state."""
    return read.get(FileRecord, _key(file_id), "FILE", _file)


def version(read: Reading, file_id: str, number: int) -> Awaited[Version]:
    """One version of a file."""
    return read.get(VersionRecord, _key(file_id), _version_key(number), lambda record: _unpack(record.content))


def find_version(file_id: str, number: int) -> Version | None:
    """One version of a file, or None. Raises Unavailable."""
    record = VersionRecord.find(_key(file_id), _version_key(number))
    return _unpack(record.content) if record else None


def versions(file_id: str) -> list[Version]:
    """All versions of a file, oldest first. Raises Unavailable."""
    return [_unpack(record.content) for record in VersionRecord.parts(_key(file_id), "VERSION#")]


def originals(start: str | None, before: datetime) -> tuple[list[tuple[str, int]], str | None]:
    """What versions born before a moment hold in the next megabyte of the table, as projects and bytes, and where it goes on.

    One round trip. Raises Unavailable.
    """
    found = stretch_of(VersionRecord, json.loads(start) if start else None)
    versions = [_unpack(record.content) for record in found.rows]
    counted = [(ids.project_of(each.id), each.size) for each in versions if each.created_at < before]
    return counted, json.dumps(found.next) if found.next else None


def there(asked: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Which of these versions, named by file and number, are there. One round trip for each hundred. Raises Unavailable."""
    with Reading() as read:
        found = {each: version(read, *each) for each in asked}
    return {each for each, awaited in found.items() if awaited.value is not None}


def newest(project_id: str, asked: PageRequest) -> Page[File]:
    """The live files of a project, newest first. One round trip. Raises Unavailable."""
    return _page(page_of(FileRecord, ByOwner, _files_of(project_id), asked, descending=True))


def trashed(project_id: str, asked: PageRequest) -> Page[File]:
    """The files in the trash of a project, latest put away first. One round trip. Raises Unavailable."""
    return _page(page_of(FileRecord, ByOwner, _trash_of(project_id), asked, descending=True))


def by_name(project_id: str, prefix: str, asked: PageRequest) -> Page[File]:
    """The live files of a project whose names begin so, in the order of their names."""
    return _page(page_of(FileRecord, ByFacet, f"PROJECT#{project_id}#NAMES", asked, prefix=rank(prefix)))


def of_kind(project_id: str, kind: Kind, asked: PageRequest) -> Page[File]:
    """The live files of one kind, newest first."""
    return _page(page_of(FileRecord, ByQuality, f"PROJECT#{project_id}#KIND#{kind}", asked, descending=True))


def _page(page: Page[FileRecord]) -> Page[File]:
    return Page([_file(record) for record in page.items], next=page.next, prev=page.prev)


def _places(file: File) -> dict[str, str]:
    """Where a file stands in the indexes: its project's lists, or the trash; nowhere while it is purged."""
    own = ids.own_part(file.id)
    if file.state == "trash":
        position = f"{file.updated_at.isoformat(timespec='milliseconds')}#{own}"
        return {"owner": _trash_of(file.project_id), "position": position}
    if file.state == "purging":
        return {}
    return {
        "owner": _files_of(file.project_id),
        "position": file.id,
        "facet": f"PROJECT#{file.project_id}#NAMES",
        "rank": f"{rank(file.name)}#{own}",
        "quality": f"PROJECT#{file.project_id}#KIND#{file.kind}",
        "turn": file.id,
    }


def _pack(version: Version) -> str:
    """A version as one value: it is always read and written whole."""
    values: dict[str, Any] = {
        **vars(version),
        "variants": [variant.model_dump() for variant in version.variants],
        "created_at": version.created_at.isoformat(),
    }
    return json.dumps(values, separators=(",", ":"))


def _unpack(text: str) -> Version:
    values = json.loads(text)
    values["variants"] = tuple(Variant.model_construct(**variant) for variant in values["variants"])
    return Version(**{**values, "created_at": datetime.fromisoformat(values["created_at"])})


def _file(record: FileRecord) -> File:
    values = {name: getattr(record, name) for name in File.__dataclass_fields__}
    numbers = {name: int(values[name]) for name in ("latest", "revision")}
    return File(**{**values, **numbers, "current": _unpack(record.current)})


def _key(file_id: str) -> str:
    return f"FILE#{file_id}"


def _version_key(number: int) -> str:
    return f"VERSION#{number:08d}"


def _files_of(project_id: str) -> str:
    return f"PROJECT#{project_id}#FILES"


def _trash_of(project_id: str) -> str:
    return f"PROJECT#{project_id}#TRASH"
