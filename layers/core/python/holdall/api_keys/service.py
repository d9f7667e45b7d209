"""API keys: made by owners, shown once, worth what their maker is worth here and never more than their scopes."""

import contextlib
from dataclasses import dataclass

from holdall.api_keys import store
from holdall.api_keys.model import LAST_USED_INTERVAL, ApiKey, ApiKeyWithSecret, CreateApiKeyRequest, StoredApiKey
from holdall.audit.service import log
from holdall.iam import tokens
from holdall.iam.model import Account, invalid_token
from holdall.iam.service import users
from holdall.iam.tokens import TokenKind
from holdall.idempotency import service as idempotency
from holdall.idempotency.service import DuplicateRequest
from holdall.platform import clock, ids
from holdall.platform.caller import Caller
from holdall.platform.errors import (
    AlreadyProcessed,
    Conflict,
    Forbidden,
    NotFound,
    ServiceUnavailable,
    ValidationFailed,
)
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.projects.model import Membership, Project
from holdall.projects.service import access as entry
from holdall.projects.service import members, projects
from holdall.projects.service.access import ProjectAccess
from holdall.roles import service as roles


@dataclass(frozen=True)
class ApiKeyCredentials:
    """What a key says of itself; all but the secret stands in its id."""

    key_id: str
    project_id: str
    creator_id: str
    secret: str


@dataclass(frozen=True)
class ApiKeyLookup:
    """What was read about a key: itself, its maker, and what they are in its project."""

    key: Pending[StoredApiKey]
    creator: Pending[Account]
    access: ProjectAccess


def parse_credentials(text: str) -> ApiKeyCredentials:
    """Who a key says is asking; whether it may is told by its row. Raises Unauthenticated."""
    key_id, secret = tokens.parse(TokenKind.API_KEY, text)
    project_id, maker_id, _ = key_id.split("-")
    return ApiKeyCredentials(key_id, project_id, maker_id, secret)


def load(batch: BatchGet, credentials: ApiKeyCredentials) -> ApiKeyLookup:
    """Ask for all that tells what a key is worth."""
    place = entry.load(batch, credentials.project_id, credentials.creator_id)
    return ApiKeyLookup(store.get(batch, credentials.key_id), users.get_account(batch, credentials.creator_id), place)


def authenticate(credentials: ApiKeyCredentials, lookup: ApiKeyLookup) -> frozenset[str]:
    """What a key may do in its project. Raises Unauthenticated when it does not count.

    It ends with its maker's account and with the very membership that it was made under.
    """
    key, member, now = lookup.key.value, lookup.access.membership.value, clock.now()
    if (
        key is None
        or not ids.constant_time_equal(ids.sha256_hex(credentials.secret), key.secret_sha256)
        or not key.is_active(now)
    ):
        raise invalid_token()
    if member is None or not _creator_is_member(key, lookup.creator.value, member):
        raise invalid_token()
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_INTERVAL:
        with contextlib.suppress(ServiceUnavailable):  # the next request will write it: no answer waits for that
            store.set_last_used(key, now)
    return key.scopes & roles.get_key_scopes(member.role)


def create(
    caller: Caller, project: Project, membership: Membership | None, request: CreateApiKeyRequest
) -> ApiKeyWithSecret:
    """Make a key. Its secret is in this answer and nowhere else.

    Raises Invalid for what is no scope, Conflict for who is no member, Forbidden, audited, for more than the caller holds, and
    AlreadyDone for a repetition.
    """
    for number, scope in enumerate(request.scopes):
        if not roles.is_key_scope(scope):
            raise ValidationFailed(
                "This is not a scope of API keys.", code="unknown_scope", pointer=f"/scopes/{number}"
            )
    if membership is None:  # who may go anywhere is no member everywhere, and a key lives by a membership
        raise Conflict("Only members of the project can create API keys.", code="not_a_member")
    if not set(request.scopes) <= roles.get_key_scopes(membership.role):
        beyond = Forbidden("A key cannot have more permissions than its creator.", code="scope_not_held")
        raise roles.audit_denied(caller, "api_keys.create", project.id, beyond)
    secret, now = ids.new_secret(), clock.now()
    key = StoredApiKey(
        id=ids.new_api_key_id(project.id, caller.user_id),
        project_id=project.id,
        name=request.name,
        scopes=frozenset(request.scopes),
        enabled=True,
        secret_sha256=ids.sha256_hex(secret),
        membership_id=membership.id,
        created_by=caller.user_id,
        created_at=now,
        expires_at=request.expires_at,
        last_used_at=None,
    )
    try:
        with Transaction() as write:
            # One that is made while its project is purged would outlive it.
            projects.check_visibility_unchanged(write, project)
            store.put(write, key)
            log(write, caller, "api_keys.create", key.id)
            idempotency.save(write, caller, key.id)
    except DuplicateRequest:
        raise AlreadyProcessed(idempotency.load(caller)) from None
    return ApiKeyWithSecret(
        **vars(_to_response(key, creator_is_member=True)), key=tokens.format_token(TokenKind.API_KEY, key.id, secret)
    )


def list_keys(project: Project, page: PageRequest) -> Page[ApiKey]:
    """The keys of a project, newest first. Two round trips, a third for a page of more than fifty makers."""
    found = store.list_page(project.id, page)
    with BatchGet() as read:
        makers = {
            each.created_by: (
                users.get_account(read, each.created_by),
                members.get_membership(read, project.id, each.created_by),
            )
            for each in found.items
        }
    shown = []
    for each in found.items:
        maker, member = makers[each.created_by]
        shown.append(_to_response(each, creator_is_member=_creator_is_member(each, maker.value, member.value)))
    return Page(shown, next=found.next, prev=found.prev)


def set_enabled(caller: Caller, project: Project, key_id: str, *, enabled: bool) -> ApiKey:
    """Switch a key on or off: with the next request it counts, or does not. Raises NotFound, and Conflict for switching on what
    would not count: its maker has left, or may not come in.
    """
    key, stays = _get(project, key_id)
    if enabled and not stays:
        raise Conflict(
            "The creator of this key is no longer an active member of the project. Create another key.",
            code="creator_left",
        )
    with Transaction() as write:
        store.set_enabled(write, key.id, enabled=enabled, error=NotFound())
        log(write, caller, "api_keys.enable" if enabled else "api_keys.disable", key.id)
    return _to_response(key, creator_is_member=stays, enabled=enabled)


def delete(caller: Caller, project: Project, key_id: str) -> None:
    """Remove a key: it counts no more on the next request. Raises NotFound."""
    _check_id(project, key_id)
    with Transaction() as write:
        store.delete(write, key_id, error=NotFound())
        log(write, caller, "api_keys.delete", key_id)


def delete_rows(project_id: str) -> bool:
    """Remove keys of a project that is gone; tells whether there are more. Raises Unavailable."""
    found = store.list_page(project_id, PageRequest(90))
    if found.items:
        with Transaction() as write:
            for key in found.items:
                store.delete_if_exists(write, key.id)
    return found.next is not None


def _get(project: Project, key_id: str) -> tuple[StoredApiKey, bool]:
    """A key, and whether its maker stays."""
    _check_id(project, key_id)
    maker_id = key_id.split("-")[1]
    with BatchGet() as read:
        key, maker = store.get(read, key_id), users.get_account(read, maker_id)
        member = members.get_membership(read, project.id, maker_id)
    if key.value is None:
        raise NotFound
    return key.value, _creator_is_member(key.value, maker.value, member.value)


def _creator_is_member(key: StoredApiKey, creator: Account | None, membership: Membership | None) -> bool:
    """Whether the maker of a key may come in, under the very membership that it was made under."""
    active = creator is not None and creator.user.status == "active"
    return active and membership is not None and membership.id == key.membership_id


def _check_id(project: Project, key_id: str) -> None:
    if not ids.is_api_key_id(key_id) or key_id.split("-", maxsplit=1)[0] != project.id:
        raise NotFound


def _to_response(key: StoredApiKey, *, creator_is_member: bool, enabled: bool | None = None) -> ApiKey:
    return ApiKey(
        id=key.id,
        name=key.name,
        scopes=sorted(key.scopes),
        enabled=creator_is_member and (key.enabled if enabled is None else enabled),
        created_by=key.created_by,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
    )
