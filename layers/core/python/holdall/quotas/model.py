"""Quotas: how much projects and the installation may store, and how much they store."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from holdall.platform.errors import Conflict, ValidationFailed
from holdall.platform.schemas import ResponseModel

SHARDS = 16  # of the counters of the installation, and of those of a project by kind


class QuotaExceeded(Conflict):
    """The project has no room for the upload, or is deleted."""

    code, detail = "quota_exceeded", "The project is full. Purge files, or ask for a larger quota."


class InstallationFull(Conflict):
    """The installation has no room for the upload."""

    code, detail = "installation_full", "The installation is full. Purge files, or ask its operator for more space."


class TooMuchOpen(Conflict):
    """The open uploads of the user, or of the project, may not reserve more."""

    code, detail = "too_much_open", "Too many bytes are reserved by open uploads. Commit or abort some, or wait."


class FileTooLarge(ValidationFailed):
    """The file is larger than a file of the project may be."""

    code, detail = "file_too_large", "The file is too large for this project."


class UsageChanged(Conflict):
    """The usage of the project changed after it was counted."""

    code, detail = "usage_changed", "The usage changed after it was counted."


class QuotaLimits(ResponseModel):
    """The limits of a project: its own or the defaults, or those of the installation where they are lower."""

    max_bytes: int
    max_files: int
    max_file_bytes: int


@dataclass(frozen=True)
class QuotaUsage:
    """The originals of a project, or of the installation, with open uploads. `version` counts the changes."""

    bytes: int = 0
    files: int = 0
    version: int = 0

    def __add__(self, other: "QuotaUsage") -> "QuotaUsage":
        return QuotaUsage(self.bytes + other.bytes, self.files + other.files, self.version + other.version)


class StoredVariant(Protocol):
    """The part of a variant that is counted."""

    @property
    def status(self) -> str:
        """Only a variant that is `ready` counts."""

    @property
    def size(self) -> int | None:
        """In bytes."""


class StoredVersion(Protocol):
    """The part of a version that is counted."""

    @property
    def id(self) -> str:
        """The ID, which decides in which shard the version and its variants count."""

    @property
    def kind(self) -> str:
        """`image` or `file`, by the content type."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def owns_original(self) -> bool:
        """Whether its original counts. It counts once, whatever the number of versions that share it."""

    @property
    def variants(self) -> Sequence[StoredVariant]:
        """All variants, whatever their status."""


@dataclass(frozen=True)
class UsageBreakdown:
    """The versions of a project by kind, and their variants; or a change of these numbers."""

    image_bytes: int = 0
    images: int = 0
    file_bytes: int = 0
    files: int = 0
    variant_bytes: int = 0
    variants: int = 0

    def __add__(self, other: "UsageBreakdown") -> "UsageBreakdown":
        return UsageBreakdown(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __neg__(self) -> "UsageBreakdown":
        return UsageBreakdown(*(-getattr(self, each.name) for each in fields(self)))


def version_usage(version: StoredVersion) -> UsageBreakdown:
    """Return the usage of a version with its variants, and with its original if it owns it."""
    return (original_usage(version) if version.owns_original else UsageBreakdown()) + variant_usage(version)


def original_usage(version: StoredVersion) -> UsageBreakdown:
    """Return the usage of the original of a version."""
    if version.kind == "image":
        return UsageBreakdown(image_bytes=version.size, images=1)
    return UsageBreakdown(file_bytes=version.size, files=1)


def variant_usage(version: StoredVersion) -> UsageBreakdown:
    """Return the usage of the variants of a version."""
    sizes = [variant.size or 0 for variant in version.variants if variant.status == "ready"]
    return UsageBreakdown(variant_bytes=sum(sizes), variants=len(sizes))


class StoredFiles(ResponseModel):
    bytes: int
    files: int


class StoredVariants(ResponseModel):
    bytes: int
    count: int


class UsageByKind(ResponseModel):
    """The versions of each kind."""

    image: StoredFiles
    file: StoredFiles


class ProjectUsage(ResponseModel):
    """The usage of a project. `bytes` and `files` count in its quota: originals and open uploads, but no variants.

    `max_quota` is what the installation allows: no quota may be above it.
    """

    bytes: int
    files: int
    open_uploads: StoredFiles
    variants: StoredVariants
    by_kind: UsageByKind
    quota: QuotaLimits
    max_quota: QuotaLimits


def open_uploads(total: QuotaUsage, breakdown: UsageBreakdown) -> StoredFiles:
    """Return the open uploads, which are in the total and not in the breakdown."""
    stored_bytes, stored_files = breakdown.image_bytes + breakdown.file_bytes, breakdown.images + breakdown.files
    # A commit between the reads of the counters would make the difference negative.
    return StoredFiles(bytes=max(total.bytes - stored_bytes, 0), files=max(total.files - stored_files, 0))


def to_response(
    total: QuotaUsage, breakdown: UsageBreakdown, limits: QuotaLimits, max_limits: QuotaLimits
) -> ProjectUsage:
    """Return the usage with the open uploads."""
    image = StoredFiles(bytes=breakdown.image_bytes, files=breakdown.images)
    file = StoredFiles(bytes=breakdown.file_bytes, files=breakdown.files)
    return ProjectUsage(
        bytes=total.bytes,
        files=total.files,
        open_uploads=open_uploads(total, breakdown),
        variants=StoredVariants(bytes=breakdown.variant_bytes, count=breakdown.variants),
        by_kind=UsageByKind(image=image, file=file),
        quota=limits,
        max_quota=max_limits,
    )
