"""Shares: links that give anyone who has them access to one file."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from holdall.files.model import File, FileKind
from holdall.files.names import Filename
from holdall.iam.tokens import TokenKind
from holdall.platform import ids
from holdall.platform.caller import ClientInfo
from holdall.platform.errors import Conflict, Forbidden, NotFound
from holdall.platform.schemas import ExpiresAt, NewPassword, Password, RequestModel, ResponseModel, Sha256
from holdall.projects.model import Project
from holdall.uploads.model import MAX_PUT_BYTES, ContentType

SharePermission = Literal["read", "write"]
ShareStatus = Literal["active", "expired", "used_up", "inactive"]
ShareAction = Literal["download", "upload"]

MAX_SHARES = 100  # of a file
USES_RETENTION = timedelta(days=90)
_TOKEN = re.compile(f"{TokenKind.SHARE}_{ids.ID_PATTERN}")


class ShareNotFound(NotFound):
    """The share is unknown, revoked, expired or used up, or what it shares is gone. All look alike."""


class TooManyShares(Conflict):
    """The file has as many shares as it may have. Those that have ended count until they are deleted."""

    code, detail = "too_many_shares", f"A file can have {MAX_SHARES} shares. Delete one first."


class ScopeNotHeld(Forbidden):
    """A share cannot allow more than its creator may do."""

    code = "scope_not_held"
    detail = "An API key needs files.read to share a file, and files.write as well to share it for writing."


class PasswordRequired(Forbidden):
    """The share has a password, and the request has none."""

    code, detail = "password_required", "This link is protected by a password."


class WrongPassword(Forbidden):
    """The password is not the one of the share."""

    code, detail = "wrong_password", "The password is incorrect."


class ReadOnlyShare(Forbidden):
    """The share allows downloads only."""

    code, detail = "read_only_share", "This link does not accept uploads."


class UseRecorded(Conflict):
    """The use is in the list already."""


class CreateShareRequest(RequestModel):
    permission: SharePermission = Field(description="`write` allows downloads as well as uploads.")
    expires_at: ExpiresAt | None = None
    password: NewPassword | None = None
    max_downloads: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class SharePasswordRequest(RequestModel):
    """The password of the share, if it has one."""

    password: Password | None = None


class ShareUploadRequest(RequestModel):
    """A file to upload by one PUT. It is a new file in the project, or a new version of the shared file."""

    filename: Filename
    size: Annotated[int, Field(ge=0, le=MAX_PUT_BYTES)]
    content_type: ContentType
    sha256: Sha256 | None = None
    new_version: bool = Field(default=False, description="Add a version to the shared file.")
    password: Password | None = None


class ShareCommitRequest(RequestModel):
    """The upload to commit."""

    upload_id: Annotated[str, Field(min_length=1, max_length=64)]
    checksum: Sha256 | None = None


class ShareView(ResponseModel):
    """A share. It is `inactive` while the file is in the trash, or its creator may not share any more."""

    id: str
    file_id: str
    permission: SharePermission
    status: ShareStatus
    expires_at: datetime | None
    has_password: bool
    max_downloads: int | None
    downloads: int
    created_by: str
    created_at: datetime


class ShareWithToken(ShareView):
    """A new share. No other response contains its token."""

    token: str
    url: str


class ShareUse(ResponseModel):
    """A download that was started, or an upload that was committed. `bytes` is the size of the version."""

    used_at: datetime
    action: ShareAction
    version: int
    bytes: int
    network: str
    user_agent: str


class SharePreview(ResponseModel):
    """A small rendering of an image, at a URL that is valid for at most five minutes."""

    url: str
    width: int | None
    height: int | None


class SharedFile(ResponseModel):
    """What a share shows to anyone. With a password, it shows nothing of the file."""

    permission: SharePermission
    needs_password: bool
    expires_at: datetime | None
    downloads_left: int | None
    name: str | None = None
    size: int | None = None
    kind: FileKind | None = None
    downloadable: bool | None = Field(
        default=None, description="False if the bytes that arrived are not those that were announced."
    )
    preview: SharePreview | None = None


class ShareDownload(ResponseModel):
    """A URL that serves the file until `expires_at`. Every URL counts as a download."""

    url: str
    expires_at: datetime


class ShareUpload(ResponseModel):
    """The file that an upload created, or added a version to."""

    name: str
    size: int
    version: int


@dataclass(frozen=True)
class Proof:
    """What opens a share with a password: the password, or the ticket that the page gave for it."""

    password: str | None = None
    ticket: str | None = None


@dataclass(frozen=True)
class ShareLink:
    """What a token leads to. It never changes, so the rest is read together, in one round trip."""

    share_id: str
    file_id: str
    created_by: str
    api_key_id: str | None


@dataclass(frozen=True)
class Share:
    """A share as it is stored."""

    id: str
    file_id: str
    permission: SharePermission
    token_sha256: str
    password_hash: str | None
    expires_at: datetime | None
    max_downloads: int | None
    downloads: int
    created_by: str  # of an API key, its creator
    api_key_id: str | None
    membership_id: str | None  # of the creator: the share ends with it. None for a superuser who is not a member
    created_at: datetime

    @property
    def downloads_left(self) -> int | None:
        return None if self.max_downloads is None else max(0, self.max_downloads - self.downloads)

    def status_at(self, now: datetime) -> ShareStatus:
        """Return the status by the share's own limits."""
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "used_up" if self.downloads_left == 0 else "active"


@dataclass(frozen=True)
class OpenShare:
    """A share that can be used now, and what it is about."""

    share: Share
    file: File
    project: Project
    project_role: str


def new_token() -> str:
    return f"{TokenKind.SHARE}_{ids.new_secret()}"


def is_token(text: str) -> bool:
    """Return whether a text has the form of a token."""
    return _TOKEN.fullmatch(text) is not None


def new_use(client: ClientInfo, action: ShareAction, *, version: int, size: int, at: datetime) -> ShareUse:
    """Return a use of a share by a client."""
    return ShareUse(
        used_at=at, action=action, version=version, bytes=size, network=client.ip, user_agent=client.user_agent
    )
