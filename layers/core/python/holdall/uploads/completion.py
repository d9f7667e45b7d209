"""The completion of an upload: its version is created, once its bytes are in S3."""

from dataclasses import replace

from holdall.audit.service import log
from holdall.events.service import emit
from holdall.files import service as files
from holdall.files import trim
from holdall.files.model import File, FileChanged, Version, kind_of, planned_variants, prefix_for
from holdall.jobs import service as jobs
from holdall.jobs.model import JobKind
from holdall.platform import clock, storage
from holdall.platform.caller import Caller
from holdall.platform.retry import retry_on
from holdall.platform.storage import ObjectMetadata
from holdall.platform.table import Transaction
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.quotas.model import FileTooLarge, InstallationFull, QuotaExceeded
from holdall.uploads import cleanup, store
from holdall.uploads.model import (
    Completion,
    FileDeleted,
    NotUploaded,
    ObjectMismatch,
    PartsNotAssembled,
    Upload,
    UploadChanged,
    UploadNotOpen,
)


def complete(project: Project, upload: Upload, caller: Caller | None = None) -> tuple[File, int]:
    """Create the version of an upload, once. Return its file and its number.

    Two round trips after the read of the upload, and three if the upload adds a version to a file. Raises UploadNotOpen,
    NotUploaded, ObjectMismatch, FileDeleted, NotFound for a project that was deleted meanwhile, and Busy. An upload that was
    begun without its size is aborted, and raises QuotaExceeded, InstallationFull or FileTooLarge, if there is no room for what
    was uploaded.
    """
    try:
        return _complete_once(project, upload, caller)
    except (QuotaExceeded, InstallationFull, FileTooLarge):  # only of an upload that was begun without its size
        cleanup.abort_if_open(upload, caller)
        raise


def _complete_once(project: Project, upload: Upload, caller: Caller | None) -> tuple[File, int]:
    return retry_on(
        UploadChanged,
        FileChanged,
        first=lambda: _complete(project, upload, caller),
        action=lambda: _complete(
            project, replace(store.get(upload.id), declared_sha256=upload.declared_sha256), caller
        ),
    )


def _complete(project: Project, upload: Upload, caller: Caller | None) -> tuple[File, int]:
    if upload.completion is not None:
        return files.get(upload.file_id), upload.completion.version_number
    if upload.state != "open" or upload.expires_at <= clock.now():
        raise UploadNotOpen
    metadata = _verify_object(upload, storage.head_or_none(upload.key, upload.location))
    existing_file = None if upload.creates_file else files.get_or_none(upload.file_id)
    if not upload.creates_file and (existing_file is None or existing_file.state != "live"):
        raise FileDeleted
    return _create_version(project, upload, metadata, existing_file, caller)


def _verify_object(upload: Upload, metadata: ObjectMetadata | None) -> ObjectMetadata:
    if metadata is None:
        raise PartsNotAssembled if upload.multipart else NotUploaded
    differs = upload.declared_sha256 and metadata.sha256 and metadata.sha256 != upload.declared_sha256
    if (upload.is_sized and metadata.size != upload.size) or differs:
        raise ObjectMismatch
    return metadata


def _create_version(
    project: Project, upload: Upload, metadata: ObjectMetadata, existing_file: File | None, caller: Caller | None
) -> tuple[File, int]:
    completion = Completion(existing_file.last_number + 1 if existing_file else 1, clock.now())
    version = _new_version(upload, project, completion, metadata.version_id, size=metadata.size, sha256=metadata.sha256)
    limits = projects.quota_limits(project)
    quotas.check_file_size(metadata.size, limits)
    with Transaction() as tx:
        store.complete(tx, upload, completion)
        if existing_file is None:
            file = _new_file(upload, version)
            files.create(tx, file)
        else:
            file = files.add_version(tx, existing_file, version)
        quotas.resize(tx, project.id, reserved=upload.size, size=version.size, version_id=version.id, limits=limits)
        quotas.add_version(tx, project.id, version)
        quotas.close_upload(tx, upload.opener_id, upload.size)
        trim.start_if_needed(tx, project, file)
        if version.status == "processing":
            kind: JobKind = "render" if file.kind == "image" and version.location == "s3" else "hash"
            jobs.create_for_version(tx, kind, file.id, version.number, version.size)
        if caller is not None:
            log(tx, caller, "uploads.commit", upload.id)
        emit(tx, project.id, "file.created", fileId=file.id, version=version.number, status=version.status)
    return file, version.number


def _new_version(
    upload: Upload, project: Project, completion: Completion, s3_version_id: str, *, size: int, sha256: str | None
) -> Version:
    """Return the version that an upload creates. It is ready unless it has to be hashed or rendered first.

    An image at the edge is rendered when it has arrived in S3, and ready until then.
    """
    is_image = kind_of(upload.content_type) == "image"
    is_rendered_first = is_image and upload.location == "s3"
    return Version(
        id=upload.id,
        number=completion.version_number,
        key=upload.key,
        s3_version_id=s3_version_id,
        size=size,
        content_type=upload.content_type,
        declared_type=None,
        sha256=sha256,
        declared_sha256=upload.declared_sha256,
        status="ready" if sha256 and not is_rendered_first else "processing",
        reason=None,
        width=None,
        height=None,
        variants=planned_variants(project, upload.id, prefix_for(project, "live")) if is_image else (),
        created_by=upload.created_by,
        created_at=completion.completed_at,
        location=upload.location,
    )


def _new_file(upload: Upload, version: Version) -> File:
    """Return the file that an upload creates with its first version."""
    return File(
        id=upload.file_id,
        project_id=upload.project_id,
        name=upload.name,
        relative_path=upload.relative_path,
        state="live",
        last_number=version.number,
        current=version,
        has_variants=bool(version.variants),
        created_by=upload.created_by,
        created_at=version.created_at,
        updated_at=version.created_at,
        deleted_at=None,
        revision=0,
    )
