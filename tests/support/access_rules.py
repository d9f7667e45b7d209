"""Who may do what where: a row for each route, written by hand from the contract, and what follows from it for everybody.

The rows say what a route asks; `roles.permissions` says who holds that. A route without its row fails the tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from holdall.roles.permissions import PERMISSIONS
from tests.support.e2e.actions import make_upload_request

Target = Literal["own", "other", "deleted", "spare"]
MakeBody = Callable[["TargetProject"], Any]


@dataclass(frozen=True)
class TargetProject:
    """A project, and the ids of what is in it, by the name of the parameter that takes them."""

    project_id: str
    ids: Mapping[str, str]


@dataclass(frozen=True)
class Principal:
    """Somebody who asks. `roles` count everywhere, `role` in their own project and in the deleted one."""

    name: str
    global_roles: frozenset[str] = frozenset()
    project_role: str = ""
    scopes: frozenset[str] | None = None  # of an API key, which its owner made

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class AccessRule:
    """What a route asks: nothing (`anyone`), a session, a fresh one, or a permission."""

    access: str
    make_body: MakeBody | None = None
    query: str = ""
    extra_permission: str = ""  # a permission that is asked beside
    allow_deleted: bool = False  # whether it is about deleted projects too

    @property
    def is_in_project(self) -> bool:
        return self.access in PERMISSIONS and bool(PERMISSIONS[self.access].project_roles)


def expected_status(rule: AccessRule, principal: Principal, target: Target) -> int:
    """The status of a refusal, or 0 for somebody who is let in."""
    if rule.access == "public":
        return 0
    if principal.name == "anonymous":
        return 401
    if rule.access in ("session", "recent_session"):
        return 403 if principal.scopes is not None else 0
    if not rule.is_in_project:
        holders = PERMISSIONS[rule.access].global_roles
        return 403 if principal.scopes is not None or principal.global_roles.isdisjoint(holders) else 0
    role = principal.project_role if target != "other" else ""
    if (
        not role
        and principal.scopes is None
        and not principal.global_roles.isdisjoint(PERMISSIONS["projects.any"].global_roles)
    ):
        role = "owner"
    if not role or (target == "deleted" and not rule.allow_deleted):
        return 404
    asked = {rule.access, rule.extra_permission} - {""}
    held = all(role in PERMISSIONS[name].project_roles for name in asked)
    carried = principal.scopes is None or asked <= {name for name in principal.scopes if PERMISSIONS[name].is_key_scope}
    return 0 if held and carried else 403


def _payload(**body: Any) -> MakeBody:
    return lambda _: body


def _payload_with_id(field: str, parameter: str, **fields: Any) -> MakeBody:
    return lambda place: {field: place.ids[parameter], **fields}


_EMAIL, _PASSWORD = "matrix@example.test", "correct horse battery"
_INVALID_TOKEN = "x" * 40
_PUBLIC, _SESSION, _RECENT_SESSION = AccessRule("public"), AccessRule("session"), AccessRule("recent_session")

ACCESS_RULES: dict[str, AccessRule] = {
    "GET /.well-known/jwks.json": _PUBLIC,
    "POST /auth/2fa/verify": AccessRule("public", _payload(mfaToken=_INVALID_TOKEN, code="000000")),
    "POST /auth/accept-invitation": AccessRule("public", _payload(token=_INVALID_TOKEN, password=_PASSWORD)),
    "POST /auth/confirm-email": AccessRule("public", _payload(token=_INVALID_TOKEN)),
    "POST /auth/forgot-password": AccessRule("public", _payload(email=_EMAIL)),
    "POST /auth/login": AccessRule("public", _payload(email=_EMAIL, password=_PASSWORD)),
    "GET /auth/oauth/{provider}/start": _PUBLIC,
    "POST /auth/refresh": AccessRule("public", _payload(refreshToken=_INVALID_TOKEN)),
    "POST /auth/reset-password": AccessRule("public", _payload(token=_INVALID_TOKEN, password=_PASSWORD)),
    "POST /auth/sign-up": AccessRule("public", _payload(email=_EMAIL, password=_PASSWORD)),
    "POST /auth/verify-email": AccessRule("public", _payload(token=_INVALID_TOKEN, password=_PASSWORD)),
    "POST /auth/verify-email/resend": AccessRule("public", _payload(email=_EMAIL)),
    "GET /docs": _PUBLIC,
    "GET /docs/{asset}": _PUBLIC,
    "GET /health": _PUBLIC,
    "GET /health/ready": _PUBLIC,
    "GET /openapi.json": _PUBLIC,
    "POST /auth/logout": _SESSION,
    "POST /auth/logout-all": _SESSION,
    "GET /auth/me": _SESSION,
    "GET /auth/sessions": _SESSION,
    "DELETE /auth/sessions/{sessionId}": _SESSION,
    "GET /auth/identities": _SESSION,
    "POST /auth/change-password": AccessRule(
        "session", _payload(currentPassword=_PASSWORD, newPassword="another horse battery")
    ),
    "POST /auth/change-email": AccessRule("session", _payload(email=_EMAIL, password=_PASSWORD)),
    "GET /users/me": _SESSION,
    "PATCH /users/me": AccessRule("session", _payload(name="Matrix")),
    "DELETE /users/me": AccessRule("recent_session", _payload(password=_PASSWORD)),
    "POST /auth/2fa/setup": _RECENT_SESSION,
    "POST /auth/2fa/enable": AccessRule("recent_session", _payload(code="000000")),
    "POST /auth/2fa/disable": _RECENT_SESSION,
    "POST /auth/2fa/recovery-codes": _RECENT_SESSION,
    "POST /auth/identities/{provider}/link": _RECENT_SESSION,
    "DELETE /auth/identities/{provider}": _RECENT_SESSION,
    "GET /users": AccessRule("users.read"),
    "POST /users": AccessRule("users.create", _payload_with_id("email", "newEmail", roles=["user"])),
    "GET /users/{userId}": AccessRule("users.read"),
    "PATCH /users/{userId}": AccessRule("users.update", _payload(name="Matrix")),
    "DELETE /users/{userId}": AccessRule("users.delete"),
    "POST /users/{userId}/roles": AccessRule("users.update", _payload(role="admin")),
    "DELETE /users/{userId}/roles/{role}": AccessRule("users.update"),
    "GET /roles": AccessRule("roles.read"),
    "POST /roles": AccessRule("roles.create", _payload_with_id("name", "newRole", permissions=["users.read"])),
    "GET /roles/{name}": AccessRule("roles.read"),
    "PATCH /roles/{name}": AccessRule("roles.update", _payload(permissions=["users.create"])),
    "DELETE /roles/{name}": AccessRule("roles.delete"),
    "GET /permissions": AccessRule("permissions.read"),
    "POST /permissions": AccessRule("permissions.create", _payload_with_id("name", "newPermission")),
    "DELETE /permissions/{permission}": AccessRule("permissions.delete"),
    "POST /authz/explain": AccessRule("session", _payload(permission="users.read")),
    "GET /audit": AccessRule("audit.read"),
    "GET /audit/export": AccessRule("audit.read"),
    "GET /projects": _SESSION,
    "POST /projects": AccessRule("projects.create", _payload(name="Matrix")),
    "GET /projects/{projectId}": AccessRule("projects.read"),
    "PATCH /projects/{projectId}": AccessRule("projects.update", _payload(name="Matrix")),
    "DELETE /projects/{projectId}": AccessRule("projects.delete"),
    "POST /projects/{projectId}/restore": AccessRule("projects.delete", allow_deleted=True),
    "DELETE /projects/{projectId}?permanent=true": AccessRule("projects.delete", allow_deleted=True),
    "GET /projects/{projectId}/usage": AccessRule("projects.read"),
    "POST /projects/{projectId}/sync-variants": AccessRule("variants.sync"),
    "GET /projects/{projectId}/members": AccessRule("members.read"),
    "PATCH /projects/{projectId}/members/{userId}": AccessRule("members.write", _payload(role="editor")),
    "DELETE /projects/{projectId}/members/{userId}": AccessRule("members.write"),
    "POST /projects/{projectId}/transfer": AccessRule("members.write", _payload_with_id("userId", "userId")),
    "POST /projects/{projectId}/leave": AccessRule("members.read"),
    "POST /projects/{projectId}/invitations": AccessRule("members.write", _payload(email=_EMAIL, role="viewer")),
    "GET /projects/{projectId}/invitations": AccessRule("members.write"),
    "DELETE /projects/{projectId}/invitations/{invitationId}": AccessRule("members.write"),
    "POST /invitations/accept": AccessRule("session", _payload(token=_INVALID_TOKEN)),
    "POST /projects/{projectId}/keys": AccessRule("keys.write", _payload(name="Matrix", scopes=["files.read"])),
    "GET /projects/{projectId}/keys": AccessRule("keys.write"),
    "PATCH /projects/{projectId}/keys/{keyId}": AccessRule("keys.write", _payload(enabled=False)),
    "DELETE /projects/{projectId}/keys/{keyId}": AccessRule("keys.write"),
    "POST /files/init-upload": AccessRule(
        "files.write", lambda place: make_upload_request(b"x", projectId=place.project_id)
    ),
    "POST /files/commit": AccessRule("files.write", _payload_with_id("uploadId", "uploadId")),
    "GET /files": AccessRule("files.read", query="projectId={projectId}"),
    "GET /files/{fileId}": AccessRule("files.read"),
    "GET /files/{fileId}/content": AccessRule("files.read"),
    "DELETE /files/{fileId}": AccessRule("files.write"),
    "DELETE /files/{fileId}?permanent=true": AccessRule("files.purge", extra_permission="files.write"),
}
# What takes any parameter, as providers add their own, cannot be asked by one that it does not know.
ROUTES_WITHOUT_RULE = {"GET /auth/oauth/{provider}/callback"}
