"""Variants: drawn by a job, recorded with its end, and moved when what may be seen of a file changes."""

from dataclasses import replace
from pathlib import Path

from holdall.events.service import emit
from holdall.files import service as files
from holdall.files.model import (
    OTHER_PREFIX,
    File,
    Variant,
    VariantPrefix,
    Version,
    planned_variants,
    prefix_for,
    variant_key,
    with_prefix,
    without_prefix,
)
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.platform import storage
from holdall.platform.errors import Conflict, NotFound
from holdall.platform.table import Transaction
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.variants.model import LEASE, RenderJob, RenderResult
from holdall.variants.reconcile import BUSY, MAX_ATTEMPTS, abandon, delete_objects, load, pending_specs, prepare


def claim(job_id: str) -> RenderJob | None:
    """Take a job; None when there is nothing to draw for this message. Raises Unavailable, and Conflict for a file that is
    changed all the time: the message comes back.
    """
    job = jobs.claim(job_id, LEASE)
    if job is None:
        return None
    with jobs.releasing_on_error(job):
        drawing = prepare(job)
        if drawing is None or drawing.specs or drawing.version.status != "ready":
            return drawing
        return finish(drawing, None)


def download_source(render_job: RenderJob, path: Path) -> str:
    """Copy the pinned version of the original to a file; its SHA-256. Raises Unavailable."""
    return storage.download(render_job.version.key, render_job.version.s3_version_id, path)


def finish(render_job: RenderJob, result: RenderResult | None) -> RenderJob | None:
    """Store what was drawn, and record it with the end of the job in one transaction. No outcome: nothing had to be drawn.

    The transaction also checks that the file and the project's settings are as they were. If not, what was written goes where
    it belongs now, or away, and what is still to be drawn is returned: the job goes on. Raises Unavailable, and Conflict when
    it could not be settled: the message comes back.
    """
    made, again = _rendered_variants(render_job, result) if result else {}, render_job.job.attempt > 1
    for _ in range(MAX_ATTEMPTS):
        shelf = prefix_for(render_job.project, render_job.file.state)
        _put_objects(render_job, made, shelf, clear_other_prefix=again)
        version = _with_rendered(render_job.version, result, made, shelf)
        left = pending_specs(render_job.project, version)
        try:
            with Transaction() as write:
                files.update_version(write, render_job.file.id, version)
                files.update(write, render_job.file, version)
                quotas.update_variants(write, render_job.project.id, before=render_job.version, after=version)
                projects.check_unchanged(write, render_job.project)
                if left:
                    jobs.check_claimed(write, render_job.job)
                else:
                    jobs.complete(write, render_job.job)
                    emit(write, render_job.project.id, "file.ready", fileId=render_job.file.id, version=version.number)
        except Conflict as conflict:
            if conflict.code == "job_claimed":
                return None  # our time was over; whoever holds the job now writes the same keys
        else:
            return prepare(render_job.job) if left else None
        now = prepare(render_job.job)
        if now is None:
            delete_objects(variant for variant, _ in made.values())
            return None
        render_job, again = now, True
    raise BUSY


def reject(render_job: RenderJob, code: str) -> None:
    """End a job whose image can never be drawn: the reason is kept, and the message is done. Raises Unavailable."""
    for _ in range(MAX_ATTEMPTS):
        version = _with_rejection(render_job, code)
        try:
            with Transaction() as write:
                files.update_version(write, render_job.file.id, version)
                files.update(write, render_job.file, version)
                quotas.update_variants(write, render_job.project.id, before=render_job.version, after=version)
                what = "file" if version.status == "rejected" else "variant"
                emit(write, render_job.project.id, f"{what}.rejected", fileId=render_job.file.id, reason=code)
                jobs.fail(write, render_job.job, code)
        except Conflict as conflict:
            if conflict.code == "job_claimed":
                return
        else:
            if version.status == "rejected":  # a worker that died may have drawn some
                delete_objects(render_job.version.variants)
            return
        seen = load(render_job.job.file_id, render_job.job.version_number)
        if seen is None:
            abandon(render_job.job)
            return
        project, file, current = seen
        render_job = replace(render_job, project=project, file=file, version=current)
    raise BUSY


def get_or_request(project: Project, file: File, name: str) -> Variant:
    """The variant of this name of the version that a file shows; one that the settings name anew is begun by a job.

    Raises NotFound for a name that the project does not know, and Conflict for one that could not be drawn.
    """
    known = files.get_variant_or_none(file, name)
    if known is not None and known.status == "rejected":
        raise Conflict("This variant could not be rendered. Its job has the reason.", code="rejected")
    if known is not None:
        return known
    shelf, version = prefix_for(project, file.state), file.current
    fresh = next((each for each in planned_variants(project, version.id, shelf) if each.name == name), None)
    if fresh is None or file.kind != "image":
        raise NotFound
    version = replace(version, variants=(*version.variants, fresh))
    try:
        with Transaction() as write:
            files.update_version(write, file.id, version)
            files.update(write, file, version)
            job = jobs.create(write, "render", file.id, version.number)
    except Conflict:
        return fresh  # somebody else changed the file: the next request sees what came of it
    jobs.send(job)
    return fresh


def run_relocate(job: Job) -> None:
    """Bring all variants of a file to where they may be seen from now on. Raises Unavailable, and Conflict for a file that is
    changed all the time: the message comes back.
    """
    for version in files.list_versions(job.file_id):
        _relocate(job.file_id, version.number)
    with Transaction() as write:
        jobs.complete(write, job)


def _relocate(file_id: str, number: int) -> None:
    for _ in range(MAX_ATTEMPTS):
        seen = load(file_id, number)
        if seen is None:
            return
        project, file, version = seen
        shelf = prefix_for(project, file.state)
        # Whatever the row says, and those that are being drawn as well: a worker may have stored one and died before it said.
        brought = [
            storage.move_variant(with_prefix(each.key, OTHER_PREFIX[shelf]), with_prefix(each.key, shelf))
            for each in version.variants
        ]
        moved = replace(version, variants=tuple(_variant_with_prefix(variant, shelf) for variant in version.variants))
        if moved == version and not any(brought):
            return
        try:
            with Transaction() as write:
                files.update_version(write, file.id, moved)
                # Also for one that is not shown: its revision is what tells a drawing that ends meanwhile.
                files.update(write, file, moved)
                projects.check_visibility_unchanged(write, project)
        except Conflict:
            continue
        return
    raise BUSY


def _rendered_variants(render_job: RenderJob, result: RenderResult) -> dict[str, tuple[Variant, Path]]:
    """What was drawn, by its place: what its row will say, and the file that holds it."""
    specs = {spec.name: spec for spec in render_job.specs}
    made = {}
    for drawn in result.variants:
        key = variant_key(render_job.project, render_job.version.id, specs[drawn.name], "private")
        variant = Variant(
            name=drawn.name,
            key=key,
            status="ready",
            content_type=drawn.content_type,
            width=drawn.width,
            height=drawn.height,
            size=drawn.size,
        )
        made[without_prefix(key)] = variant, drawn.path
    return made


def _put_objects(
    render_job: RenderJob, rendered: dict[str, tuple[Variant, Path]], prefix: VariantPrefix, *, clear_other_prefix: bool
) -> None:
    """Write what was drawn to a shelf, and `again` to that alone: we or a worker that died may have stored it on the other."""
    named = {without_prefix(each.key) for each in render_job.version.variants}
    for at, (variant, path) in rendered.items():
        if at not in named:
            delete_objects([variant])
            continue
        storage.put_variant(with_prefix(variant.key, prefix), path, content_type=variant.content_type)
        if clear_other_prefix:
            storage.delete_variant(with_prefix(variant.key, OTHER_PREFIX[prefix]))


def _with_rendered(
    version: Version, result: RenderResult | None, rendered: dict[str, tuple[Variant, Path]], prefix: VariantPrefix
) -> Version:
    if result is None:
        return version
    variants = tuple(
        _variant_with_prefix(rendered[without_prefix(each.key)][0], prefix)
        if without_prefix(each.key) in rendered
        else each
        for each in version.variants
    )
    return replace(
        version,
        status="ready",
        sha256=result.sha256,
        width=result.width,
        height=result.height,
        variants=variants,
    )


def _with_rejection(render_job: RenderJob, code: str) -> Version:
    """A version that could not be drawn. A later drawing that fails takes nothing from one that is ready but its variants."""
    version = render_job.version
    if version.status != "ready":
        return replace(version, status="rejected", reason=code, variants=())
    asked = {without_prefix(variant_key(render_job.project, version.id, spec, "private")) for spec in render_job.specs}
    variants = (
        each.model_copy(update={"status": "rejected"})
        if each.status == "processing" and without_prefix(each.key) in asked
        else each
        for each in version.variants
    )
    return replace(version, variants=tuple(variants))


def _variant_with_prefix(variant: Variant, prefix: VariantPrefix) -> Variant:
    return variant.model_copy(update={"key": with_prefix(variant.key, prefix)})
