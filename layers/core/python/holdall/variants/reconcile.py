"""Reconcile the variants of a version with the settings of its project.

The record of a version names a variant before an object is stored, and until the object is deleted. So the records name every
object, whichever worker dies. A variant with the status `processing` of a ready version has an open job, which renders or
deletes it.
"""

from contextlib import suppress
from dataclasses import replace

from holdall.files import service as files
from holdall.files.model import File, FileChanged, Variant, Version, planned_variants, prefix_for, unprefixed_key
from holdall.jobs import service as jobs
from holdall.jobs.model import Job, JobClaimed
from holdall.platform import ids
from holdall.platform.retry import retry_on
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import Project, ProjectChanged
from holdall.projects.service import projects
from holdall.projects.variant_specs import VariantSpec
from holdall.quotas import service as quotas
from holdall.variants.model import RenderJob


def load(file_id: str, version_number: int) -> tuple[Project, File, Version] | None:
    """Return a version with its file and project, or None if the file or the project is being purged."""
    with BatchGet() as batch:
        pending_project = projects.get_project(batch, ids.project_id_of(file_id))
        pending_file = files.get_pending(batch, file_id)
    project, file = pending_project.value, pending_file.value
    if project is None or file is None or project.status == "purging" or file.state == "purging":
        return None
    version = files.get_version_or_none(file, version_number)
    return None if version is None else (project, file, version)


def prepare(job: Job) -> RenderJob | None:
    """Return what a job has to render, after the record of its version names it.

    Variants that no one wants any more are deleted. Returns None, and ends the job, if the file is being purged. Raises
    ServiceUnavailable and Busy.
    """
    deleted: set[str] = set()
    return retry_on(FileChanged, ProjectChanged, action=lambda: _prepare(job, deleted))


def wanted_variants(project: Project, file: File, version: Version) -> dict[str, Variant]:
    """Return the variants that the settings name, by unprefixed key."""
    planned = planned_variants(project, version.id, prefix_for(project, file.state))
    return {variant.unprefixed_key: variant for variant in planned}


def pending_specs(project: Project, version: Version) -> tuple[VariantSpec, ...]:
    """Return the specs to render: those whose variants are `processing`, or all if the version is not ready."""
    processing = {variant.unprefixed_key for variant in version.variants if variant.status == "processing"}
    return tuple(
        spec
        for spec in project.settings.variants
        if version.status != "ready" or unprefixed_key(project, version.id, spec) in processing
    )


def abandon(job: Job) -> None:
    """End a job whose file is being purged."""
    with suppress(JobClaimed), Transaction() as tx:
        jobs.fail(tx, job, "file_gone")


def _prepare(job: Job, deleted: set[str]) -> RenderJob | None:
    """Try once. `deleted` has the unprefixed keys of the objects that earlier attempts deleted, and gets those of this one."""
    loaded = load(*job.version_key)
    if loaded is None:
        abandon(job)
        return None
    project, file, version = loaded
    target = replace(version, variants=_target_variants(project, file, version, deleted))
    if target != version:
        target_keys = {variant.unprefixed_key for variant in target.variants}
        dropped = [variant.unprefixed_key for variant in version.variants if variant.unprefixed_key not in target_keys]
        files.delete_variants(dropped)
        deleted.update(dropped)
        with Transaction() as tx:
            file = files.update_version(tx, file, target)
            quotas.update_version(tx, project.id, before=version, after=target)
            projects.check_unchanged(tx, project)
    return RenderJob(job, project, file, target, pending_specs(project, target))


def _target_variants(project: Project, file: File, version: Version, deleted: set[str]) -> tuple[Variant, ...]:
    """Return the variants that the record of a version has to name: those that are rendered, and those to render.

    If someone asked again for a variant that this job has deleted, another job may have rendered it before the deletion. So it
    is rendered again.
    """
    wanted = wanted_variants(project, file, version)
    kept = {}
    for variant in version.variants:
        key = variant.unprefixed_key
        if key in deleted and key in wanted:
            kept[key] = wanted[key]
        elif key in wanted or (variant.status != "processing" and key not in deleted):
            kept[key] = variant
    # A ready version gets another variant only on request, and the request adds it to the record.
    return tuple((kept if version.status == "ready" else {**wanted, **kept}).values())
