"""The removal of variants that no setting names."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from holdall.files import service as files
from holdall.files.model import FileChanged, Variant, Version, without_prefix
from holdall.jobs import service as jobs
from holdall.platform.retry import retry_on
from holdall.platform.table import Transaction
from holdall.projects.model import ProjectChanged
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from holdall.variants.reconcile import load, wanted_variants


def drop_variants(file_id: str, version_number: int, keys: Sequence[str]) -> None:
    """Start the job that deletes these objects, unless the settings name their variants by then.

    Its record names a variant until the object is deleted, even if it did not name the object before, so no worker can store
    the variant unnoticed. A version that is not ready is left as it is. Raises ServiceUnavailable and Busy.
    """
    retry_on(FileChanged, ProjectChanged, action=partial(_drop, file_id, version_number, keys))


def find_outdated(version: Version, wanted_keys: set[str], wanted_names: set[str]) -> list[Variant]:
    """Return the variants that no setting names: of a name that is gone, or of an old spec if the new one is rendered."""
    ready = {each.name for each in version.variants if each.status == "ready" and each.unprefixed_key in wanted_keys}
    return [
        variant
        for variant in version.variants
        if variant.status != "processing"
        and variant.unprefixed_key not in wanted_keys
        and (variant.name not in wanted_names or variant.name in ready)
    ]


def _drop(file_id: str, version_number: int, keys: Sequence[str]) -> None:
    loaded = load(file_id, version_number)
    if loaded is None or loaded[2].status != "ready":
        return
    project, file, version = loaded
    wanted, dropped = wanted_variants(project, file, version), {without_prefix(key): key for key in keys}
    known = {variant.unprefixed_key: variant for variant in version.variants}
    for unprefixed in wanted.keys() & known.keys():
        dropped.pop(unprefixed, None)
    if not dropped:
        return
    processing = [_as_processing(known.get(name) or wanted.get(name), key) for name, key in dropped.items()]
    # After the dropped ones, because of variants of one name the last one counts.
    kept = [variant for variant in version.variants if variant.unprefixed_key not in dropped]
    updated = replace(version, variants=(*processing, *kept))
    with Transaction() as tx:
        files.update_version(tx, file, updated)
        projects.check_unchanged(tx, project)
        quotas.update_version(tx, project.id, before=version, after=updated)
        jobs.create_for_version(tx, "render", file.id, version.number, version.size)


def _as_processing(variant: Variant | None, key: str) -> Variant:
    if variant is None:  # no record has named it
        return Variant(name=key.split("/")[-2], key=key, status="processing", content_type="image/webp")
    return variant.model_copy(update={"status": "processing", "width": None, "height": None, "size": None})
