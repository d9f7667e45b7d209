"""Use cases of files, and the functions of the store that other packages use."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from holdall.files import store
from holdall.files.model import (
    VARIANT_PREFIXES,
    File,
    FileInTrash,
    FileRejected,
    FileState,
    FileView,
    Variant,
    VariantView,
    Version,
)
from holdall.files.names import Disposition, content_disposition
from holdall.files.store import (
    check_live,
    get_or_none,
    get_pending,
    get_restored_key,
    get_version,
    list_by_kind,
    list_deleted_versions,
    list_for_sync,
    list_newest,
    list_project_versions,
    list_versions,
)
from holdall.platform import clock, presigning, storage
from holdall.platform.config import settings
from holdall.platform.errors import NotFound
from holdall.platform.pagination import PageRequest
from holdall.platform.table import BatchGet, Transaction

__all__ = [
    "check_live",
    "get_or_none",
    "get_pending",
    "get_restored_key",
    "get_version",
    "list_by_kind",
    "list_deleted_versions",
    "list_for_sync",
    "list_newest",
    "list_project_versions",
    "list_versions",
]

_PAGE_SIZE = 100
# A browser may keep a redirect to a variant, so that a page of images is not a request for each image every time it is shown.
_REDIRECT_MAX_AGE = 240
_DOWNLOAD_START_SECONDS = 30  # between following a kept redirect and the first byte


def get(file_id: str) -> File:
    """Return a file that is not purged. Raises NotFound."""
    return require(store.get_or_none(file_id))


def get_many(file_ids: Iterable[str]) -> dict[str, File]:
    """Return those of these files that are not purged, at most 100. One round trip."""
    with BatchGet() as batch:
        pending = [store.get_pending(batch, file_id) for file_id in file_ids]
    return {each.value.id: each.value for each in pending if each.value is not None and each.value.state != "purging"}


def require(file: File | None) -> File:
    """Return a file that was read, unless it is purged. Raises NotFound."""
    if file is None or file.state == "purging":
        raise NotFound
    return file


def presign_original(file: File) -> presigning.PresignedUrl:
    """Return a URL that serves the original of the current version for five minutes. Raises FileInTrash and FileRejected."""
    return presign_version(file, file.current)


def presign_version(file: File, version: Version) -> presigning.PresignedUrl:
    """Return a URL that serves the original of a version for five minutes. Raises FileInTrash and FileRejected."""
    require_readable(file, version)
    return presigning.presign_get(
        "edge" if version.location == "edge" else "originals",
        version.key,
        version_id=version.s3_version_id,
        disposition=content_disposition("attachment", file.name),
        content_type=version.content_type,
    )


def require_readable(file: File, version: Version) -> None:
    """Raise FileInTrash, or FileRejected, if a version cannot be read."""
    require_live(file)
    if version.status == "rejected":
        raise FileRejected(f"This version was rejected: {version.reason}.")


def require_live(file: File) -> None:
    """Raise FileInTrash for a file in the trash."""
    if file.state != "live":
        raise FileInTrash


def get_variant_or_none(file: File, name: str) -> Variant | None:
    """Return the variant of this name of the current version, or None. Raises FileInTrash and FileRejected."""
    require_readable(file, file.current)
    return file.current.latest_variants.get(name)


def variant_url(file: File, variant: Variant, disposition: Disposition) -> tuple[str, int]:
    """Return the URL of a ready variant, and for how many seconds a browser may use it without asking again.

    It is the permanent one if the variant is public, else one for five minutes, or less if the credentials expire earlier.
    """
    if variant.is_public:
        return f"{settings().public_url}/{variant.key}", _REDIRECT_MAX_AGE
    name = f"{file.name.rpartition('.')[0] or file.name}-{variant.name}.{variant.key.rpartition('.')[2]}"
    presigned = presigning.presign_get(
        "variants",
        variant.key,
        version_id=None,
        disposition=content_disposition(disposition, name),
        content_type=variant.content_type,
    )
    remaining = (presigned.expires_at - clock.now()).total_seconds() - _DOWNLOAD_START_SECONDS
    return presigned.url, max(0, min(_REDIRECT_MAX_AGE, int(remaining)))


def create(tx: Transaction, file: File) -> None:
    """Add a file with its first version. The transaction raises FileChanged if the file exists."""
    store.put(tx, file)
    store.put_version(tx, file.id, file.current)


def add_version(tx: Transaction, file: File, version: Version) -> File:
    """Add a version to a file, and return the updated file. The transaction raises FileChanged."""
    store.put_version(tx, file.id, version)
    return update(tx, file.with_version(version))


def update_version(tx: Transaction, file: File, version: Version) -> File:
    """Update a version and its file, and return the updated file. The transaction raises FileChanged.

    The file is updated even if another version is current: its revision tells concurrent changes of any version.
    """
    store.update_version(tx, file.id, version)
    updated = file.with_version(version)
    if updated.current.status == "rejected" and file.current.status == "ready":
        # Only a late hash rejects a ready version. This costs one round trip more.
        ready = find_version(file.id, lambda other: other.number != version.number and other.status == "ready")
        updated = replace(updated, current=ready or version)
    return update(tx, updated)


def update_versions(tx: Transaction, file: File, versions: Iterable[Version]) -> File:
    """Update versions whose states stay the same, and their file, and return it. The transaction raises FileChanged."""
    for version in versions:
        store.update_version(tx, file.id, version)
        file = file.with_version(version)
    return update(tx, file)


def mark_deleted(tx: Transaction, file: File, version: Version, current: Version) -> File:
    """Delete a version for every reader, and return the updated file, whose current version is this one now.

    The transaction raises FileChanged.
    """
    store.mark_deleted(tx, file.id, version)
    return update(tx, replace(file, current=current))


def get_restored_key_or_none(version_id: str) -> tuple[str, int] | None:
    """Return the file and the number of a version that restores another one, or None. Raises ServiceUnavailable."""
    with BatchGet() as batch:
        pending = get_restored_key(batch, version_id)
    return pending.value


def find_version(file_id: str, matches: Callable[[Version], bool]) -> Version | None:
    """Return the newest version of a file that matches, or None. One round trip for each hundred versions."""
    page = PageRequest(_PAGE_SIZE)
    while True:
        found = store.list_versions(file_id, page, newest_first=True)
        version = next(filter(matches, found.items), None)
        if version is not None or found.next is None:
            return version
        page = PageRequest(_PAGE_SIZE, found.next)


def delete_variants(unprefixed_keys: Iterable[str]) -> None:
    """Delete variants from the bucket, under every prefix that they may have. Raises ServiceUnavailable."""
    for key in unprefixed_keys:
        for prefix in VARIANT_PREFIXES:
            storage.delete_variant(f"{prefix}/{key}")


def delete_original(version: Version) -> None:
    """Delete an original, and the copy of it that a sync left in the edge store. Raises ServiceUnavailable.

    An installation that has no edge store any more has given up the copies there.
    """
    storage.delete_version(version.key, version.s3_version_id, version.location)
    if version.edge_version_id is not None and settings().edge_store is not None:
        storage.delete_version(version.key, version.edge_version_id, "edge")


def set_state(tx: Transaction, file: File, state: FileState) -> File:
    """Move a file to another state, and return the updated file. The transaction raises FileChanged."""
    deleted_at = clock.now() if state == "trash" else None
    return update(tx, replace(file, state=state, deleted_at=deleted_at))


def remaining_ids(project_id: str, limit: int) -> list[str]:
    """Return IDs of files of a project that are not purged yet. Two round trips."""
    page = PageRequest(limit)
    return [
        file.id
        for found in (store.list_newest(project_id, page), store.list_trash(project_id, page))
        for file in found.items
    ]


def get_version_or_none(file: File, number: int) -> Version | None:
    """Return a version that is at least as recent as this read of its file. One round trip, none for the current version.

    One of two records that are read together may be older than the other (DynamoDB developer guide, "Isolation levels"). A
    change of an older version would then be written with the revision of a newer file.
    """
    return file.current if file.current.number == number else store.get_version_or_none(file.id, number)


def get_file_and_version(file_id: str, number: int) -> tuple[File | None, Version | None]:
    """Return a file and one of its versions. One round trip, or two if the version is not the current one."""
    file = store.get_or_none(file_id)
    return file, get_version_or_none(file, number) if file else None


def content_url(file_id: str) -> str:
    """Return the URL that leads a caller to the content of a file."""
    return f"{settings().public_url}/api/v1/files/{file_id}/content"


def view(file: File, *, is_signed: bool = False) -> FileView:
    """Return the response for a file. With `is_signed`, its ready variants have presigned URLs, unless it is in the trash."""
    version = file.current
    url = content_url(file.id)
    return FileView.model_construct(
        id=file.id,
        project_id=file.project_id,
        name=file.name,
        relative_path=file.relative_path,
        kind=file.kind,
        content_type=version.content_type,
        declared_type=version.declared_type,
        size=version.size,
        sha256=version.sha256,
        status=file.status,
        reason=version.reason,
        version=version.number,
        width=version.width,
        height=version.height,
        storage_location=version.location,
        synced_at=version.synced_at,
        url=url,
        variants=[
            _variant_view(variant, url, is_signed=is_signed and file.state == "live")
            for variant in version.latest_variants.values()
        ],
        placeholder=version.placeholder,
        colour=version.colour,
        created_by=file.created_by,
        created_at=file.created_at,
        updated_at=file.updated_at,
        deleted_at=file.deleted_at,
    )


def _variant_view(variant: Variant, content_url: str, *, is_signed: bool) -> VariantView:
    is_signed = is_signed and variant.status == "ready"
    signed = presigning.presign_shared_get("variants", variant.key) if is_signed else None
    permanent_url = f"{settings().public_url}/{variant.key}" if variant.is_public else None
    return VariantView.model_construct(
        name=variant.name,
        url=permanent_url or f"{content_url}?variant={variant.name}",
        status=variant.status,
        width=variant.width,
        height=variant.height,
        content_type=variant.content_type,
        size=variant.size,
        signed_url=signed.url if signed else None,
        signed_until=signed.expires_at if signed else None,
    )


def update(tx: Transaction, file: File) -> File:
    """Update a file, and return it with its next revision. The transaction raises FileChanged."""
    return store.update(tx, replace(file, updated_at=clock.now()))
