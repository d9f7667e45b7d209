"""What people do with projects."""

from dataclasses import dataclass

from holdall import clock, ids
from holdall.audit.service import record
from holdall.caller import Caller, Visitor
from holdall.config import settings as installation
from holdall.errors import Conflict, Invalid, NotFound
from holdall.idempotency import service as idempotency
from holdall.idempotency.service import Repeated
from holdall.page import Page, PageRequest
from holdall.projects import store
from holdall.projects.model import NewProject, Project, Visibility, slug
from holdall.projects.store import Held
from holdall.table import Awaited, Reading, Transaction

_CHANGED = Conflict("project_changed", "The project was changed at this moment. Try again.")


@dataclass(frozen=True)
class Place:
    """What was read about a project and somebody who comes to it."""

    project: Awaited[Project]
    role: Awaited[str]


def create(caller: Caller, new: NewProject) -> Project:
    """Make a project that the caller owns. Raises Invalid for a quota above the installation's."""
    _check_quota(new)
    try:
        with Transaction() as write:
            project = add(write, caller, caller.user_id, new)
            idempotency.keep(write, caller, project.model_dump_json())
    except Repeated:
        return Project.model_validate_json(idempotency.outcome(caller))
    return project


def add(write: Transaction, who: Visitor, owner_id: str, new: NewProject, *, personal: bool = False) -> Project:
    """Make a project as part of something larger, such as a sign-up."""
    project = Project(
        id=ids.personal_project_id(owner_id) if personal else ids.new_project_id(),
        name=new.name,
        slug=slug(new.name),
        personal=personal,
        status="active",
        settings=new.settings,
        created_at=clock.now(),
    )
    store.add(write, project, owner_id)
    record(write, who, "projects.create", project.id, actor=owner_id)
    return project


def mine(caller: Caller, asked: PageRequest) -> Page[Project]:
    """The projects that the caller is a member of, latest joined first."""
    return store.page(caller.user_id, asked)


def place_of(read: Reading, project_id: str, user_id: str) -> Place:
    """Ask for what decides whether somebody may enter a project."""
    return Place(store.project(read, project_id), store.role(read, project_id, user_id))


def enter(place: Place) -> tuple[Project, str]:
    """The project, and the role that its visitor has there. Raises NotFound, alike for none and for one of others."""
    project, role = place.project.value, place.role.value
    if project is None or role is None or project.status != "active":
        raise NotFound
    return project, role


def project(read: Reading, project_id: str) -> Awaited[Project]:
    """Ask for a project, in whatever state."""
    return store.project(read, project_id)


def reserve(write: Transaction, project: Project, size: int) -> None:
    """Count one original of `size` bytes into the quota. Raises Invalid at once for a file that is too large, and the
    transaction raises Conflict when the project is full.
    """
    within = bounds(project)
    if size > within.file_bytes:
        detail = f"A file of this project must not be larger than {within.file_bytes} bytes."
        raise Invalid("file_too_large", detail, pointer="/size")
    full = Conflict("quota_exceeded", "The project is full. Purge files, or ask for a larger quota.")
    store.reserve(write, project.id, size, within=Held(within.bytes, within.files), otherwise=full)


def give_back(write: Transaction, project_id: str, size: int) -> None:
    """Count one original of `size` bytes out of the quota."""
    store.give_back(write, project_id, size)


def held(project_id: str) -> Held:
    """What a project holds, open uploads included."""
    return store.held(project_id)


def check_visibility(write: Transaction, project_id: str, visibility: Visibility) -> None:
    """Hold only while the project lives and is as visible as this. The transaction raises Conflict."""
    changed = Conflict("project_changed", "The project was changed at this moment.")
    store.check_visibility(write, project_id, visibility, otherwise=changed)


@dataclass(frozen=True)
class Bounds:
    """How much a project may hold: what its quota says, and never more than the installation allows."""

    bytes: int
    files: int
    file_bytes: int


def leave_all(caller: Caller) -> None:
    """Leave all projects, as part of leaving altogether: those without another owner are deleted, softly.

    One transaction for each, so stopped half-way it is done again from the start. Raises Unavailable.
    """
    for membership in store.memberships(caller.user_id):
        owners = store.owners(membership.project_id)
        if owners is None:
            continue  # it was deleted before
        with Transaction() as write:
            if membership.role == "owner" and owners == 1:
                store.soften(write, membership.project_id, clock.now(), otherwise=_CHANGED)
                record(write, caller, "projects.delete", membership.project_id)
            else:
                store.remove_member(write, membership, caller.user_id, otherwise=_CHANGED)
                record(write, caller, "members.leave", membership.project_id)


def bounds(project: Project) -> Bounds:
    """The bounds that count for a project."""
    quota, most = project.settings.quota, installation()
    return Bounds(
        bytes=_least(quota.max_bytes, most.max_bytes),
        files=_least(quota.max_files, most.max_files),
        file_bytes=_least(quota.max_file_bytes, most.max_file_bytes),
    )


def _check_quota(new: NewProject) -> None:
    quota, most = new.settings.quota, installation()
    pairs = {
        "maxBytes": (quota.max_bytes, most.max_bytes),
        "maxFiles": (quota.max_files, most.max_files),
        "maxFileBytes": (quota.max_file_bytes, most.max_file_bytes),
    }
    for name, (asked, allowed) in pairs.items():
        if asked is not None and asked > allowed:
            detail = f"This installation allows {allowed} at the most."
            raise Invalid("above_installation", detail, pointer=f"/settings/quota/{name}")


def _least(own: int | None, most: int) -> int:
    return most if own is None else min(own, most)
