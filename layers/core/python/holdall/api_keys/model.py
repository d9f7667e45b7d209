"""API keys. A program uses a key to act in one project, with at most the permissions of the key's creator."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field

from holdall.iam.model import Account
from holdall.iam.tokens import TokenKind
from holdall.platform import ids
from holdall.platform.errors import Conflict, Forbidden, NotFound, Unauthenticated, ValidationFailed
from holdall.platform.schemas import ExpiresAt, RequestModel, ResponseModel, UniqueItems
from holdall.projects.model import Membership, Name

MAX_API_KEYS = 50  # of a project
_ID = f"({ids.PROJECT_ID_PATTERN})-({ids.ID_PATTERN})-({ids.ID_PATTERN})"


class ApiKeyNotFound(NotFound):
    """The project has no such key."""


class InvalidApiKey(Unauthenticated):
    """The key is unknown, disabled or expired, its secret is wrong, or its creator left. The client cannot tell which."""

    code, detail = "invalid_token", "The API key is not valid."


class UnknownScope(ValidationFailed):
    """API keys cannot have the permission, or it does not exist."""

    code, detail = "unknown_scope", "This is not a scope of API keys."


class ScopeNotHeld(Forbidden):
    """The creator lacks a permission that the key would have."""

    code, detail = "scope_not_held", "A key cannot have more permissions than its creator."


class NotAMember(Conflict):
    """A superuser can access every project, but a key ends with the membership of its creator, so it needs one."""

    code, detail = "not_a_member", "Only members of the project can create API keys."


class TooManyApiKeys(Conflict):
    """The project has as many keys as it may have. Disabled and expired ones count until they are deleted."""

    code, detail = "too_many_api_keys", f"A project can have {MAX_API_KEYS} API keys. Delete one first."


class CreatorLeft(Conflict):
    """An enabled key would not be valid."""

    code = "creator_left"
    detail = "The creator of this key is no longer an active member of the project. Create another key."


Scopes = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64)]], Field(min_length=1, max_length=50), UniqueItems
]


class CreateApiKeyRequest(RequestModel):
    name: Name
    scopes: Scopes
    expires_at: ExpiresAt | None = None


class UpdateApiKeyRequest(RequestModel):
    enabled: bool


class ApiKey(ResponseModel):
    id: str
    name: str
    scopes: Annotated[list[str], AfterValidator(sorted)]
    enabled: bool  # also false if the creator is no longer an active member
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class ApiKeyWithSecret(ApiKey):
    """A new key. No other response contains its secret."""

    key: str


@dataclass(frozen=True)
class StoredApiKey:
    """A key as it is stored."""

    id: str
    name: str
    scopes: frozenset[str]
    enabled: bool
    secret_sha256: str
    membership_id: str  # of the creator: the key ends with it, even if the creator joins again
    created_by: str
    created_at: datetime
    expires_at: datetime | None

    def has_secret(self, secret: str) -> bool:
        """Return whether this is the secret."""
        return ids.constant_time_equal(ids.sha256_hex(secret), self.secret_sha256)

    def is_valid_at(self, now: datetime) -> bool:
        """Return whether the key is enabled and has not expired."""
        return self.enabled and (self.expires_at is None or now < self.expires_at)

    def is_creator(self, account: Account | None, membership: Membership | None) -> bool:
        """Return whether the creator is active and still the same member of the project."""
        if account is None or membership is None:
            return False
        return account.user.is_active and membership.id == self.membership_id


@dataclass(frozen=True)
class ApiKeyId:
    """The ID `{project}-{creator}-{ulid}`. It names every record that authentication reads, so one round trip is enough."""

    project_id: str
    creator_id: str
    ulid: str

    @classmethod
    def parse(cls, text: str, project_id: str) -> Self:
        """Parse the ID of a key of this project. Raises ApiKeyNotFound."""
        match = re.fullmatch(_ID, text)
        if match is None or match[1] != project_id:
            raise ApiKeyNotFound
        return cls(*match.groups())

    def __str__(self) -> str:
        return f"{self.project_id}-{self.creator_id}-{self.ulid}"


@dataclass(frozen=True)
class ApiKeyCredentials:
    """The header X-Api-Key: `hk_{id}_{secret}`."""

    key_id: ApiKeyId
    secret: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the header. Raises InvalidApiKey."""
        match = re.fullmatch(f"{TokenKind.API_KEY}_{_ID}_({ids.ID_PATTERN})", text)
        if match is None:
            raise InvalidApiKey
        *key_id, secret = match.groups()
        return cls(ApiKeyId(*key_id), secret)

    def __str__(self) -> str:
        return f"{TokenKind.API_KEY}_{self.key_id}_{self.secret}"
