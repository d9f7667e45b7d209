"""An image has to be drawn."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from functions.imageproc.probe import MAX_BYTES
from functions.imageproc.render import Rejected, Spec, render
from holdall import observe, worker
from holdall.errors import Conflict
from holdall.jobs import service as jobs
from holdall.projects.model import VariantSpec
from holdall.variants import service
from holdall.variants.model import Drawing, Drawn, Outcome

_UNBOUNDED = 16384  # no source is larger, so a side left out follows the other
_DRAWINGS = 3  # of one image in one call, whose settings change meanwhile; then its message comes back


def handler(event: dict[str, Any], context: Any) -> Any:
    """Do each job; a message that fails comes back, alone."""
    return worker.do("images", event, context, lambda said: _do(said["jobId"]))


def _do(job_id: str) -> None:
    drawing = service.begin(job_id)
    if drawing is None:
        return
    with jobs.held(drawing.job), TemporaryDirectory() as folder:
        for _ in range(_DRAWINGS):
            drawing = _bring_up(drawing, Path(folder))
            if drawing is None:
                return
        raise Conflict("busy", "Too many changes at once.")


def _bring_up(drawing: Drawing, folder: Path) -> Drawing | None:
    """Draw what is asked for; what is asked for besides by then, as somebody changed the settings, is returned."""
    try:
        outcome = _draw(drawing, folder)
    except Rejected as rejected:
        observe.event("image.rejected", job_id=drawing.job.id, reason=rejected.code)
        service.reject(drawing, rejected.code)
        return None
    return service.finish(drawing, outcome)


def _draw(drawing: Drawing, folder: Path) -> Outcome:
    """What became of an image. Raises Rejected for one that can never be drawn."""
    if drawing.version.size > MAX_BYTES:  # asked before it is fetched, as the worker's disk is small
        raise Rejected("too_many_bytes", f"An image may have {MAX_BYTES} bytes.")
    source = folder / "source"
    sha256 = service.fetch_source(drawing, source)
    if drawing.version.announced not in (None, sha256):
        raise Rejected("checksum_mismatch", "The bytes are not those that the client announced.")
    picture = render(source, [_spec(each) for each in drawing.specs], folder, declared=drawing.version.content_type)
    drawn = [
        Drawn(each.name, each.path, each.width, each.height, each.content_type, each.size) for each in picture.variants
    ]
    return Outcome(sha256, picture.width, picture.height, drawn)


def _spec(spec: VariantSpec) -> Spec:
    return Spec(
        name=spec.name,
        width=spec.width or _UNBOUNDED,
        height=spec.height or _UNBOUNDED,
        fit=spec.fit,
        format=spec.format,
        quality=spec.quality,
    )
