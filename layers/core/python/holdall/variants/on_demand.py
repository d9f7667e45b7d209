"""Variants that a reader asks for: start to render one, and wait for it."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from holdall.files import service as files
from holdall.files.model import File, FileChanged, Variant
from holdall.jobs import service as jobs
from holdall.platform import clock
from holdall.platform.caller import Caller
from holdall.platform.errors import NotFound
from holdall.platform.table import Transaction
from holdall.projects.model import Project
from holdall.rate_limits import service as rate_limits
from holdall.variants.model import VariantFailed
from holdall.variants.reconcile import wanted_variants

# Seconds between two reads while a reader waits. A small image takes a second, and each read costs a round trip.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 1.0


def get(caller: Caller, project: Project, file_id: str, name: str, *, wait: float = 0) -> tuple[File, Variant]:
    """Return a file and a variant of its current version. If only the settings name the variant, start a job that renders it.

    Waits for at most `wait` seconds until it is ready. Raises NotFound if the settings do not name it either, FileInTrash,
    FileRejected, VariantFailed, and TooManyRequests, which counts jobs, and readers who have to wait.
    """
    deadline, pause = clock.now() + timedelta(seconds=wait), _FIRST_PAUSE
    while True:
        file = files.get(file_id)
        variant = _get_or_request(caller, project, file, name)
        left = (deadline - clock.now()).total_seconds()
        if variant.status == "ready" or left <= 0:
            return file, variant
        if pause == _FIRST_PAUSE:  # every reader who waits keeps one of the concurrent executions of the account
            rate_limits.hit("wait", caller.user_id)
        clock.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)


def _get_or_request(caller: Caller, project: Project, file: File, name: str) -> Variant:
    variant = files.get_variant_or_none(file, name)
    if variant is not None:
        if variant.status == "failed":
            raise VariantFailed(f"This variant could not be rendered: {variant.reason}.")
        return variant
    wanted = wanted_variants(project, file, file.current).values()
    requested = next((variant for variant in wanted if variant.name == name), None)
    if requested is None or file.kind != "image":
        raise NotFound
    rate_limits.hit("create", caller.user_id)
    version = replace(file.current, variants=(*file.current.variants, requested))
    # If another request changed the file, the next read of the variant sees the result.
    with suppress(FileChanged), Transaction() as tx:
        files.update_version(tx, file, version)
        jobs.create_for_version(tx, "render", file.id, version.number, version.size)
    return requested
