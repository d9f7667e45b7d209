"""A correction of moto: a list of object versions begins after the key marker, whether or not that key exists any more.

moto begins after the first key that is not before the marker (S3 API reference, ListObjectVersions, `key-marker`).
"""

from typing import Any

from moto.s3.models import FakeDeleteMarker, S3Backend

_ALL = 1_000_000


def install() -> None:
    """Install the correction."""
    list_object_versions = S3Backend.list_object_versions

    def list_after_key(
        self: Any,
        bucket_name: str,
        delimiter: str | None = None,
        key_marker: str | None = None,
        max_keys: int = 1000,
        prefix: str = "",
        version_id_marker: str | None = None,
    ) -> Any:
        if key_marker is None or version_id_marker:
            arguments = (bucket_name, delimiter, key_marker, max_keys, prefix, version_id_marker)
            return list_object_versions(self, *arguments)
        versions, _, markers, _, _ = list_object_versions(self, bucket_name, max_keys=_ALL, prefix=prefix)
        entries: list[Any] = sorted(
            (*versions, *markers), key=lambda each: (each.name, -each.last_modified.timestamp())
        )
        entries = [each for each in entries if each.name > key_marker]
        page, is_last = entries[:max_keys], len(entries) <= max_keys
        following = (None, None) if is_last else (page[-1].name, page[-1].version_id)
        kept = [each for each in page if not isinstance(each, FakeDeleteMarker)]
        return kept, [], [each for each in page if isinstance(each, FakeDeleteMarker)], *following

    S3Backend.list_object_versions = list_after_key  # type: ignore[method-assign,assignment]
