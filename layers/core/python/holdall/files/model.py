"""What a file is, what its versions and variants are, and the rules that hold for them."""

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from holdall.platform import ids
from holdall.platform.schemas import ResponseModel
from holdall.projects.model import Project, VariantSpec

FileKind = Literal["image", "file"]
FileStatus = Literal["processing", "ready", "rejected", "deleted"]
FileState = Literal["live", "trash", "purging"]
VariantPrefix = Literal["media", "private"]
VariantStatus = Literal["processing", "ready", "rejected"]
OTHER_PREFIX: dict[VariantPrefix, VariantPrefix] = {"media": "private", "private": "media"}

# What imageproc can draw; everything else is a file, SVG among it.
IMAGE_TYPES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
}
_CONTENT_TYPES = {"webp": "image/webp", "avif": "image/avif", "jpeg": "image/jpeg", "png": "image/png"}
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,10})$")


class Variant(BaseModel):
    """One drawing of an image. `key` is where it lies, or will lie."""

    model_config = ConfigDict(frozen=True)

    name: str
    key: str
    status: VariantStatus
    content_type: str
    width: int | None = None
    height: int | None = None
    size: int | None = None


@dataclass(frozen=True)
class Version:
    """One content of a file. Its id is that of the upload that brought it."""

    id: str
    number: int
    key: str
    s3_version_id: str
    size: int
    content_type: str
    sha256: str | None  # None until the bytes were hashed
    declared_sha256: str | None  # what the client said that the SHA-256 would be, where S3 was not told
    status: FileStatus
    reason: str | None
    width: int | None
    height: int | None
    variants: tuple[Variant, ...]
    created_by: str
    created_at: datetime

    @property
    def latest_variants(self) -> dict[str, Variant]:
        """The variants by their names: of one whose spec was changed the newest, which stands behind the one that goes."""
        return {each.name: each for each in self.variants}


@dataclass(frozen=True)
class File:
    """A file with the version that it shows. `revision` counts its changes, so that no change is made on an old view."""

    id: str
    project_id: str
    name: str
    kind: FileKind
    state: FileState
    last_number: int  # the highest number given so far
    current: Version
    created_by: str
    created_at: datetime
    updated_at: datetime
    revision: int

    @property
    def status(self) -> FileStatus:
        """What the file shows: the state of its current version, or that it lies in the trash."""
        return self.current.status if self.state == "live" else "deleted"

    def with_version(self, version: Version) -> "File":
        """The file after a change of one of its versions: it shows the highest that is ready, else the highest."""
        shown = self.current
        same, newer = version.number == shown.number, version.number > shown.number
        replaces = newer if version.status == "ready" else newer and shown.status != "ready"
        if same or replaces or (version.status == "ready" and shown.status != "ready"):
            shown = version
        return replace(self, current=shown, last_number=max(self.last_number, version.number))


class VariantView(ResponseModel):
    """A variant as clients see it."""

    name: str
    url: str
    status: VariantStatus
    width: int | None
    height: int | None
    content_type: str
    size: int | None


class FileView(ResponseModel):
    """A file as clients see it."""

    id: str
    project_id: str
    name: str
    kind: FileKind
    content_type: str
    size: int
    sha256: str | None
    status: FileStatus
    reason: str | None = None
    version: int
    width: int | None = None
    height: int | None = None
    storage_location: Literal["edge", "s3"] = "s3"
    synced_at: datetime | None = None
    url: str
    variants: list[VariantView]
    created_by: str
    created_at: datetime
    updated_at: datetime


def kind_of(content_type: str) -> FileKind:
    """Whether a file of this type is drawn as an image."""
    return "image" if content_type in IMAGE_TYPES else "file"


def original_key(project: Project, version_id: str, filename: str, content_type: str) -> str:
    """Where an original lies. Nothing of a client's file name reaches it but a short extension."""
    name = ids.local_part(version_id)
    if content_type in IMAGE_TYPES:
        return f"{project.key_prefix}/images/original/{name}.{IMAGE_TYPES[content_type]}"
    extension = _EXTENSION.search(filename)
    return f"{project.key_prefix}/files/{name}.{extension.group(1).lower() if extension else 'bin'}"


def version_id_of(key: str) -> str | None:
    """The version whose original lies under a key, or None for a key that is none of ours."""
    match = re.fullmatch(r"[a-z0-9-]*-([0-9a-z]{12})/(?:files|images/original)/([0-9a-z]{26})\.[a-z0-9]{1,10}", key)
    return f"{match.group(1)}-{match.group(2)}" if match else None


def prefix_for(project: Project, state: FileState) -> VariantPrefix:
    """Where the variants of a file belong: what is not live, or not public, has nothing under `media/`."""
    seen = project.status == "active" and project.settings.visibility == "public" and state == "live"
    return "media" if seen else "private"


def planned_variants(project: Project, version_id: str, prefix: VariantPrefix) -> tuple[Variant, ...]:
    """The variants that an image will have: keys follow from version and spec, so they are known before it is drawn."""
    return tuple(
        Variant(
            name=spec.name,
            key=variant_key(project, version_id, spec, prefix),
            status="processing",
            content_type=_CONTENT_TYPES[spec.format],
        )
        for spec in project.settings.variants
    )


def variant_key(project: Project, version_id: str, spec: VariantSpec, prefix: VariantPrefix) -> str:
    """Where a variant lies."""
    name = f"{ids.local_part(version_id)}-{spec.spec_hash}.{'jpg' if spec.format == 'jpeg' else spec.format}"
    return f"{prefix}/{project.key_prefix}/images/{spec.name}/{name}"


def version_id_of_variant(project_id: str, key: str) -> str:
    """The version that a variant under this key was drawn from."""
    return f"{project_id}-{key.rpartition('/')[2].partition('-')[0]}"


def without_prefix(key: str) -> str:
    """What the key of a variant says apart from its shelf: its version, its name and how it is drawn."""
    return key.partition("/")[2]


def with_prefix(key: str, prefix: VariantPrefix) -> str:
    """The key of the same variant on a shelf."""
    return f"{prefix}/{without_prefix(key)}"


def name_sort_key(name: str) -> str:
    """Where a name stands in the alphabet; cut, as a sort key holds 1024 bytes."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return folded.encode()[:900].decode(errors="ignore")


def clean_name(filename: str) -> str:
    """A file name without folders, control characters and marks that turn the direction of writing. May be empty."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", filename))[-1]
    kept = "".join(
        character for character in last if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    )
    return "" if kept.strip() in (".", "..") else kept.strip()


def content_disposition(disposition_type: Literal["attachment", "inline"], name: str) -> str:
    """A Content-Disposition with a name that any browser reads (RFC 6266, section 4.3; RFC 8187)."""
    cleaned = clean_name(name) or "file"
    plain = re.sub(
        r"[^A-Za-z0-9._ ()-]", "_", unicodedata.normalize("NFKD", cleaned).encode("ascii", "ignore").decode()
    )
    return f"{disposition_type}; filename=\"{plain.strip() or 'file'}\"; filename*=UTF-8''{quote(cleaned, safe='')}"
