"""The Lambda function that renders images."""

from functools import partial
from pathlib import Path
from typing import Any

from functions import complete_imports
from functions.imageproc.isolation import ResourceLimits
from functions.imageproc.probe import check_size, probe
from functions.imageproc.rejection import Rejected
from functions.imageproc.render import render
from functions.imageproc.work_folder import work_folder
from holdall.files.model import Version
from holdall.jobs import service as jobs
from holdall.jobs.model import RenderImage
from holdall.platform import message_batches, observability
from holdall.platform.errors import Busy
from holdall.variants import service
from holdall.variants.model import RenderFailure, RenderJob

_MAX_RENDERS = 3  # of one image in one invocation, because its settings may change meanwhile


def handler(event: dict[str, Any], context: Any) -> Any:
    """Process a batch of jobs. A message that fails comes back on its own."""
    process_job = partial(_process_job, context)
    return message_batches.process_messages("images", event, context, RenderImage.from_json, process_job)


def _process_job(context: Any, message: RenderImage) -> None:
    render_job = service.claim(message.job_id)
    if render_job is None:
        return
    with jobs.releasing_on_error(render_job.job), work_folder() as directory:
        for _ in range(_MAX_RENDERS):
            if context.get_remaining_time_in_millis() < ResourceLimits().wall_seconds * 1000:
                break  # a timeout would end the worker
            render_job = _render_and_finish(render_job, directory)
            if render_job is None:
                return
        raise Busy


def _render_and_finish(render_job: RenderJob, directory: Path) -> RenderJob | None:
    """Render the variants of a job. Return those that are still to be rendered because the settings changed meanwhile."""
    version, source = render_job.version, directory / "source"
    sha256 = content_type = None
    try:
        check_size(version.size)  # before the download, because the disk of the worker is small
        sha256 = service.download_source(render_job, source)
        _check_sha256(version, sha256)
        content_type = probe(source)
        result = render(source, content_type, render_job.specs, directory)
    except Rejected as rejected:
        observability.log_event("image.rejected", job_id=render_job.job.id, reason=rejected.code)
        service.fail(render_job, RenderFailure(rejected.code, sha256, content_type))
        return None
    return service.finish(render_job, result, sha256)


def _check_sha256(version: Version, sha256: str) -> None:
    if version.declared_sha256 not in (None, sha256):
        raise Rejected("checksum_mismatch", "The SHA-256 differs from the one that the client declared.")


complete_imports()
