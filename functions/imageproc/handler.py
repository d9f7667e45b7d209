"""An image has to be drawn."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from functions.imageproc.probe import MAX_BYTES
from functions.imageproc.render import Rejected, Spec, render
from holdall.jobs import service as jobs
from holdall.platform import observability, worker
from holdall.platform.errors import Conflict
from holdall.projects.model import VariantSpec
from holdall.variants import service
from holdall.variants.model import RenderedVariant, RenderJob, RenderResult

_UNBOUNDED = 16384  # no source is larger, so a side left out follows the other
_MAX_RENDERS = 3  # of one image in one call, whose settings change meanwhile; then its message comes back


def handler(event: dict[str, Any], context: Any) -> Any:
    """Do each job; a message that fails comes back, alone."""
    return worker.process_messages("images", event, context, lambda said: _process_job(said["jobId"]))


def _process_job(job_id: str) -> None:
    drawing = service.claim(job_id)
    if drawing is None:
        return
    with jobs.releasing_on_error(drawing.job), TemporaryDirectory() as folder:
        for _ in range(_MAX_RENDERS):
            drawing = _render_and_finish(drawing, Path(folder))
            if drawing is None:
                return
        raise Conflict("Too many changes at once.", code="busy")


def _render_and_finish(render_job: RenderJob, directory: Path) -> RenderJob | None:
    """Draw what is asked for; what is asked for besides by then, as somebody changed the settings, is returned."""
    try:
        outcome = _render(render_job, directory)
    except Rejected as rejected:
        observability.log_event("image.rejected", job_id=render_job.job.id, reason=rejected.code)
        service.reject(render_job, rejected.code)
        return None
    return service.finish(render_job, outcome)


def _render(render_job: RenderJob, directory: Path) -> RenderResult:
    """What became of an image. Raises Rejected for one that can never be drawn."""
    if render_job.version.size > MAX_BYTES:  # asked before it is fetched, as the worker's disk is small
        raise Rejected("too_many_bytes", f"An image must not be larger than {MAX_BYTES} bytes.")
    source = directory / "source"
    sha256 = service.download_source(render_job, source)
    if render_job.version.declared_sha256 not in (None, sha256):
        raise Rejected("checksum_mismatch", "The SHA-256 differs from the one that the client declared.")
    picture = render(
        source, [_to_spec(each) for each in render_job.specs], directory, declared_type=render_job.version.content_type
    )
    drawn = [
        RenderedVariant(each.name, each.path, each.width, each.height, each.content_type, each.size)
        for each in picture.variants
    ]
    return RenderResult(sha256, picture.width, picture.height, drawn)


def _to_spec(spec: VariantSpec) -> Spec:
    return Spec(
        name=spec.name,
        width=spec.width or _UNBOUNDED,
        height=spec.height or _UNBOUNDED,
        fit=spec.fit,
        format=spec.format,
        quality=spec.quality,
    )
