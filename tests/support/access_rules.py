"""The access rules: for each route the access that it needs, written by hand from the API contract.

`expected_refusal` derives from them what every principal gets. `holdall.roles.permissions` says who has a permission.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from holdall.http.auth import Access
from holdall.roles.permissions import PERMISSIONS
from tests.support.factories import make_upload_request

# own: the project of the members and API keys. second: another one of its owner. other: of a user who is not in them.
# deleted: deleted by its owner. spare: for requests that change something.
TargetName = Literal["own", "second", "other", "deleted", "spare"]
Refusal = tuple[int, str]  # status and code
MakeBody = Callable[["Target"], Any]


@dataclass(frozen=True)
class Target:
    """A project, and the IDs of its resources by parameter name."""

    project_id: str
    ids: Mapping[str, str]


@dataclass(frozen=True)
class Principal:
    """A caller. `project_role` is the role in `own` and `deleted`, for an API key the role of its creator there."""

    name: str
    global_roles: frozenset[str] = frozenset()
    project_role: str = ""
    scopes: frozenset[str] | None = None  # None if it is not an API key

    def __str__(self) -> str:
        return self.name


ANONYMOUS = Principal("anonymous")


@dataclass(frozen=True)
class AccessRule:
    """The access that a route needs, and a request that succeeds for a principal who has it."""

    access: Access
    permission: str = ""
    make_body: MakeBody | None = None
    query: str = ""
    extra_permission: str = ""
    allow_deleted: bool = False
    upload: str = "uploadId"  # the ID of the target for `{uploadId}`
    file: str = "fileId"  # the ID of the target for `{fileId}`

    @property
    def is_in_project(self) -> bool:
        return bool(self.permission) and bool(PERMISSIONS[self.permission].project_roles)


def build_request(
    route: str, rule: AccessRule, target: Target, *, unknown_parameter: bool = False
) -> tuple[str, str, Any]:
    """Return the method, the path with its query, and the body of a request to `route` about a target.

    A route may be followed by a query flag, or by a value of the body, that needs another permission.

    An unknown parameter is rejected after the guard allowed the request, so that nothing is done.
    """
    method, _, path = route.partition(" ")
    path, _, flags = path.partition(" ")[0].partition("?")
    ids = {**target.ids, "projectId": target.project_id, "uploadId": target.ids.get(rule.upload, "")}
    ids["fileId"] = target.ids[rule.file]
    path = re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], path)
    query = "&".join(filter(None, [flags, rule.query.format(**ids), "unknown=1" if unknown_parameter else ""]))
    return method, f"{path}?{query}" if query else path, rule.make_body(target) if rule.make_body else None


def expected_refusal(rule: AccessRule, principal: Principal, target: TargetName) -> Refusal | None:
    """Return how a request is refused, or None if it is allowed."""
    if rule.access is Access.PUBLIC:
        return None
    if principal == ANONYMOUS:
        return 401, "unauthenticated"
    if rule.access is not Access.PERMISSION:
        return None if principal.scopes is None else (403, "session_required")
    if not rule.is_in_project:
        is_allowed = principal.scopes is None and _has_globally(principal, rule.permission)
        return None if is_allowed else (403, "forbidden")
    role = principal.project_role if target in ("own", "deleted") else ""
    if target == "second" and principal.project_role == "owner" and principal.scopes is None:
        role = "owner"
    if not role and principal.scopes is None and _has_globally(principal, "projects.any"):
        role = "owner"
    if not role or (target == "deleted" and not rule.allow_deleted):
        return 404, "not_found"
    permissions = {rule.permission, rule.extra_permission} - {""}
    granted = all(role in PERMISSIONS[name].project_roles for name in permissions)
    in_scopes = principal.scopes is None or permissions <= principal.scopes
    return None if granted and in_scopes else (403, "forbidden")


def _has_globally(principal: Principal, permission: str) -> bool:
    return not principal.global_roles.isdisjoint(PERMISSIONS[permission].global_roles)


def _public(make_body: MakeBody | None = None) -> AccessRule:
    return AccessRule(Access.PUBLIC, make_body=make_body)


def _session(make_body: MakeBody | None = None) -> AccessRule:
    return AccessRule(Access.SESSION, make_body=make_body)


def _recent_session(make_body: MakeBody | None = None) -> AccessRule:
    return AccessRule(Access.RECENT_SESSION, make_body=make_body)


_permission = partial(AccessRule, Access.PERMISSION)


def _payload(**body: Any) -> MakeBody:
    return lambda _: body


def _payload_with_id(field: str, parameter: str, **fields: Any) -> MakeBody:
    return lambda target: {field: target.ids[parameter], **fields}


def _bulk_payload(action: str) -> MakeBody:
    return lambda target: {"ids": [target.ids["trashedFileId"]], "action": action}


_EMAIL, _PASSWORD = "matrix@example.test", "correct horse battery"
_INVALID_TOKEN = "x" * 40

ACCESS_RULES: dict[str, AccessRule] = {
    "GET /.well-known/jwks.json": _public(),
    "POST /auth/2fa/verify": _public(_payload(mfaToken=_INVALID_TOKEN, code="000000")),
    "POST /auth/accept-invitation": _public(_payload(token=_INVALID_TOKEN, password=_PASSWORD)),
    "POST /auth/confirm-email": _public(_payload(token=_INVALID_TOKEN)),
    "POST /auth/forgot-password": _public(_payload(email=_EMAIL)),
    "POST /auth/login": _public(_payload(email=_EMAIL, password=_PASSWORD)),
    "GET /auth/oauth/{provider}/start": _public(),
    "POST /auth/refresh": _public(_payload(refreshToken=_INVALID_TOKEN)),
    "POST /auth/reset-password": _public(_payload(token=_INVALID_TOKEN, password=_PASSWORD)),
    "POST /auth/sign-up": _public(_payload(email=_EMAIL, password=_PASSWORD)),
    "POST /auth/verify-email": _public(_payload(token=_INVALID_TOKEN, password=_PASSWORD)),
    "POST /auth/verify-email/resend": _public(_payload(email=_EMAIL)),
    "GET /config": _public(),
    "GET /docs": _public(),
    "GET /docs/{asset}": _public(),
    "GET /health": _public(),
    "GET /health/ready": _public(),
    "GET /openapi.json": _public(),
    "GET /s/{token}": _public(),
    "POST /s/{token}/download": _public(),
    "POST /s/{token}/init-upload": _public(lambda _: make_upload_request(b"x")),
    "POST /s/{token}/commit": _public(_payload(uploadId="x")),
    "GET /u/{token}/s3/params": AccessRule(Access.PUBLIC, query="filename=a.txt"),
    "POST /u/{token}/s3/multipart": _public(),
    "GET /u/{token}/s3/multipart/{uploadId}": _public(),
    "DELETE /u/{token}/s3/multipart/{uploadId}": _public(),
    "GET /u/{token}/s3/multipart/{uploadId}/batch": _public(),
    "POST /u/{token}/s3/multipart/{uploadId}/complete": _public(),
    "GET /u/{token}/s3/multipart/{uploadId}/{partNumber}": _public(),
    "POST /auth/logout": _session(),
    "POST /auth/logout-all": _session(),
    "GET /auth/me": _session(),
    "GET /auth/sessions": _session(),
    "DELETE /auth/sessions/{sessionId}": _session(),
    "GET /auth/identities": _session(),
    "POST /auth/change-password": _session(_payload(currentPassword=_PASSWORD, newPassword="another horse battery")),
    "POST /auth/change-email": _session(_payload(email=_EMAIL, password=_PASSWORD)),
    "GET /users/me": _session(),
    "PATCH /users/me": _session(_payload(name="Matrix")),
    "DELETE /users/me": _recent_session(_payload(password=_PASSWORD)),
    "POST /auth/2fa/setup": _recent_session(),
    "POST /auth/2fa/enable": _recent_session(_payload(code="000000")),
    "POST /auth/2fa/disable": _recent_session(),
    "POST /auth/2fa/recovery-codes": _recent_session(),
    "POST /auth/identities/{provider}/link": _recent_session(),
    "DELETE /auth/identities/{provider}": _recent_session(),
    "GET /users": _permission("users.read"),
    "POST /users": _permission("users.create", _payload_with_id("email", "newEmail", roles=["user"])),
    "GET /users/{userId}": _permission("users.read"),
    "PATCH /users/{userId}": _permission("users.update", _payload(name="Matrix")),
    "DELETE /users/{userId}": _permission("users.delete"),
    "POST /users/{userId}/roles": _permission("users.update", _payload(role="admin")),
    "DELETE /users/{userId}/roles/{role}": _permission("users.update"),
    "GET /roles": _permission("roles.read"),
    "POST /roles": _permission("roles.create", _payload_with_id("name", "newRole", permissions=["users.read"])),
    "GET /roles/{name}": _permission("roles.read"),
    "PATCH /roles/{name}": _permission("roles.update", _payload(permissions=["users.create"])),
    "DELETE /roles/{name}": _permission("roles.delete"),
    "GET /permissions": _permission("permissions.read"),
    "POST /permissions": _permission("permissions.create", _payload_with_id("name", "newPermission")),
    "DELETE /permissions/{permission}": _permission("permissions.delete"),
    "POST /authz/explain": _session(_payload(permission="users.read")),
    "GET /audit": _permission("audit.read"),
    "GET /audit/export": _permission("audit.read"),
    "GET /projects": _session(),
    "POST /projects": _permission("projects.create", _payload(name="Matrix")),
    "GET /projects/{projectId}": _permission("projects.read"),
    "PATCH /projects/{projectId}": _permission("projects.update", _payload(name="Matrix")),
    "DELETE /projects/{projectId}": _permission("projects.delete"),
    "POST /projects/{projectId}/restore": _permission("projects.delete", allow_deleted=True),
    "DELETE /projects/{projectId}?permanent=true": _permission("projects.delete", allow_deleted=True),
    "GET /projects/{projectId}/usage": _permission("projects.read"),
    "POST /projects/{projectId}/sync-variants": _permission("variants.sync"),
    "GET /projects/{projectId}/members": _permission("members.read"),
    "PATCH /projects/{projectId}/members/{userId}": _permission("members.write", _payload(role="editor")),
    "DELETE /projects/{projectId}/members/{userId}": _permission("members.write"),
    "POST /projects/{projectId}/transfer": _permission("members.write", _payload_with_id("userId", "userId")),
    "POST /projects/{projectId}/leave": _permission("members.read"),
    "POST /projects/{projectId}/invitations": _permission("members.write", _payload(email=_EMAIL, role="viewer")),
    "GET /projects/{projectId}/invitations": _permission("members.write"),
    "DELETE /projects/{projectId}/invitations/{invitationId}": _permission("members.write"),
    "POST /invitations/accept": _session(_payload(token=_INVALID_TOKEN)),
    "POST /projects/{projectId}/keys": _permission("keys.write", _payload(name="Matrix", scopes=["files.read"])),
    "GET /projects/{projectId}/keys": _permission("keys.write"),
    "PATCH /projects/{projectId}/keys/{keyId}": _permission("keys.write", _payload(enabled=False)),
    "DELETE /projects/{projectId}/keys/{keyId}": _permission("keys.write"),
    "POST /files/init-upload": _permission(
        "files.write", lambda target: make_upload_request(b"x", projectId=target.project_id)
    ),
    "POST /files/commit": _permission("files.write", _payload_with_id("uploadId", "storedUploadId")),
    "POST /upload/file": _permission("files.write", query="filename=a.txt&projectId={projectId}"),
    "POST /upload/image": _permission("files.write", query="filename=a.jpg&projectId={projectId}"),
    "GET /uploads": _permission("files.write", query="projectId={projectId}"),
    "DELETE /uploads/{uploadId}": _permission("files.write"),
    "POST /uploads/{uploadId}/parts": _permission("files.write", _payload(partNumbers=[1]), upload="multipartUploadId"),
    "GET /uploads/{uploadId}/parts": _permission("files.write", upload="multipartUploadId"),
    "POST /uploads/{uploadId}/complete": _permission("files.write", upload="multipartUploadId"),
    "POST /uploads/companion-token": _permission("files.write", lambda target: {"projectId": target.project_id}),
    "GET /files": _permission("files.read", query="projectId={projectId}"),
    "GET /files/{fileId}": _permission("files.read"),
    "PATCH /files/{fileId}": _permission("files.write", _payload(name="renamed.txt")),
    "GET /files/{fileId}/download": _permission("files.read"),
    "GET /files/{fileId}/content": _permission("files.read"),
    "GET /jobs": _permission("jobs.read", query="projectId={projectId}"),
    "GET /jobs/{jobId}": _permission("jobs.read"),
    "POST /jobs/{jobId}/retry": _permission("jobs.retry"),
    "GET /admin/jobs": _permission("jobs.admin"),
    "GET /admin/tasks": _permission("tasks.read"),
    "POST /admin/tasks/{task}/run": _permission("tasks.run"),
    "DELETE /files/{fileId}": _permission("files.write"),
    "POST /files/{fileId}/shares": _permission("files.share", _payload(permission="read")),
    "GET /files/{fileId}/shares": _permission("files.share"),
    "DELETE /files/{fileId}/shares/{shareId}": _permission("files.share"),
    "GET /files/{fileId}/shares/{shareId}/uses": _permission("files.share"),
    "DELETE /files/{fileId}?permanent=true": _permission("files.purge", extra_permission="files.write"),
    "GET /files/{fileId}/versions": _permission("files.read"),
    "GET /files/{fileId}/versions/{number}": _permission("files.read"),
    "GET /files/{fileId}/versions/{number}/download": _permission("files.read"),
    "POST /files/{fileId}/versions/{number}/restore": _permission("files.write", file="versionedFileId"),
    "DELETE /files/{fileId}/versions/{number}": _permission("files.purge", file="versionedFileId"),
    "GET /trash": _permission("files.read", query="projectId={projectId}"),
    "POST /files/{fileId}/restore": _permission("files.write", file="trashedFileId"),
    "POST /files/bulk": _permission("files.write", _bulk_payload("delete")),
    "POST /files/bulk action=purge": _permission("files.purge", _bulk_payload("purge"), extra_permission="files.write"),
}
# A provider may add parameters to this route, so an unknown one is not refused. It is tested apart.
CALLBACK_ROUTE = "GET /auth/oauth/{provider}/callback"
