"""Which objects of the buckets no record names.

An upload has its record before it has an object, and keeps it for as long as a version shares that object. So the record leads
from the key to every version that may name it. All reads are strongly consistent.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from holdall.files import service as files
from holdall.files.model import Version, version_id_of, without_prefix
from holdall.platform import ids, multipart, storage
from holdall.platform.pagination import PageRequest
from holdall.platform.stored_objects import StoredObject
from holdall.platform.table import BatchGet
from holdall.uploads import service as uploads
from holdall.uploads.model import Upload
from holdall.variants import drop

_VARIANT_KEY = re.compile(
    r"(?:media|private)/[a-z0-9-]*-([0-9a-z]{12})/images/[a-z0-9-]+/([0-9a-z]{26})-[0-9a-f]{12}\.[a-z]{3,4}"
)
_PAGE_SIZE = 100
VersionKey = tuple[str, int]  # the ID of a file, and the number of a version


@dataclass(frozen=True)
class Orphan:
    """An object that no record names, and what removes it. Nothing can begin to name it again."""

    stored: StoredObject
    remove: Callable[[], object]


def is_original_key(key: str) -> bool:
    """Return whether Holdall makes such keys of originals."""
    return version_id_of(key) is not None


def is_variant_key(key: str) -> bool:
    """Return whether Holdall makes such keys of variants."""
    return _VARIANT_KEY.fullmatch(key) is not None


def find_originals(objects: Sequence[StoredObject]) -> list[Orphan]:
    """Return those of these versions that no open upload and no version of a file names.

    One BatchGetItem for each hundred uploads, and one for each fifty versions.
    """
    found = _get_uploads([str(version_id_of(each.key)) for each in objects])
    versions = _get_versions([_version_key(upload) for upload in found.values() if upload and upload.completion])
    return [
        Orphan(each, partial(storage.delete_version, each.key, each.version_id or ""))
        for each in objects
        if not _is_named(each, found[str(version_id_of(each.key))], versions)
    ]


def find_multipart_uploads(objects: Sequence[StoredObject]) -> list[Orphan]:
    """Return those of these multipart uploads that no open upload names."""
    found = _get_uploads([str(version_id_of(each.key)) for each in objects])

    def is_open(each: StoredObject) -> bool:
        upload = found[str(version_id_of(each.key))]
        if upload is None or upload.state != "open" or upload.multipart is None:
            return False
        return (upload.key, upload.multipart.id) == (each.key, each.version_id)

    return [
        Orphan(each, partial(multipart.abort, each.key, each.version_id or "")) for each in objects if not is_open(each)
    ]


def find_variants(objects: Sequence[StoredObject]) -> list[Orphan]:
    """Return those of these variants that the records of their versions do not name.

    A version that exists may name the variant at any time. So the worker that renders it removes the object, which its record
    names until then. A version that is deleted is left to its job.
    """
    version_ids = {each.key: _version_id_of_variant(each.key) for each in objects}
    keys = _find_version_keys(list(version_ids.values()))
    versions = _get_versions([key for key in keys.values() if key is not None])
    orphans = []
    for each in objects:
        if (key := keys[version_ids[each.key]]) == _NOT_YET:
            continue
        version = versions.get(key) if key else None
        if version is None:
            orphans.append(Orphan(each, partial(storage.delete_variant, each.key)))
        elif key and version.status != "deleted" and without_prefix(each.key) not in _variant_keys(version):
            orphans.append(Orphan(each, partial(drop.drop_variants, *key, [each.key])))
    return orphans


_NOT_YET: VersionKey = ("", 0)  # of an upload that is open


def _is_named(each: StoredObject, upload: Upload | None, versions: dict[VersionKey, Version]) -> bool:
    if upload is None:
        # No release made such a version. If an operator lost the row, the list of versions still has it.
        return _is_listed(str(version_id_of(each.key)))
    if upload.key != each.key:
        return False
    if upload.completion is None:
        return upload.state == "open"

    def names(version: Version) -> bool:
        # The sync may be about to name what it has just moved from the edge store.
        is_same = version.location == "edge" or version.s3_version_id == each.version_id
        return version.key == each.key and is_same

    version = versions.get(_version_key(upload))
    return (
        (version is not None and names(version))
        or files.find_version(upload.file_id, names) is not None  # one that restored it
        or any(map(names, files.list_deleted_versions(upload.file_id, PageRequest(_PAGE_SIZE)).items))
    )


def _is_listed(version_id: str) -> bool:
    """Return whether the list of the versions of a project, which lags a little, has this version. One round trip."""
    project_id = ids.project_id_of(version_id)
    # The position is just before the ID.
    found = files.list_project_versions(project_id, PageRequest(1, version_id[:-1]))
    return any(version.id == version_id for version in found.items)


def _get_uploads(upload_ids: list[str]) -> dict[str, Upload | None]:
    with BatchGet() as batch:
        found = {upload_id: uploads.get_pending(batch, upload_id) for upload_id in upload_ids}
    return {upload_id: pending.value for upload_id, pending in found.items()}


def _get_versions(keys: list[VersionKey]) -> dict[VersionKey, Version]:
    """Return those of these versions that exist, deleted ones too that are not purged yet."""
    with BatchGet() as batch:
        found = [
            (key, files.get_version(batch, *key, deleted=deleted)) for key in set(keys) for deleted in (False, True)
        ]
    return {key: pending.value for key, pending in found if pending.value is not None}


def _find_version_keys(version_ids: list[str]) -> dict[str, VersionKey | None]:
    """Return the keys of versions by ID, of those that restore another one too."""
    with BatchGet() as batch:
        found = {
            version_id: (uploads.get_pending(batch, version_id), files.get_restored_key(batch, version_id))
            for version_id in version_ids
        }
    keys: dict[str, VersionKey | None] = {}
    for version_id, (pending_upload, restored_key) in found.items():
        upload = pending_upload.value
        if upload is None:
            keys[version_id] = restored_key.value
        elif upload.completion is not None:
            keys[version_id] = _version_key(upload)
        else:
            keys[version_id] = _NOT_YET if upload.state == "open" else None
    return keys


def _version_key(upload: Upload) -> VersionKey:
    assert upload.completion is not None
    return upload.file_id, upload.completion.version_number


def _version_id_of_variant(key: str) -> str:
    match = _VARIANT_KEY.fullmatch(key)
    assert match is not None
    return f"{match[1]}-{match[2]}"


def _variant_keys(version: Version) -> set[str]:
    return {variant.unprefixed_key for variant in version.variants}
