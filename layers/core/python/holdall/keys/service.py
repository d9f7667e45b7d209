"""API keys: made by owners, shown once, worth what their maker is worth here and never more than their scopes."""

import contextlib
from dataclasses import dataclass

from holdall import clock, ids
from holdall.audit.service import record
from holdall.caller import Caller
from holdall.errors import AlreadyDone, Conflict, Forbidden, Invalid, NotFound, Unavailable
from holdall.iam import tokens
from holdall.iam.model import Known, invalid_token
from holdall.iam.service import users
from holdall.iam.tokens import TokenKind
from holdall.idempotency import service as idempotency
from holdall.idempotency.service import Repeated
from holdall.keys import store
from holdall.keys.model import USED, ApiKey, KeyMade, KeyView, NewKey
from holdall.page import Page, PageRequest
from holdall.projects.model import Membership, Project
from holdall.projects.service import entry, members, projects
from holdall.projects.service.entry import Place
from holdall.roles import service as roles
from holdall.table import Awaited, Reading, Transaction


@dataclass(frozen=True)
class Claims:
    """What a key says of itself; all but the secret stands in its id."""

    key_id: str
    project_id: str
    maker_id: str
    secret: str


@dataclass(frozen=True)
class Standing:
    """What was read about a key: itself, its maker, and what they are in its project."""

    key: Awaited[ApiKey]
    maker: Awaited[Known]
    place: Place


def claims_of(text: str) -> Claims:
    """Who a key says is asking; whether it may is told by its row. Raises Unauthenticated."""
    key_id, secret = tokens.read(TokenKind.KEY, text)
    project_id, maker_id, _ = key_id.split("-")
    return Claims(key_id, project_id, maker_id, secret)


def standing_of(read: Reading, claims: Claims) -> Standing:
    """Ask for all that tells what a key is worth."""
    place = entry.place_of(read, claims.project_id, claims.maker_id)
    return Standing(store.key(read, claims.key_id), users.user(read, claims.maker_id), place)


def admit(claims: Claims, standing: Standing) -> frozenset[str]:
    """What a key may do in its project. Raises Unauthenticated when it does not count.

    It ends with its maker's account and with the very membership that it was made under.
    """
    key, member, now = standing.key.value, standing.place.member.value, clock.now()
    if key is None or not ids.same(ids.digest(claims.secret), key.digest) or not key.live(now):
        raise invalid_token()
    if member is None or not _stays(key, standing.maker.value, member):
        raise invalid_token()
    if key.used_at is None or now - key.used_at > USED:
        with contextlib.suppress(Unavailable):  # the next request will write it: no answer waits for that
            store.touch(key, now)
    return key.scopes & roles.of_key(member.role)


def create(caller: Caller, project: Project, membership: Membership | None, new: NewKey) -> KeyMade:
    """Make a key. Its secret is in this answer and nowhere else.

    Raises Invalid for what is no scope, Conflict for who is no member, Forbidden, audited, for more than the caller holds, and
    AlreadyDone for a repetition.
    """
    for number, scope in enumerate(new.scopes):
        if not roles.is_scope(scope):
            raise Invalid("unknown_scope", "No key may carry this.", pointer=f"/scopes/{number}")
    if membership is None:  # who may go anywhere is no member everywhere, and a key lives by a membership
        raise Conflict("not_a_member", "Only a member can make a key.")
    if not set(new.scopes) <= roles.of_key(membership.role):
        beyond = Forbidden("beyond_own_rights", "A key may do no more than whoever makes it.")
        raise roles.denied(caller, "keys.create", project.id, beyond)
    secret, now = ids.new_secret(), clock.now()
    key = ApiKey(
        id=ids.new_key_id(project.id, caller.user_id),
        project_id=project.id,
        name=new.name,
        scopes=frozenset(new.scopes),
        enabled=True,
        digest=ids.digest(secret),
        membership=membership.id,
        created_by=caller.user_id,
        created_at=now,
        expires_at=new.expires_at,
        used_at=None,
    )
    try:
        with Transaction() as write:
            # One that is made while its project is purged would outlive it.
            projects.check_as_seen(write, project)
            store.add(write, key)
            record(write, caller, "keys.create", key.id)
            idempotency.keep(write, caller, key.id)
    except Repeated:
        raise AlreadyDone(idempotency.outcome(caller)) from None
    return KeyMade(**vars(_view(key, live=True)), key=tokens.write(TokenKind.KEY, key.id, secret))


def page(project: Project, asked: PageRequest) -> Page[KeyView]:
    """The keys of a project, newest first. Two round trips, a third for a page of more than fifty makers."""
    found = store.page(project.id, asked)
    with Reading() as read:
        makers = {
            each.created_by: (users.user(read, each.created_by), members.member(read, project.id, each.created_by))
            for each in found.items
        }
    shown = []
    for each in found.items:
        maker, member = makers[each.created_by]
        shown.append(_view(each, live=_stays(each, maker.value, member.value)))
    return Page(shown, next=found.next, prev=found.prev)


def enable(caller: Caller, project: Project, key_id: str, *, enabled: bool) -> KeyView:
    """Switch a key on or off: with the next request it counts, or does not. Raises NotFound, and Conflict for switching on what
    would not count: its maker has left, or may not come in.
    """
    key, stays = _found(project, key_id)
    if enabled and not stays:
        raise Conflict("maker_left", "Whoever made this key has left the project, or may not come in. Make another.")
    with Transaction() as write:
        store.enable(write, key.id, enabled=enabled, otherwise=NotFound())
        record(write, caller, "keys.enable" if enabled else "keys.disable", key.id)
    return _view(key, live=stays, enabled=enabled)


def remove(caller: Caller, project: Project, key_id: str) -> None:
    """Remove a key: it counts no more on the next request. Raises NotFound."""
    _check_id(project, key_id)
    with Transaction() as write:
        store.remove(write, key_id, otherwise=NotFound())
        record(write, caller, "keys.delete", key_id)


def forget(project_id: str) -> bool:
    """Remove keys of a project that is gone; tells whether there are more. Raises Unavailable."""
    found = store.page(project_id, PageRequest(90))
    if found.items:
        with Transaction() as write:
            for key in found.items:
                store.forget(write, key.id)
    return found.next is not None


def _found(project: Project, key_id: str) -> tuple[ApiKey, bool]:
    """A key, and whether its maker stays."""
    _check_id(project, key_id)
    maker_id = key_id.split("-")[1]
    with Reading() as read:
        key, maker = store.key(read, key_id), users.user(read, maker_id)
        member = members.member(read, project.id, maker_id)
    if key.value is None:
        raise NotFound
    return key.value, _stays(key.value, maker.value, member.value)


def _stays(key: ApiKey, maker: Known | None, member: Membership | None) -> bool:
    """Whether the maker of a key may come in, under the very membership that it was made under."""
    active = maker is not None and maker.user.status == "active"
    return active and member is not None and member.id == key.membership


def _check_id(project: Project, key_id: str) -> None:
    if not ids.is_key_id(key_id) or key_id.split("-", maxsplit=1)[0] != project.id:
        raise NotFound


def _view(key: ApiKey, *, live: bool, enabled: bool | None = None) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        scopes=sorted(key.scopes),
        enabled=live and (key.enabled if enabled is None else enabled),
        created_by=key.created_by,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.used_at,
    )
