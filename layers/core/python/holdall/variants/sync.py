"""Bringing the variants of a project's images up to its settings: told beforehand, then done by a job."""

from dataclasses import dataclass, replace

from holdall.audit.service import record
from holdall.caller import Caller
from holdall.errors import Conflict
from holdall.files import service as files
from holdall.files.model import File, Variant, Version, place, planned, shelf_of
from holdall.idempotency import service as idempotency
from holdall.idempotency.service import Repeated
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.page import PageRequest
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.table import Transaction
from holdall.variants.model import Forecast
from holdall.variants.rows import ATTEMPTS, BUSY, look

_LOOKED_AT = 1000  # images of which a forecast is made; of more it is an estimate
_PAGE = 100
_AT_ONCE = 25  # images in one run of the job
# What one image took where it was measured (docs/benchmarks.md: four variants of 6 MP in 0.4 s on two cores), and what a
# second costs: 3008 MB of Lambda on arm64 and one PUT for each variant, us-east-1 (AWS price lists of November 2026).
_SECONDS_PER_IMAGE = 0.3
_SECONDS_PER_VARIANT = 0.15
_DOLLARS_PER_SECOND = 3008 / 1024 * 0.0000133334
_DOLLARS_PER_PUT = 0.000005


@dataclass(frozen=True)
class _Change:
    """What has to be done to a version: variants to make, to drop, and those that stay."""

    make: tuple[Variant, ...]
    drop: tuple[Variant, ...]
    stay: tuple[Variant, ...]


def forecast(project: Project) -> Forecast:
    """What bringing up the variants would do. Eleven round trips at the most; of more than a thousand images, an estimate."""
    looked, touched, make, drop = 0, 0, 0, 0
    asked = PageRequest(_PAGE)
    while True:
        page = files.images(project.id, asked)
        for file in page.items:
            change = _change(project, file, file.current)
            looked, make, drop = looked + 1, make + len(change.make), drop + len(change.drop)
            touched += bool(change.make or change.drop)
        if page.next is None or looked >= _LOOKED_AT:
            break
        asked = PageRequest(_PAGE, page.next)
    # Of more images than were looked at, the rest is taken to be like them.
    factor = max(1.0, quotas.images(project.id) / looked) if page.next is not None else 1.0
    seconds = factor * (touched * _SECONDS_PER_IMAGE + make * _SECONDS_PER_VARIANT)
    return Forecast(
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
            projects.check_as_seen(write, project)
            job = jobs.start_of_project(write, "sync-project", project.id)
            record(write, caller, "variants.sync", project.id)
            idempotency.keep(write, caller, job.id)
    except Repeated:
        return idempotency.outcome(caller)
    jobs.send(job)
    return job.id


def run(job: Job) -> None:
    """Do a part of it, and ask for the next. Raises Unavailable, and Conflict for an image that is changed all the time."""
    project = projects.find(job.project_id)
    page = files.images(job.project_id, PageRequest(_AT_ONCE, job.cursor))
    if project is not None and project.status == "active":
        for file in page.items:
            _bring_up(project, file)
        if page.next is not None:
            jobs.go_on(job, page.next)
            return
    with Transaction() as write:
        jobs.complete(write, job)


def _bring_up(project: Project, file: File) -> None:
    version = file.current
    for _ in range(ATTEMPTS):
        change = _change(project, file, version)
        if not change.make and not change.drop:
            return
        # What is dropped stays named until it has gone: the job takes it away, or draws it where it is wanted again by then.
        leaving = (_processing(each) for each in change.drop)
        wished = replace(version, variants=(*change.stay, *leaving, *change.make))
        try:
            with Transaction() as write:
                files.change_version(write, file.id, wished)
                files.change(write, file, wished)
                projects.check_unchanged(write, project)
                quotas.count_variants(write, project.id, before=version, after=wished)
                job = jobs.start(write, "render", file.id, version.number)
        except Conflict:
            again = look(file.id, version.number)
            if again is None:
                return
            project, file, version = again
            continue
        jobs.send(job)
        return
    raise BUSY


def _change(project: Project, file: File, version: Version) -> _Change:
    if version.status != "ready":  # one that is drawn at this moment ends by the present settings
        return _Change((), (), version.variants)
    wanted = {place(each.key): each for each in planned(project, version.id, shelf_of(project, file.state))}
    there = {place(each.key) for each in version.variants}
    # One that is processing has its job, which will see that nobody wants it.
    drop = tuple(each for each in version.variants if each.status != "processing" and place(each.key) not in wanted)
    return _Change(
        make=tuple(each for at, each in wanted.items() if at not in there),
        drop=drop,
        stay=tuple(each for each in version.variants if each not in drop),
    )


def _processing(variant: Variant) -> Variant:
    return variant.model_copy(update={"status": "processing", "width": None, "height": None, "size": None})
