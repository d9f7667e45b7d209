"""What people do with files that are there."""

from dataclasses import dataclass, replace
from typing import Literal

from holdall import clock, storage
from holdall.audit.service import record
from holdall.caller import Caller
from holdall.config import settings
from holdall.errors import Conflict, Invalid, NotFound
from holdall.events.service import emit
from holdall.files import store
from holdall.files.model import File, FileView, Kind, State, Variant, VariantView, Version, disposition
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.page import Page, PageRequest
from holdall.projects.model import Project
from holdall.table import Awaited, Reading, Transaction

CHANGED = Conflict("file_changed", "The file was changed at this moment. Try again.")
ATTEMPTS = 5
originals = store.originals
there = store.there
Order = Literal["newest", "name"]


@dataclass(frozen=True)
class Listing:
    """Which files of a project are asked for, and in what order."""

    kind: Kind | None = None
    prefix: str | None = None
    sort: Order | None = None


def page(project: Project, listing: Listing, asked: PageRequest) -> Page[FileView]:
    """A page of the live files of a project. One round trip. Raises Invalid for a combination that no index answers."""
    if listing.kind and (listing.prefix is not None or listing.sort == "name"):
        raise Invalid("unsupported_combination", "Files of a kind come newest first, whatever their names.")
    if listing.prefix is not None and listing.sort == "newest":
        raise Invalid("unsupported_combination", "Files found by the beginning of their names come by name.")
    if listing.kind:
        found = store.of_kind(project.id, listing.kind, asked)
    elif listing.prefix is not None or listing.sort == "name":
        found = store.by_name(project.id, listing.prefix or "", asked)
    else:
        found = store.newest(project.id, asked)
    return Page([view(file) for file in found.items], next=found.next, prev=found.prev)


def fetch(file_id: str) -> File:
    """A file that was not purged. Raises NotFound."""
    file = store.find(file_id)
    if file is None or file.state == "purging":
        raise NotFound
    return file


def original(file: File) -> storage.Presigned:
    """A URL to read the original of the current version, for five minutes. Raises Conflict when it may not be read."""
    _check_live(file)
    version = file.current
    if version.status == "rejected":
        raise Conflict("rejected", f"This file was rejected: {version.reason}.")
    return storage.presign_get(
        "originals",
        version.key,
        version_id=version.s3_version,
        disposition=disposition("attachment", file.name),
        content_type=version.content_type,
    )


def variant(file: File, name: str) -> Variant | None:
    """The variant of this name, or None where the current version has none. Raises Conflict for a file in the trash."""
    _check_live(file)
    if file.current.status == "rejected":
        raise Conflict("rejected", f"This file was rejected: {file.current.reason}.")
    return file.current.shown.get(name)


def variant_url(file: File, drawn: Variant, how: Literal["attachment", "inline"]) -> str:
    """Where a drawn variant is read: its permanent URL in a public project, else one for five minutes."""
    if drawn.key.startswith("media/"):
        return f"{settings().public_url}/{drawn.key}"
    name = f"{file.name.rpartition('.')[0] or file.name}-{drawn.name}.{drawn.key.rpartition('.')[2]}"
    return storage.presign_get(
        "variants",
        drawn.key,
        version_id=None,
        disposition=disposition(how, name),
        content_type=drawn.content_type,
    ).url


def trash(caller: Caller, file_id: str) -> FileView:
    """Put a file into the trash; in it already, nothing happens. What lies under `media/` leaves it, by a job."""
    for _ in range(ATTEMPTS):
        file = fetch(file_id)
        if file.state == "trash":
            return view(file)
        moves = any(each.key.startswith("media/") for each in file.current.variants)
        try:
            with Transaction() as write:
                changed = _enter(write, file, "trash")
                job = jobs.start(write, "relocate", file.id) if moves else None
                record(write, caller, "files.trash", file.id)
                emit(write, file.project_id, "file.trashed", fileId=file.id)
        except Conflict:
            continue
        if job:
            jobs.send(job)
        return view(changed)
    raise CHANGED


def purge(caller: Caller | None, file_id: str) -> Job:
    """Remove a file with all that belongs to it: gone from every route at once, its bytes by a job.

    Without a caller it goes with its project, which somebody purged before.
    """
    for _ in range(ATTEMPTS):
        file = fetch(file_id)
        try:
            with Transaction() as write:
                _enter(write, file, "purging")
                job = jobs.start(write, "purge", file.id)
                if caller is not None:
                    record(write, caller, "files.purge", file.id)
                emit(write, file.project_id, "file.purged", fileId=file.id)
        except Conflict:
            continue
        jobs.send(job)
        return job
    raise CHANGED


def change(write: Transaction, file: File, version: Version) -> File:
    """Show what a version has become. The transaction raises Conflict when the file was changed meanwhile."""
    changed = replace(file.showing(version), updated_at=clock.now())
    return store.change(write, changed, otherwise=CHANGED)


def change_version(write: Transaction, file_id: str, version: Version) -> None:
    """Write what a version has become."""
    store.change_version(write, file_id, version, otherwise=CHANGED)


def add(write: Transaction, file: File) -> None:
    """Add a file with its first version."""
    store.add(write, file)
    store.add_version(write, file.id, file.current)


def add_version(write: Transaction, file: File, version: Version) -> File:
    """Add a version to a file that is there."""
    store.add_version(write, file.id, version)
    return change(write, file, version)


def images(project_id: str, asked: PageRequest) -> Page[File]:
    """The live images of a project, newest first. One round trip."""
    return store.of_kind(project_id, "image", asked)


def left(project_id: str, most: int) -> list[str]:
    """The ids of files of a project that are not being purged yet. Two round trips."""
    asked = PageRequest(most)
    return [
        file.id for page in (store.newest(project_id, asked), store.trashed(project_id, asked)) for file in page.items
    ]


def find(file_id: str) -> File | None:
    """A file in whatever state, or None."""
    return store.find(file_id)


def awaited(read: Reading, file_id: str) -> Awaited[File]:
    """Ask for a file, in whatever state."""
    return store.file(read, file_id)


def version_of(file: File, number: int) -> Version | None:
    """A version that is no older than this view of its file, or None. One round trip for one that the file does not show.

    Of two rows that are read together one may be older than the other (DynamoDB developer guide, "Isolation levels"), and a
    change of an older version would be written on the revision of a newer file.
    """
    return file.current if file.current.number == number else store.find_version(file.id, number)


def file_and_version(file_id: str, number: int) -> tuple[File | None, Version | None]:
    """A file and one of its versions, in one round trip, or two for a version that the file does not show."""
    file = store.find(file_id)
    return file, version_of(file, number) if file else None


def versions(file_id: str) -> list[Version]:
    """All versions of a file, oldest first."""
    return store.versions(file_id)


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
        variants=[_variant_view(each, url) for each in version.shown.values()],
        created_by=file.created_by,
        created_at=file.created_at,
        updated_at=file.updated_at,
    )


def _variant_view(drawn: Variant, content_url: str) -> VariantView:
    permanent = f"{settings().public_url}/{drawn.key}" if drawn.key.startswith("media/") else None
    return VariantView.model_construct(
        name=drawn.name,
        url=permanent or f"{content_url}?variant={drawn.name}",
        status=drawn.status,
        width=drawn.width,
        height=drawn.height,
        content_type=drawn.content_type,
        size=drawn.size,
    )


def _enter(write: Transaction, file: File, state: State) -> File:
    return store.change(write, replace(file, state=state, updated_at=clock.now()), otherwise=CHANGED)


def _check_live(file: File) -> None:
    if file.state != "live":
        raise Conflict("wrong_state", "This file lies in the trash. Restore it first.")
