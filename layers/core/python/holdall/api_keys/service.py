"""Use cases of API keys."""

import contextlib
from dataclasses import dataclass, replace
from datetime import datetime

from holdall.api_keys import store
from holdall.api_keys.model import (
    MAX_API_KEYS,
    ApiKey,
    ApiKeyCredentials,
    ApiKeyId,
    ApiKeyNotFound,
    ApiKeyWithSecret,
    CreateApiKeyRequest,
    CreatorLeft,
    InvalidApiKey,
    NotAMember,
    ScopeNotHeld,
    StoredApiKey,
    TooManyApiKeys,
    UnknownScope,
)
from holdall.audit.service import log
from holdall.iam.model import Account
from holdall.iam.service import users
from holdall.idempotency import service as idempotency
from holdall.last_use import service as last_use
from holdall.platform import clock, ids
from holdall.platform.caller import Caller
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.projects.model import Membership, Project
from holdall.projects.service import access as project_access
from holdall.projects.service import members, projects
from holdall.projects.service.access import ProjectAccess
from holdall.quotas import service as quotas
from holdall.roles import service as roles

_DELETE_BATCH_SIZE = 45  # keys, of two rows each: below the limit of 100 items in a transaction


@dataclass(frozen=True)
class ApiKeyLookup:
    """The records that decide whether an API key is valid, and for what."""

    key: Pending[StoredApiKey]
    last_use: Pending[datetime]
    creator: Pending[Account]
    access: ProjectAccess  # of the creator


def load(batch: BatchGet, key_id: ApiKeyId) -> ApiKeyLookup:
    """Read everything that authentication needs."""
    return ApiKeyLookup(
        store.get(batch, key_id),
        last_use.get(batch, str(key_id)),
        users.get_account(batch, key_id.creator_id),
        project_access.load(batch, key_id.project_id, key_id.creator_id),
    )


def authenticate(credentials: ApiKeyCredentials, lookup: ApiKeyLookup) -> frozenset[str]:
    """Return the permissions of an API key: the scopes that its creator still has. Raises InvalidApiKey.

    Updates the time of the last use.
    """
    key = lookup.key.require(InvalidApiKey)
    if not key.has_secret(credentials.secret):
        raise InvalidApiKey
    permissions = get_permissions(lookup)
    with contextlib.suppress(ApiKeyNotFound):  # a key that is deleted meanwhile leaves no row
        last_use.update(key.id, lookup.last_use.value, check=lambda tx: store.check_exists(tx, credentials.key_id))
    return permissions


def get_permissions(lookup: ApiKeyLookup) -> frozenset[str]:
    """Return the scopes of an API key that its creator still has. Raises InvalidApiKey if the key is not valid any more."""
    key, membership = lookup.key.require(InvalidApiKey), lookup.access.membership.require(InvalidApiKey)
    if not key.is_valid_at(clock.now()) or not key.is_creator(lookup.creator.value, membership):
        raise InvalidApiKey
    return key.scopes & roles.get_key_scopes(membership.role)


def create(
    caller: Caller, project: Project, membership: Membership | None, request: CreateApiKeyRequest
) -> ApiKeyWithSecret:
    """Create an API key. No other function returns its secret.

    Raises UnknownScope, NotAMember, ScopeNotHeld, which is logged, TooManyApiKeys, AlreadyProcessed for a duplicate request,
    and the error of `projects.check_visibility_unchanged`.
    """
    for index, scope in enumerate(request.scopes):
        if not roles.is_key_scope(scope):
            raise UnknownScope(pointer=f"/scopes/{index}")
    if membership is None:
        raise NotAMember
    if not roles.get_key_scopes(membership.role).issuperset(request.scopes):
        roles.deny(caller, "api_keys.create", project.id, ScopeNotHeld)
    membership_id = membership.id
    return idempotency.run(
        caller,
        lambda tx: _create(tx, caller, project, membership_id, request),
        save=lambda key: key.id,
        replay=idempotency.reject_replay,
    )


def list_keys(project: Project, page: PageRequest) -> Page[ApiKey]:
    """Return the API keys of a project, newest first. One round trip, and one for each hundred rows behind them."""
    found = store.list_page(project.id, page)
    user_ids = {key.created_by for key in found.items}
    with BatchGet() as batch:
        last_uses = [last_use.get(batch, key.id) for key in found.items]
        accounts = {user_id: users.get_account(batch, user_id) for user_id in user_ids}
        memberships = {user_id: members.get_membership(batch, project.id, user_id) for user_id in user_ids}
    keys = [
        _to_response(
            key,
            used.value,
            creator_is_member=key.is_creator(accounts[key.created_by].value, memberships[key.created_by].value),
        )
        for key, used in zip(found.items, last_uses, strict=True)
    ]
    return Page(keys, next=found.next, prev=found.prev)


def set_enabled(caller: Caller, project: Project, key_id: str, *, enabled: bool) -> ApiKey:
    """Enable or disable an API key, with effect on the next request. Raises ApiKeyNotFound, and CreatorLeft if enabled."""
    parsed_id = ApiKeyId.parse(key_id, project.id)
    with BatchGet() as batch:
        lookup = load(batch, parsed_id)
    key = lookup.key.require(ApiKeyNotFound)
    creator_is_member = key.is_creator(lookup.creator.value, lookup.access.membership.value)
    if enabled and not creator_is_member:
        raise CreatorLeft
    with Transaction() as tx:
        store.set_enabled(tx, parsed_id, enabled=enabled)
        log(tx, caller, "api_keys.enable" if enabled else "api_keys.disable", key_id)
    return _to_response(replace(key, enabled=enabled), lookup.last_use.value, creator_is_member=creator_is_member)


def delete(caller: Caller, project: Project, key_id: str) -> None:
    """Delete an API key, with effect on the next request. Raises ApiKeyNotFound."""
    with Transaction() as tx:
        store.delete(tx, ApiKeyId.parse(key_id, project.id))
        last_use.delete(tx, key_id)
        quotas.remove_api_key(tx, project.id)
        log(tx, caller, "api_keys.delete", key_id)


def delete_rows(project_id: str) -> bool:
    """Delete some keys of a purged project, and return whether there are more. Raises ServiceUnavailable."""
    found = store.list_page(project_id, PageRequest(_DELETE_BATCH_SIZE))
    if found.items:
        with Transaction() as tx:
            for key in found.items:
                store.delete_if_exists(tx, ApiKeyId.parse(key.id, project_id))
                last_use.delete(tx, key.id)
    return found.next is not None


def _create(
    tx: Transaction, caller: Caller, project: Project, membership_id: str, request: CreateApiKeyRequest
) -> ApiKeyWithSecret:
    credentials = ApiKeyCredentials(ApiKeyId(project.id, caller.user_id, ids.new_id()), ids.new_secret())
    key = StoredApiKey(
        id=str(credentials.key_id),
        name=request.name,
        scopes=frozenset(request.scopes),
        enabled=True,
        secret_sha256=ids.sha256_hex(credentials.secret),
        membership_id=membership_id,
        created_by=caller.user_id,
        created_at=clock.now(),
        expires_at=request.expires_at,
    )
    # The deletion of a project deletes only the keys that it finds.
    projects.check_visibility_unchanged(tx, project)
    quotas.add_api_key(tx, project.id, max_keys=MAX_API_KEYS, error=TooManyApiKeys)
    store.put(tx, credentials.key_id, key)
    log(tx, caller, "api_keys.create", key.id)
    return ApiKeyWithSecret.model_validate({**vars(key), "last_used_at": None, "key": str(credentials)})


def _to_response(key: StoredApiKey, last_used_at: datetime | None, *, creator_is_member: bool) -> ApiKey:
    enabled = key.enabled and creator_is_member
    return ApiKey.model_validate({**vars(key), "enabled": enabled, "last_used_at": last_used_at})
