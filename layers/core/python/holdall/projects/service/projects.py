"""What people do with projects."""

from functools import partial
from typing import Any

from holdall.audit.service import log
from holdall.events.service import emit
from holdall.iam.service import users
from holdall.idempotency import service as idempotency
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.platform import clock, ids
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.errors import Conflict, NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Pending, Transaction
from holdall.projects.model import (
    RETENTION,
    CreateProjectRequest,
    Membership,
    Project,
    ProjectChanged,
    ProjectSettings,
    ProjectWithRole,
    UpdateProjectRequest,
    UpdateProjectSettings,
    slugify,
)
from holdall.projects.service import quota
from holdall.projects.store import members as member_store
from holdall.projects.store import projects as store
from holdall.quotas import service as quotas

quota_limits = quota.quota_limits
PROJECT_CHANGED = ProjectChanged()
_PERSONAL_PROJECT = Conflict("A personal project can only be deleted with its account.", code="personal_project")
_MAX_ATTEMPTS = 5


def create(caller: Caller, request: CreateProjectRequest) -> Project:
    """Make a project that the caller owns. Raises Invalid for a quota above the installation's."""
    quota.validate(request.settings.quota)

    def work(tx: Transaction) -> Project:
        users.check_active(tx, caller.user_id)  # a user who is deleted at the same time would own the project forever
        return add(tx, caller, caller.user_id, request)

    replay = partial(Project.model_validate_json, by_name=True)
    return idempotency.run(caller, work, save=Project.model_dump_json, replay=replay)


def add(
    tx: Transaction, client: ClientInfo, owner_id: str, request: CreateProjectRequest, *, personal: bool = False
) -> Project:
    """Make a project as part of something larger, such as a sign-up."""
    now = clock.now()
    project = Project(
        id=ids.personal_project_id(owner_id) if personal else ids.new_project_id(),
        name=request.name,
        slug=slugify(request.name),
        personal=personal,
        status="active",
        settings=request.settings,
        created_at=now,
        updated_at=now,
    )
    store.put(tx, project)
    quotas.create(tx, project.id)
    member_store.put_membership(tx, Membership(ids.new_id(), project.id, owner_id, "owner", now))
    maker = None if isinstance(client, Caller) else owner_id  # who signs up turns out to be the owner
    log(tx, client, "projects.create", project.id, actor=maker)
    return project


def list_for_user(caller: Caller, page: PageRequest) -> Page[ProjectWithRole]:
    """The projects that the caller is a member of, latest joined first; deleted ones too, and none that is purged at this
    moment. Two round trips, and two more where one was left out: a page is full or the last.
    """
    shown: list[ProjectWithRole] = []
    ends: list[Page[Membership]] = []
    while True:
        found = member_store.list_for_user(caller.user_id, page)
        ends.append(found)
        here = _with_roles(found.items)
        shown = here + shown if page.backward else shown + here
        on = found.prev if page.backward else found.next
        if on is None or len(here) == len(found.items):
            break
        page = PageRequest(len(found.items) - len(here), on, backward=page.backward)
    first, last = (ends[-1], ends[0]) if page.backward else (ends[0], ends[-1])
    return Page(shown, next=last.next, prev=first.prev)


def _with_roles(memberships: list[Membership]) -> list[ProjectWithRole]:
    with BatchGet() as read:
        found = [(store.get_project(read, each.project_id), each.role) for each in memberships]
    # The index may hold one that has gone.
    return [with_role(each.value, role) for each, role in found if each.value and each.value.status != "purging"]


def with_role(project: Project, role: str | None) -> ProjectWithRole:
    """A project as somebody with this role sees it."""
    seen: dict[str, Any] = {**vars(project), "role": role}
    return ProjectWithRole.model_construct(**seen)


def get_project(batch: BatchGet, project_id: str) -> Pending[Project]:
    """Ask for a project, in whatever state."""
    return store.get_project(batch, project_id)


def get_or_none(project_id: str) -> Project | None:
    """A project in whatever state, or None. One round trip."""
    with BatchGet() as read:
        found = store.get_project(read, project_id)
    return found.value


def update(caller: Caller, project: Project, request: UpdateProjectRequest) -> Project:
    """Change a name or settings; what is not said stays. Raises Invalid for a quota above the installation's, and Conflict.

    A change of what the public may see is followed by a job that moves the variants.
    """
    if "quota" in request.settings.model_fields_set:
        quota.validate(request.settings.quota)
    for _ in range(_MAX_ATTEMPTS):
        settings = _merge(project.settings, request.settings)
        changed = project.model_copy(
            update={"name": request.name or project.name, "settings": settings, "updated_at": clock.now()}
        )
        moves = settings.visibility != project.settings.visibility
        try:
            with Transaction() as write:
                store.update(write, project, changed, error=PROJECT_CHANGED)
                if moves:
                    jobs.create_for_project(write, "relocate-project", project.id)
                log(write, caller, "projects.update", project.id)
                emit(write, project.id, "project.updated")
        except Conflict:
            project = _get_active(project.id)
            continue
        return changed
    raise PROJECT_CHANGED


def delete(caller: Caller, project: Project) -> Project:
    """Delete a project so that it may be restored within 30 days; until then it keeps what it holds. Raises Conflict."""
    if project.personal:
        raise _PERSONAL_PROJECT
    return soft_delete(caller, project)


def soft_delete(caller: Caller, project: Project, *, sole_owner: Membership | None = None) -> Project:
    """Delete a project softly, for whatever reason; `alone` is who must be its only owner still. The transaction raises
    Conflict.
    """
    now = clock.now()
    with Transaction() as write:
        store.soft_delete(write, project, now, require_sole_owner=sole_owner is not None, error=PROJECT_CHANGED)
        if sole_owner is not None:
            member_store.check_unchanged(write, sole_owner, error=PROJECT_CHANGED)
        quotas.freeze(write, project.id)
        _start_relocation(write, project)
        log(write, caller, "projects.delete", project.id)
        emit(write, project.id, "project.deleted")
    return project.model_copy(update={"status": "deleted", "deleted_at": now, "updated_at": now})


def restore(caller: Caller, project: Project) -> Project:
    """Make a deleted project live again, with all that was in it. Raises Conflict for one that is not deleted."""
    if project.status != "deleted":
        raise Conflict("The project is not deleted.", code="wrong_state")
    now = clock.now()
    if project.deleted_at is None or project.deleted_at + RETENTION <= now:
        raise NotFound  # its time is over, and the work of the night will find it
    with Transaction() as write:
        store.restore(write, project, now, error=PROJECT_CHANGED)
        quotas.unfreeze(write, project.id)
        _start_relocation(write, project)
        log(write, caller, "projects.restore", project.id)
        emit(write, project.id, "project.restored")
    return project.model_copy(update={"status": "active", "deleted_at": None, "updated_at": now})


def purge(caller: Caller, project: Project) -> Job:
    """Remove a project with all that is in it: gone from every route at once, its bytes by a job. Raises Conflict."""
    if project.personal:
        raise _PERSONAL_PROJECT
    with Transaction() as write:
        job = _mark_purging(write, project)
        log(write, caller, "projects.purge", project.id)
    return job


def purge_due() -> int:
    """Begin to purge the projects that were deleted 30 days ago; tells how many. Bounded; the next run goes on."""
    begun = 0
    for project_id in store.list_deleted_before(clock.now() - RETENTION):
        found = get_or_none(project_id)
        if found is None or found.status != "deleted":
            continue
        try:
            with Transaction() as write:
                _mark_purging(write, found)
        except Conflict:
            continue  # restored or purged in this moment
        begun += 1
    return begun


def delete_rows(project_id: str) -> bool:
    """Remove the rows of a project whose files are gone, its own last; tells whether there is more. Raises Unavailable."""
    people, asked = (
        member_store.list_members(project_id, PageRequest(40)),
        member_store.list_invitations(project_id, PageRequest(40)),
    )
    with Transaction() as write:
        for membership in people.items:
            member_store.delete_membership_if_exists(write, membership)
        for invitation in asked.items:
            member_store.delete_invitation_if_exists(write, invitation)
        more = people.next is not None or asked.next is not None
        if not more:
            quotas.delete(write, project_id)
            store.delete_if_exists(write, project_id)
    return more


def check_visibility_unchanged(tx: Transaction, project: Project) -> None:
    """Hold only while a project lives, or does not, and is as visible, as when it was read. The transaction raises Conflict."""
    store.check_visibility_unchanged(tx, project, error=PROJECT_CHANGED)


def check_unchanged(tx: Transaction, project: Project) -> None:
    """Hold only while a project, with its settings, is as it was when it was read. The transaction raises Conflict."""
    store.check_unchanged(tx, project, error=PROJECT_CHANGED)


def list_ids(shard: int, page: PageRequest) -> tuple[list[str], str | None]:
    """The ids of the projects of a shard, whatever their state, and where they go on."""
    return store.list_ids(shard, page)


def _mark_purging(tx: Transaction, project: Project) -> Job:
    store.mark_purging(tx, project, clock.now(), error=PROJECT_CHANGED)
    quotas.freeze(tx, project.id)
    return jobs.create_for_project(tx, "purge-project", project.id)


def _start_relocation(tx: Transaction, project: Project) -> None:
    """Start the job that moves the variants of a public project."""
    if project.settings.visibility == "public":
        jobs.create_for_project(tx, "relocate-project", project.id)


def _get_active(project_id: str) -> Project:
    found = get_or_none(project_id)
    if found is None or found.status != "active":
        raise NotFound
    return found


def _merge(settings: ProjectSettings, changes: UpdateProjectSettings) -> ProjectSettings:
    return settings.model_copy(update={name: getattr(changes, name) for name in changes.model_fields_set})
