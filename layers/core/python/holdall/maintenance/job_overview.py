"""The jobs of many projects, as an operator sees them."""

from collections.abc import Iterator
from itertools import islice

from holdall.jobs import service as jobs
from holdall.jobs import views
from holdall.maintenance.model import ProjectJobs
from holdall.platform.caller import Caller
from holdall.platform.pagination import Page, PageRequest, cut_page
from holdall.projects.model import Project
from holdall.projects.service import access, listing

_ALL_PROJECTS = "projects.any"


def list_projects(caller: Caller, page: PageRequest, *, failed_only: bool) -> Page[ProjectJobs]:
    """Return a page of projects by ID, each with the number of its jobs.

    They are all projects for a superuser, and those that the caller owns for others. Deleted projects are among them, because
    a purge that failed needs an operator. With `failed_only`, those with failed jobs. Each project costs four round trips. The
    audit log tells that a superuser saw the projects of others.
    """
    if _ALL_PROJECTS not in caller.global_permissions:
        return _page_of_ids(_iterate_owned(caller.user_id, page, failed_only=failed_only), page)
    access.audit_superuser_list(caller)
    if failed_only:
        return _page_of_ids(_iterate_failed(page), page)
    found = listing.list_all(page)
    return Page([_count(project.id, project) for project in found.items], next=found.next, prev=found.prev)


def _page_of_ids(project_ids: Iterator[str], page: PageRequest) -> Page[ProjectJobs]:
    found = cut_page(list(islice(project_ids, page.limit + 1)), page, position=str)
    projects = listing.get_by_ids(found.items)
    return Page([_count(*each) for each in projects.items()], next=found.next, prev=found.prev)


def _iterate_failed(page: PageRequest) -> Iterator[str]:
    """Yield the projects with failed jobs in the direction of a page. One round trip for each, however many jobs it has."""
    position = page.position
    while (project_id := jobs.next_project_with_failed(position, backward=page.backward)) is not None:
        yield project_id
        position = project_id


def _iterate_owned(user_id: str, page: PageRequest, *, failed_only: bool) -> Iterator[str]:
    for project_id in sorted(listing.list_owned_ids(user_id), reverse=page.backward):
        is_before = page.position is not None and (
            project_id >= page.position if page.backward else project_id <= page.position
        )
        if not is_before and (not failed_only or views.has_failed(project_id)):
            yield project_id


def _count(project_id: str, project: Project | None) -> ProjectJobs:
    return ProjectJobs(
        project_id=project_id,
        name=project.name if project else None,
        status=project.status if project else None,
        jobs=views.count_by_status(project_id),
    )
