"""The move of an original from the edge store to S3, and the deletion of the copy that it leaves.

A worker makes a version of the object in S3 that is its own. The transaction that moves the versions of the file names this
version, on condition that the file is as it was read. So of two workers one moves the original, and the other deletes its copy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from holdall.edge.model import Outcome
from holdall.events.service import emit
from holdall.files import service as files
from holdall.files.model import File, FileChanged, Version
from holdall.jobs import service as jobs
from holdall.platform import clock, ids, storage
from holdall.platform.config import settings
from holdall.platform.edge_copies import Copy, CopyFailed, Original, copy_to_s3
from holdall.platform.pagination import PageRequest
from holdall.platform.retry import retry_on
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import Project, ProjectChanged
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.variants.reconcile import load, wanted_variants

# Longer than a download takes that began with a URL of before, which is valid for five minutes.
COPY_LIFETIME = timedelta(hours=1)
_MAX_MOVED = 20  # versions in one transaction; they share an original, so there is rarely more than one
_PAGE_SIZE = 100


@dataclass(frozen=True)
class _Sharing:
    """The versions of a file that share an original. There is at least one."""

    project: Project
    file: File
    versions: Sequence[Version]


def sync(file_id: str, number: int, *, since: datetime, deadline: datetime) -> tuple[Outcome, int]:
    """Do what a version needs, and return what this was, and the size.

    What moved since a time counts as moved, for a message that comes twice, unless it may have moved with another version.
    Raises CopyFailed, ServiceUnavailable and Busy.
    """
    loaded = load(file_id, number)
    if loaded is None:
        return "unchanged", 0
    _, file, version = loaded
    if version.location == "edge" and version.status == "ready":
        is_moved = _move(file_id, version, deadline)
        return ("moved", version.size) if is_moved else ("unchanged", 0)
    if version.synced_at is not None and version.synced_at >= since:
        return ("moved", version.size) if file.last_number == 1 else ("unchanged", 0)
    if version.edge_version_id is not None and version.synced_at is not None:
        is_due = deletes_copies() and version.synced_at + COPY_LIFETIME <= clock.now()
        if is_due and retry_on(FileChanged, action=lambda: _delete_copy(file_id, version)):
            return "copy_deleted", 0
    return "unchanged", 0


def deletes_copies() -> bool:
    """Return whether the deployment deletes at the edge what has moved to S3."""
    store = settings().edge_store
    return store is not None and store.delete_after_sync


def _move(file_id: str, version: Version, deadline: datetime) -> bool:
    """Move an original with all versions that share it. Return whether it is in S3 then, and a version names it."""
    sharing = _load_sharing(file_id, version)
    if sharing is None:
        return False
    has_others = storage.head_or_none(version.key) is not None  # of a worker that was killed, or of another run
    copy = _find_in_s3(sharing.versions) or copy_to_s3(_original_of(version), deadline=deadline)
    kept = retry_on(FileChanged, ProjectChanged, action=lambda: _record(file_id, version, copy))
    if kept is not None and has_others:
        # A file that names a version in S3 never names another, so no one needs the others.
        for other in set(storage.list_versions(version.key)) - {kept}:
            storage.delete_version(version.key, other)
    elif copy.version_id != kept:
        storage.delete_version(version.key, copy.version_id)
    return kept is not None


def _original_of(version: Version) -> Original:
    sha256 = version.sha256 or version.declared_sha256
    return Original(version.key, version.s3_version_id, version.size, version.content_type, sha256)


def _record(file_id: str, version: Version, copy: Copy) -> str | None:
    """Record that an original is in S3. Return the ID of its version there, or None if no version of the file needs it.

    It is another than that of the copy if another worker was faster.
    """
    sharing = _load_sharing(file_id, version)
    if sharing is None:
        return None
    kept = _find_in_s3(sharing.versions) or copy
    at_edge = [each for each in sharing.versions if each.location == "edge"]
    if at_edge:
        at_edge.sort(
            key=lambda each: each.number != version.number
        )  # this one first; each of the others has its own turn
        _record_moved(sharing, at_edge[:_MAX_MOVED], kept)
    return kept.version_id


def _record_moved(sharing: _Sharing, at_edge: Sequence[Version], copy: Copy) -> None:
    project, file = sharing.project, sharing.file
    moved = [_as_moved(project, file, version, copy) for version in at_edge]
    with Transaction() as tx:
        files.update_versions(tx, file, moved)
        projects.check_unchanged(tx, project)
        for before, after in zip(at_edge, moved, strict=True):
            quotas.update_version(tx, project.id, before=before, after=after)
            if after.variants:
                jobs.create_for_version(tx, "render", file.id, after.number, after.size)
            emit(tx, project.id, "file.synced", fileId=file.id, version=after.number)


def _as_moved(project: Project, file: File, version: Version, copy: Copy) -> Version:
    """Return a version whose original is in S3. Its image is rendered now, by the settings of now."""
    variants = tuple(wanted_variants(project, file, version).values()) if version.kind == "image" else ()
    return replace(
        version,
        location="s3",
        s3_version_id=copy.version_id,
        sha256=version.sha256 or copy.sha256,
        synced_at=clock.now(),
        edge_version_id=version.s3_version_id,
        variants=variants,
    )


def _delete_copy(file_id: str, version: Version) -> bool:
    """Delete a copy at the edge if no version needs it, and record it. Return whether it did. Raises CopyFailed."""
    sharing = _load_sharing(file_id, version)
    if sharing is None or any(each.location == "edge" for each in sharing.versions):
        return False
    found = storage.head_or_none(version.key, version_id=version.s3_version_id)
    if found is None or found.size != version.size:
        raise CopyFailed("missing_in_s3")
    storage.delete_version(version.key, version.edge_version_id or "", "edge")
    former = [replace(each, edge_version_id=None) for each in sharing.versions if each.edge_version_id is not None]
    with Transaction() as tx:
        files.update_versions(tx, sharing.file, former[:_MAX_MOVED])
    return True


def _load_sharing(file_id: str, version: Version) -> _Sharing | None:
    """Return the versions of a file that share the original of a version, or None if there is none that can be read.

    Two round trips, and one more for each hundred versions of a file that has several.
    """
    with BatchGet() as batch:
        pending_project = projects.get_project(batch, ids.project_id_of(file_id))
        pending_file = files.get_pending(batch, file_id)
    project, file = pending_project.value, pending_file.value
    if project is None or file is None or project.status == "purging" or file.state == "purging":
        return None
    versions = [each for each in _iterate_versions(file) if each.has_same_original(version)]
    return _Sharing(project, file, versions) if versions else None


def _iterate_versions(file: File) -> Iterator[Version]:
    if file.last_number == 1:
        yield file.current
        return
    page: PageRequest | None = PageRequest(_PAGE_SIZE)
    while page is not None:
        found = files.list_versions(file.id, page)
        yield from found.items
        page = PageRequest(_PAGE_SIZE, found.next) if found.next else None


def _find_in_s3(versions: Sequence[Version]) -> Copy | None:
    return next((Copy(each.s3_version_id, each.sha256 or "") for each in versions if each.location == "s3"), None)
