"""Projects, their settings, their members, and invitations to them."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from holdall.iam.model import EmailAddress, Token
from holdall.platform.errors import Conflict, Forbidden, ValidationFailed
from holdall.platform.schemas import RequestModel, ResponseModel, StorageLocation
from holdall.platform.text import MEDIA_TYPE_NAME, is_blank, normalize_media_type, remove_invisible
from holdall.projects.variant_specs import DEFAULT_VARIANTS, VariantSpecs

RETENTION = timedelta(days=30)  # of a deleted project, which can be restored
INVITATION_TTL = timedelta(days=7)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Visibility = Literal["private", "public"]
ProjectStatus = Literal["active", "deleted", "purging"]  # no one can access a project that is being purged
Role = Literal["viewer", "editor", "owner"]


class ProjectChanged(Conflict):
    """The project was changed or deleted by another request."""

    code, detail = "project_changed", "The project changed meanwhile. Try again."


class ProjectExists(Conflict):
    """The ID is taken: the personal project of a user has a fixed one."""

    code, detail = "project_exists", "A project with this ID exists."


class ProjectNotDeleted(Conflict):
    code, detail = "wrong_state", "The project is not deleted."


class PersonalProjectNotDeletable(Conflict):
    code, detail = "personal_project", "A personal project can only be deleted with its account."


class PersonalProjectNotShareable(Conflict):
    code, detail = "personal_project", "A personal project cannot have other members."


class AboveInstallationLimit(ValidationFailed):
    """The quota is above the limit of the installation."""

    code, detail = "above_installation_limit", "The quota is above the limit of this installation."


class NoEdgeStore(ValidationFailed):
    """The project wants to use an edge store that the installation does not have."""

    code, detail = "no_edge_store", "This installation has no edge store."


class AlreadyMember(Conflict):
    code, detail = "already_member", "The user is already a member of this project."


class AlreadyOwner(Conflict):
    code, detail = "already_owner", "This member is already an owner."


class LastOwner(Conflict):
    code = "last_owner"
    detail = "A project must have an owner with an active account. Make another member an owner first."


class MemberDisabled(Conflict):
    """The account of the new owner is disabled, and no one else would own the project."""

    code, detail = "wrong_state", "The account of this member is disabled."


class MemberChanged(Conflict):
    """The member left, or has another role, since the membership was read."""

    code, detail = "member_changed", "The member changed meanwhile. Try again."


class InvitationChanged(Conflict):
    """The invitation was sent again, accepted or deleted. Only the service sees this error."""

    code, detail = "invitation_changed", "The invitation changed meanwhile. Try again."


class EmailMismatch(Forbidden):
    """The invitation was sent to another email address than the caller's."""

    code = "email_mismatch"
    detail = "This invitation was sent to another email address. Sign in with the account that has it."


def _normalize_name(text: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise ValueError("must be one line of text")
    normalized = remove_invisible(text).strip()
    if is_blank(normalized):
        raise ValueError("must not be blank")
    return normalized


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_normalize_name)]
_NAME_ADAPTER: TypeAdapter[str] = TypeAdapter(Name, config=ConfigDict(defer_build=True))


def sanitize_name(text: str | None) -> str | None:
    """Return the name that an OAuth provider reports, cut to our length, or None if it is not valid."""
    try:
        return _NAME_ADAPTER.validate_python((text or "")[:100])
    except ValidationError:
        return None


def slugify(name: str) -> str:
    """Return the name in lower-case letters, digits and single hyphens, or "project" if nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "project"


MediaRange = Annotated[
    str,
    Field(pattern=rf"^{MEDIA_TYPE_NAME}/(\*|{MEDIA_TYPE_NAME})$|^\*/\*$"),
    AfterValidator(normalize_media_type),
]
AllowedTypes = Annotated[list[MediaRange], Field(min_length=1, max_length=50)]


class Quota(RequestModel):
    """The limits of a project. Without one, the default of the installation applies."""

    max_bytes: Annotated[int, Field(ge=0)] | None = None
    max_files: Annotated[int, Field(ge=0)] | None = None
    max_file_bytes: Annotated[int, Field(ge=0)] | None = None


RetentionDays = Annotated[int, Field(ge=1, le=3650)]
KeepVersions = Annotated[int, Field(ge=1, le=1000)]


class ProjectSettings(RequestModel):
    visibility: Visibility = "private"
    quota: Quota = Quota()
    allowed_types: AllowedTypes = ["*/*"]  # noqa: RUF012  # pydantic copies defaults
    variants: VariantSpecs = DEFAULT_VARIANTS
    retention_days: RetentionDays | None = None  # in the trash; None: until someone purges the file
    keep_versions: KeepVersions | None = None  # of a file, the newest ones; None: all
    storage: StorageLocation = "s3"  # of new originals; those at the edge move to S3 at night

    def allows(self, content_type: str) -> bool:
        """Return whether files of this type may be uploaded."""
        family = content_type.partition("/")[0]
        return not {"*/*", f"{family}/*", content_type}.isdisjoint(self.allowed_types)


class CreateProjectRequest(RequestModel):
    name: Name
    settings: ProjectSettings = ProjectSettings()


# A missing field is None, but an explicit null is rejected where it is at the creation of a project.
_UNSET: Any = Field(default_factory=lambda: None)


class UpdateProjectSettings(RequestModel):
    """A partial update: a missing field stays as it is."""

    visibility: Visibility = _UNSET
    quota: Quota = _UNSET
    allowed_types: AllowedTypes = _UNSET
    variants: VariantSpecs = _UNSET
    retention_days: RetentionDays | None = _UNSET
    keep_versions: KeepVersions | None = _UNSET
    storage: StorageLocation = _UNSET


class UpdateProjectRequest(RequestModel):
    """A partial update: a missing field stays as it is."""

    name: Name = _UNSET
    settings: UpdateProjectSettings = Field(default_factory=UpdateProjectSettings)


class Project(ResponseModel):
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
    def revision(self) -> int:
        """Return the number of its last change: the time, in microseconds."""
        return (self.updated_at - _EPOCH) // timedelta(microseconds=1)

    @property
    def key_prefix(self) -> str:
        """Return the prefix of its object keys. It survives a rename, because the slug is of the first name."""
        return f"{self.slug}-{self.id}"


class ProjectWithRole(Project):
    """A project with the caller's role in it."""

    role: Role


@dataclass(frozen=True)
class Membership:
    """A user who leaves a project and joins it again gets a membership with another ID."""

    id: str
    project_id: str
    user_id: str
    role: Role
    joined_at: datetime


class Member(ResponseModel):
    user_id: str
    name: str
    email: str
    role: Role
    joined_at: datetime


class UpdateMemberRequest(RequestModel):
    role: Role


class TransferOwnershipRequest(RequestModel):
    user_id: Annotated[str, Field(min_length=1, max_length=64)]


@dataclass(frozen=True)
class StoredInvitation:
    """An invitation for an email address, with the digest of its secret."""

    id: str
    project_id: str
    email: str
    normalized_email: str
    role: Role
    secret_sha256: str
    created_by: str
    created_at: datetime
    expires_at: datetime


class CreateInvitationRequest(RequestModel):
    email: EmailAddress
    role: Role


class AcceptInvitationRequest(RequestModel):
    token: Token


class Invitation(ResponseModel):
    id: str
    email: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime
