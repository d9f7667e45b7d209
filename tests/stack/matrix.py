"""Who may do what where: a row for each route, written by hand from the contract, and what follows from it for everybody.

The rows say what a route asks; `roles.permissions` says who holds that. A route without its row fails the tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from holdall.roles.permissions import PERMISSIONS
from tests.stack.work import wish

Where = Literal["own", "foreign", "deleted", "spare"]
Body = Callable[["Place"], Any]


@dataclass(frozen=True)
class Place:
    """A project, and the ids of what is in it, by the name of the parameter that takes them."""

    project_id: str
    ids: Mapping[str, str]


@dataclass(frozen=True)
class Who:
    """Somebody who asks. `roles` count everywhere, `role` in their own project and in the deleted one."""

    name: str
    roles: frozenset[str] = frozenset()
    role: str = ""
    scopes: frozenset[str] | None = None  # of an API key, which its owner made

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Row:
    """What a route asks: nothing (`anyone`), a session, a fresh one, or a permission."""

    asks: str
    body: Body | None = None
    query: str = ""
    more: str = ""  # a permission that is asked beside
    also_deleted: bool = False  # whether it is about deleted projects too

    @property
    def in_project(self) -> bool:
        return self.asks in PERMISSIONS and bool(PERMISSIONS[self.asks].project_roles)


def expected(row: Row, who: Who, where: Where) -> int:
    """The status of a refusal, or 0 for somebody who is let in."""
    if row.asks == "anyone":
        return 0
    if who.name == "nobody":
        return 401
    if row.asks in ("session", "fresh"):
        return 403 if who.scopes is not None else 0
    if not row.in_project:
        holders = PERMISSIONS[row.asks].global_roles
        return 403 if who.scopes is not None or who.roles.isdisjoint(holders) else 0
    role = who.role if where != "foreign" else ""
    if not role and who.scopes is None and not who.roles.isdisjoint(PERMISSIONS["projects.any"].global_roles):
        role = "owner"
    if not role or (where == "deleted" and not row.also_deleted):
        return 404
    asked = {row.asks, row.more} - {""}
    held = all(role in PERMISSIONS[name].project_roles for name in asked)
    carried = who.scopes is None or asked <= {name for name in who.scopes if PERMISSIONS[name].key_scope}
    return 0 if held and carried else 403


def _said(**body: Any) -> Body:
    return lambda _: body


def _given(name: str, parameter: str, **more: Any) -> Body:
    return lambda place: {name: place.ids[parameter], **more}


_ADDRESS, _PASSWORD = "matrix@example.test", "correct horse battery"
_NO_TOKEN = "x" * 40
_OPEN, _SESSION, _FRESH = Row("anyone"), Row("session"), Row("fresh")

ROWS: dict[str, Row] = {
    "GET /.well-known/jwks.json": _OPEN,
    "POST /auth/2fa/verify": Row("anyone", _said(mfaToken=_NO_TOKEN, code="000000")),
    "POST /auth/accept-invitation": Row("anyone", _said(token=_NO_TOKEN, password=_PASSWORD)),
    "POST /auth/confirm-email": Row("anyone", _said(token=_NO_TOKEN)),
    "POST /auth/forgot-password": Row("anyone", _said(email=_ADDRESS)),
    "POST /auth/login": Row("anyone", _said(email=_ADDRESS, password=_PASSWORD)),
    "GET /auth/oauth/{provider}/start": _OPEN,
    "POST /auth/refresh": Row("anyone", _said(refreshToken=_NO_TOKEN)),
    "POST /auth/reset-password": Row("anyone", _said(token=_NO_TOKEN, password=_PASSWORD)),
    "POST /auth/sign-up": Row("anyone", _said(email=_ADDRESS, password=_PASSWORD)),
    "POST /auth/verify-email": Row("anyone", _said(token=_NO_TOKEN, password=_PASSWORD)),
    "POST /auth/verify-email/resend": Row("anyone", _said(email=_ADDRESS)),
    "GET /docs": _OPEN,
    "GET /docs/{asset}": _OPEN,
    "GET /health": _OPEN,
    "GET /health/ready": _OPEN,
    "GET /openapi.json": _OPEN,
    "POST /auth/logout": _SESSION,
    "POST /auth/logout-all": _SESSION,
    "GET /auth/me": _SESSION,
    "GET /auth/sessions": _SESSION,
    "DELETE /auth/sessions/{sessionId}": _SESSION,
    "GET /auth/identities": _SESSION,
    "POST /auth/change-password": Row("session", _said(currentPassword=_PASSWORD, newPassword="another horse battery")),
    "POST /auth/change-email": Row("session", _said(email=_ADDRESS, password=_PASSWORD)),
    "GET /users/me": _SESSION,
    "PUT /users/me": Row("session", _said(name="Matrix")),
    "DELETE /users/me": Row("fresh", _said(password=_PASSWORD)),
    "POST /auth/2fa/setup": _FRESH,
    "POST /auth/2fa/enable": Row("fresh", _said(code="000000")),
    "POST /auth/2fa/disable": _FRESH,
    "POST /auth/2fa/recovery-codes": _FRESH,
    "POST /auth/identities/{provider}/link": _FRESH,
    "DELETE /auth/identities/{provider}": _FRESH,
    "GET /users": Row("users.read"),
    "POST /users": Row("users.create", _given("email", "newEmail", roles=["user"])),
    "GET /users/{userId}": Row("users.read"),
    "PUT /users/{userId}": Row("users.update", _said(name="Matrix")),
    "DELETE /users/{userId}": Row("users.delete"),
    "POST /users/{userId}/roles": Row("users.update", _said(role="admin")),
    "DELETE /users/{userId}/roles/{role}": Row("users.update"),
    "GET /roles": Row("roles.read"),
    "POST /roles": Row("roles.create", _given("name", "newRole", permissions=["users.read"])),
    "GET /roles/{name}": Row("roles.read"),
    "PUT /roles/{name}": Row("roles.update", _said(permissions=["users.create"])),
    "DELETE /roles/{name}": Row("roles.delete"),
    "GET /permissions": Row("permissions.read"),
    "POST /permissions": Row("permissions.create", _given("name", "newPermission")),
    "DELETE /permissions/{permission}": Row("permissions.delete"),
    "POST /authz/explain": Row("session", _said(permission="users.read")),
    "GET /audit": Row("audit.read"),
    "GET /audit/export": Row("audit.read"),
    "GET /projects": _SESSION,
    "POST /projects": Row("projects.create", _said(name="Matrix")),
    "GET /projects/{projectId}": Row("projects.read"),
    "PUT /projects/{projectId}": Row("projects.update", _said(name="Matrix")),
    "DELETE /projects/{projectId}": Row("projects.delete"),
    "POST /projects/{projectId}/restore": Row("projects.delete", also_deleted=True),
    "DELETE /projects/{projectId}?permanent=true": Row("projects.delete", also_deleted=True),
    "GET /projects/{projectId}/usage": Row("projects.read"),
    "POST /projects/{projectId}/sync-variants": Row("variants.sync"),
    "GET /projects/{projectId}/members": Row("members.read"),
    "PATCH /projects/{projectId}/members/{userId}": Row("members.write", _said(role="editor")),
    "DELETE /projects/{projectId}/members/{userId}": Row("members.write"),
    "POST /projects/{projectId}/transfer": Row("members.write", _given("userId", "userId")),
    "POST /projects/{projectId}/leave": Row("members.read"),
    "POST /projects/{projectId}/invitations": Row("members.write", _said(email=_ADDRESS, role="viewer")),
    "GET /projects/{projectId}/invitations": Row("members.write"),
    "DELETE /projects/{projectId}/invitations/{invitationId}": Row("members.write"),
    "POST /invitations/accept": Row("session", _said(token=_NO_TOKEN)),
    "POST /projects/{projectId}/keys": Row("keys.write", _said(name="Matrix", scopes=["files.read"])),
    "GET /projects/{projectId}/keys": Row("keys.write"),
    "PATCH /projects/{projectId}/keys/{keyId}": Row("keys.write", _said(enabled=False)),
    "DELETE /projects/{projectId}/keys/{keyId}": Row("keys.write"),
    "POST /files/init-upload": Row("files.write", lambda place: wish(b"x", projectId=place.project_id)),
    "POST /files/commit": Row("files.write", _given("uploadId", "uploadId")),
    "GET /files": Row("files.read", query="projectId={projectId}"),
    "GET /files/{fileId}": Row("files.read"),
    "GET /files/{fileId}/content": Row("files.read"),
    "DELETE /files/{fileId}": Row("files.write"),
    "DELETE /files/{fileId}?permanent=true": Row("files.purge", more="files.write"),
}
# What takes any parameter, as providers add their own, cannot be asked by one that it does not know.
APART = {"GET /auth/oauth/{provider}/callback"}
