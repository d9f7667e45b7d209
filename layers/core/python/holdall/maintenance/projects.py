"""Jobs about whole projects. Each run does a part and asks for the next, so that no project is too large."""

import contextlib

from holdall import observe, storage
from holdall.errors import NotFound
from holdall.files import service as files
from holdall.files.model import OTHER, place, shelf_of, version_id_of_variant
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.keys import service as keys
from holdall.page import PageRequest
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.table import Transaction
from holdall.uploads import service as uploads

_FILES = 50  # in one run
_LOOKS = 60  # at what should have come to its end: hours in all, as each pause is longer than the one before
_LOOK = "look "  # no id begins so


def run_relocate(job: Job) -> None:
    """Bring the variants of all images of a project to where they may be seen from now on: a job for each image.

    What the public may not see any more is then looked for in the bucket itself: the list of images lags a moment behind, and a
    worker that died may have left what no row knows.
    """
    project = projects.find(job.project_id)
    if project is None or project.status == "purging":
        _end(job)
    elif _looked(job)[0]:
        _look_for_rest(job, project)
    else:
        page = files.images(project.id, PageRequest(_FILES, job.cursor))
        _relocate([file.id for file in page.items])
        if page.next is not None:
            jobs.go_on(job, page.next)
        elif shelf_of(project, "live") == "media":
            _end(job)
        else:
            _look_again(job)


def run_purge(job: Job) -> None:
    """Remove a project that was purged: its open uploads, its files by a job for each, at last its rows."""
    project = projects.find(job.project_id)
    if project is None:
        jobs.forget_last(job)  # all the rest has gone
        return
    more = uploads.abort_all(project.id)
    left = files.left(project.id, _FILES)
    for file_id in left:
        with contextlib.suppress(NotFound):  # the list lags a moment behind: this one is being purged
            files.purge(None, file_id)
    if more or left:
        jobs.go_on(job, None)
    # The jobs of its files need their own rows and the quota's; and what was completed a moment ago is counted, not listed.
    elif jobs.others_open(job) or (quotas.held(project.id).files and not _patience_ended(job)):
        _look_again(job)
    elif _swept(project) or keys.forget(project.id) or jobs.forget(project.id, but=job) or projects.forget(project.id):
        jobs.go_on(job, job.cursor)
    else:
        jobs.forget_last(job)


def _relocate(file_ids: list[str]) -> None:
    if file_ids:
        with Transaction() as write:
            begun = [jobs.start(write, "relocate", file_id) for file_id in file_ids]
        for each in begun:
            jobs.send(each)


def _look_for_rest(job: Job, project: Project) -> None:
    looks, behind = _looked(job)
    rest = storage.variants_under(f"media/{project.prefix}/", _FILES, after=behind)
    if shelf_of(project, "live") == "media" or not (rest or behind):
        _end(job)
    elif _patience_ended(job):
        observe.logger.error("project.left-under-media", extra={"project_id": project.id, "job_id": job.id})
        with Transaction() as write:
            jobs.fail(write, job, "left_under_media")
    else:
        # Further only when nobody else is at work: what is being moved at this moment would be asked for a second time.
        further = len(rest) == _FILES and (behind or not jobs.others_open(job))
        _hide(project, rest)
        if further:
            jobs.go_on(job, f"{_LOOK}{looks} {rest[-1]}")
        else:
            _look_again(job)


def _hide(project: Project, keys: list[str]) -> None:
    """Have what rows name moved. What none names belongs to nothing: rows name a place before anything is stored there."""
    versions = {version_id_of_variant(project.id, key) for key in keys}
    owners = {file_id for each in versions if (file_id := uploads.file_of(each))}
    named = {
        place(each.key): file_id
        for file_id in owners
        for version in files.versions(file_id)
        for each in version.variants
    }
    for key in keys:
        if place(key) not in named:
            storage.delete_variant(key)
    _relocate(sorted({named[place(key)] for key in keys if place(key) in named}))


def _swept(project: Project) -> bool:
    """Remove what is left on the shelves of a project whose files have gone; tells whether there was anything."""
    left = [key for shelf in OTHER for key in storage.variants_under(f"{shelf}/{project.prefix}/", _FILES)]
    for key in left:
        storage.delete_variant(key)
    return bool(left)


def _looked(job: Job) -> tuple[int, str]:
    """How often was looked at what should have come to its end, and behind which key this look goes on."""
    if not job.cursor or not job.cursor.startswith(_LOOK):
        return 0, ""
    looks, _, behind = job.cursor.removeprefix(_LOOK).partition(" ")
    return int(looks), behind


def _look_again(job: Job) -> None:
    looks = _looked(job)[0] + 1
    jobs.go_on(job, f"{_LOOK}{looks}", after=min(5 * looks, 900))


def _patience_ended(job: Job) -> bool:
    return _looked(job)[0] >= _LOOKS


def _end(job: Job) -> None:
    with Transaction() as write:
        jobs.complete(write, job)
