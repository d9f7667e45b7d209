"""Who may enter a project, and with what rights."""

from dataclasses import dataclass

from holdall.audit.service import record
from holdall.caller import Caller
from holdall.errors import NotFound
from holdall.projects.model import Membership, Project, Role
from holdall.projects.store import members as member_store
from holdall.projects.store import projects as store
from holdall.table import Awaited, Reading, Transaction


@dataclass(frozen=True)
class Place:
    """What was read about a project and somebody who comes to it."""

    project: Awaited[Project]
    member: Awaited[Membership]


def place_of(read: Reading, project_id: str, user_id: str) -> Place:
    """Ask for what decides whether somebody may enter a project."""
    return Place(store.project(read, project_id), member_store.member(read, project_id, user_id))


def enter(place: Place, *, anywhere: bool = False, deleted: bool = False) -> tuple[Project, Role]:
    """The project, and the role that its visitor has there. Raises NotFound, alike for none and for one of others.

    Who may go `anywhere` (`projects.any`) is an owner where they are no member. A project that was deleted lets nobody in, but
    where the route is about that (`deleted`).
    """
    project, member = place.project.value, place.member.value
    if project is None or project.status not in (("active", "deleted") if deleted else ("active",)):
        raise NotFound
    if member is None and not anywhere:
        raise NotFound
    return project, member.role if member else "owner"


def record_visit(caller: Caller, project: Project) -> None:
    """Tell that somebody entered a project that they are no member of, by the right to go anywhere. One round trip."""
    with Transaction() as write:
        record(write, caller, "projects.any", project.id)
