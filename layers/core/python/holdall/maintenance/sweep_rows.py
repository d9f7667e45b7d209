"""The sweep of the records: those whose objects are gone, variants that no setting names, and projects without an owner."""

from collections import defaultdict
from datetime import timedelta

from holdall.files import service as files
from holdall.files.model import Version, unprefixed_key
from holdall.platform import clock, ids, observability, stored_objects
from holdall.platform.pagination import PageRequest
from holdall.platform.stored_objects import Bucket, Marker
from holdall.projects.model import Project
from holdall.projects.service import owners, projects
from holdall.tasks.model import TaskRun
from holdall.uploads import service as uploads
from holdall.variants import drop

_PAGE_SIZE = 500  # versions of a project, with up to 20 variants each
OUTDATED_AFTER = timedelta(days=30)  # since the last change of the project, so that an owner can change it back

Expected = tuple[Bucket, str, str | None]  # key and version ID of an object


def run_page(run: TaskRun, marker: Marker | None) -> tuple[TaskRun, Marker | None]:
    """Look at a page of the versions of a project. The marker is the shard, the project before it, and a version in it.

    Raises ServiceUnavailable and Busy.
    """
    shard, before, position = _parse(marker)
    project_ids, next_project = projects.list_ids(shard, PageRequest(1, before))
    next_version: str | None = None
    for project_id in project_ids:
        if position is not None and ids.project_id_of(position) != project_id:
            position = None  # the project that it is in was purged, or a new one is before it
        project = projects.get_or_none(project_id)
        if project is not None and project.status != "purging":
            run, next_version = _check_project(run, project, position)
    if next_version is not None:
        return run, _format(shard, before, next_version)
    if next_project is not None:
        return run, _format(shard, next_project, None)
    return run, _format(shard + 1, None, None) if shard + 1 < ids.SHARDS else None


def _check_project(run: TaskRun, project: Project, position: str | None) -> tuple[TaskRun, str | None]:
    if position is None:
        run = run.counted(projects=1)
        if project.status == "active" and not owners.has_active_owner(project.id):
            run = run.found("no_active_owner", project.id)
    page = files.list_project_versions(project.id, PageRequest(_PAGE_SIZE, position))
    versions = [version for version in page.items if version.status != "deleted"]
    run = _report_missing(run.counted(versions=len(versions)), versions)
    return _drop_outdated(run, project, versions), page.next


def _report_missing(run: TaskRun, versions: list[Version]) -> TaskRun:
    expected = {item: version for version in versions for item in _expected(version)}
    for item in sorted(expected.keys() - _find_existing(expected), key=str):
        # The list of versions lags, and an object may have moved since it was listed.
        if item in _expected_now(expected[item]) and not stored_objects.exists(*item):
            bucket, key, _ = item
            observability.logger.error(
                "object.missing", extra={"event": "object.missing", "bucket": bucket, "key": key}
            )
            run = run.found("missing", key, expected[item].size if bucket == "originals" else None)
    return run


def _expected(version: Version) -> set[Expected]:
    """Return the objects that a version names. An original in the edge store is not in S3."""
    variants: set[Expected] = {("variants", each.key, None) for each in version.variants if each.status == "ready"}
    return variants if version.location == "edge" else {("originals", version.key, version.s3_version_id), *variants}


def _find_existing(expected: dict[Expected, Version]) -> set[Expected]:
    """Return those of these objects that S3 lists. A page of versions has the objects between two keys of each folder.

    Versions that restore another one are left out, because their originals lie anywhere.
    """
    folders: dict[tuple[Bucket, str], list[str]] = defaultdict(list)
    for (bucket, key, _), version in expected.items():
        if bucket == "variants" or version.restored_from is None:
            folders[bucket, key.rpartition("/")[0]].append(key)
    return {
        (bucket, *found) for (bucket, _), keys in folders.items() for found in stored_objects.list_folder(bucket, keys)
    }


def _expected_now(version: Version) -> set[Expected]:
    """Return the objects that a version names now, or none if it was deleted. Strongly consistent."""
    key = _key_of(version)
    file, current = files.get_file_and_version(*key) if key else (None, None)
    is_purged = file is None or current is None or file.state == "purging"
    return set() if is_purged or current is None else _expected(current)


def _drop_outdated(run: TaskRun, project: Project, versions: list[Version]) -> TaskRun:
    if project.status != "active" or clock.now() - project.updated_at < OUTDATED_AFTER:
        return run
    names = {spec.name for spec in project.settings.variants}
    for version in versions:
        if version.status != "ready" or not version.variants:
            continue
        wanted = {unprefixed_key(project, version.id, spec) for spec in project.settings.variants}
        outdated = drop.find_outdated(version, wanted, names)
        for variant in outdated:
            run = run.found("outdated", variant.key, variant.size)
        key = _key_of(version) if outdated and not run.dry_run else None
        if key is not None:
            drop.drop_variants(*key, [variant.key for variant in outdated])
    return run


def _key_of(version: Version) -> tuple[str, int] | None:
    """Return the file and the number of a version. One round trip, or two."""
    return uploads.get_version_key_or_none(version.id) or files.get_restored_key_or_none(version.id)


def _parse(marker: Marker | None) -> tuple[int, str | None, str | None]:
    if marker is None:
        return 0, None, None
    shard, _, before = marker[0].partition("#")
    return int(shard), before or None, marker[1] or None


def _format(shard: int, before: str | None, position: str | None) -> Marker:
    return f"{shard}#{before or ''}", position or ""
