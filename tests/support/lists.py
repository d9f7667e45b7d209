"""Every list with pages: how tests create its rows, and how they query a page."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from holdall.api_keys import store as keys
from holdall.api_keys.model import ApiKeyId, StoredApiKey
from holdall.audit import store as audit
from holdall.audit.model import AuditEntry, AuditFilter
from holdall.files import store as files
from holdall.files.model import planned_variants
from holdall.iam.model import User
from holdall.iam.store import sessions, users
from holdall.jobs import store as jobs
from holdall.jobs.model import Job, JobState
from holdall.platform import clock, ids
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import Transaction
from holdall.projects.model import Membership, Project, ProjectSettings, ProjectWithRole, StoredInvitation
from holdall.projects.service import projects
from holdall.projects.store import members
from holdall.projects.store import projects as project_store
from holdall.roles import store as roles
from holdall.roles.model import Permission, Role
from holdall.shares import store as shares
from holdall.shares.model import USES_RETENTION, Share, new_use
from holdall.uploads import store as uploads
from holdall.uploads.model import InitUploadRequest, new_upload
from tests.support import factories
from tests.support.rows import RowFactory

_ACTION = "files.commit"


@dataclass(frozen=True)
class RouteList:
    """A list and its route. It contains the rows whose `sort_key` has the prefix, in that order."""

    route: str
    factory: RowFactory
    query: Callable[[str, PageRequest], Page[Any]]
    sort_key: str = "gsi1sk"
    descending: bool = True
    prefix: str = ""


def _new_project(project_id: str) -> Project:
    now = clock.now()
    return Project(
        id=project_id,
        name="Holiday",
        slug="holiday",
        personal=False,
        status="active",
        settings=ProjectSettings(),
        created_at=now,
        updated_at=now,
    )


def _add_project_of_user(tx: Transaction, user_id: str, _: int) -> None:
    project = _new_project(ids.new_project_id())
    project_store.put(tx, project)
    members.put_membership(tx, Membership(ids.new_id(), project.id, user_id, "editor", project.created_at))


def _add_member(tx: Transaction, project_id: str, _: int) -> None:
    members.put_membership(tx, Membership(ids.new_id(), project_id, ids.new_id(), "editor", clock.now()))


def _add_invitation(tx: Transaction, project_id: str, number: int) -> None:
    now, email = clock.now(), f"guest{number:05}@example.test"
    id_, digest, creator_id = ids.new_scoped_id(project_id), ids.sha256_hex(ids.new_secret()), ids.new_id()
    expires = now + timedelta(days=7)
    members.put_invitation(
        tx, StoredInvitation(id_, project_id, email, email, "viewer", digest, creator_id, now, expires)
    )


def _add_file(tx: Transaction, project_id: str, number: int) -> None:
    version_id, now = ids.new_scoped_id(project_id), clock.now()
    version = replace(
        factories.make_version(1, "ready"),
        id=version_id,
        content_type="image/jpeg",
        sha256=ids.sha256_hex(version_id),
        variants=planned_variants(_new_project(project_id), version_id, "private"),
        created_at=now,
    )
    file = replace(
        factories.make_file(version), id=ids.new_scoped_id(project_id), project_id=project_id, created_at=now
    )
    files.put(tx, replace(file, name=f"photo-{number:05}.jpg"))


def _add_trashed_file(tx: Transaction, project_id: str, number: int) -> None:
    deleted_at = clock.now() + timedelta(milliseconds=number)
    file = replace(factories.make_file(factories.make_version(1, "ready")), id=ids.new_scoped_id(project_id))
    files.put(tx, replace(file, project_id=project_id, state="trash", deleted_at=deleted_at))


def _add_version(tx: Transaction, file_id: str, number: int) -> None:
    version_id = ids.new_scoped_id(ids.project_id_of(file_id))
    files.put_version(tx, file_id, replace(factories.make_version(number + 1, "ready"), id=version_id))


def _add_upload(tx: Transaction, project_id: str, _: int) -> None:
    body = InitUploadRequest.model_validate(factories.make_upload_request(b""))
    caller = Caller("192.0.2.7", "curl/8.9.1", "request", ids.new_id(), ids.new_id(), frozenset())
    uploads.put(tx, new_upload(body, _new_project(project_id), caller))


def _add_job(tx: Transaction, project_id: str, _: int) -> None:
    now = clock.now()
    job_id, file_id = ids.new_scoped_id(project_id), ids.new_scoped_id(project_id)
    jobs.put(
        tx, Job(job_id, project_id, "render", file_id, 1, "pending", None, 0, 0, JobState(), None, None, None, now, now)
    )


def _add_api_key(tx: Transaction, project_id: str, _: int) -> None:
    now, key_id = clock.now(), ApiKeyId(project_id, ids.new_id(), ids.new_id())
    key = StoredApiKey(
        id=str(key_id),
        name="Website",
        scopes=frozenset({"files.read", "files.write"}),
        enabled=True,
        secret_sha256=ids.sha256_hex(ids.new_secret()),
        membership_id=ids.new_id(),
        created_by=key_id.creator_id,
        created_at=now,
        expires_at=None,
    )
    keys.put(tx, key_id, key)


def new_share(share_id: str, file_id: str, max_downloads: int | None = None) -> Share:
    return Share(
        id=share_id,
        file_id=file_id,
        permission="read",
        token_sha256=ids.sha256_hex(share_id),
        password_hash=None,
        expires_at=None,
        max_downloads=max_downloads,
        downloads=0,
        created_by=ids.new_id(),
        api_key_id=None,
        membership_id=ids.new_id(),
        created_at=clock.now(),
    )


def _add_share(tx: Transaction, file_id: str, _: int) -> None:
    shares.put(tx, new_share(ids.new_scoped_id(ids.project_id_of(file_id)), file_id))


def _add_share_use(tx: Transaction, share_id: str, _: int) -> None:
    client = ClientInfo("192.0.2.7", "curl/8.9.1", "request")
    use = new_use(client, "download", version=1, size=7, at=clock.now())
    shares.put_use(tx, new_share(share_id, share_id), ids.new_id(), use)


def _add_session(tx: Transaction, user_id: str, _: int) -> None:
    sessions.add_session(tx, factories.make_session(clock.now(), user_id))


def _add_audit_entry(tx: Transaction, user_id: str, _: int) -> None:
    id_ = ids.new_id()
    action = {
        "actor": user_id,
        "api_key_id": None,
        "action": _ACTION,
        "target": user_id,
        "outcome": "success",
    }
    client = {"client_ip": "192.0.2.7", "user_agent": "curl/8.9.1", "request_id": id_}
    audit.put(tx, AuditEntry.model_validate({"id": id_, "created_at": ids.created_at(id_), **action, **client}))


def _add_user(tx: Transaction, _: str, number: int) -> None:
    id_, email = ids.new_id(), f"person{number:05}@example.test"
    user = User(id=id_, email=email, name="Ada", status="active", roles=["user"], created_at=clock.now())
    users.add_user(tx, user, f"{id_}@example.test", email_verified=False)


def _add_role(tx: Transaction, _: str, __: int) -> None:
    name = f"r{ids.new_id()}"
    roles.add_role(
        tx,
        Role(name=name, description="", permissions=["users.read"], built_in=False, created_at=clock.now()),
    )


def _add_permission(tx: Transaction, _: str, __: int) -> None:
    roles.add_permission(tx, Permission(name=f"reports.r{ids.new_id()}", description="", built_in=False))


def _list_projects_of_user(user_id: str, page: PageRequest) -> Page[ProjectWithRole]:
    return projects.list_for_user(
        Caller("192.0.2.7", "curl/8.9.1", "request", user_id, ids.new_id(), frozenset()), page
    )


_PROJECTS_OF_USER = RowFactory(_add_project_of_user, members.MemberRecord)
_PROJECTS = RowFactory(
    lambda tx, _, __: project_store.put(tx, _new_project(ids.new_project_id())), project_store.ProjectRecord
)
_MEMBERS = RowFactory(_add_member, members.MemberRecord, ids.new_project_id)
_INVITATIONS = RowFactory(_add_invitation, members.InvitationRecord, ids.new_project_id)
_API_KEYS = RowFactory(_add_api_key, keys.ApiKeyRecord, ids.new_project_id)
_FILES = RowFactory(_add_file, files.FileRecord, ids.new_project_id)
_UPLOADS = RowFactory(_add_upload, uploads.UploadRecord, ids.new_project_id)
_JOBS = RowFactory(_add_job, jobs.JobRecord, ids.new_project_id)
_SHARES = RowFactory(_add_share, shares.ShareRecord, lambda: ids.new_scoped_id(ids.new_project_id()))
_SHARE_USES = RowFactory(_add_share_use, shares.ShareUseRecord, lambda: ids.new_scoped_id(ids.new_project_id()))
_SESSIONS = RowFactory(_add_session, sessions.SessionRecord)
_AUDIT_ENTRIES = RowFactory(_add_audit_entry, audit.AuditEntryRecord)

LISTS = {
    "projects of a user": RouteList("GET /projects", _PROJECTS_OF_USER, _list_projects_of_user),
    "members of a project": RouteList(
        "GET /projects/{projectId}/members", _MEMBERS, members.list_members, "sk", descending=False
    ),
    "invitations": RouteList(
        "GET /projects/{projectId}/invitations", _INVITATIONS, members.list_invitations, "sk", descending=False
    ),
    "API keys of a project": RouteList("GET /projects/{projectId}/keys", _API_KEYS, keys.list_page),
    "files, newest first": RouteList("GET /files", _FILES, files.list_newest),
    "files by name": RouteList(
        "GET /files", _FILES, lambda owner, page: files.list_by_name(owner, "", page), "gsi2sk", descending=False
    ),
    "files by prefix": RouteList(
        "GET /files",
        # Ten files, whatever the size of the project.
        _FILES,
        lambda owner, page: files.list_by_name(owner, "Photo-0000", page),
        "gsi2sk",
        descending=False,
        prefix="photo-0000",
    ),
    "files by kind": RouteList(
        "GET /files", _FILES, lambda owner, page: files.list_by_kind(owner, "image", page), "gsi3sk"
    ),
    "trash of a project": RouteList(
        "GET /trash",
        RowFactory(_add_trashed_file, files.FileRecord, ids.new_project_id),
        files.list_trash,
    ),
    "versions of a file": RouteList(
        "GET /files/{fileId}/versions",
        RowFactory(_add_version, files.VersionRecord, lambda: ids.new_scoped_id(ids.new_project_id())),
        lambda owner, page: files.list_versions(owner, page, newest_first=True),
        "sk",
    ),
    "shares of a file": RouteList("GET /files/{fileId}/shares", _SHARES, shares.list_page, "sk"),
    "uses of a share": RouteList(
        "GET /files/{fileId}/shares/{shareId}/uses",
        _SHARE_USES,
        lambda owner, page: shares.list_uses(owner, clock.now() - USES_RETENTION, page),
        "sk",
    ),
    "open uploads of a project": RouteList("GET /uploads", _UPLOADS, uploads.list_open, "gsi2sk", descending=False),
    "jobs of a project": RouteList("GET /jobs", _JOBS, jobs.list_by_project),
    "jobs by status": RouteList(
        "GET /jobs", _JOBS, lambda owner, page: jobs.list_by_status(owner, "pending", page), "gsi2sk"
    ),
    "projects of the installation": RouteList(
        "GET /admin/jobs", _PROJECTS, lambda _, page: project_store.list_all(page), descending=False
    ),
    "sessions of a user": RouteList(
        "GET /auth/sessions", _SESSIONS, lambda owner, page: sessions.list_sessions(owner, 1, page)
    ),
    "users": RouteList(
        "GET /users", RowFactory(_add_user, users.UserRecord), lambda _, page: users.list_accounts(page)
    ),
    "roles": RouteList(
        "GET /roles",
        RowFactory(_add_role, roles.RoleRecord),
        lambda _, page: roles.list_roles(page),
        descending=False,
    ),
    "permissions": RouteList(
        "GET /permissions",
        RowFactory(_add_permission, roles.PermissionRecord),
        lambda _, page: roles.list_permissions(page),
        descending=False,
    ),
    "audit": RouteList("GET /audit", _AUDIT_ENTRIES, lambda _, page: audit.list_page(AuditFilter(), page), "sk"),
    "audit log by actor": RouteList(
        "GET /audit", _AUDIT_ENTRIES, lambda owner, page: audit.list_page(AuditFilter(actor=owner), page), "sk"
    ),
    "audit log by action": RouteList(
        "GET /audit", _AUDIT_ENTRIES, lambda _, page: audit.list_page(AuditFilter(action=_ACTION), page), "sk"
    ),
    "audit log by target": RouteList(
        "GET /audit", _AUDIT_ENTRIES, lambda owner, page: audit.list_page(AuditFilter(target=owner), page), "sk"
    ),
}
