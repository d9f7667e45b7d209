"""What a project is: its shape, its settings, and the rules that hold for them anywhere."""

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from holdall.iam.model import Address, Token
from holdall.shape import Said, Shown

_RENDERER = "1"  # part of every spec's hash: a renderer that draws otherwise makes new URLs
Visibility = Literal["private", "public"]
Status = Literal["active", "deleted", "purging"]  # what is being purged is shown to nobody
Role = Literal["viewer", "editor", "owner"]
KEPT = timedelta(days=30)  # how long a deleted project may be restored
INVITED = timedelta(days=7)
Side = Annotated[int, Field(ge=1, le=4096)]  # larger ones may take more memory than imageproc has


def _one_line(text: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise ValueError("must be one line of text")
    cleaned = unicodedata.normalize("NFC", text).strip()
    if not cleaned:
        raise ValueError("must not be blank")
    return cleaned


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_one_line)]
_NAME: TypeAdapter[str] = TypeAdapter(Name)
_WORD = r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}"
TypePattern = Annotated[str, Field(pattern=rf"^{_WORD}/(\*|{_WORD})$|^\*/\*$")]


def as_name(text: str | None) -> str | None:
    """A name as somebody else tells it, cut to our length, or None when it is none that we take."""
    try:
        return _NAME.validate_python((text or "")[:100])
    except ValidationError:
        return None


class VariantSpec(Said):
    """How one variant of every image is made. A side left out follows the other; `contain` alone allows that."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    width: Side | None = None
    height: Side | None = None
    fit: Literal["contain", "cover", "stretch"] = "contain"
    format: Literal["webp", "avif", "jpeg", "png"] = "webp"
    quality: Annotated[int, Field(ge=1, le=100)] = 80

    @model_validator(mode="after")
    def _sides(self) -> Self:
        if self.width is None and self.height is None:
            raise ValueError("width or height must be given")
        if self.fit != "contain" and (self.width is None or self.height is None):
            raise ValueError("cover and stretch need both width and height")
        return self

    @property
    def digest(self) -> str:
        """The hash in the keys of this variant: another spec, another URL."""
        said = self.model_dump(exclude={"name"})
        return hashlib.sha256(json.dumps([_RENDERER, said], sort_keys=True).encode()).hexdigest()[:12]


class Quota(Said):
    """How much a project may hold. What is left out is as much as the installation allows."""

    max_bytes: Annotated[int, Field(ge=0)] | None = None
    max_files: Annotated[int, Field(ge=0)] | None = None
    max_file_bytes: Annotated[int, Field(ge=0)] | None = None


def _distinct(specs: list[VariantSpec]) -> list[VariantSpec]:
    if len({spec.name for spec in specs}) < len(specs):
        raise ValueError("the names of variants must differ")
    return specs


_USUAL = [
    VariantSpec(name="thumbnail", width=200, height=200, fit="cover"),
    VariantSpec(name="small", width=640),
    VariantSpec(name="large", width=1280),
]


AllowedTypes = Annotated[list[TypePattern], Field(min_length=1, max_length=50)]
Variants = Annotated[list[VariantSpec], Field(max_length=20), AfterValidator(_distinct)]


class Settings(Said):
    """What the owners of a project decide."""

    visibility: Visibility = "private"
    quota: Quota = Quota()
    allowed_types: AllowedTypes = ["*/*"]  # noqa: RUF012  # pydantic copies defaults
    variants: Variants = _USUAL

    def allows(self, content_type: str) -> bool:
        """Whether files of this type may be uploaded."""
        family = content_type.partition("/")[0]
        return not {"*/*", f"{family}/*", content_type}.isdisjoint(self.allowed_types)


class NewProject(Said):
    """What a client says to make a project."""

    name: Name
    settings: Settings = Settings()


# What is not said is None. Who says null says something else: it is refused here as it is when a project is made.
_UNSAID: Any = Field(default_factory=lambda: None)


class ChangedSettings(Said):
    """What the owners decide anew. What is left out stays."""

    visibility: Visibility = _UNSAID
    quota: Quota = _UNSAID
    allowed_types: AllowedTypes = _UNSAID
    variants: Variants = _UNSAID


class ChangeProject(Said):
    """What a client says to change a project."""

    name: Name = _UNSAID
    settings: ChangedSettings = Field(default_factory=ChangedSettings)


class Project(Shown):
    """A room for files, with members."""

    id: str
    name: str
    slug: str
    personal: bool
    status: Status
    settings: Settings
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    @property
    def prefix(self) -> str:
        """How the keys of its objects begin. The slug is that of the project's birth."""
        return f"{self.slug}-{self.id}"


class ProjectView(Project):
    """A project as somebody in it sees it: with the role that they have there."""

    role: Role


def slug(name: str) -> str:
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


class Member(Shown):
    """A member as the others see them."""

    user_id: str
    name: str
    email: str
    role: Role
    joined_at: datetime


class ChangeMember(Said):
    """What a client says to change a member."""

    role: Role


class Transfer(Said):
    """Who is to own a project."""

    user_id: Annotated[str, Field(min_length=1, max_length=64)]


@dataclass(frozen=True)
class Invitation:
    """The wish that whoever reads the letters of an address joins a project. Of its secret only a digest is kept."""

    id: str
    project_id: str
    email: str
    address: str  # the same in its normal form
    role: Role
    digest: str
    created_by: str
    created_at: datetime
    expires_at: datetime


class Invite(Said):
    """Who is asked to join, and as what."""

    email: Address
    role: Role


class Join(Said):
    """The token of an invitation."""

    token: Token


class InvitationView(Shown):
    """An invitation as the owners see it."""

    id: str
    email: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime
