"""Guards. They authenticate the caller and check a permission before anything else reads the request."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from holdall.api_keys import service as api_keys
from holdall.api_keys.model import ApiKeyCredentials, InvalidApiKey
from holdall.http.body import MAX_BYTES
from holdall.http.client_info import client_info
from holdall.http.credentials import read_credentials, verify_csrf
from holdall.http.request_values import METHODS_WITH_BODY, body_value, first_text, parse_project_id, query_flag
from holdall.iam.model import SESSION_MAX_AGE, SessionCredentials, User
from holdall.iam.service import sessions
from holdall.platform import clock, ids, observability
from holdall.platform.caller import Caller, ClientInfo, IdempotencyKey
from holdall.platform.errors import BadRequest, Forbidden, NotFound
from holdall.platform.table import BatchGet
from holdall.projects.model import Membership, Project
from holdall.projects.service import access
from holdall.rate_limits import service as rate_limits
from holdall.rate_limits.model import RateLimitStatus
from holdall.roles import service as roles

CONTEXT = "holdall"  # the key of the RequestContext in the context of Powertools
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class SessionRequired(Forbidden):
    """The route needs a session, and the caller sent an API key."""

    code, detail = "session_required", "An API key is not accepted here. Sign in."


class RecentSessionRequired(Forbidden):
    """The route changes how an account is protected, so a session that someone left open is not enough."""

    code, detail = "fresh_session_required", "Sign in again. This requires a sign-in within the last 10 minutes."


class InvalidIdempotencyKey(BadRequest):
    """The Idempotency-Key is empty, too long, or has other characters."""

    code, detail = "bad_idempotency_key", "An Idempotency-Key must have 1 to 255 visible ASCII characters."


class Access(Enum):
    """What a caller needs to call a route."""

    PUBLIC = "public"
    SESSION = "session"
    RECENT_SESSION = "recent_session"
    PERMISSION = "permission"


@dataclass
class RequestContext:
    """The result of a guard. Routes get its parts through the types below."""

    client: ClientInfo
    caller: Caller | None = None  # None on public routes
    user: User | None = None  # the caller's own account, or the creator of the API key
    project: Project | None = None
    membership: Membership | None = None  # of the user. None for a superuser who is not a member
    rate_limit: RateLimitStatus | None = None
    idempotency_key: IdempotencyKey | None = None  # of a public route; otherwise the caller has it
    content: bytes = b""  # the body


def _current(read: Callable[[RequestContext], object]) -> Depends:
    def dependency(request: Request) -> object:
        return read(request.context[CONTEXT])

    return Depends(dependency)


CurrentClient = Annotated[ClientInfo, _current(lambda context: context.client)]
CurrentCaller = Annotated[Caller, _current(lambda context: context.caller)]
CurrentUser = Annotated[User, _current(lambda context: context.user)]
CurrentProject = Annotated[Project, _current(lambda context: context.project)]
# The path is a part of it, so it belongs to the holders of the token in the path.
AnonymousIdempotencyKey = Annotated[IdempotencyKey | None, _current(lambda context: context.idempotency_key)]
CurrentMembership = Annotated[Membership | None, _current(lambda context: context.membership)]


@dataclass(frozen=True)
class Guard:
    """What a route needs. Use the functions below to make one."""

    access: Access
    permission: str = ""
    project_from: tuple[str, ...] = ()
    extra: dict[str, str] = field(default_factory=dict)
    extra_by_value: dict[tuple[str, str], str] = field(default_factory=dict)
    rate_limit: str | None = None
    allow_deleted: bool | str = False
    allow_unknown_query: bool = False
    file_body: bool = False
    max_body_bytes: int = MAX_BYTES

    @property
    def accepts_api_keys(self) -> bool:
        """Return whether an API key with the right scope may call the route."""
        return bool(self.project_from) and roles.is_key_scope(self.permission)

    def query_parameters(self, method: str, path: str) -> frozenset[str]:
        """Return the query parameters that name the project. Otherwise the path or the body names it."""
        if method in METHODS_WITH_BODY and not self.file_body:
            return frozenset()
        return frozenset(name for name in self.project_from if f"{{{name}}}" not in path)

    def authorize(self, event: APIGatewayProxyEventV2, path_parameters: dict[str, str]) -> RequestContext:
        """Authenticate the caller, check the permission, and count the request, in one round trip and one for each limit.

        Raises Unauthenticated, Forbidden, NotFound, BadRequest and TooManyRequests.
        """
        context = self._authenticate(event, path_parameters)
        if self.rate_limit:
            # An API key counts as its creator, so that more keys do not mean more requests.
            counted = (
                rate_limits.hit(self.rate_limit, context.caller.user_id)
                if context.caller
                else rate_limits.hit_network(self.rate_limit, context.client.ip)[0]
            )
            context.rate_limit = counted.rate_limit
        if context.caller and context.project and context.membership is None:
            access.audit_superuser_access(context.caller, context.project)
        return context

    def _authenticate(self, event: APIGatewayProxyEventV2, path_parameters: dict[str, str]) -> RequestContext:
        if self.access is Access.PUBLIC:
            return RequestContext(client_info(event), idempotency_key=self._idempotency_key(event, "anonymous"))
        credentials = read_credentials(event)
        if isinstance(credentials, ApiKeyCredentials):
            return self._authenticate_api_key(event, path_parameters, credentials)
        return self._authenticate_session(event, path_parameters, credentials)

    def _authenticate_session(
        self, event: APIGatewayProxyEventV2, path_parameters: dict[str, str], credentials: SessionCredentials
    ) -> RequestContext:
        user_id, client = credentials.user_id, client_info(event)
        observability.set_log_context(f"user={user_id}")
        project_id = self._project_id(event, path_parameters, ids.personal_project_id(user_id))
        with BatchGet() as batch:
            lookup = sessions.load(batch, credentials)
            project_access = access.load(batch, project_id, user_id) if project_id else None
        authorization = sessions.authenticate(credentials, lookup)
        verify_csrf(event, credentials)
        if self.access is Access.RECENT_SESSION and not authorization.session.is_recently_authenticated(clock.now()):
            raise RecentSessionRequired
        permissions, project, role, membership = authorization.permissions, None, None, None
        if project_access:
            anywhere, allow_deleted = "projects.any" in permissions, self._allows_deleted(event)
            project, role = access.authorize(project_access, all_projects=anywhere, allow_deleted=allow_deleted)
            observability.set_log_context(f"user={user_id} project={project_id}")
            permissions, membership = roles.get_project_role_permissions(role), project_access.membership.value
        self._check_permissions(permissions, event)
        caller = Caller(
            **vars(client),
            user_id=user_id,
            session_id=credentials.session_id,
            global_permissions=authorization.permissions,
            project_role=role,
            csrf_token=sessions.derive_csrf_token(credentials.secret) if credentials.secret else None,
            idempotency_key=self._idempotency_key(event, user_id),
            credentials_expire_at=authorization.session.created_at + SESSION_MAX_AGE,  # if it is used until then
        )
        return RequestContext(client, caller, lookup.account.require(NotFound).user, project, membership)

    def _authenticate_api_key(
        self, event: APIGatewayProxyEventV2, path_parameters: dict[str, str], credentials: ApiKeyCredentials
    ) -> RequestContext:
        key_id, project_id, client = str(credentials.key_id), credentials.key_id.project_id, client_info(event)
        observability.set_log_context(f"key={key_id}")
        with BatchGet() as batch:
            lookup = api_keys.load(batch, credentials.key_id)
        scopes = api_keys.authenticate(credentials, lookup)
        rate_limit = rate_limits.hit("key", key_id).rate_limit
        if self.access is not Access.PERMISSION:
            raise SessionRequired
        if not self.project_from:  # an API key has no permissions outside its project
            raise Forbidden
        if self._project_id(event, path_parameters, project_id) != project_id:
            raise NotFound
        project, role = access.authorize(lookup.access, allow_deleted=self._allows_deleted(event))
        observability.set_log_context(f"key={key_id} project={project_id}")
        self._check_permissions(scopes, event)
        caller = Caller(
            **vars(client),
            user_id=credentials.key_id.creator_id,
            session_id=None,
            global_permissions=frozenset(),
            project_role=role,
            idempotency_key=self._idempotency_key(event, key_id),
            api_key_id=key_id,
            api_key_scopes=scopes,
            credentials_expire_at=lookup.key.require(InvalidApiKey).expires_at,
        )
        user = lookup.creator.require(NotFound).user
        return RequestContext(client, caller, user, project, lookup.access.membership.value, rate_limit)

    def _allows_deleted(self, event: APIGatewayProxyEventV2) -> bool:
        flag = self.allow_deleted
        return query_flag(event, flag) if isinstance(flag, str) else flag

    def _check_permissions(self, permissions: frozenset[str], event: APIGatewayProxyEventV2) -> None:
        extra = {permission for flag, permission in self.extra.items() if query_flag(event, flag)}
        extra |= {
            permission for (name, value), permission in self.extra_by_value.items() if body_value(event, name) == value
        }
        if self.access is Access.PERMISSION and not {self.permission} | extra <= permissions:
            raise Forbidden

    def _project_id(self, event: APIGatewayProxyEventV2, path_parameters: dict[str, str], default: str) -> str | None:
        for name in self.project_from:
            value = path_parameters.get(name) or event.query_string_parameters.get(name)
            if not value and not self.file_body:
                value = first_text(body_value(event, name))
            if value is not None:
                return parse_project_id(name, value)
        return default if self.project_from else None

    def _idempotency_key(self, event: APIGatewayProxyEventV2, principal_id: str) -> IdempotencyKey | None:
        key = event.headers.get("idempotency-key")
        if key is None or event.http_method != "POST":
            return None
        if not _IDEMPOTENCY_KEY.fullmatch(key):
            raise InvalidIdempotencyKey
        # The service identifies a file: a form that is sent again has another boundary, so its bytes differ.
        text = "" if self.file_body else event.decoded_body or ""
        return IdempotencyKey.create(principal_id, event.path, key, text)


def requires(
    permission: str,
    *,
    project_from: str | tuple[str, ...] = (),
    extra: dict[str, str] | None = None,
    extra_by_value: dict[tuple[str, str], str] | None = None,
    rate_limit: str | None = None,
    allow_deleted: bool | str = False,
    file_body: bool = False,
) -> Guard:
    """Require a permission: in the project that a parameter names, or in the installation.

    `project_from` names parameters of the path, query or body, and the first one that is present counts. If none is, the
    project is the caller's personal project, or that of the API key. Of a list of IDs the first one counts: the service refuses
    those of other projects. `extra` maps a query flag to a further permission that the flag requires, and `extra_by_value` a
    field of the body with a value. `allow_deleted` admits a deleted project: always, or if the query flag of this name is true.
    With `file_body`, the body is a file instead of JSON, and names no project.
    """
    names = (project_from,) if isinstance(project_from, str) else project_from
    return Guard(
        Access.PERMISSION,
        permission,
        names,
        extra or {},
        extra_by_value or {},
        rate_limit,
        allow_deleted,
        file_body=file_body,
    )


def session(*, rate_limit: str | None = None) -> Guard:
    """Require a session, but no permission."""
    return Guard(Access.SESSION, rate_limit=rate_limit)


def recent_session(*, rate_limit: str | None = None) -> Guard:
    """Require a session with a sign-in within the last 10 minutes."""
    return Guard(Access.RECENT_SESSION, rate_limit=rate_limit)


def public(
    *,
    rate_limit: str | None = None,
    allow_unknown_query: bool = False,
    file_body: bool = False,
    max_body_bytes: int = MAX_BYTES,
) -> Guard:
    """Require nothing. The rate limit counts by network, because no one is known."""
    return Guard(
        Access.PUBLIC,
        rate_limit=rate_limit,
        allow_unknown_query=allow_unknown_query,
        file_body=file_body,
        max_body_bytes=max_body_bytes,
    )
