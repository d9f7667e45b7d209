"""What the rows of versions say of their variants.

A row names a place before anything is stored there, and until nothing lies there any more: so the rows tell of all that was
drawn, whoever dies meanwhile. A variant of a ready version that is `processing` has an open job, which draws it or takes it
away.
"""

from collections.abc import Iterable
from dataclasses import replace

from holdall.files import service as files
from holdall.files.model import (
    OTHER_PREFIX,
    File,
    Variant,
    Version,
    planned_variants,
    prefix_for,
    variant_key,
    with_prefix,
    without_prefix,
)
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.platform import ids, storage
from holdall.platform.errors import Conflict
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import Project, VariantSpec
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.variants.model import RenderJob

MAX_ATTEMPTS = 5
BUSY = Conflict("Too many changes at once.", code="busy")


def load(file_id: str, number: int) -> tuple[Project, File, Version] | None:
    """A version with its file and project as they are now, or None when it goes away as a whole."""
    with BatchGet() as read:
        project, file = projects.get_project(read, ids.project_id_of(file_id)), files.get_pending(read, file_id)
    version = files.get_version_or_none(file.value, number) if file.value else None
    if project.value is None or file.value is None or version is None:
        return None
    going = project.value.status == "purging" or file.value.state == "purging"
    return None if going else (project.value, file.value, version)


def prepare(job: Job) -> RenderJob | None:
    """What a job has to draw, named by the row of its version; what that named before and nobody wants is taken away.

    None, and the job is ended, for what goes away as a whole. Raises Unavailable, and Conflict.
    """
    removed: set[str] = set()
    for _ in range(MAX_ATTEMPTS):
        seen = load(job.file_id, job.version_number)
        if seen is None:
            abandon(job)
            return None
        project, file, version = seen
        promised = replace(version, variants=_target_variants(project, file, version, removed))
        if promised == version:
            return RenderJob(job, project, file, version, pending_specs(project, version))
        kept = {without_prefix(each.key) for each in promised.variants}
        leaving = [each for each in version.variants if without_prefix(each.key) not in kept]
        delete_objects(leaving)
        removed |= {without_prefix(each.key) for each in leaving}
        try:
            with Transaction() as write:
                files.update_version(write, file.id, promised)
                files.update(write, file, promised)
                quotas.update_variants(write, project.id, before=version, after=promised)
                projects.check_unchanged(write, project)
        except Conflict:
            continue
    raise BUSY


def _target_variants(project: Project, file: File, version: Version, removed: set[str]) -> tuple[Variant, ...]:
    """What the row of a version has to name: what is drawn, and what will be.

    What this job has `removed`, and another drew again meanwhile, as somebody had wanted it back, is not there any more.
    """
    wanted = {
        without_prefix(each.key): each
        for each in planned_variants(project, version.id, prefix_for(project, file.state))
    }
    kept = {}
    for each in version.variants:
        at = without_prefix(each.key)
        if at in removed and at in wanted:
            kept[at] = wanted[at]
        elif at in wanted or (each.status != "processing" and at not in removed):
            kept[at] = each
    # One that is ready is drawn anew only as somebody asked for it, and they wrote it down.
    return tuple((kept if version.status == "ready" else {**wanted, **kept}).values())


def pending_specs(project: Project, version: Version) -> tuple[VariantSpec, ...]:
    """What is to be drawn of a version: all that the settings say, and of one that is ready what its row waits for."""
    waiting = {without_prefix(each.key) for each in version.variants if each.status == "processing"}
    return tuple(
        spec
        for spec in project.settings.variants
        if version.status != "ready" or without_prefix(variant_key(project, version.id, spec, "private")) in waiting
    )


def abandon(job: Job) -> None:
    """End a job whose file goes away."""
    try:
        with Transaction() as write:
            jobs.fail(write, job, "file_gone")
    except Conflict:
        return


def delete_objects(variants: Iterable[Variant]) -> None:
    """Take away what lies at the places of these, on either shelf. Raises Unavailable."""
    for each in variants:
        for shelf in OTHER_PREFIX:
            storage.delete_variant(with_prefix(each.key, shelf))
