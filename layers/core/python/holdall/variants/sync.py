"""Sync the variants of a project's images with its settings: estimate the effect, then run it as a job."""

from dataclasses import dataclass, replace
from functools import partial

from holdall.api_keys import rights
from holdall.audit.service import log
from holdall.files import service as files
from holdall.files.model import File, FileChanged, Variant, Version
from holdall.idempotency import service as idempotency
from holdall.jobs import service as jobs
from holdall.jobs.model import Job, JobState
from holdall.platform.caller import Caller
from holdall.platform.pagination import PageRequest
from holdall.platform.retry import retry_on
from holdall.platform.table import Transaction
from holdall.projects.model import Project, ProjectChanged
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.variants.model import SyncEstimate
from holdall.variants.reconcile import load, wanted_variants

_MAX_SAMPLED_IMAGES = 1000  # the estimate for a larger project is an extrapolation
_PAGE_SIZE = 100
_BATCH_SIZE = 25  # images in one run of the job
# Measured times (docs/benchmarks.md: four variants of 6 MP in 0.4 s on two cores), and prices: 3008 MB of Lambda on arm64 and
# one PUT for each variant, us-east-1 (AWS price lists of November 2026).
_SECONDS_PER_IMAGE = 0.3
_SECONDS_PER_VARIANT = 0.15
_DOLLARS_PER_SECOND = 3008 / 1024 * 0.0000133334
_DOLLARS_PER_PUT = 0.000005


@dataclass(frozen=True)
class _VariantDiff:
    """The difference between the variants of a version and the settings."""

    to_make: tuple[Variant, ...]
    to_drop: tuple[Variant, ...]
    to_keep: tuple[Variant, ...]

    def __bool__(self) -> bool:
        return bool(self.to_make or self.to_drop)


def estimate(project: Project) -> SyncEstimate:
    """Estimate the effect of a sync. At most eleven round trips; from a sample if the project has over a thousand images."""
    sampled, affected, make, drop = 0, 0, 0, 0
    page = PageRequest(_PAGE_SIZE)
    while True:
        found = files.list_by_kind(project.id, "image", page)
        for file in found.items:
            diff = _diff(project, file, file.current)
            sampled, make, drop = sampled + 1, make + len(diff.to_make), drop + len(diff.to_drop)
            affected += bool(diff)
        if found.next is None or sampled >= _MAX_SAMPLED_IMAGES:
            break
        page = PageRequest(_PAGE_SIZE, found.next)
    factor = max(1.0, quotas.get_breakdown(project.id).images / sampled) if found.next is not None else 1.0
    seconds = factor * (affected * _SECONDS_PER_IMAGE + make * _SECONDS_PER_VARIANT)
    return SyncEstimate(
        files=round(affected * factor),
        variants_to_make=round(make * factor),
        variants_to_drop=round(drop * factor),
        estimated_seconds=round(seconds, 1),
        estimated_dollars=round(seconds * _DOLLARS_PER_SECOND + make * factor * _DOLLARS_PER_PUT, 6),
        exact=found.next is None,
    )


def start(caller: Caller, project: Project) -> str:
    """Start the job that syncs a project, and return its ID. Raises ProjectChanged if the project is deleted."""

    def work(tx: Transaction) -> str:
        # The purge of a project deletes only the jobs that it finds.
        projects.check_visibility_unchanged(tx, project)
        job = jobs.start_for_project(tx, "sync-project", project.id, caller)
        log(tx, caller, "variants.sync", project.id)
        return job.id

    return idempotency.run(caller, work, save=str, replay=str)


def run(job: Job) -> None:
    """Sync a page of images, and reschedule the job for the next page.

    The job ends if the project is deleted, or if the caller who requested it has no right to it any more. Raises
    ServiceUnavailable, Busy and JobClaimed.
    """
    project = rights.get_project_if_permitted(
        job.project_id, "variants.sync", user_id=job.requested_by or "", api_key_id=job.api_key_id
    )
    if project is None:
        with Transaction() as tx:
            jobs.fail(tx, job, "not_permitted")
        return
    page = files.list_by_kind(job.project_id, "image", PageRequest(_BATCH_SIZE, job.state.position))
    for file in page.items:
        retry_on(
            FileChanged,
            ProjectChanged,
            first=partial(_sync_version, project, file, file.current),
            action=partial(_reload_and_sync, file.id, file.current.number),
        )
    if page.next is not None:
        jobs.reschedule(job, JobState(page.next))
        return
    with Transaction() as tx:
        jobs.complete(tx, job)


def _reload_and_sync(file_id: str, version_number: int) -> None:
    loaded = load(file_id, version_number)
    if loaded is not None:
        _sync_version(*loaded)


def _sync_version(project: Project, file: File, version: Version) -> None:
    diff = _diff(project, file, version)
    if not diff:
        return
    # The record names a dropped variant until its object is deleted. The render job deletes the object, or renders the
    # variant again if the settings name it again by then.
    dropped = (_as_processing(variant) for variant in diff.to_drop)
    synced = replace(version, variants=(*diff.to_keep, *dropped, *diff.to_make))
    with Transaction() as tx:
        files.update_version(tx, file, synced)
        projects.check_unchanged(tx, project)
        quotas.update_version(tx, project.id, before=version, after=synced)
        jobs.create_for_version(tx, "render", file.id, version.number, version.size)


def _diff(project: Project, file: File, version: Version) -> _VariantDiff:
    if version.status != "ready":  # a version that is being rendered gets the variants of the current settings
        return _VariantDiff((), (), version.variants)
    wanted = wanted_variants(project, file, version)
    existing = {variant.unprefixed_key for variant in version.variants}
    # A variant that is processing has a job, which drops it if the settings do not name it.
    to_drop = tuple(
        variant
        for variant in version.variants
        if variant.status != "processing" and variant.unprefixed_key not in wanted
    )
    return _VariantDiff(
        to_make=tuple(variant for key, variant in wanted.items() if key not in existing),
        to_drop=to_drop,
        to_keep=tuple(variant for variant in version.variants if variant not in to_drop),
    )


def _as_processing(variant: Variant) -> Variant:
    return variant.model_copy(update={"status": "processing", "width": None, "height": None, "size": None})
