"""Bringing the variants of a project's images up to its settings: told beforehand, then done by a job."""

from dataclasses import dataclass, replace

from holdall.audit.service import log
from holdall.files import service as files
from holdall.files.model import File, Variant, Version, planned_variants, prefix_for, without_prefix
from holdall.idempotency import service as idempotency
from holdall.idempotency.service import DuplicateRequest
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.platform.caller import Caller
from holdall.platform.errors import Conflict
from holdall.platform.pagination import PageRequest
from holdall.platform.table import Transaction
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.variants.model import SyncEstimate
from holdall.variants.reconcile import BUSY, MAX_ATTEMPTS, load

_MAX_SAMPLED_IMAGES = 1000  # images of which a forecast is made; of more it is an estimate
_PAGE_SIZE = 100
_BATCH_SIZE = 25  # images in one run of the job
# What one image took where it was measured (docs/benchmarks.md: four variants of 6 MP in 0.4 s on two cores), and what a
# second costs: 3008 MB of Lambda on arm64 and one PUT for each variant, us-east-1 (AWS price lists of November 2026).
_SECONDS_PER_IMAGE = 0.3
_SECONDS_PER_VARIANT = 0.15
_DOLLARS_PER_SECOND = 3008 / 1024 * 0.0000133334
_DOLLARS_PER_PUT = 0.000005


@dataclass(frozen=True)
class _VariantDiff:
    """What has to be done to a version: variants to make, to drop, and those that stay."""

    to_make: tuple[Variant, ...]
    to_drop: tuple[Variant, ...]
    to_keep: tuple[Variant, ...]


def estimate(project: Project) -> SyncEstimate:
    """What bringing up the variants would do. Eleven round trips at the most; of more than a thousand images, an estimate."""
    looked, touched, make, drop = 0, 0, 0, 0
    asked = PageRequest(_PAGE_SIZE)
    while True:
        page = files.list_images(project.id, asked)
        for file in page.items:
            change = _diff(project, file, file.current)
            looked, make, drop = looked + 1, make + len(change.to_make), drop + len(change.to_drop)
            touched += bool(change.to_make or change.to_drop)
        if page.next is None or looked >= _MAX_SAMPLED_IMAGES:
            break
        asked = PageRequest(_PAGE_SIZE, page.next)
    # Of more images than were looked at, the rest is taken to be like them.
    factor = max(1.0, quotas.count_images(project.id) / looked) if page.next is not None else 1.0
    seconds = factor * (touched * _SECONDS_PER_IMAGE + make * _SECONDS_PER_VARIANT)
    return SyncEstimate(
        files=round(touched * factor),
        variants_to_make=round(make * factor),
        variants_to_drop=round(drop * factor),
        estimated_seconds=round(seconds, 1),
        estimated_dollars=round(seconds * _DOLLARS_PER_SECOND + make * factor * _DOLLARS_PER_PUT, 6),
        exact=page.next is None,
    )


def start(caller: Caller, project: Project) -> str:
    """Bring up the variants by a job, whose id is returned. Raises Conflict for a project that is deleted meanwhile."""
    try:
        with Transaction() as write:
            # One that is made while its project is purged would outlive it.
            projects.check_visibility_unchanged(write, project)
            job = jobs.create_for_project(write, "sync-project", project.id)
            log(write, caller, "variants.sync", project.id)
            idempotency.save(write, caller, job.id)
    except DuplicateRequest:
        return idempotency.load(caller)
    jobs.send(job)
    return job.id


def run(job: Job) -> None:
    """Do a part of it, and ask for the next. Raises Unavailable, and Conflict for an image that is changed all the time."""
    project = projects.get_or_none(job.project_id)
    page = files.list_images(job.project_id, PageRequest(_BATCH_SIZE, job.cursor))
    if project is not None and project.status == "active":
        for file in page.items:
            _sync_file(project, file)
        if page.next is not None:
            jobs.reschedule(job, page.next)
            return
    with Transaction() as write:
        jobs.complete(write, job)


def _sync_file(project: Project, file: File) -> None:
    version = file.current
    for _ in range(MAX_ATTEMPTS):
        change = _diff(project, file, version)
        if not change.to_make and not change.to_drop:
            return
        # What is dropped stays named until it has gone: the job takes it away, or draws it where it is wanted again by then.
        leaving = (_as_processing(each) for each in change.to_drop)
        wished = replace(version, variants=(*change.to_keep, *leaving, *change.to_make))
        try:
            with Transaction() as write:
                files.update_version(write, file.id, wished)
                files.update(write, file, wished)
                projects.check_unchanged(write, project)
                quotas.update_variants(write, project.id, before=version, after=wished)
                job = jobs.create(write, "render", file.id, version.number)
        except Conflict:
            again = load(file.id, version.number)
            if again is None:
                return
            project, file, version = again
            continue
        jobs.send(job)
        return
    raise BUSY


def _diff(project: Project, file: File, version: Version) -> _VariantDiff:
    if version.status != "ready":  # one that is drawn at this moment ends by the present settings
        return _VariantDiff((), (), version.variants)
    wanted = {
        without_prefix(each.key): each
        for each in planned_variants(project, version.id, prefix_for(project, file.state))
    }
    there = {without_prefix(each.key) for each in version.variants}
    # One that is processing has its job, which will see that nobody wants it.
    drop = tuple(
        each for each in version.variants if each.status != "processing" and without_prefix(each.key) not in wanted
    )
    return _VariantDiff(
        to_make=tuple(each for at, each in wanted.items() if at not in there),
        to_drop=drop,
        to_keep=tuple(each for each in version.variants if each not in drop),
    )


def _as_processing(variant: Variant) -> Variant:
    return variant.model_copy(update={"status": "processing", "width": None, "height": None, "size": None})
