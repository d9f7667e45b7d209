"""What people do with projects."""

from typing import Any

from holdall import clock, ids
from holdall.audit.service import record
from holdall.caller import Caller, Visitor
from holdall.errors import Conflict, NotFound
from holdall.events.service import emit
from holdall.iam.service import users
from holdall.idempotency import service as idempotency
from holdall.idempotency.service import Repeated
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.page import Page, PageRequest
from holdall.projects.model import (
    KEPT,
    ChangedSettings,
    ChangeProject,
    Membership,
    NewProject,
    Project,
    ProjectView,
    Settings,
    slug,
)
from holdall.projects.service import quota
from holdall.projects.store import members as member_store
from holdall.projects.store import projects as store
from holdall.quotas import service as quotas
from holdall.table import Awaited, Reading, Transaction

bounds = quota.bounds
CHANGED = Conflict("project_changed", "The project was changed at this moment. Try again.")
_PERSONAL = Conflict("personal_project", "A personal project lives as long as its account.")
_ATTEMPTS = 5


def create(caller: Caller, new: NewProject) -> Project:
    """Make a project that the caller owns. Raises Invalid for a quota above the installation's."""
    quota.check(new.settings.quota)
    try:
        with Transaction() as write:
            project = add(write, caller, caller.user_id, new)
            users.check_active(write, caller.user_id)  # one who is deleted in this moment would own it for ever
            idempotency.keep(write, caller, project.model_dump_json())
    except Repeated:
        return Project.model_validate_json(idempotency.outcome(caller), by_name=True)
    return project


def add(write: Transaction, who: Visitor, owner_id: str, new: NewProject, *, personal: bool = False) -> Project:
    """Make a project as part of something larger, such as a sign-up."""
    now = clock.now()
    project = Project(
        id=ids.personal_project_id(owner_id) if personal else ids.new_project_id(),
        name=new.name,
        slug=slug(new.name),
        personal=personal,
        status="active",
        settings=new.settings,
        created_at=now,
        updated_at=now,
    )
    store.add(write, project)
    quotas.add(write, project.id)
    member_store.add(write, Membership(ids.new_id(), project.id, owner_id, "owner", now))
    maker = None if isinstance(who, Caller) else owner_id  # who signs up turns out to be the owner
    record(write, who, "projects.create", project.id, actor=maker)
    return project


def mine(caller: Caller, asked: PageRequest) -> Page[ProjectView]:
    """The projects that the caller is a member of, latest joined first; deleted ones too, and none that is purged at this
    moment. Two round trips, and two more where one was left out: a page is full or the last.
    """
    shown: list[ProjectView] = []
    ends: list[Page[Membership]] = []
    while True:
        found = member_store.memberships(caller.user_id, asked)
        ends.append(found)
        here = _shown(found.items)
        shown = here + shown if asked.backward else shown + here
        on = found.prev if asked.backward else found.next
        if on is None or len(here) == len(found.items):
            break
        asked = PageRequest(len(found.items) - len(here), on, backward=asked.backward)
    first, last = (ends[-1], ends[0]) if asked.backward else (ends[0], ends[-1])
    return Page(shown, next=last.next, prev=first.prev)


def _shown(memberships: list[Membership]) -> list[ProjectView]:
    with Reading() as read:
        found = [(store.project(read, each.project_id), each.role) for each in memberships]
    # The index may hold one that has gone.
    return [view(each.value, role) for each, role in found if each.value and each.value.status != "purging"]


def view(project: Project, role: str | None) -> ProjectView:
    """A project as somebody with this role sees it."""
    seen: dict[str, Any] = {**vars(project), "role": role}
    return ProjectView.model_construct(**seen)


def project(read: Reading, project_id: str) -> Awaited[Project]:
    """Ask for a project, in whatever state."""
    return store.project(read, project_id)


def find(project_id: str) -> Project | None:
    """A project in whatever state, or None. One round trip."""
    with Reading() as read:
        found = store.project(read, project_id)
    return found.value


def change(caller: Caller, project: Project, said: ChangeProject) -> Project:
    """Change a name or settings; what is not said stays. Raises Invalid for a quota above the installation's, and Conflict.

    A change of what the public may see is followed by a job that moves the variants.
    """
    if "quota" in said.settings.model_fields_set:
        quota.check(said.settings.quota)
    for _ in range(_ATTEMPTS):
        settings = _merged(project.settings, said.settings)
        changed = project.model_copy(
            update={"name": said.name or project.name, "settings": settings, "updated_at": clock.now()}
        )
        moves = settings.visibility != project.settings.visibility
        try:
            with Transaction() as write:
                store.change(write, project, changed, otherwise=CHANGED)
                job = jobs.start_of_project(write, "relocate-project", project.id) if moves else None
                record(write, caller, "projects.update", project.id)
                emit(write, project.id, "project.changed")
        except Conflict:
            project = _lives(project.id)
            continue
        if job:
            jobs.send(job)
        return changed
    raise CHANGED


def delete(caller: Caller, project: Project) -> Project:
    """Delete a project so that it may be restored within 30 days; until then it keeps what it holds. Raises Conflict."""
    if project.personal:
        raise _PERSONAL
    return soften(caller, project)


def soften(caller: Caller, project: Project, *, alone: Membership | None = None) -> Project:
    """Delete a project softly, for whatever reason; `alone` is who must be its only owner still. The transaction raises
    Conflict.
    """
    now = clock.now()
    with Transaction() as write:
        store.soften(write, project, now, alone=alone is not None, otherwise=CHANGED)
        if alone is not None:
            member_store.check_same(write, alone, otherwise=CHANGED)
        quotas.close(write, project.id)
        job = _relocation(write, project)
        record(write, caller, "projects.delete", project.id)
        emit(write, project.id, "project.deleted")
    if job:
        jobs.send(job)
    return project.model_copy(update={"status": "deleted", "deleted_at": now, "updated_at": now})


def restore(caller: Caller, project: Project) -> Project:
    """Make a deleted project live again, with all that was in it. Raises Conflict for one that is not deleted."""
    if project.status != "deleted":
        raise Conflict("wrong_state", "This project is not deleted.")
    now = clock.now()
    if project.deleted_at is None or project.deleted_at + KEPT <= now:
        raise NotFound  # its time is over, and the work of the night will find it
    with Transaction() as write:
        store.restore(write, project, now, otherwise=CHANGED)
        quotas.open(write, project.id)
        job = _relocation(write, project)
        record(write, caller, "projects.restore", project.id)
        emit(write, project.id, "project.restored")
    if job:
        jobs.send(job)
    return project.model_copy(update={"status": "active", "deleted_at": None, "updated_at": now})


def purge(caller: Caller, project: Project) -> Job:
    """Remove a project with all that is in it: gone from every route at once, its bytes by a job. Raises Conflict."""
    if project.personal:
        raise _PERSONAL
    with Transaction() as write:
        job = _condemn(write, project)
        record(write, caller, "projects.purge", project.id)
    jobs.send(job)
    return job


def purge_due() -> int:
    """Begin to purge the projects that were deleted 30 days ago; tells how many. Bounded; the next run goes on."""
    begun = 0
    for project_id in store.deleted_before(clock.now() - KEPT):
        found = find(project_id)
        if found is None or found.status != "deleted":
            continue
        try:
            with Transaction() as write:
                job = _condemn(write, found)
        except Conflict:
            continue  # restored or purged in this moment
        jobs.send(job)
        begun += 1
    return begun


def forget(project_id: str) -> bool:
    """Remove the rows of a project whose files are gone, its own last; tells whether there is more. Raises Unavailable."""
    people, asked = (
        member_store.members(project_id, PageRequest(40)),
        member_store.invitations(project_id, PageRequest(40)),
    )
    with Transaction() as write:
        for membership in people.items:
            member_store.forget(write, membership)
        for invitation in asked.items:
            member_store.forget_invitation(write, invitation)
        more = people.next is not None or asked.next is not None
        if not more:
            quotas.forget(write, project_id)
            store.remove(write, project_id)
    return more


def check_as_seen(write: Transaction, project: Project) -> None:
    """Hold only while a project lives, or does not, and is as visible, as when it was read. The transaction raises Conflict."""
    store.check_as_seen(write, project, otherwise=CHANGED)


def check_unchanged(write: Transaction, project: Project) -> None:
    """Hold only while a project, with its settings, is as it was when it was read. The transaction raises Conflict."""
    store.check_unchanged(write, project, otherwise=CHANGED)


def every(shard: int, asked: PageRequest) -> tuple[list[str], str | None]:
    """The ids of the projects of a shard, whatever their state, and where they go on."""
    return store.every(shard, asked)


def _condemn(write: Transaction, project: Project) -> Job:
    store.condemn(write, project, clock.now(), otherwise=CHANGED)
    quotas.close(write, project.id)
    return jobs.start_of_project(write, "purge-project", project.id)


def _relocation(write: Transaction, project: Project) -> Job | None:
    """The job that moves what the public may not see any more, or again."""
    if project.settings.visibility == "private":
        return None
    return jobs.start_of_project(write, "relocate-project", project.id)


def _lives(project_id: str) -> Project:
    found = find(project_id)
    if found is None or found.status != "active":
        raise NotFound
    return found


def _merged(settings: Settings, said: ChangedSettings) -> Settings:
    return settings.model_copy(update={name: getattr(said, name) for name in said.model_fields_set})
