"""Variants: drawn by a job, recorded with its end, and moved when what may be seen of a file changes."""

from dataclasses import replace
from pathlib import Path

from holdall import storage
from holdall.errors import Conflict, NotFound
from holdall.events.service import emit
from holdall.files import service as files
from holdall.files.model import OTHER, File, Shelf, Variant, Version, on_shelf, place, planned, shelf_of, variant_key
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.table import Transaction
from holdall.variants.model import LEASE, Drawing, Outcome
from holdall.variants.rows import ATTEMPTS, BUSY, give_up, look, prepared, remove, to_draw


def begin(job_id: str) -> Drawing | None:
    """Take a job; None when there is nothing to draw for this message. Raises Unavailable, and Conflict for a file that is
    changed all the time: the message comes back.
    """
    job = jobs.claim(job_id, LEASE)
    if job is None:
        return None
    with jobs.held(job):
        drawing = prepared(job)
        if drawing is None or drawing.specs or drawing.version.status != "ready":
            return drawing
        return finish(drawing, None)


def fetch_source(drawing: Drawing, into: Path) -> str:
    """Copy the pinned version of the original to a file; its SHA-256. Raises Unavailable."""
    return storage.fetch(drawing.version.key, drawing.version.s3_version, into)


def finish(drawing: Drawing, outcome: Outcome | None) -> Drawing | None:
    """Store what was drawn, and record it with the end of the job in one transaction. No outcome: nothing had to be drawn.

    The transaction also checks that the file and the project's settings are as they were. If not, what was written goes where
    it belongs now, or away, and what is still to be drawn is returned: the job goes on. Raises Unavailable, and Conflict when
    it could not be settled: the message comes back.
    """
    made, again = _made(drawing, outcome) if outcome else {}, drawing.job.attempt > 1
    for _ in range(ATTEMPTS):
        shelf = shelf_of(drawing.project, drawing.file.state)
        _store(drawing, made, shelf, again=again)
        version = _drawn(drawing.version, outcome, made, shelf)
        left = to_draw(drawing.project, version)
        try:
            with Transaction() as write:
                files.change_version(write, drawing.file.id, version)
                files.change(write, drawing.file, version)
                quotas.count_variants(write, drawing.project.id, before=drawing.version, after=version)
                projects.check_unchanged(write, drawing.project)
                if left:
                    jobs.check_held(write, drawing.job)
                else:
                    jobs.complete(write, drawing.job)
                    emit(write, drawing.project.id, "file.ready", fileId=drawing.file.id, version=version.number)
        except Conflict as conflict:
            if conflict.code == "job_taken":
                return None  # our time was over; whoever holds the job now writes the same keys
        else:
            return prepared(drawing.job) if left else None
        now = prepared(drawing.job)
        if now is None:
            remove(variant for variant, _ in made.values())
            return None
        drawing, again = now, True
    raise BUSY


def reject(drawing: Drawing, code: str) -> None:
    """End a job whose image can never be drawn: the reason is kept, and the message is done. Raises Unavailable."""
    for _ in range(ATTEMPTS):
        version = _rejected(drawing, code)
        try:
            with Transaction() as write:
                files.change_version(write, drawing.file.id, version)
                files.change(write, drawing.file, version)
                quotas.count_variants(write, drawing.project.id, before=drawing.version, after=version)
                what = "file" if version.status == "rejected" else "variant"
                emit(write, drawing.project.id, f"{what}.rejected", fileId=drawing.file.id, reason=code)
                jobs.fail(write, drawing.job, code)
        except Conflict as conflict:
            if conflict.code == "job_taken":
                return
        else:
            if version.status == "rejected":  # a worker that died may have drawn some
                remove(drawing.version.variants)
            return
        seen = look(drawing.job.file_id, drawing.job.number)
        if seen is None:
            give_up(drawing.job)
            return
        project, file, current = seen
        drawing = replace(drawing, project=project, file=file, version=current)
    raise BUSY


def wanted(project: Project, file: File, name: str) -> Variant:
    """The variant of this name of the version that a file shows; one that the settings name anew is begun by a job.

    Raises NotFound for a name that the project does not know, and Conflict for one that could not be drawn.
    """
    known = files.variant(file, name)
    if known is not None and known.status == "rejected":
        raise Conflict("rejected", "This variant could not be drawn; its job tells why.")
    if known is not None:
        return known
    shelf, version = shelf_of(project, file.state), file.current
    fresh = next((each for each in planned(project, version.id, shelf) if each.name == name), None)
    if fresh is None or file.kind != "image":
        raise NotFound
    version = replace(version, variants=(*version.variants, fresh))
    try:
        with Transaction() as write:
            files.change_version(write, file.id, version)
            files.change(write, file, version)
            job = jobs.start(write, "render", file.id, version.number)
    except Conflict:
        return fresh  # somebody else changed the file: the next request sees what came of it
    jobs.send(job)
    return fresh


def run_relocate(job: Job) -> None:
    """Bring all variants of a file to where they may be seen from now on. Raises Unavailable, and Conflict for a file that is
    changed all the time: the message comes back.
    """
    for version in files.versions(job.file_id):
        _relocate(job.file_id, version.number)
    with Transaction() as write:
        jobs.complete(write, job)


def _relocate(file_id: str, number: int) -> None:
    for _ in range(ATTEMPTS):
        seen = look(file_id, number)
        if seen is None:
            return
        project, file, version = seen
        shelf = shelf_of(project, file.state)
        # Whatever the row says, and those that are being drawn as well: a worker may have stored one and died before it said.
        brought = [
            storage.move_variant(on_shelf(each.key, OTHER[shelf]), on_shelf(each.key, shelf))
            for each in version.variants
        ]
        moved = replace(version, variants=tuple(_on(variant, shelf) for variant in version.variants))
        if moved == version and not any(brought):
            return
        try:
            with Transaction() as write:
                files.change_version(write, file.id, moved)
                # Also for one that is not shown: its revision is what tells a drawing that ends meanwhile.
                files.change(write, file, moved)
                projects.check_as_seen(write, project)
        except Conflict:
            continue
        return
    raise BUSY


def _made(drawing: Drawing, outcome: Outcome) -> dict[str, tuple[Variant, Path]]:
    """What was drawn, by its place: what its row will say, and the file that holds it."""
    specs = {spec.name: spec for spec in drawing.specs}
    made = {}
    for drawn in outcome.drawn:
        key = variant_key(drawing.project, drawing.version.id, specs[drawn.name], "private")
        variant = Variant(
            name=drawn.name,
            key=key,
            status="ready",
            content_type=drawn.content_type,
            width=drawn.width,
            height=drawn.height,
            size=drawn.size,
        )
        made[place(key)] = variant, drawn.path
    return made


def _store(drawing: Drawing, made: dict[str, tuple[Variant, Path]], shelf: Shelf, *, again: bool) -> None:
    """Write what was drawn to a shelf, and `again` to that alone: we or a worker that died may have stored it on the other."""
    named = {place(each.key) for each in drawing.version.variants}
    for at, (variant, path) in made.items():
        if at not in named:
            remove([variant])
            continue
        storage.put_variant(on_shelf(variant.key, shelf), path, content_type=variant.content_type)
        if again:
            storage.delete_variant(on_shelf(variant.key, OTHER[shelf]))


def _drawn(version: Version, outcome: Outcome | None, made: dict[str, tuple[Variant, Path]], shelf: Shelf) -> Version:
    if outcome is None:
        return version
    variants = tuple(
        _on(made[place(each.key)][0], shelf) if place(each.key) in made else each for each in version.variants
    )
    return replace(
        version,
        status="ready",
        sha256=outcome.sha256,
        width=outcome.width,
        height=outcome.height,
        variants=variants,
    )


def _rejected(drawing: Drawing, code: str) -> Version:
    """A version that could not be drawn. A later drawing that fails takes nothing from one that is ready but its variants."""
    version = drawing.version
    if version.status != "ready":
        return replace(version, status="rejected", reason=code, variants=())
    asked = {place(variant_key(drawing.project, version.id, spec, "private")) for spec in drawing.specs}
    variants = (
        each.model_copy(update={"status": "rejected"})
        if each.status == "processing" and place(each.key) in asked
        else each
        for each in version.variants
    )
    return replace(version, variants=tuple(variants))


def _on(variant: Variant, shelf: Shelf) -> Variant:
    return variant.model_copy(update={"key": on_shelf(variant.key, shelf)})
