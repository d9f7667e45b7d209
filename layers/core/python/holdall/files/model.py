"""Files, their versions and variants, and the rules for their names and for the keys of their objects."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from holdall.platform import ids
from holdall.platform.errors import Conflict
from holdall.platform.schemas import ResponseModel, StorageLocation
from holdall.projects.model import Project
from holdall.projects.variant_specs import VariantSpec

FileKind = Literal["image", "file"]
FileStatus = Literal["processing", "ready", "rejected", "deleted"]
FileState = Literal["live", "trash", "purging"]
VariantPrefix = Literal["media", "private"]
VariantStatus = Literal["processing", "ready", "failed"]
SyncList = Literal["to-sync", "copied"]  # versions whose originals have to move to S3, and those that left a copy
VersionKey = tuple[str, int]  # the ID of the file, and the number of the version

OTHER_PREFIX: dict[VariantPrefix, VariantPrefix] = {"media": "private", "private": "media"}
VARIANT_PREFIXES = tuple(OTHER_PREFIX)
# The types that imageproc renders. All others are plain files, SVG among them.
IMAGE_TYPES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
    "image/heic": "heic",
    "image/heif": "heif",
}
_CONTENT_TYPES = {"webp": "image/webp", "avif": "image/avif", "jpeg": "image/jpeg", "png": "image/png"}
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,10})$")
_ORIGINAL_KEY = re.compile(r"[a-z0-9-]*-([0-9a-z]{12})/(?:files|images/original)/([0-9a-z]{26})\.[a-z0-9]{1,10}")


class FileChanged(Conflict):
    """Another request changed the file after this one had read it."""

    code, detail = "file_changed", "The file changed meanwhile. Try again."


class FileInTrash(Conflict):
    """The file cannot be read or get a new version while it is in the trash."""

    code, detail = "wrong_state", "This file is in the trash. Restore it first."


class FileNotInTrash(Conflict):
    """Only a file in the trash can be restored."""

    code, detail = "wrong_state", "This file is not in the trash."


class FileRejected(Conflict):
    """The bytes of the current version are not those that were announced, so they are not served."""

    code, detail = "rejected", "This file was rejected."


class Variant(BaseModel):
    """A rendering of an image. The version names its key before an object is stored there."""

    model_config = ConfigDict(frozen=True)

    name: str
    key: str
    status: VariantStatus
    content_type: str
    width: int | None = None
    height: int | None = None
    size: int | None = None
    reason: str | None = None  # of a failed variant

    @property
    def is_public(self) -> bool:
        """Return whether CloudFront serves the variant."""
        return self.key.startswith("media/")

    @property
    def unprefixed_key(self) -> str:
        """Return the part of the key that stays the same when the variant moves. It identifies version and spec."""
        return without_prefix(self.key)

    def with_prefix(self, prefix: VariantPrefix) -> Self:
        return self.model_copy(update={"key": f"{prefix}/{self.unprefixed_key}"})


@dataclass(frozen=True)
class Version:
    """A content of a file. Its ID is the ID of the upload that created it, unless it restores another version.

    A restored version shares the original of the other one. One of the versions that share an original owns it: it counts in
    the quota, and the original is deleted with it.
    """

    id: str
    number: int
    key: str
    s3_version_id: str
    size: int
    content_type: str
    declared_type: str | None  # by the client; None if its bytes agree, or have not been read
    sha256: str | None  # None until the bytes are hashed
    declared_sha256: str | None  # by the client; None if S3 checked it, or if the client declared none
    status: FileStatus
    reason: str | None
    width: int | None
    height: int | None
    variants: tuple[Variant, ...]
    created_by: str
    created_at: datetime
    placeholder: str | None = None  # a ThumbHash in base64, of an image that was rendered
    colour: str | None = None  # the dominant color as `#rrggbb`
    restored_from: int | None = None  # the number of another version
    owns_original: bool = True
    location: StorageLocation = "s3"
    synced_at: datetime | None = None  # when the original moved from the edge store to S3
    edge_version_id: str | None = None  # of the copy that is still there

    @property
    def kind(self) -> FileKind:
        return kind_of(self.content_type)

    @property
    def original_id(self) -> str:
        """Return the ID of the upload of the original."""
        original_id = version_id_of(self.key)
        assert original_id is not None
        return original_id

    def has_same_original(self, other: "Version") -> bool:
        """Return whether both share an original. An upload completes once, so its key has one."""
        return self.key == other.key

    def with_content_type(self, content_type: str) -> "Version":
        """Return the version with the type that its bytes have."""
        declared = self.declared_type or self.content_type
        return replace(self, content_type=content_type, declared_type=None if content_type == declared else declared)

    @property
    def latest_variants(self) -> dict[str, Variant]:
        """Return the variants by name. A variant with a new spec follows the old one of the same name, and replaces it."""
        return {variant.name: variant for variant in self.variants}


@dataclass(frozen=True)
class File:
    """A file with its current version. Every update increments `revision` and requires the one that was read."""

    id: str
    project_id: str
    name: str
    relative_path: str | None  # in the folder that its user uploaded
    state: FileState
    last_number: int  # of all its versions
    current: Version
    has_variants: bool  # whether any version ever had variants, so that they may be under `media/`
    created_by: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None  # when it was moved to the trash
    revision: int

    @property
    def kind(self) -> FileKind:
        return self.current.kind

    @property
    def status(self) -> FileStatus:
        """Return the status of the current version, or `deleted` for a file in the trash."""
        return self.current.status if self.state == "live" else "deleted"

    def with_version(self, version: Version) -> "File":
        """Return the file after a change of a version. Its current version is the highest ready one, else the highest."""
        current = self.current
        same, newer = version.number == current.number, version.number > current.number
        replaces = newer if version.status == "ready" else newer and current.status != "ready"
        if same or replaces or (version.status == "ready" and current.status != "ready"):
            current = version
        return replace(
            self,
            current=current,
            last_number=max(self.last_number, version.number),
            has_variants=self.has_variants or bool(version.variants),
        )


class VariantView(ResponseModel):
    """A variant in a response."""

    name: str
    url: str
    status: VariantStatus
    width: int | None
    height: int | None
    content_type: str
    size: int | None
    signed_url: str | None = None
    signed_until: datetime | None = None


class FileView(ResponseModel):
    """A file in a response."""

    id: str
    project_id: str
    name: str
    relative_path: str | None = None
    kind: FileKind
    content_type: str
    declared_type: str | None = None
    size: int
    sha256: str | None
    status: FileStatus
    reason: str | None = None
    version: int
    width: int | None = None
    height: int | None = None
    storage_location: StorageLocation = "s3"
    synced_at: datetime | None = None
    url: str
    variants: list[VariantView]
    placeholder: str | None = None
    colour: str | None = None
    created_by: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


def kind_of(content_type: str) -> FileKind:
    """Return `image` for the types that imageproc renders."""
    return "image" if content_type in IMAGE_TYPES else "file"


def original_key(project: Project, version_id: str, filename: str, content_type: str) -> str:
    """Return the key of an original. Only a short extension of the client's file name reaches it."""
    name = ids.local_part(version_id)
    if content_type in IMAGE_TYPES:
        return f"{project.key_prefix}/images/original/{name}.{IMAGE_TYPES[content_type]}"
    extension = _EXTENSION.search(filename)
    return f"{project.key_prefix}/files/{name}.{extension.group(1).lower() if extension else 'bin'}"


def version_id_of(original_key: str) -> str | None:
    """Return the ID of the version that a key of an original belongs to, or None for any other key."""
    match = _ORIGINAL_KEY.fullmatch(original_key)
    return f"{match.group(1)}-{match.group(2)}" if match else None


def prefix_for(project: Project, state: FileState) -> VariantPrefix:
    """Return the prefix for the variants of a file: `media` only for live files of active public projects."""
    is_public = project.status == "active" and project.settings.visibility == "public" and state == "live"
    return "media" if is_public else "private"


def planned_variants(project: Project, version_id: str, prefix: VariantPrefix) -> tuple[Variant, ...]:
    """Return the variants that an image will have. Version and spec determine the keys, so URLs are known before rendering."""
    return tuple(
        Variant(
            name=spec.name,
            key=f"{prefix}/{unprefixed_key(project, version_id, spec)}",
            status="processing",
            content_type=_CONTENT_TYPES[spec.format],
        )
        for spec in project.settings.variants
    )


def unprefixed_key(project: Project, version_id: str, spec: VariantSpec) -> str:
    """Return the key of a variant without its prefix."""
    name = f"{ids.local_part(version_id)}-{spec.spec_hash}.{'jpg' if spec.format == 'jpeg' else spec.format}"
    return f"{project.key_prefix}/images/{spec.name}/{name}"


def version_id_of_variant(project_id: str, key: str) -> str:
    """Return the ID of the version that a key of a variant belongs to."""
    return f"{project_id}-{key.rpartition('/')[2].partition('-')[0]}"


def without_prefix(key: str) -> str:
    """Return the key of a variant without its prefix."""
    return key.partition("/")[2]
