"""What a project is: its shape, its settings, and the rules that hold for them anywhere."""

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from holdall.iam.model import EmailAddress, Token
from holdall.platform.errors import Conflict
from holdall.platform.schemas import RequestModel, ResponseModel

RENDERER_VERSION = "1"  # part of every spec's hash: a renderer that draws otherwise makes new URLs
Visibility = Literal["private", "public"]
ProjectStatus = Literal["active", "deleted", "purging"]  # what is being purged is shown to nobody
Role = Literal["viewer", "editor", "owner"]
RETENTION = timedelta(days=30)  # how long a deleted project may be restored
INVITATION_TTL = timedelta(days=7)
Dimension = Annotated[int, Field(ge=1, le=4096)]  # larger ones may take more memory than imageproc has


class ProjectChanged(Conflict):
    """Another request changed the project after this one had read it."""

    code, detail = "project_changed", "The project was changed. Try again."


def _normalize_name(text: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise ValueError("must be one line of text")
    cleaned = unicodedata.normalize("NFC", text).strip()
    if not cleaned:
        raise ValueError("must not be blank")
    return cleaned


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_normalize_name)]
_NAME_ADAPTER: TypeAdapter[str] = TypeAdapter(Name)
_RESTRICTED_NAME = r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}"
MediaRange = Annotated[str, Field(pattern=rf"^{_RESTRICTED_NAME}/(\*|{_RESTRICTED_NAME})$|^\*/\*$")]


def sanitize_name(text: str | None) -> str | None:
    """A name as somebody else tells it, cut to our length, or None when it is none that we take."""
    try:
        return _NAME_ADAPTER.validate_python((text or "")[:100])
    except ValidationError:
        return None


class VariantSpec(RequestModel):
    """How one variant of every image is made. A side left out follows the other; `contain` alone allows that."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    width: Dimension | None = None
    height: Dimension | None = None
    fit: Literal["contain", "cover", "stretch"] = "contain"
    format: Literal["webp", "avif", "jpeg", "png"] = "webp"
    quality: Annotated[int, Field(ge=1, le=100)] = 80

    @model_validator(mode="after")
    def _check_dimensions(self) -> Self:
        if self.width is None and self.height is None:
            raise ValueError("width or height is required")
        if self.fit != "contain" and (self.width is None or self.height is None):
            raise ValueError("cover and stretch require both width and height")
        return self

    @property
    def spec_hash(self) -> str:
        """The hash in the keys of this variant: another spec, another URL."""
        said = self.model_dump(exclude={"name"})
        return hashlib.sha256(json.dumps([RENDERER_VERSION, said], sort_keys=True).encode()).hexdigest()[:12]


class Quota(RequestModel):
    """How much a project may hold. What is left out is as much as the installation allows."""

    max_bytes: Annotated[int, Field(ge=0)] | None = None
    max_files: Annotated[int, Field(ge=0)] | None = None
    max_file_bytes: Annotated[int, Field(ge=0)] | None = None


def _check_unique_names(specs: list[VariantSpec]) -> list[VariantSpec]:
    if len({spec.name for spec in specs}) < len(specs):
        raise ValueError("variant names must be unique")
    return specs


DEFAULT_VARIANTS = [
    VariantSpec(name="thumbnail", width=200, height=200, fit="cover"),
    VariantSpec(name="small", width=640),
    VariantSpec(name="large", width=1280),
]


AllowedTypes = Annotated[list[MediaRange], Field(min_length=1, max_length=50)]
VariantSpecs = Annotated[list[VariantSpec], Field(max_length=20), AfterValidator(_check_unique_names)]


class ProjectSettings(RequestModel):
    """What the owners of a project decide."""

    visibility: Visibility = "private"
    quota: Quota = Quota()
    allowed_types: AllowedTypes = ["*/*"]  # noqa: RUF012  # pydantic copies defaults
    variants: VariantSpecs = DEFAULT_VARIANTS

    def allows(self, content_type: str) -> bool:
        """Whether files of this type may be uploaded."""
        family = content_type.partition("/")[0]
        return not {"*/*", f"{family}/*", content_type}.isdisjoint(self.allowed_types)


class CreateProjectRequest(RequestModel):
    """What a client says to make a project."""

    name: Name
    settings: ProjectSettings = ProjectSettings()


# What is not said is None. Who says null says something else: it is refused here as it is when a project is made.
_UNSET: Any = Field(default_factory=lambda: None)


class UpdateProjectSettings(RequestModel):
    """What the owners decide anew. What is left out stays."""

    visibility: Visibility = _UNSET
    quota: Quota = _UNSET
    allowed_types: AllowedTypes = _UNSET
    variants: VariantSpecs = _UNSET


class UpdateProjectRequest(RequestModel):
    """What a client says to change a project."""

    name: Name = _UNSET
    settings: UpdateProjectSettings = Field(default_factory=UpdateProjectSettings)


class Project(ResponseModel):
    """A room for files, with members."""

    id: str
    name: str
    slug: str
    personal: bool
    status: ProjectStatus
    settings: ProjectSettings
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    @property
    def key_prefix(self) -> str:
        """How the keys of its objects begin. The slug is that of the project's birth."""
        return f"{self.slug}-{self.id}"


class ProjectWithRole(Project):
    """A project as somebody in it sees it: with the role that they have there."""

    role: Role


def slugify(name: str) -> str:
    """The name as it begins object keys: lower-case letters, digits and single hyphens; "project" if none is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "project"


@dataclass(frozen=True)
class Membership:
    """What a user is in a project. Its id is new each time that they join."""

    id: str
    project_id: str
    user_id: str
    role: Role
    joined_at: datetime


class Member(ResponseModel):
    """A member as the others see them."""

    user_id: str
    name: str
    email: str
    role: Role
    joined_at: datetime


class UpdateMemberRequest(RequestModel):
    """What a client says to change a member."""

    role: Role


class TransferOwnershipRequest(RequestModel):
    """Who is to own a project."""

    user_id: Annotated[str, Field(min_length=1, max_length=64)]


@dataclass(frozen=True)
class StoredInvitation:
    """The wish that whoever reads the letters of an address joins a project. Of its secret only a digest is kept."""

    id: str
    project_id: str
    email: str
    normalized_email: str  # the same in its normal form
    role: Role
    secret_sha256: str
    created_by: str
    created_at: datetime
    expires_at: datetime


class CreateInvitationRequest(RequestModel):
    """Who is asked to join, and as what."""

    email: EmailAddress
    role: Role


class AcceptInvitationRequest(RequestModel):
    """The token of an invitation."""

    token: Token


class Invitation(ResponseModel):
    """An invitation as the owners see it."""

    id: str
    email: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime
