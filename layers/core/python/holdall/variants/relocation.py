"""The relocation of variants: a job moves those of a file between the prefixes of the bucket."""

from dataclasses import replace
from functools import partial

from holdall.files import service as files
from holdall.files.model import OTHER_PREFIX, FileChanged, prefix_for
from holdall.jobs import service as jobs
from holdall.jobs.model import Job, JobState
from holdall.platform import storage
from holdall.platform.pagination import PageRequest
from holdall.platform.retry import retry_on
from holdall.platform.table import Transaction
from holdall.projects.model import ProjectChanged
from holdall.projects.service import projects
from holdall.variants.reconcile import load

_BATCH_SIZE = 25  # versions in one run, with up to 20 variants each


def run(job: Job) -> None:
    """Move the variants of some versions of a file to the prefix that the state of file and project demands.

    Raises ServiceUnavailable, Busy and JobClaimed.
    """
    versions = files.list_versions(job.required_file_id, PageRequest(_BATCH_SIZE, job.state.position))
    for version in versions.items:
        relocate = partial(_relocate, job.required_file_id, version.number, moved=set())
        retry_on(FileChanged, ProjectChanged, action=relocate)
    if versions.next is not None:
        jobs.reschedule(job, JobState(versions.next))
        return
    with Transaction() as tx:
        jobs.complete(tx, job)


def _relocate(file_id: str, version_number: int, *, moved: set[str]) -> None:
    """Try once. `moved` has the unprefixed keys of the objects that earlier attempts moved, and gets those of this one."""
    loaded = load(file_id, version_number)
    if loaded is None:  # what is being purged may have been deleted before it was moved
        files.delete_variants(moved)
        return
    project, file, version = loaded
    prefix = prefix_for(project, file.state)
    relocated = replace(version, variants=tuple(variant.with_prefix(prefix) for variant in version.variants))
    # This includes variants that the record has under the right prefix, or as `processing`: a worker may have stored an
    # object and died before it updated the record.
    moved_now = {
        variant.unprefixed_key
        for variant in relocated.variants
        if storage.move_variant(variant.with_prefix(OTHER_PREFIX[prefix]).key, variant.key)
    }
    moved |= moved_now
    if relocated == version and not moved_now:
        return
    with Transaction() as tx:
        files.update_version(tx, file, relocated)
        projects.check_visibility_unchanged(tx, project)
