"""What the rows of versions say of their variants.

A row names a place before anything is stored there, and until nothing lies there any more: so the rows tell of all that was
drawn, whoever dies meanwhile. A variant of a ready version that is `processing` has an open job, which draws it or takes it
away.
"""

from collections.abc import Iterable
from dataclasses import replace

from holdall import ids, storage
from holdall.errors import Conflict
from holdall.files import service as files
from holdall.files.model import OTHER, File, Variant, Version, on_shelf, place, planned, shelf_of, variant_key
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.projects.model import Project, VariantSpec
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.table import Reading, Transaction
from holdall.variants.model import Drawing

ATTEMPTS = 5
BUSY = Conflict("busy", "Too many changes at once.")


def look(file_id: str, number: int) -> tuple[Project, File, Version] | None:
    """A version with its file and project as they are now, or None when it goes away as a whole."""
    with Reading() as read:
        project, file = projects.project(read, ids.project_of(file_id)), files.awaited(read, file_id)
    version = files.version_of(file.value, number) if file.value else None
    if project.value is None or file.value is None or version is None:
        return None
    going = project.value.status == "purging" or file.value.state == "purging"
    return None if going else (project.value, file.value, version)


def prepared(job: Job) -> Drawing | None:
    """What a job has to draw, named by the row of its version; what that named before and nobody wants is taken away.

    None, and the job is ended, for what goes away as a whole. Raises Unavailable, and Conflict.
    """
    removed: set[str] = set()
    for _ in range(ATTEMPTS):
        seen = look(job.file_id, job.number)
        if seen is None:
            give_up(job)
            return None
        project, file, version = seen
        promised = replace(version, variants=_promised(project, file, version, removed))
        if promised == version:
            return Drawing(job, project, file, version, to_draw(project, version))
        kept = {place(each.key) for each in promised.variants}
        leaving = [each for each in version.variants if place(each.key) not in kept]
        remove(leaving)
        removed |= {place(each.key) for each in leaving}
        try:
            with Transaction() as write:
                files.change_version(write, file.id, promised)
                files.change(write, file, promised)
                quotas.count_variants(write, project.id, before=version, after=promised)
                projects.check_unchanged(write, project)
        except Conflict:
            continue
    raise BUSY


def _promised(project: Project, file: File, version: Version, removed: set[str]) -> tuple[Variant, ...]:
    """What the row of a version has to name: what is drawn, and what will be.

    What this job has `removed`, and another drew again meanwhile, as somebody had wanted it back, is not there any more.
    """
    wanted = {place(each.key): each for each in planned(project, version.id, shelf_of(project, file.state))}
    kept = {}
    for each in version.variants:
        at = place(each.key)
        if at in removed and at in wanted:
            kept[at] = wanted[at]
        elif at in wanted or (each.status != "processing" and at not in removed):
            kept[at] = each
    # One that is ready is drawn anew only as somebody asked for it, and they wrote it down.
    return tuple((kept if version.status == "ready" else {**wanted, **kept}).values())


def to_draw(project: Project, version: Version) -> tuple[VariantSpec, ...]:
    """What is to be drawn of a version: all that the settings say, and of one that is ready what its row waits for."""
    waiting = {place(each.key) for each in version.variants if each.status == "processing"}
    return tuple(
        spec
        for spec in project.settings.variants
        if version.status != "ready" or place(variant_key(project, version.id, spec, "private")) in waiting
    )


def give_up(job: Job) -> None:
    """End a job whose file goes away."""
    try:
        with Transaction() as write:
            jobs.fail(write, job, "file_gone")
    except Conflict:
        return


def remove(variants: Iterable[Variant]) -> None:
    """Take away what lies at the places of these, on either shelf. Raises Unavailable."""
    for each in variants:
        for shelf in OTHER:
            storage.delete_variant(on_shelf(each.key, shelf))
