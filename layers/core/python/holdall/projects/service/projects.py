"""Use cases of projects."""

from collections.abc import Callable
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
from holdall.platform.errors import NotFound
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.retry import retry_on
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import (
    RETENTION,
    CreateProjectRequest,
    Membership,
    PersonalProjectNotDeletable,
    Project,
    ProjectChanged,
    ProjectNotDeleted,
    ProjectSettings,
    ProjectWithRole,
    UpdateProjectRequest,
    UpdateProjectSettings,
    slugify,
)
from holdall.projects.service.limits import installation_limits, quota_limits, validate_quota, validate_storage
from holdall.projects.store import members as member_store
from holdall.projects.store import projects as store
from holdall.projects.store.projects import check_unchanged, check_visibility_unchanged, get_project, list_ids
from holdall.quotas import service as quotas

__all__ = [
    "check_unchanged",
    "check_visibility_unchanged",
    "get_project",
    "installation_limits",
    "list_ids",
    "quota_limits",
]

_DELETE_BATCH_SIZE = 40  # of members and of invitations: with 18 other records below the 100 items of a transaction


def create(caller: Caller, request: CreateProjectRequest) -> Project:
    """Create a project that the caller owns. Raises AboveInstallationLimit and NoEdgeStore."""
    validate_quota(request.settings.quota)
    validate_storage(request.settings.storage)

    def work(tx: Transaction) -> Project:
        users.check_active(tx, caller.user_id)  # a user who is deleted at the same time would own the project forever
        return add(tx, caller, caller.user_id, request)

    replay = partial(Project.model_validate_json, by_name=True)
    return idempotency.run(caller, work, save=Project.model_dump_json, replay=replay)


def add(
    tx: Transaction, client: ClientInfo, owner_id: str, request: CreateProjectRequest, *, personal: bool = False
) -> Project:
    """Create a project as part of a larger use case, such as a sign-up. The transaction raises ProjectExists."""
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
    actor = None if isinstance(client, Caller) else owner_id  # a user who signs up is not a caller yet
    log(tx, client, "projects.create", project.id, actor=actor)
    return project


def list_for_user(caller: Caller, page: PageRequest) -> Page[ProjectWithRole]:
    """Return the projects of the caller, the last joined first. Deleted ones are included, and purged ones are not.

    Two round trips, and two more if a project was left out, because each page but the last one is full.
    """
    projects: list[ProjectWithRole] = []
    pages: list[Page[Membership]] = []
    while True:
        found = member_store.list_for_user(caller.user_id, page)
        pages.append(found)
        visible = _with_roles(found.items)
        projects = visible + projects if page.backward else projects + visible
        position = found.prev if page.backward else found.next
        if position is None or len(visible) == len(found.items):
            break
        page = PageRequest(len(found.items) - len(visible), position, backward=page.backward)
    first, last = (pages[-1], pages[0]) if page.backward else (pages[0], pages[-1])
    return Page(projects, next=last.next, prev=first.prev)


def with_role(project: Project, role: str | None) -> ProjectWithRole:
    """Return a project with the role of a user, without validating it again."""
    values: dict[str, Any] = {**vars(project), "role": role}
    return ProjectWithRole.model_construct(**values)


def get_or_none(project_id: str) -> Project | None:
    """Return a project with any status, or None. One round trip."""
    with BatchGet() as batch:
        pending = get_project(batch, project_id)
    return pending.value


def update(
    caller: Caller,
    project: Project,
    request: UpdateProjectRequest,
    *,
    check: Callable[[Project], None] = lambda _: None,
) -> Project:
    """Update the name and the settings, and start a job that moves the variants if the visibility changes.

    Raises AboveInstallationLimit, NoEdgeStore, NotFound if the project is deleted meanwhile, Busy, and what the check of the
    project raises that is about to be changed.
    """
    validate_storage(request.settings.storage)
    if "quota" in request.settings.model_fields_set:
        validate_quota(request.settings.quota)

    def checked(current: Project) -> Project:
        check(current)
        return _update(caller, current, request)

    return retry_on(ProjectChanged, first=lambda: checked(project), action=lambda: checked(_get_active(project.id)))


def delete(caller: Caller, project: Project) -> Project:
    """Delete a project so that it can be restored for 30 days. It keeps its files and its usage.

    Raises PersonalProjectNotDeletable and ProjectChanged.
    """
    if project.personal:
        raise PersonalProjectNotDeletable
    return soft_delete(caller, project)


def soft_delete(caller: Caller, project: Project, *, sole_owner: Membership | None = None) -> Project:
    """Delete a project so that it can be restored. With `sole_owner`, this must still be its only owner.

    Raises ProjectChanged and MemberChanged.
    """
    now = clock.now()
    with Transaction() as tx:
        store.soft_delete(tx, project, now, require_sole_owner=sole_owner is not None)
        if sole_owner is not None:
            member_store.check_unchanged(tx, sole_owner)
        quotas.freeze(tx, project.id)
        jobs.start_for_project(tx, "abort-uploads", project.id)
        _relocate_if_public(tx, project)
        log(tx, caller, "projects.delete", project.id)
        emit(tx, project.id, "project.deleted")
    return project.model_copy(update={"status": "deleted", "deleted_at": now, "updated_at": now})


def restore(caller: Caller, project: Project) -> Project:
    """Restore a deleted project with everything that was in it.

    Raises ProjectNotDeleted, NotFound after 30 days, and ProjectChanged.
    """
    if project.status != "deleted":
        raise ProjectNotDeleted
    now = clock.now()
    if project.deleted_at is None or project.deleted_at + RETENTION <= now:
        raise NotFound  # the nightly maintenance is about to purge it
    with Transaction() as tx:
        store.restore(tx, project, now)
        quotas.unfreeze(tx, project.id)
        _relocate_if_public(tx, project)
        log(tx, caller, "projects.restore", project.id)
        emit(tx, project.id, "project.restored")
    return project.model_copy(update={"status": "active", "deleted_at": None, "updated_at": now})


def purge(caller: Caller, project: Project) -> Job:
    """Make a project inaccessible at once, and start a job that deletes everything in it.

    Raises PersonalProjectNotDeletable and ProjectChanged.
    """
    if project.personal:
        raise PersonalProjectNotDeletable
    with Transaction() as tx:
        job = _mark_purging(tx, project)
        log(tx, caller, "projects.purge", project.id)
    return job


def purge_due() -> int:
    """Purge projects that were deleted 30 days ago, and return their number. The next run continues a long list."""
    count = 0
    for project_id in store.list_deleted_before(clock.now() - RETENTION):
        project = get_or_none(project_id)
        if project is None or project.status != "deleted":
            continue
        try:
            with Transaction() as tx:
                _mark_purging(tx, project)
        except ProjectChanged:
            continue  # it was restored or purged since it was read
        count += 1
    return count


def delete_rows(project_id: str) -> bool:
    """Delete some records of a purged project, its own last. Return whether there are more. Raises ServiceUnavailable."""
    memberships = member_store.list_members(project_id, PageRequest(_DELETE_BATCH_SIZE))
    invitations = member_store.list_invitations(project_id, PageRequest(_DELETE_BATCH_SIZE))
    has_more = memberships.next is not None or invitations.next is not None
    with Transaction() as tx:
        for membership in memberships.items:
            member_store.delete_membership_if_exists(tx, membership)
        for invitation in invitations.items:
            member_store.delete_invitation_if_exists(tx, invitation)
        if not has_more:
            quotas.delete(tx, project_id)
            store.delete_if_exists(tx, project_id)
    return has_more


def _with_roles(memberships: list[Membership]) -> list[ProjectWithRole]:
    with BatchGet() as batch:
        found = [(get_project(batch, each.project_id), each.role) for each in memberships]
    # The index lags, so a project may not exist any more.
    return [with_role(each.value, role) for each, role in found if each.value and each.value.status != "purging"]


def _update(caller: Caller, project: Project, request: UpdateProjectRequest) -> Project:
    settings = _merge(project.settings, request.settings)
    changes = {"name": request.name or project.name, "settings": settings, "updated_at": clock.now()}
    updated = project.model_copy(update=changes)
    with Transaction() as tx:
        store.update(tx, project, updated)
        if settings.visibility != project.settings.visibility:
            jobs.start_for_project(tx, "relocate-project", project.id)
        log(tx, caller, "projects.update", project.id)
        emit(tx, project.id, "project.updated")
    return updated


def _merge(settings: ProjectSettings, changes: UpdateProjectSettings) -> ProjectSettings:
    return settings.model_copy(update={name: getattr(changes, name) for name in changes.model_fields_set})


def _get_active(project_id: str) -> Project:
    project = get_or_none(project_id)
    if project is None or project.status != "active":
        raise NotFound
    return project


def _mark_purging(tx: Transaction, project: Project) -> Job:
    store.mark_purging(tx, project, clock.now())
    quotas.freeze(tx, project.id)
    return jobs.start_for_project(tx, "purge-project", project.id)


def _relocate_if_public(tx: Transaction, project: Project) -> None:
    """Start the job that moves the variants, because a deleted project has nothing that is public."""
    if project.settings.visibility == "public":
        jobs.start_for_project(tx, "relocate-project", project.id)
