"""Variants: drawn by a job, recorded with its end, and moved when what may be seen of a file changes."""

from dataclasses import replace
from pathlib import Path

from holdall import storage
from holdall.errors import Conflict, NotFound
from holdall.events.service import emit
from holdall.files import service as files
from holdall.files.model import File, Shelf, Variant, Version, on_shelf, planned, shelf_of, variant_key
from holdall.jobs import service as jobs
from holdall.jobs.model import Job
from holdall.projects.model import Project
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.table import Reading, Transaction
from holdall.variants.model import LEASE, Drawing, Outcome

_ATTEMPTS = 5


def begin(job_id: str) -> Drawing | None:
    """Take a job; None when there is nothing to do for this message. Raises Unavailable."""
    job = jobs.claim(job_id, LEASE)
    if job is None:
        return None
    with jobs.held(job):
        project, file, version = _look(job)
        if project is None or file is None or version is None or file.state == "purging":
            _give_up(job)
            return None
    ready = {variant.key.partition("/")[2] for variant in version.variants if variant.status == "ready"}
    specs = tuple(
        spec
        for spec in project.settings.variants
        if variant_key(project, version.id, spec, "private").partition("/")[2] not in ready
    )
    return Drawing(job, project, file, version, specs)


def fetch_source(drawing: Drawing, into: Path) -> str:
    """Copy the pinned version of the original to a file; its SHA-256. Raises Unavailable."""
    return storage.fetch(drawing.version.key, drawing.version.s3_version, into)


def finish(drawing: Drawing, outcome: Outcome) -> None:
    """Store what was drawn, and record it with the end of the job in one transaction.

    The transaction also checks that the file is still live and the project as visible as before; if not, what was written goes
    where it belongs now, or away. Raises Unavailable, and Conflict when it could not be settled: the message comes back.
    """
    shelf = shelf_of(drawing.project, drawing.file.state)
    keys = _store(drawing, outcome, shelf)
    for _ in range(_ATTEMPTS):
        version = _drawn(drawing, outcome, shelf)
        try:
            with Transaction() as write:
                files.change_version(write, drawing.file.id, version)
                files.change(write, drawing.file, version)
                quotas.count_variants(write, drawing.project.id, before=drawing.version, after=version)
                projects.check_as_seen(write, drawing.project)
                jobs.complete(write, drawing.job)
                emit(write, drawing.project.id, "file.ready", fileId=drawing.file.id, version=version.number)
        except Conflict as conflict:
            if conflict.code == "job_taken":
                return  # our time was over; whoever holds the job now writes the same keys
        else:
            return
        project, file, current = _look(drawing.job)
        if project is None or file is None or current is None or file.state == "purging":
            for key in keys:
                storage.delete_variant(key)
            _give_up(drawing.job)
            return
        drawing = replace(drawing, project=project, file=file, version=current)
        keys, shelf = _move(keys, shelf_of(project, file.state)), shelf_of(project, file.state)
    raise Conflict("busy", "Too many changes at once.")


def reject(drawing: Drawing, code: str) -> None:
    """End a job whose image can never be drawn: the reason is kept, and the message is done. Raises Unavailable."""
    for _ in range(_ATTEMPTS):
        version = _rejected(drawing.version, code)
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
            return
        project, file, current = _look(drawing.job)
        if project is None or file is None or current is None or file.state == "purging":
            _give_up(drawing.job)
            return
        drawing = replace(drawing, project=project, file=file, version=current)
    raise Conflict("busy", "Too many changes at once.")


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
        _relocate(replace(job, number=version.number))
    with Transaction() as write:
        jobs.complete(write, job)


def _relocate(job: Job) -> None:
    for _ in range(_ATTEMPTS):
        project, file, version = _look(job)
        if project is None or file is None or version is None or file.state == "purging":
            return
        shelf = shelf_of(project, file.state)
        # Those that are still being drawn as well: a worker may have stored one and died before it was recorded.
        _move([variant.key for variant in version.variants], shelf)
        moved = replace(version, variants=tuple(_on(variant, shelf) for variant in version.variants))
        if moved == version:
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
    raise Conflict("busy", "Too many changes at once.")


def _look(job: Job) -> tuple[Project | None, File | None, Version | None]:
    with Reading() as read:
        project, file = projects.project(read, job.project_id), files.awaited(read, job.file_id)
    return project.value, file.value, files.version_of(file.value, job.number) if file.value else None


def _give_up(job: Job) -> None:
    try:
        with Transaction() as write:
            jobs.fail(write, job, "file_gone")
    except Conflict:
        return


def _store(drawing: Drawing, outcome: Outcome, shelf: Shelf) -> list[str]:
    specs = {spec.name: spec for spec in drawing.specs}
    keys = []
    for drawn in outcome.drawn:
        key = variant_key(drawing.project, drawing.version.id, specs[drawn.name], shelf)
        storage.put_variant(key, drawn.path, content_type=drawn.content_type)
        if drawing.job.attempt > 1:
            # A worker that died may have stored it where it belonged before.
            storage.delete_variant(on_shelf(key, "private" if shelf == "media" else "media"))
        keys.append(key)
    return keys


def _drawn(drawing: Drawing, outcome: Outcome, shelf: Shelf) -> Version:
    specs = {spec.name: spec for spec in drawing.specs}
    fresh = {
        drawn.name: Variant(
            name=drawn.name,
            key=variant_key(drawing.project, drawing.version.id, specs[drawn.name], shelf),
            status="ready",
            content_type=drawn.content_type,
            width=drawn.width,
            height=drawn.height,
            size=drawn.size,
        )
        for drawn in outcome.drawn
    }
    kept = [
        fresh.pop(variant.name, variant)
        for variant in drawing.version.variants
        if variant.status == "ready" or variant.name in fresh
    ]
    return replace(
        drawing.version,
        status="ready",
        sha256=outcome.sha256,
        width=outcome.width,
        height=outcome.height,
        variants=(*kept, *fresh.values()),
    )


def _rejected(version: Version, code: str) -> Version:
    """A version that could not be drawn. A later drawing that fails takes nothing from one that is ready but its variant."""
    if version.status == "processing":
        return replace(version, status="rejected", reason=code, variants=())
    left = (
        variant if variant.status == "ready" else variant.model_copy(update={"status": "rejected"})
        for variant in version.variants
    )
    return replace(version, variants=tuple(left))


def _move(keys: list[str], shelf: Shelf) -> list[str]:
    moved = []
    for key in keys:
        target = on_shelf(key, shelf)
        if target != key:
            storage.move_variant(key, target)
        moved.append(target)
    return moved


def _on(variant: Variant, shelf: Shelf) -> Variant:
    return variant.model_copy(update={"key": on_shelf(variant.key, shelf)})
