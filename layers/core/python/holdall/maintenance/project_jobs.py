"""Jobs on whole projects. Each run does a part of the work and reschedules the job, so no project is too large."""

from contextlib import suppress
from dataclasses import replace

from holdall.api_keys import service as api_keys
from holdall.files import service as files
from holdall.files import trash
from holdall.files.model import VARIANT_PREFIXES, prefix_for, version_id_of_variant, without_prefix
from holdall.jobs import service as jobs
from holdall.jobs.model import GAVE_UP, Job, JobState
from holdall.platform import observability, storage
from holdall.platform.errors import NotFound
from holdall.platform.pagination import PageRequest
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.uploads import cleanup
from holdall.uploads import service as uploads

_BATCH_SIZE = 50  # files or variants in one run
MAX_CHECKS = 20  # three and a half hours in total


def run_relocate(job: Job) -> None:
    """Move the variants of a project to the prefix that its visibility demands, by a job for each file that has had any.

    If the project is not public any more, it then checks the bucket itself: the list of files lags, and a worker that died may
    have left objects that no record names. Raises ServiceUnavailable.
    """
    project = projects.get_or_none(job.project_id)
    if project is None or project.status == "purging":
        _complete(job)
    elif job.state.checks:
        _sweep_public_prefix(job, project)
    else:
        # Of all files, because one that is no image any more may have older versions with variants.
        page = files.list_newest(project.id, PageRequest(_BATCH_SIZE, job.state.position))
        _start_relocations([file.id for file in page.items if file.has_variants])
        if page.next is not None:
            jobs.reschedule(job, JobState(page.next))
        elif prefix_for(project, "live") == "media":
            _complete(job)
        else:
            jobs.reschedule_later(job)


def run_abort_uploads(job: Job) -> None:
    """Abort the open uploads of a deleted project. If it was restored meanwhile, it keeps them. Raises ServiceUnavailable."""
    project = projects.get_or_none(job.project_id)
    if project is not None and project.status != "active" and cleanup.abort_all(project.id):
        jobs.reschedule(job, JobState())
    else:
        _complete(job)


def run_purge(job: Job) -> None:
    """Delete a purged project: its open uploads, its files by a job for each, then its records.

    Raises ServiceUnavailable.
    """
    project = projects.get_or_none(job.project_id)
    if project is None:
        jobs.delete(job)  # the last record of the project
        return
    has_uploads = cleanup.abort_all(project.id)
    file_ids = files.remaining_ids(project.id, _BATCH_SIZE)
    for file_id in file_ids:
        with suppress(NotFound):  # the list lags, and another run has marked this file
            trash.purge(None, file_id)
    if has_uploads or file_ids:
        jobs.reschedule(job, JobState())
        return
    # The jobs of its files need their records and the quota. A file that was just committed counts, but may not be listed yet.
    has_usage = _has_usage(project)
    if jobs.has_other_open(job) or (has_usage and job.state.checks < MAX_CHECKS):
        jobs.reschedule_later(job)
        return
    if has_usage:
        observability.logger.error("project.purge_incomplete", extra={"project_id": project.id, "job_id": job.id})
        # A file is left. The operator who starts its purge again starts this one too.
        if jobs.has_other_waiting_for_operator(job):
            with Transaction() as tx:
                jobs.fail(tx, job, GAVE_UP, expires=False)
            return
    if (
        _delete_leftover_variants(project)
        or api_keys.delete_rows(project.id)
        or jobs.delete_rows(project.id, except_job=job)
        or projects.delete_rows(project.id)
    ):
        jobs.reschedule(job, job.state)
    else:
        jobs.delete(job)


def _start_relocations(file_ids: list[str]) -> None:
    if file_ids:
        with Transaction() as tx:
            for file_id in file_ids:
                jobs.create(tx, "relocate", file_id)


def _sweep_public_prefix(job: Job, project: Project) -> None:
    """Look for variants that are still public, and relocate or delete them."""
    position = job.state.position or ""
    keys = storage.list_variants(f"media/{project.key_prefix}/", _BATCH_SIZE, start_after=position)
    if prefix_for(project, "live") == "media" or not (keys or position):
        _complete(job)
    elif job.state.checks >= MAX_CHECKS:
        fields = {"project_id": project.id, "job_id": job.id}
        observability.logger.error("project.public_prefix_not_empty", extra=fields)
        with Transaction() as tx:
            jobs.fail(tx, job, "public_prefix_not_empty")
    else:
        # The next keys follow at once only if no other job is open, which would be started a second time.
        continues = len(keys) == _BATCH_SIZE and (position or not jobs.has_other_open(job))
        _relocate_or_delete(project, keys)
        if continues:
            jobs.reschedule(job, replace(job.state, position=keys[-1]))
        else:
            jobs.reschedule_later(job)


def _relocate_or_delete(project: Project, variant_keys: list[str]) -> None:
    """Relocate the variants that a record names, and delete the others: a record names a variant before it is stored."""
    file_id_by_key: dict[str, str] = {}
    for version_id in {version_id_of_variant(project.id, key) for key in variant_keys}:
        version_key = uploads.get_version_key_or_none(version_id) or files.get_restored_key_or_none(version_id)
        version = files.get_file_and_version(*version_key)[1] if version_key else None
        if version_key and version:
            file_id_by_key.update({variant.unprefixed_key: version_key[0] for variant in version.variants})
    for key in variant_keys:
        if without_prefix(key) not in file_id_by_key:
            storage.delete_variant(key)
    named = {without_prefix(key) for key in variant_keys} & file_id_by_key.keys()
    _start_relocations(sorted({file_id_by_key[key] for key in named}))


def _delete_leftover_variants(project: Project) -> bool:
    """Delete some variants that no record names any more. Return whether there were any."""
    keys = [
        key
        for prefix in VARIANT_PREFIXES
        for key in storage.list_variants(f"{prefix}/{project.key_prefix}/", _BATCH_SIZE)
    ]
    for key in keys:
        storage.delete_variant(key)
    return bool(keys)


def _has_usage(project: Project) -> bool:
    with BatchGet() as batch:
        pending = quotas.get_usage(batch, project.id)
    return pending.value is not None and pending.value.files > 0


def _complete(job: Job) -> None:
    with Transaction() as tx:
        jobs.complete(tx, job)
