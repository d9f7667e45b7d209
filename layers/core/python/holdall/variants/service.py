"""Use cases of variants: render those of a job."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdall.events.service import emit
from holdall.files import service as files
from holdall.files.model import (
    OTHER_PREFIX,
    FileChanged,
    Variant,
    VariantPrefix,
    Version,
    prefix_for,
    unprefixed_key,
)
from holdall.jobs import service as jobs
from holdall.jobs.model import GAVE_UP, Job, JobClaimed
from holdall.platform import storage
from holdall.platform.retry import retry_on
from holdall.platform.table import Transaction
from holdall.projects.model import Project, ProjectChanged
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.variants.model import (
    LEASE,
    NOT_AN_IMAGE,
    PLAIN_TYPE,
    RenderedVariant,
    RenderFailure,
    RenderJob,
    RenderResult,
)
from holdall.variants.reconcile import abandon, load, pending_specs, prepare

# Variants do not count in the quota, because no one knows their size in advance: a stretched photo can have ten thousand times
# the bytes of its original. This bound is for them alone.
_VARIANT_BYTES_PER_QUOTA_BYTE = 4


def claim(job_id: str) -> RenderJob | None:
    """Claim a job. Returns None if there is nothing to render. Raises ServiceUnavailable and Busy."""
    job = jobs.claim(job_id, LEASE)
    if job is None:
        return None
    with jobs.releasing_on_error(job):
        if job.has_failed_too_often:
            give_up(job, GAVE_UP)
            return None
        render_job = prepare(job)
        if render_job is not None and render_job.version.location == "edge":
            with Transaction() as tx:
                jobs.complete(tx, job)  # the sync creates another when the original arrives in S3
            return None
        if render_job is None or render_job.specs or render_job.version.status != "ready":
            return render_job
        return _finish(render_job, {}, render_job.version.content_type, {})


def download_source(render_job: RenderJob, path: Path) -> str:
    """Download the original to a local file, and return its SHA-256. Raises ServiceUnavailable."""
    version = render_job.version
    return storage.download(version.key, version.s3_version_id, version.size, path)


def finish(render_job: RenderJob, result: RenderResult, sha256: str) -> RenderJob | None:
    """Store the rendered variants, and record them in one transaction with the end of the job.

    The transaction checks that the file and the settings of the project are unchanged. If they changed, the variants get
    another prefix or are deleted, and the job goes on: this function returns what is still to be rendered. If the variants of
    the project would be too many bytes, they fail instead. Raises ServiceUnavailable and Busy.
    """
    if _is_full(render_job.project, result):
        fail(render_job, RenderFailure("variants_full", sha256, result.content_type))
        return None
    specs = {spec.name: spec for spec in render_job.specs}
    rendered = {
        unprefixed_key(render_job.project, render_job.version.id, specs[variant.name]): variant
        for variant in result.variants
    }
    attributes = {
        "status": "ready",
        "reason": None,
        "sha256": sha256,
        "width": result.width,
        "height": result.height,
        "placeholder": result.placeholder,
        "colour": result.colour,
    }
    return _finish(render_job, rendered, result.content_type, attributes)


def fail(render_job: RenderJob, failure: RenderFailure) -> None:
    """Record that the image can never be rendered, and end the job. Its variants fail, and its original is served.

    Only bytes that are not those that the client announced are rejected. Raises ServiceUnavailable and Busy.
    """
    with suppress(JobClaimed):
        retry_on(
            FileChanged,
            first=lambda: _fail(render_job, failure),
            action=lambda: _reload_and_fail(render_job, failure),
        )


def give_up(job: Job, reason: str) -> None:
    """Fail the variants of a claimed job for this reason, without the steps that may be what fails.

    Raises ServiceUnavailable and Busy.
    """
    loaded = load(*job.version_key)
    if loaded is None:
        abandon(job)
    else:
        project, file, version = loaded
        fail(RenderJob(job, project, file, version, pending_specs(project, version)), RenderFailure(reason))


def _finish(
    render_job: RenderJob, rendered: dict[str, RenderedVariant], content_type: str, attributes: dict[str, Any]
) -> RenderJob | None:
    """Store the variants, given by unprefixed key, and set the type and these attributes of the version. See `finish`."""
    job = render_job.job
    try:
        return retry_on(
            FileChanged,
            ProjectChanged,
            # An earlier attempt of the job may have stored objects under the other prefix.
            first=lambda: _store(render_job, rendered, content_type, attributes, clear_other_prefix=job.attempt > 1),
            action=lambda: _store(prepare(job), rendered, content_type, attributes, clear_other_prefix=True),
        )
    except JobClaimed:
        return None  # the lease ended, and the worker that claimed the job writes the same keys


def _is_full(project: Project, result: RenderResult) -> bool:
    """Return whether a project has no room for these variants. Images that are rendered at the same time may exceed it."""
    rendered_bytes = sum(variant.size for variant in result.variants)
    return (
        quotas.get_breakdown(project.id).variant_bytes + rendered_bytes
        > _VARIANT_BYTES_PER_QUOTA_BYTE * projects.quota_limits(project).max_bytes
    )


def _store(
    render_job: RenderJob | None,
    rendered: dict[str, RenderedVariant],
    content_type: str,
    attributes: dict[str, Any],
    *,
    clear_other_prefix: bool,
) -> RenderJob | None:
    if render_job is None:  # the file is being purged
        files.delete_variants(rendered)
        return None
    job, project, file, version = render_job.job, render_job.project, render_job.file, render_job.version
    prefix = prefix_for(project, file.state)
    _put_objects(version, rendered, prefix, clear_other_prefix=clear_other_prefix)
    variants = (_as_ready(variant, rendered.get(variant.unprefixed_key), prefix) for variant in version.variants)
    finished = replace(version.with_content_type(content_type), **attributes, variants=tuple(variants))
    has_more = bool(pending_specs(project, finished))
    with Transaction() as tx:
        files.update_version(tx, file, finished)
        quotas.update_version(tx, project.id, before=version, after=finished)
        projects.check_unchanged(tx, project)
        if has_more:
            jobs.check_claimed(tx, job)
        else:
            jobs.complete(tx, job)
            emit(tx, project.id, "file.ready", fileId=file.id, version=finished.number)
    return prepare(job) if has_more else None


def _put_objects(
    version: Version, rendered: dict[str, RenderedVariant], prefix: VariantPrefix, *, clear_other_prefix: bool
) -> None:
    """Store the variants that the record of the version names, and delete the others."""
    named = {variant.unprefixed_key: variant.with_prefix(prefix) for variant in version.variants}
    for key, rendered_variant in rendered.items():
        if key not in named:
            files.delete_variants([key])
            continue
        storage.put_variant(named[key].key, rendered_variant.path, content_type=named[key].content_type)
        if clear_other_prefix:
            storage.delete_variant(named[key].with_prefix(OTHER_PREFIX[prefix]).key)


def _as_ready(variant: Variant, rendered: RenderedVariant | None, prefix: VariantPrefix) -> Variant:
    if rendered is None:
        return variant
    size = {"width": rendered.width, "height": rendered.height, "size": rendered.size}
    return variant.with_prefix(prefix).model_copy(update={"status": "ready", **size})


def _reload_and_fail(render_job: RenderJob, failure: RenderFailure) -> None:
    loaded = load(render_job.file.id, render_job.version.number)
    if loaded is None:
        abandon(render_job.job)
        return
    project, file, version = loaded
    _fail(replace(render_job, project=project, file=file, version=version), failure)


def _fail(render_job: RenderJob, failure: RenderFailure) -> None:
    project, file, before = render_job.project, render_job.file, render_job.version
    version = _after_failure(render_job, failure)
    if render_job.job.attempt > 1:
        _delete_of_earlier_attempts(render_job, version)
    with Transaction() as tx:
        files.update_version(tx, file, version)
        quotas.update_version(tx, project.id, before=before, after=version)
        jobs.fail(tx, render_job.job, failure.reason)
        if version.status == "processing":
            jobs.create_for_version(tx, "hash", file.id, version.number, version.size, sends_message=False)
        else:
            event = "variant.failed" if version.status == before.status else f"file.{version.status}"
            emit(tx, project.id, event, fileId=file.id, version=version.number, reason=failure.reason)


def _delete_of_earlier_attempts(render_job: RenderJob, version: Version) -> None:
    """Delete what a worker that died may have stored of the variants that fail. Raises JobClaimed and ServiceUnavailable.

    The lease is longer than the timeout of the worker, so no other worker stores the same variants after the check.
    """
    with Transaction() as tx:
        jobs.check_claimed(tx, render_job.job)
    kept = {variant.unprefixed_key for variant in version.variants if variant.status != "failed"}
    files.delete_variants(
        variant.unprefixed_key
        for variant in render_job.version.variants
        if variant.status == "processing" and variant.unprefixed_key not in kept
    )


def _after_failure(render_job: RenderJob, failure: RenderFailure) -> Version:
    """Return the version with the variants of this job failed, or without any if its bytes are no image."""
    version = replace(render_job.version, sha256=failure.sha256 or render_job.version.sha256)
    if failure.reason == "checksum_mismatch":
        return replace(version, status="rejected", reason=failure.reason, variants=())
    if version.status == "processing":
        # A version without a SHA-256 is too large for the disk of this worker. Another job hashes it.
        version = replace(version, status="ready" if version.sha256 else "processing", reason=failure.reason)
    elif version.reason is not None:  # it had no variants before the retry either
        version = replace(version, reason=failure.reason)
    if failure.reason in NOT_AN_IMAGE:
        return replace(version.with_content_type(PLAIN_TYPE), variants=())
    requested = {unprefixed_key(render_job.project, version.id, spec) for spec in render_job.specs}
    variants = (
        variant.model_copy(update={"status": "failed", "reason": failure.reason})
        if variant.status == "processing" and variant.unprefixed_key in requested
        else variant
        for variant in version.variants
    )
    return replace(version.with_content_type(failure.content_type or version.content_type), variants=tuple(variants))
