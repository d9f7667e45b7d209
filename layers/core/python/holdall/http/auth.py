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

from holdall.api_keys import service as api_keys
from holdall.http import credentials
from holdall.iam.model import SessionCredentials
from holdall.iam.service import sessions
from holdall.platform import clock, ids, observability
from holdall.platform.caller import Caller, ClientInfo, IdempotencyKey
from holdall.platform.config import settings
from holdall.platform.errors import BadRequest, Forbidden, NotFound
from holdall.platform.table import BatchGet
from holdall.projects.service import access as entry
from holdall.rate_limits import service as rate_limits
from holdall.roles import service as roles

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})  # as pydantic reads a bool


@dataclass(frozen=True)
class Guard:
    """Who may come in. With a `permission` of a project, `of` says which parameters lead to the project."""

    access: str  # anyone, session, fresh or permission
    permission: str = ""
    project_from: tuple[str, ...] = ()
    extra: dict[str, str] = field(default_factory=dict)  # a query parameter that is true -> the permission it asks for
    rate_limit: str = ""  # how often: by network for anyone, by user for those who are known
    allow_unknown_query: bool = (
        False  # whether parameters that the route does not name are passed over, and not refused
    )
    allow_deleted: str = ""  # lets into a deleted project: "always", or where this query parameter is true

    @property
    def query_parameters(self) -> frozenset[str]:
        """The query parameters that the door itself reads."""
        return frozenset(self.extra)

    @property
    def accepts_api_keys(self) -> bool:
        """Whether an API key with the right scope comes in."""
        return bool(self.project_from) and roles.is_key_scope(self.permission)

    def authorize(self, event: APIGatewayProxyEventV2, context: dict[str, Any]) -> None:
        """Let the caller in and tell the route who came.

        Raises Unauthenticated, Forbidden, NotFound, Malformed and TooMany.
        """
        visitor = _client_info(event)
        context["client"] = visitor
        if self.access != "public":
            self._authenticate(event, context, visitor)
        if self.rate_limit:
            subject = context["caller"].principal if "caller" in context else visitor.ip
            context["rate_limit"] = rate_limits.hit(self.rate_limit, subject).rate_limit
        if "project" in context and context["membership"] is None:
            entry.audit_superuser_access(context["caller"], context["project"])

    def _authenticate(self, event: APIGatewayProxyEventV2, context: dict[str, Any], client: ClientInfo) -> None:
        claims = credentials.read_credentials(event)
        if isinstance(claims, api_keys.ApiKeyCredentials):
            context["caller"] = self._authenticate_api_key(event, context, client, claims)
        else:
            context["caller"] = self._authenticate_session(event, context, client, claims)

    def _authenticate_session(
        self, event: APIGatewayProxyEventV2, context: dict[str, Any], client: ClientInfo, claims: SessionCredentials
    ) -> Caller:
        observability.set_log_context(f"user={claims.user_id}")
        home = ids.personal_project_id(claims.user_id)
        project_id = self._project_id(event, context, home) if self.project_from else None
        with BatchGet() as read:
            standing = sessions.load(read, claims)
            place = entry.load(read, project_id, claims.user_id) if project_id else None
        rights = sessions.authenticate(claims, standing)
        context["user"] = standing.account.value
        credentials.verify_csrf(event, claims)
        if self.access == "recent_session" and not rights.session.is_recently_authenticated(clock.now()):
            raise Forbidden(
                "Sign in again. This requires a sign-in within the last 10 minutes.", code="fresh_session_required"
            )
        held, role = rights.permissions, None
        if place is not None:
            anywhere = "projects.any" in rights.permissions
            context["project"], role = entry.authorize(
                place, all_projects=anywhere, allow_deleted=self._allows_deleted(event)
            )
            context["membership"] = place.membership.value
            observability.set_log_context(f"user={claims.user_id} project={project_id}")
            held = roles.get_project_role_permissions(role)
        self._check_permissions(held, event)
        return Caller(
            client.ip,
            client.user_agent,
            client.request_id,
            claims.user_id,
            claims.session_id,
            rights.permissions,
            project_id,
            role,
            sessions.derive_csrf_token(claims.secret) if claims.secret else None,
            _idempotency_key(event, claims.user_id),
        )

    def _authenticate_api_key(
        self,
        event: APIGatewayProxyEventV2,
        context: dict[str, Any],
        client: ClientInfo,
        api_key: api_keys.ApiKeyCredentials,
    ) -> Caller:
        observability.set_log_context(f"key={api_key.key_id}")
        with BatchGet() as read:
            standing = api_keys.load(read, api_key)
        held = api_keys.authenticate(api_key, standing)
        context["rate_limit"] = rate_limits.hit("key", api_key.key_id).rate_limit
        if self.access != "permission":
            raise Forbidden("An API key is not accepted here. Sign in.", code="session_required")
        if not self.project_from:
            raise Forbidden  # outside of its project a key has no rights
        if self._project_id(event, context, api_key.project_id) != api_key.project_id:
            raise NotFound
        context["project"], role = entry.authorize(standing.access, allow_deleted=self._allows_deleted(event))
        context["membership"], context["user"] = standing.access.membership.value, standing.creator.value
        observability.set_log_context(f"key={api_key.key_id} project={api_key.project_id}")
        self._check_permissions(held, event)
        return Caller(
            client.ip,
            client.user_agent,
            client.request_id,
            api_key.creator_id,
            "",
            frozenset(),
            api_key.project_id,
            role,
            idempotency_key=_idempotency_key(event, api_key.key_id),
            api_key_id=api_key.key_id,
        )

    def _allows_deleted(self, event: APIGatewayProxyEventV2) -> bool:
        return self.allow_deleted == "always" or (bool(self.allow_deleted) and _query_flag(event, self.allow_deleted))

    def _check_permissions(self, permissions: frozenset[str], event: APIGatewayProxyEventV2) -> None:
        asked = [name for flag, name in self.extra.items() if _query_flag(event, flag)]
        if self.access == "permission" and not {self.permission, *asked} <= permissions:
            raise Forbidden

    def _project_id(self, event: APIGatewayProxyEventV2, context: dict[str, Any], default: str) -> str:
        for name in self.project_from:
            given = (
                context["_route_args"].get(name) or event.query_string_parameters.get(name) or _body_value(event, name)
            )
            if isinstance(given, str):
                return _parse_project_id(name, given)
        return default


def requires(
    permission: str,
    *,
    project_from: str | tuple[str, ...] = (),
    extra: dict[str, str] | None = None,
    rate_limit: str = "",
    allow_deleted: str = "",
) -> Any:
    """A permission. `of` names the path, query or body parameter, or several in their order, that leads to the project;
    a route that may go without falls back to the caller's personal project, or to the key's. `when` names more for true query
    flags, and `deleted` the flag that makes a deleted project one to enter, or "always".
    """
    names = (project_from,) if isinstance(project_from, str) else project_from
    return _guarded(
        Guard("permission", permission, names, extra or {}, rate_limit, allow_deleted=allow_deleted), "caller"
    )


def session(*, rate_limit: str = "") -> Any:
    """A session, and no permission."""
    return _guarded(Guard("session", rate_limit=rate_limit), "caller")


def recent_session(*, rate_limit: str = "") -> Any:
    """A session that began within the last ten minutes: what guards the account is not changed by a forgotten one."""
    return _guarded(Guard("recent_session", rate_limit=rate_limit), "caller")


def public(*, rate_limit: str = "", allow_unknown_query: bool = False) -> Any:
    """Nobody in particular."""
    return _guarded(Guard("public", rate_limit=rate_limit, allow_unknown_query=allow_unknown_query), "client")


def _from_context(name: str) -> Depends:
    """What a door found on its way, so that no route reads it again."""

    def found(request: Request) -> Any:
        return request.context[name]

    return Depends(found)


CurrentProject = _from_context("project")
CurrentMembership = _from_context("membership")
CurrentUser = _from_context("user")


def _guarded(guard: Guard, name: str) -> Depends:
    def admitted(request: Request) -> Any:
        return request.context[name]

    depends = Depends(admitted)
    depends.guard = guard  # type: ignore[attr-defined]
    return depends


@cache
def guard_of(route: Callable[..., Any]) -> Guard | None:
    """The door in the signature of a route, or None."""
    hints = get_type_hints(route, include_extras=True).values()
    marks = (mark for hint in hints for mark in getattr(hint, "__metadata__", ()))
    return next((mark.guard for mark in marks if hasattr(mark, "guard")), None)


def _query_flag(event: APIGatewayProxyEventV2, name: str) -> bool:
    return event.query_string_parameters.get(name, "").lower() in _TRUE


def _body_value(event: APIGatewayProxyEventV2, name: str) -> Any:
    value = event.json_body if event.http_method in {"POST", "PUT", "PATCH"} else None
    return value.get(name) if isinstance(value, dict) else None


def _parse_project_id(name: str, value: str) -> str:
    if name == "projectId" and not ids.is_project_id(value):
        raise NotFound
    if name == "projectId":
        return value
    return ids.project_id_of_object_key(value) if name == "key" else ids.project_id_of(value)


def _client_info(event: APIGatewayProxyEventV2) -> ClientInfo:
    headers = event.headers
    from_edge = ids.constant_time_equal(headers.get("x-holdall-origin-verify") or "", settings().origin_verify_secret)
    told = headers.get("x-holdall-viewer") if from_edge else None
    address = told or event.request_context.http.source_ip or ""
    return ClientInfo(_network(address), (headers.get("user-agent") or "")[:256], observability.request_id())


def _network(ip: str) -> str:
    """The network that an address belongs to: itself, and for IPv6 its /64, of which anybody has plenty."""
    try:
        known = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    if known.version == 4:
        return str(known)
    return str(ipaddress.ip_network((known, 64), strict=False))


def _idempotency_key(event: APIGatewayProxyEventV2, principal_id: str) -> IdempotencyKey | None:
    key = event.headers.get("idempotency-key")
    if key is None or event.http_method != "POST":
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise BadRequest("An Idempotency-Key must have 1 to 255 visible ASCII characters.", code="bad_idempotency_key")
    route = f"{principal_id} {event.path} {key}"
    return IdempotencyKey(ids.sha256_hex(route), ids.sha256_hex(event.decoded_body or ""))
