"""Every list that Holdall answers with pages: how its rows come to be, and how a page of it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from holdall import clock, ids
from holdall.audit import store as audit
from holdall.audit.model import Entry, Filter
from holdall.caller import Caller
from holdall.files import store as files
from holdall.files.model import planned
from holdall.iam.model import Session, User
from holdall.iam.store import sessions, users
from holdall.jobs import store as jobs
from holdall.jobs.model import Job
from holdall.keys import store as keys
from holdall.keys.model import ApiKey
from holdall.page import Page, PageRequest
from holdall.projects.model import Invitation, Membership, Project, ProjectView, Settings
from holdall.projects.service import projects
from holdall.projects.store import members
from holdall.projects.store import projects as project_store
from holdall.roles import store as roles
from holdall.roles.model import PermissionView, Role
from holdall.table import Transaction
from tests.scale.rows import Filling
from tests.unit import makers

_ACTION = "files.commit"


@dataclass(frozen=True)
class Listed:
    """A list of rows, and its route. `order` names the sort key it goes by; those that begin with `beginning` are in it."""

    route: str
    rows: Filling
    page: Callable[[str, PageRequest], Page[Any]]
    order: str = "position"
    descending: bool = True
    beginning: str = ""


def _project(project_id: str) -> Project:
    now = clock.now()
    return Project(
        id=project_id,
        name="Holiday",
        slug="holiday",
        personal=False,
        status="active",
        settings=Settings(),
        created_at=now,
        updated_at=now,
    )


def _joined(write: Transaction, user_id: str, _: int) -> None:
    project = _project(ids.new_project_id())
    project_store.add(write, project)
    members.add(write, Membership(ids.new_id(), project.id, user_id, "editor", project.created_at))


def _member(write: Transaction, project_id: str, _: int) -> None:
    members.add(write, Membership(ids.new_id(), project_id, ids.new_id(), "editor", clock.now()))


def _invitation(write: Transaction, project_id: str, number: int) -> None:
    now, email = clock.now(), f"guest{number:05}@example.test"
    id_, digest, maker = ids.new_id_in(project_id), ids.digest(ids.new_secret()), ids.new_id()
    ends = now + timedelta(days=7)
    members.invite(write, Invitation(id_, project_id, email, email, "viewer", digest, maker, now, ends))


def _file(write: Transaction, project_id: str, number: int) -> None:
    version_id, now = ids.new_id_in(project_id), clock.now()
    version = replace(
        makers.version(1, "ready"),
        id=version_id,
        content_type="image/jpeg",
        sha256=ids.digest(version_id),
        variants=planned(_project(project_id), version_id, "private"),
        created_at=now,
    )
    file = replace(makers.file(version), id=ids.new_id_in(project_id), project_id=project_id, created_at=now)
    files.add(write, replace(file, name=f"photo-{number:05}.jpg", kind="image"))


def _job(write: Transaction, project_id: str, _: int) -> None:
    now = clock.now()
    job_id, file_id = ids.new_id_in(project_id), ids.new_id_in(project_id)
    jobs.add(write, Job(job_id, project_id, "render", file_id, 1, "pending", None, 0, None, now, now))


def _key(write: Transaction, project_id: str, _: int) -> None:
    now, maker = clock.now(), ids.new_id()
    key = ApiKey(
        id=ids.new_key_id(project_id, maker),
        project_id=project_id,
        name="Website",
        scopes=frozenset({"files.read", "files.write"}),
        enabled=True,
        digest=ids.digest(ids.new_secret()),
        membership=ids.new_id(),
        created_by=maker,
        created_at=now,
        expires_at=None,
        used_at=now,
    )
    keys.add(write, key)


def _session(write: Transaction, user_id: str, _: int) -> None:
    now = clock.now()
    session = Session(
        id=ids.new_id(),
        user_id=user_id,
        mode="token",
        generation=1,
        family=ids.digest(ids.new_secret()),
        current=ids.digest(ids.new_secret()),
        previous=None,
        successor=None,
        rotated_at=now,
        created_at=now,
        verified_at=now,
        used_at=now,
        expires_at=now + timedelta(days=7),
        ended=False,
        address="192.0.2.7",
        agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    )
    sessions.add_session(write, session)


def _deed(write: Transaction, user_id: str, _: int) -> None:
    id_ = ids.new_id()
    said = {"actor": user_id, "key": None, "action": _ACTION, "target": user_id, "outcome": "success"}
    whence = {"address": "192.0.2.7", "agent": "curl/8.9.1", "request_id": "JKJaXmPLvHcESHA="}
    audit.add(write, Entry.model_validate({"id": id_, "at": ids.born_at(id_), **said, **whence}))


def _user(write: Transaction, _: str, number: int) -> None:
    id_, email = ids.new_id(), f"person{number:05}@example.test"
    user = User(id=id_, email=email, name="Ada", status="active", roles=["user"], created_at=clock.now())
    users.add_user(write, user, f"{id_}@example.test", proven=False)


def _role(write: Transaction, _: str, __: int) -> None:
    name = f"r{ids.new_id()}"
    roles.add_role(
        write,
        Role(name=name, description="", permissions=["users.read"], built_in=False, created_at=clock.now()),
    )


def _permission(write: Transaction, _: str, __: int) -> None:
    roles.add_permission(write, PermissionView(name=f"reports.r{ids.new_id()}", description="", built_in=False))


def _mine(user_id: str, asked: PageRequest) -> Page[ProjectView]:
    return projects.mine(Caller("192.0.2.7", "curl/8.9.1", "request", user_id, ids.new_id(), frozenset()), asked)


_JOINED = Filling(_joined, members.MemberRecord)
_MEMBERS = Filling(_member, members.MemberRecord, ids.new_project_id)
_INVITATIONS = Filling(_invitation, members.InvitationRecord, ids.new_project_id)
_KEYS = Filling(_key, keys.KeyRecord, ids.new_project_id)
_FILES = Filling(_file, files.FileRecord, ids.new_project_id)
_JOBS = Filling(_job, jobs.JobRecord, ids.new_project_id)
_SESSIONS = Filling(_session, sessions.SessionRecord)
_DEEDS = Filling(_deed, audit.EntryRecord)

LISTS = {
    "projects of a user": Listed("GET /projects", _JOINED, _mine),
    "members of a project": Listed(
        "GET /projects/{projectId}/members", _MEMBERS, members.members, "sk", descending=False
    ),
    "invitations": Listed(
        "GET /projects/{projectId}/invitations", _INVITATIONS, members.invitations, "sk", descending=False
    ),
    "keys of a project": Listed("GET /projects/{projectId}/keys", _KEYS, keys.page),
    "files, newest first": Listed("GET /files", _FILES, files.newest),
    "files by name": Listed(
        "GET /files", _FILES, lambda owner, asked: files.by_name(owner, "", asked), "rank", descending=False
    ),
    "files that begin so": Listed(
        "GET /files",
        # Ten of them, however many others there are.
        _FILES,
        lambda owner, asked: files.by_name(owner, "Photo-0000", asked),
        "rank",
        descending=False,
        beginning="photo-0000",
    ),
    "files of a kind": Listed("GET /files", _FILES, lambda owner, asked: files.of_kind(owner, "image", asked), "turn"),
    "jobs of a project": Listed("GET /jobs", _JOBS, jobs.of_project),
    "sessions of a user": Listed(
        "GET /auth/sessions", _SESSIONS, lambda owner, asked: sessions.sessions(owner, 1, asked)
    ),
    "users": Listed("GET /users", Filling(_user, users.UserRecord), lambda _, asked: users.users(asked)),
    "roles": Listed(
        "GET /roles", Filling(_role, roles.RoleRecord), lambda _, asked: roles.roles(asked), descending=False
    ),
    "permissions": Listed(
        "GET /permissions",
        Filling(_permission, roles.PermissionRecord),
        lambda _, asked: roles.permissions(asked),
        descending=False,
    ),
    "audit": Listed("GET /audit", _DEEDS, lambda _, asked: audit.page(Filter(), asked), "at"),
    "audit of an actor": Listed(
        "GET /audit", _DEEDS, lambda owner, asked: audit.page(Filter(actor=owner), asked), "at"
    ),
    "audit of an action": Listed(
        "GET /audit", _DEEDS, lambda _, asked: audit.page(Filter(action=_ACTION), asked), "at"
    ),
    "audit of a target": Listed(
        "GET /audit", _DEEDS, lambda owner, asked: audit.page(Filter(target=owner), asked), "at"
    ),
}
