"""The jobs of a project, with the names of the files that they are about."""

from holdall.files import service as files
from holdall.jobs import views
from holdall.jobs.model import JobStatus, JobView
from holdall.platform.caller import Caller
from holdall.platform.pagination import Page, PageRequest

_READ_FILES = "files.read"  # all members have it, and API keys with this scope


def list_jobs(caller: Caller, project_id: str, status: JobStatus | None, page: PageRequest) -> Page[JobView]:
    """Return a page of the jobs of a project, newest first. Two round trips. Raises ServiceUnavailable."""
    found = views.list_jobs(project_id, status, page)
    if caller.api_key_scopes is not None and _READ_FILES not in caller.api_key_scopes:
        return found
    about = files.get_many({view.file_id for view in found.items if view.file_id})
    names = {file.id: file.name for file in about.values()}
    named = [view.model_copy(update={"file_name": names.get(view.file_id or "")}) for view in found.items]
    return Page(named, next=found.next, prev=found.prev)
