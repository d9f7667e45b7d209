"""Doors: what a route asks of whoever comes. Each stands in the signature of its route, so a test can list them.

caller: Annotated[Caller, needs("files.share", of="fileId")]      a permission, where the id's project is
caller: Annotated[Caller, signed_in()]                            any session: what concerns only the caller
visitor: Annotated[Visitor, anyone()]                             nobody needs to be known
project: Annotated[Project, Placed]                               the project that the door found
own: Annotated[Membership | None, Joined]                         what the caller is there; None for who may go anywhere
known: Annotated[Known, Myself]                                   the caller's user
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_type_hints

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from holdall import clock, ids, observe
from holdall.caller import Caller, Once, Visitor
from holdall.config import settings
from holdall.errors import Forbidden, Malformed, NotFound
from holdall.http import credentials
from holdall.iam.model import Claims
from holdall.iam.service import sessions
from holdall.keys import service as keys
from holdall.limits import service as limits
from holdall.projects.service import entry
from holdall.roles import service as roles
from holdall.table import Reading

_ONCE = re.compile(r"[\x21-\x7e]{1,255}")
_TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})  # as pydantic reads a bool


@dataclass(frozen=True)
class Door:
    """Who may come in. With a `permission` of a project, `of` says which parameters lead to the project."""

    kind: str  # anyone, session, fresh or permission
    permission: str = ""
    of: tuple[str, ...] = ()
    when: dict[str, str] = field(default_factory=dict)  # a query parameter that is true -> the permission it asks for
    limit: str = ""  # how often: by network for anyone, by user for those who are known
    any_query: bool = False  # whether parameters that the route does not name are passed over, and not refused
    deleted: str = ""  # lets into a deleted project: "always", or where this query parameter is true

    @property
    def query(self) -> frozenset[str]:
        """The query parameters that the door itself reads."""
        return frozenset(self.when)

    @property
    def takes_keys(self) -> bool:
        """Whether an API key with the right scope comes in."""
        return bool(self.of) and roles.is_scope(self.permission)

    def admit(self, event: APIGatewayProxyEventV2, context: dict[str, Any]) -> None:
        """Let the caller in and tell the route who came.

        Raises Unauthenticated, Forbidden, NotFound, Malformed and TooMany.
        """
        visitor = _visitor(event)
        context["visitor"] = visitor
        if self.kind != "anyone":
            self._admit_known(event, context, visitor)
        if self.limit:
            subject = context["caller"].principal if "caller" in context else visitor.address
            context["allowance"] = limits.take(self.limit, subject).allowance
        if "project" in context and context["membership"] is None:
            entry.record_visit(context["caller"], context["project"])

    def _admit_known(self, event: APIGatewayProxyEventV2, context: dict[str, Any], visitor: Visitor) -> None:
        claims = credentials.claims_of(event)
        if isinstance(claims, keys.Claims):
            context["caller"] = self._admit_key(event, context, visitor, claims)
        else:
            context["caller"] = self._admit_session(event, context, visitor, claims)

    def _admit_session(
        self, event: APIGatewayProxyEventV2, context: dict[str, Any], visitor: Visitor, claims: Claims
    ) -> Caller:
        observe.place(f"user={claims.user_id}")
        home = ids.personal_project_id(claims.user_id)
        project_id = self._project_id(event, context, home) if self.of else None
        with Reading() as read:
            standing = sessions.session_of(read, claims)
            place = entry.place_of(read, project_id, claims.user_id) if project_id else None
        rights = sessions.admit(claims, standing)
        context["known"] = standing.user.value
        credentials.check_same_site(event, claims)
        if self.kind == "fresh" and not rights.session.fresh(clock.now()):
            raise Forbidden("fresh_session_required", "Sign in again: this wants a sign-in of the last ten minutes.")
        held, role = rights.permissions, None
        if place is not None:
            anywhere = "projects.any" in rights.permissions
            context["project"], role = entry.enter(place, anywhere=anywhere, deleted=self._takes_deleted(event))
            context["membership"] = place.member.value
            observe.place(f"user={claims.user_id} project={project_id}")
            held = roles.in_project(role)
        self._check(held, event)
        return Caller(
            visitor.address,
            visitor.agent,
            visitor.request_id,
            claims.user_id,
            claims.session_id,
            rights.permissions,
            project_id,
            role,
            sessions.csrf_of(claims.secret) if claims.secret else None,
            _once(event, claims.user_id),
        )

    def _admit_key(
        self, event: APIGatewayProxyEventV2, context: dict[str, Any], visitor: Visitor, claims: keys.Claims
    ) -> Caller:
        observe.place(f"key={claims.key_id}")
        with Reading() as read:
            standing = keys.standing_of(read, claims)
        held = keys.admit(claims, standing)
        context["allowance"] = limits.take("key", claims.key_id).allowance
        if self.kind != "permission":
            raise Forbidden("session_required", "An API key is not enough here: sign in.")
        if not self.of:
            raise Forbidden  # outside of its project a key has no rights
        if self._project_id(event, context, claims.project_id) != claims.project_id:
            raise NotFound
        context["project"], role = entry.enter(standing.place, deleted=self._takes_deleted(event))
        context["membership"], context["known"] = standing.place.member.value, standing.maker.value
        observe.place(f"key={claims.key_id} project={claims.project_id}")
        self._check(held, event)
        return Caller(
            visitor.address,
            visitor.agent,
            visitor.request_id,
            claims.maker_id,
            "",
            frozenset(),
            claims.project_id,
            role,
            once=_once(event, claims.key_id),
            key_id=claims.key_id,
        )

    def _takes_deleted(self, event: APIGatewayProxyEventV2) -> bool:
        return self.deleted == "always" or (bool(self.deleted) and _flag(event, self.deleted))

    def _check(self, held: frozenset[str], event: APIGatewayProxyEventV2) -> None:
        asked = [name for flag, name in self.when.items() if _flag(event, flag)]
        if self.kind == "permission" and not {self.permission, *asked} <= held:
            raise Forbidden

    def _project_id(self, event: APIGatewayProxyEventV2, context: dict[str, Any], home: str) -> str:
        for name in self.of:
            given = context["_route_args"].get(name) or event.query_string_parameters.get(name) or _in_body(event, name)
            if isinstance(given, str):
                return _project_of(name, given)
        return home


def needs(
    permission: str,
    *,
    of: str | tuple[str, ...] = (),
    when: dict[str, str] | None = None,
    limit: str = "",
    deleted: str = "",
) -> Any:
    """A permission. `of` names the path, query or body parameter, or several in their order, that leads to the project;
    a route that may go without falls back to the caller's personal project, or to the key's. `when` names more for true query
    flags, and `deleted` the flag that makes a deleted project one to enter, or "always".
    """
    names = (of,) if isinstance(of, str) else of
    return _depends(Door("permission", permission, names, when or {}, limit, deleted=deleted), "caller")


def signed_in(*, limit: str = "") -> Any:
    """A session, and no permission."""
    return _depends(Door("session", limit=limit), "caller")


def fresh(*, limit: str = "") -> Any:
    """A session that began within the last ten minutes: what guards the account is not changed by a forgotten one."""
    return _depends(Door("fresh", limit=limit), "caller")


def anyone(*, limit: str = "", any_query: bool = False) -> Any:
    """Nobody in particular."""
    return _depends(Door("anyone", limit=limit, any_query=any_query), "visitor")


def _found(name: str) -> Depends:
    """What a door found on its way, so that no route reads it again."""

    def found(request: Request) -> Any:
        return request.context[name]

    return Depends(found)


Placed = _found("project")
Joined = _found("membership")
Myself = _found("known")


def _depends(door: Door, name: str) -> Depends:
    def admitted(request: Request) -> Any:
        return request.context[name]

    depends = Depends(admitted)
    depends.door = door  # type: ignore[attr-defined]
    return depends


@cache
def door_of(route: Callable[..., Any]) -> Door | None:
    """The door in the signature of a route, or None."""
    hints = get_type_hints(route, include_extras=True).values()
    marks = (mark for hint in hints for mark in getattr(hint, "__metadata__", ()))
    return next((mark.door for mark in marks if hasattr(mark, "door")), None)


def _flag(event: APIGatewayProxyEventV2, name: str) -> bool:
    return event.query_string_parameters.get(name, "").lower() in _TRUE


def _in_body(event: APIGatewayProxyEventV2, name: str) -> Any:
    value = event.json_body if event.http_method in {"POST", "PUT", "PATCH"} else None
    return value.get(name) if isinstance(value, dict) else None


def _project_of(name: str, given: str) -> str:
    if name == "projectId" and not ids.is_project_id(given):
        raise NotFound
    if name == "projectId":
        return given
    return ids.project_of_key(given) if name == "key" else ids.project_of(given)


def _visitor(event: APIGatewayProxyEventV2) -> Visitor:
    headers = event.headers
    from_edge = ids.same(headers.get("x-holdall-edge") or "", settings().edge_secret)
    told = headers.get("x-holdall-viewer") if from_edge else None
    address = told or event.request_context.http.source_ip or ""
    return Visitor(_network(address), (headers.get("user-agent") or "")[:256], observe.request_id())


def _network(address: str) -> str:
    """The network that an address belongs to: itself, and for IPv6 its /64, of which anybody has plenty."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if known.version == 4:
        return str(known)
    return str(ipaddress.ip_network((known, 64), strict=False))


def _once(event: APIGatewayProxyEventV2, principal: str) -> Once | None:
    key = event.headers.get("idempotency-key")
    if key is None or event.http_method != "POST":
        return None
    if not _ONCE.fullmatch(key):
        raise Malformed("bad_idempotency_key", "An Idempotency-Key has 1 to 255 visible ASCII characters.")
    route = f"{principal} {event.path} {key}"
    return Once(ids.digest(route), ids.digest(event.decoded_body or ""))
