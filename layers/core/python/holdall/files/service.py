"""What people do with files that are there."""

from dataclasses import dataclass, replace
from typing import Literal

from holdall.audit.service import log
from holdall.events.service import emit
from holdall.files import store
from holdall.files.model import File, FileKind, FileState, FileView, Variant, VariantView, Version, content_disposition
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.platform import clock, storage
from holdall.platform.caller import Caller
from holdall.platform.config import settings
from holdall.platform.errors import Conflict, NotFound, ValidationFailed
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.projects.model import Project

FILE_CHANGED = Conflict("The file changed meanwhile. Try again.", code="file_changed")
MAX_ATTEMPTS = 5
scan_originals = store.scan_originals
existing = store.existing
SortOrder = Literal["newest", "name"]


@dataclass(frozen=True)
class FileQuery:
    """Which files of a project are asked for, and in what order."""

    kind: FileKind | None = None
    prefix: str | None = None
    sort: SortOrder | None = None


def list_files(project: Project, query: FileQuery, page: PageRequest) -> Page[FileView]:
    """A page of the live files of a project. One round trip. Raises Invalid for a combination that no index answers."""
    if query.kind and (query.prefix is not None or query.sort == "name"):
        raise ValidationFailed(
            "`kind` cannot be combined with `prefix` or `sort=name`.", code="unsupported_combination"
        )
    if query.prefix is not None and query.sort == "newest":
        raise ValidationFailed("`prefix` cannot be combined with `sort=newest`.", code="unsupported_combination")
    if query.kind:
        found = store.list_by_kind(project.id, query.kind, page)
    elif query.prefix is not None or query.sort == "name":
        found = store.list_by_name(project.id, query.prefix or "", page)
    else:
        found = store.list_newest(project.id, page)
    return Page([view(file) for file in found.items], next=found.next, prev=found.prev)


def get(file_id: str) -> File:
    """A file that was not purged. Raises NotFound."""
    file = store.get_or_none(file_id)
    if file is None or file.state == "purging":
        raise NotFound
    return file


def presign_original(file: File) -> storage.PresignedUrl:
    """A URL to read the original of the current version, for five minutes. Raises Conflict when it may not be read."""
    _check_live(file)
    version = file.current
    if version.status == "rejected":
        raise Conflict(f"This file was rejected: {version.reason}.", code="rejected")
    return storage.presign_get(
        "originals",
        version.key,
        version_id=version.s3_version_id,
        disposition=content_disposition("attachment", file.name),
        content_type=version.content_type,
    )


def get_variant_or_none(file: File, name: str) -> Variant | None:
    """The variant of this name, or None where the current version has none. Raises Conflict for a file in the trash."""
    _check_live(file)
    if file.current.status == "rejected":
        raise Conflict(f"This file was rejected: {file.current.reason}.", code="rejected")
    return file.current.latest_variants.get(name)


def variant_url(file: File, variant: Variant, disposition_type: Literal["attachment", "inline"]) -> str:
    """Where a drawn variant is read: its permanent URL in a public project, else one for five minutes."""
    if variant.key.startswith("media/"):
        return f"{settings().public_url}/{variant.key}"
    name = f"{file.name.rpartition('.')[0] or file.name}-{variant.name}.{variant.key.rpartition('.')[2]}"
    return storage.presign_get(
        "variants",
        variant.key,
        version_id=None,
        disposition=content_disposition(disposition_type, name),
        content_type=variant.content_type,
    ).url


def trash(caller: Caller, file_id: str) -> FileView:
    """Put a file into the trash; in it already, nothing happens. What lies under `media/` leaves it, by a job."""
    for _ in range(MAX_ATTEMPTS):
        file = get(file_id)
        if file.state == "trash":
            return view(file)
        moves = any(each.key.startswith("media/") for each in file.current.variants)
        try:
            with Transaction() as write:
                changed = _set_state(write, file, "trash")
                job = jobs.create(write, "relocate", file.id) if moves else None
                log(write, caller, "files.trash", file.id)
                emit(write, file.project_id, "file.trashed", fileId=file.id)
        except Conflict:
            continue
        if job:
            jobs.send(job)
        return view(changed)
    raise FILE_CHANGED


def purge(caller: Caller | None, file_id: str) -> Job:
    """Remove a file with all that belongs to it: gone from every route at once, its bytes by a job.

    Without a caller it goes with its project, which somebody purged before.
    """
    for _ in range(MAX_ATTEMPTS):
        file = get(file_id)
        try:
            with Transaction() as write:
                _set_state(write, file, "purging")
                job = jobs.create(write, "purge", file.id)
                if caller is not None:
                    log(write, caller, "files.purge", file.id)
                emit(write, file.project_id, "file.purged", fileId=file.id)
        except Conflict:
            continue
        jobs.send(job)
        return job
    raise FILE_CHANGED


def update(tx: Transaction, file: File, version: Version) -> File:
    """Show what a version has become. The transaction raises Conflict when the file was changed meanwhile."""
    changed = replace(file.with_version(version), updated_at=clock.now())
    return store.update(tx, changed, error=FILE_CHANGED)


def update_version(tx: Transaction, file_id: str, version: Version) -> None:
    """Write what a version has become."""
    store.update_version(tx, file_id, version, error=FILE_CHANGED)


def create(tx: Transaction, file: File) -> None:
    """Add a file with its first version."""
    store.put(tx, file)
    store.put_version(tx, file.id, file.current)


def add_version(tx: Transaction, file: File, version: Version) -> File:
    """Add a version to a file that is there."""
    store.put_version(tx, file.id, version)
    return update(tx, file, version)


def list_images(project_id: str, page: PageRequest) -> Page[File]:
    """The live images of a project, newest first. One round trip."""
    return store.list_by_kind(project_id, "image", page)


def remaining_ids(project_id: str, limit: int) -> list[str]:
    """The ids of files of a project that are not being purged yet. Two round trips."""
    asked = PageRequest(limit)
    return [
        file.id
        for page in (store.list_newest(project_id, asked), store.list_trash(project_id, asked))
        for file in page.items
    ]


def get_or_none(file_id: str) -> File | None:
    """A file in whatever state, or None."""
    return store.get_or_none(file_id)


def get_pending(batch: BatchGet, file_id: str) -> Pending[File]:
    """Ask for a file, in whatever state."""
    return store.get(batch, file_id)


def get_version_or_none(file: File, number: int) -> Version | None:
    """A version that is no older than this view of its file, or None. One round trip for one that the file does not show.

    Of two rows that are read together one may be older than the other (DynamoDB developer guide, "Isolation levels"), and a
    change of an older version would be written on the revision of a newer file.
    """
    return file.current if file.current.number == number else store.get_version_or_none(file.id, number)


def get_file_and_version(file_id: str, number: int) -> tuple[File | None, Version | None]:
    """A file and one of its versions, in one round trip, or two for a version that the file does not show."""
    file = store.get_or_none(file_id)
    return file, get_version_or_none(file, number) if file else None


def list_versions(file_id: str) -> list[Version]:
    """All versions of a file, oldest first."""
    return store.list_versions(file_id)


def view(file: File) -> FileView:
    """A file as clients see it."""
    version = file.current
    url = f"{settings().public_url}/api/v1/files/{file.id}/content"
    return FileView.model_construct(
        id=file.id,
        project_id=file.project_id,
        name=file.name,
        kind=file.kind,
        content_type=version.content_type,
        size=version.size,
        sha256=version.sha256,
        status=file.status,
        reason=version.reason,
        version=version.number,
        width=version.width,
        height=version.height,
        storage_location="s3",
        synced_at=None,
        url=url,
        variants=[_variant_view(each, url) for each in version.latest_variants.values()],
        created_by=file.created_by,
        created_at=file.created_at,
        updated_at=file.updated_at,
    )


def _variant_view(variant: Variant, content_url: str) -> VariantView:
    permanent = f"{settings().public_url}/{variant.key}" if variant.key.startswith("media/") else None
    return VariantView.model_construct(
        name=variant.name,
        url=permanent or f"{content_url}?variant={variant.name}",
        status=variant.status,
        width=variant.width,
        height=variant.height,
        content_type=variant.content_type,
        size=variant.size,
    )


def _set_state(tx: Transaction, file: File, state: FileState) -> File:
    return store.update(tx, replace(file, state=state, updated_at=clock.now()), error=FILE_CHANGED)


def _check_live(file: File) -> None:
    if file.state != "live":
        raise Conflict("This file is in the trash. Restore it first.", code="wrong_state")
