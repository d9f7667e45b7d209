"""Jobs about whole projects. Each run does a part and asks for the next, so that no project is too large."""

import contextlib

from holdall.api_keys import service as api_keys
from holdall.files import service as files
from holdall.files.model import VARIANT_PREFIXES, prefix_for, version_id_of_variant, without_prefix
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.platform import observability, storage
from holdall.platform.errors import NotFound
from holdall.platform.pagination import PageRequest
from holdall.platform.table import Transaction
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.uploads import service as uploads

_BATCH_SIZE = 50  # in one run
MAX_CHECKS = 60  # at what should have come to its end: hours in all, as each pause is longer than the one before
_CHECK_PREFIX = "check "  # no id begins so


def run_relocate(job: Job) -> None:
    """Bring the variants of all images of a project to where they may be seen from now on: a job for each image.

    What the public may not see any more is then looked for in the bucket itself: the list of images lags a moment behind, and a
    worker that died may have left what no row knows.
    """
    project = projects.get_or_none(job.project_id)
    if project is None or project.status == "purging":
        _complete(job)
    elif _parse_cursor(job)[0]:
        _sweep_public_prefix(job, project)
    else:
        page = files.list_by_kind(project.id, "image", PageRequest(_BATCH_SIZE, job.cursor))
        _start_relocations([file.id for file in page.items])
        if page.next is not None:
            jobs.reschedule(job, page.next)
        elif prefix_for(project, "live") == "media":
            _complete(job)
        else:
            _check_later(job)


def run_purge(job: Job) -> None:
    """Remove a project that was purged: its open uploads, its files by a job for each, at last its rows."""
    project = projects.get_or_none(job.project_id)
    if project is None:
        jobs.delete(job)  # all the rest has gone
        return
    more = uploads.abort_all(project.id)
    left = files.remaining_ids(project.id, _BATCH_SIZE)
    for file_id in left:
        with contextlib.suppress(NotFound):  # the list lags a moment behind: this one is being purged
            files.purge(None, file_id)
    if more or left:
        jobs.reschedule(job, None)
    # The jobs of its files need their own rows and the quota's; and what was completed a moment ago is counted, not listed.
    elif jobs.has_other_open(job) or (quotas.get_usage(project.id).files and not _checks_exhausted(job)):
        _check_later(job)
    elif (
        _delete_leftover_variants(project)
        or api_keys.delete_rows(project.id)
        or jobs.delete_rows(project.id, except_job=job)
        or projects.delete_rows(project.id)
    ):
        jobs.reschedule(job, job.cursor)
    else:
        jobs.delete(job)


def _start_relocations(file_ids: list[str]) -> None:
    if file_ids:
        with Transaction() as write:
            for file_id in file_ids:
                jobs.create(write, "relocate", file_id)


def _sweep_public_prefix(job: Job, project: Project) -> None:
    looks, behind = _parse_cursor(job)
    rest = storage.list_variants(f"media/{project.key_prefix}/", _BATCH_SIZE, start_after=behind)
    if prefix_for(project, "live") == "media" or not (rest or behind):
        _complete(job)
    elif _checks_exhausted(job):
        observability.logger.error(
            "project.public_prefix_not_empty", extra={"project_id": project.id, "job_id": job.id}
        )
        with Transaction() as write:
            jobs.fail(write, job, "public_prefix_not_empty")
    else:
        # Further only when nobody else is at work: what is being moved at this moment would be asked for a second time.
        further = len(rest) == _BATCH_SIZE and (behind or not jobs.has_other_open(job))
        _relocate_or_delete(project, rest)
        if further:
            jobs.reschedule(job, f"{_CHECK_PREFIX}{looks} {rest[-1]}")
        else:
            _check_later(job)


def _relocate_or_delete(project: Project, variant_keys: list[str]) -> None:
    """Have what rows name moved. What none names belongs to nothing: rows name a place before anything is stored there."""
    versions = {version_id_of_variant(project.id, key) for key in variant_keys}
    owners = {file_id for each in versions if (file_id := uploads.get_file_id_or_none(each))}
    named = {
        each.unprefixed_key: file_id
        for file_id in owners
        for version in files.list_versions(file_id)
        for each in version.variants
    }
    for key in variant_keys:
        if without_prefix(key) not in named:
            storage.delete_variant(key)
    _start_relocations(sorted({named[without_prefix(key)] for key in variant_keys if without_prefix(key) in named}))


def _delete_leftover_variants(project: Project) -> bool:
    """Remove what is left on the shelves of a project whose files have gone; tells whether there was anything."""
    left = [
        key
        for shelf in VARIANT_PREFIXES
        for key in storage.list_variants(f"{shelf}/{project.key_prefix}/", _BATCH_SIZE)
    ]
    for key in left:
        storage.delete_variant(key)
    return bool(left)


def _parse_cursor(job: Job) -> tuple[int, str]:
    """How often was looked at what should have come to its end, and behind which key this look goes on."""
    if not job.cursor or not job.cursor.startswith(_CHECK_PREFIX):
        return 0, ""
    looks, _, behind = job.cursor.removeprefix(_CHECK_PREFIX).partition(" ")
    return int(looks), behind


def _check_later(job: Job) -> None:
    looks = _parse_cursor(job)[0] + 1
    jobs.reschedule(job, f"{_CHECK_PREFIX}{looks}", delay_seconds=min(5 * looks, 900))


def _checks_exhausted(job: Job) -> bool:
    return _parse_cursor(job)[0] >= MAX_CHECKS


def _complete(job: Job) -> None:
    with Transaction() as write:
        jobs.complete(write, job)
