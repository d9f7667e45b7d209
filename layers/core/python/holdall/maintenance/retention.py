"""The retention of the trash: every night, files that a project keeps no longer are purged.

One message looks through the projects, and each project that has such a setting gets messages of its own. A message that is
lost or comes twice does no harm, because the next night finds what is left.
"""

from datetime import timedelta

from holdall.files import trash
from holdall.maintenance.model import EmptyTrash, FindTrash
from holdall.platform import clock, ids, messaging
from holdall.platform.pagination import PageRequest
from holdall.platform.table import BatchGet
from holdall.projects.model import Project
from holdall.projects.service import projects

_PAGE_SIZE = 100  # projects that one BatchGetItem reads
_BATCH_SIZE = 50  # files in one message, each with a transaction and a message of its own


def start() -> int:
    """Start to look for trash that is due. Raises ServiceUnavailable."""
    messaging.send(FindTrash())
    return 1


def find_trash(message: FindTrash) -> None:
    """Send a message for each project of a page that may have trash that is due, and one for the next page.

    Raises ServiceUnavailable.
    """
    project_ids, position = projects.list_ids(message.shard, PageRequest(_PAGE_SIZE, message.position))
    with BatchGet() as batch:
        found = [projects.get_project(batch, project_id) for project_id in project_ids]
    for each in found:
        if each.value is not None and _retention(each.value) is not None:
            messaging.send(EmptyTrash(each.value.id))
    shard = message.shard + (position is None)
    if shard < ids.SHARDS:
        messaging.send(FindTrash(shard, position))


def empty_trash(message: EmptyTrash) -> None:
    """Purge a batch of the files that are due by the setting of now, and send a message for the next batch.

    Raises ServiceUnavailable and Busy.
    """
    project = projects.get_or_none(message.project_id)
    retention = None if project is None else _retention(project)
    if retention is None:
        return
    page = PageRequest(_BATCH_SIZE, message.position)
    position = trash.purge_trashed_before(message.project_id, clock.now() - retention, page)
    if position is not None:
        messaging.send(EmptyTrash(message.project_id, position))


def _retention(project: Project) -> timedelta | None:
    """Return for how long an active project keeps its trash. A deleted one can be restored as it was."""
    days = project.settings.retention_days
    return timedelta(days=days) if days is not None and project.status == "active" else None
