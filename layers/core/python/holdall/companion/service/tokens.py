"""Use cases of companion tokens: issue one, and authorize its holder."""

from dataclasses import dataclass
from datetime import datetime

from holdall.api_keys import service as api_keys
from holdall.api_keys.service import ApiKeyLookup
from holdall.audit.service import log
from holdall.companion import store
from holdall.companion.model import MAX_LIFETIME, CompanionEndpoint, CompanionToken, EndpointNotFound
from holdall.iam.model import SessionCredentials
from holdall.iam.service import sessions
from holdall.iam.service.sessions import SessionLookup
from holdall.idempotency import service as idempotency
from holdall.platform import clock, observability
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.config import settings
from holdall.platform.errors import Forbidden, NotFound, Unauthenticated
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.projects.model import Project, Role
from holdall.projects.service import access
from holdall.projects.service.access import ProjectAccess
from holdall.roles import service as roles
from holdall.roles.model import SUPERUSER

_PERMISSION = "files.write"


@dataclass(frozen=True)
class UserLookup:
    """The records that decide whether a session is active, and what its user may do in a project."""

    session: SessionLookup
    access: ProjectAccess


@dataclass(frozen=True)
class TokenLookup:
    """The records that decide whether a token is valid, and for what."""

    token: CompanionToken
    expires_at: Pending[datetime]
    principal: UserLookup | ApiKeyLookup


def issue(caller: Caller, project: Project) -> CompanionEndpoint:
    """Issue a token. It ends with the session or the API key of the caller. No other function returns it.

    Raises AlreadyProcessed for a duplicate request.
    """
    token, expires_at = CompanionToken.create(caller, project.id), clock.now() + MAX_LIFETIME
    if caller.credentials_expire_at is not None:
        expires_at = min(expires_at, caller.credentials_expire_at)

    def work(tx: Transaction) -> CompanionEndpoint:
        store.put(tx, token, expires_at)
        log(tx, caller, "companion_tokens.create", project.id)
        return CompanionEndpoint(endpoint=f"{settings().public_url}/api/v1/u/{token}", expires_at=expires_at)

    return idempotency.run(caller, work, save=lambda _: project.id, replay=idempotency.reject_replay)


def load(batch: BatchGet, token: CompanionToken) -> TokenLookup:
    """Read everything that authorization needs."""
    principal: UserLookup | ApiKeyLookup
    if token.api_key_id is not None:
        principal = api_keys.load(batch, token.api_key_id)
    else:
        principal = UserLookup(
            sessions.load(batch, SessionCredentials(token.user_id, token.session_id or "")),
            access.load(batch, token.project_id, token.user_id),
        )
    return TokenLookup(token, store.get_expiry(batch, token), principal)


def authorize(client: ClientInfo, lookup: TokenLookup) -> tuple[Caller, Project]:
    """Return the caller who requested a token, and its project.

    Raises EndpointNotFound if the token is not valid any more, and Forbidden if the caller may not upload any more.
    """
    token = lookup.token
    if lookup.expires_at.require(EndpointNotFound) <= clock.now():
        raise EndpointNotFound
    try:
        project, role, permissions = _authorize(token, lookup.principal)
    except (NotFound, Unauthenticated):
        raise EndpointNotFound from None
    principal = f"key={token.api_key_id}" if token.api_key_id else f"user={token.user_id}"
    observability.set_log_context(f"{principal} project={project.id}")
    if _PERMISSION not in permissions:
        raise Forbidden
    caller = Caller(
        **vars(client),
        user_id=token.user_id,
        session_id=token.session_id,
        global_permissions=frozenset(),
        project_role=role,
        api_key_id=str(token.api_key_id) if token.api_key_id else None,
    )
    return caller, project


def _authorize(token: CompanionToken, principal: UserLookup | ApiKeyLookup) -> tuple[Project, Role, frozenset[str]]:
    if isinstance(principal, ApiKeyLookup):
        permissions = api_keys.get_permissions(principal)
        return *access.authorize(principal.access), permissions
    account, _ = sessions.require_active(token.user_id, principal.session)
    project, role = access.authorize(principal.access, all_projects=SUPERUSER in account.user.roles)
    return project, role, roles.get_project_role_permissions(role)
