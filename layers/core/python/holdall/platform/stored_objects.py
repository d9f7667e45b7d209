"""What the buckets hold, page by page, for the sweep.

Needed actions: s3:ListBucket, ListBucketVersions, ListBucketMultipartUploads, GetObject and GetObjectVersion. Each function has
only those that it uses.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Literal

from botocore.exceptions import ClientError

from holdall.platform import aws
from holdall.platform.config import settings

Bucket = Literal["originals", "variants"]
Marker = tuple[str, str]  # key, and ID of a multipart upload
_PAGE_SIZE = 1000  # the most that one request returns
_NOT_FOUND_CODES = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound"})


@dataclass(frozen=True)
class StoredObject:
    """A version of an original or a delete marker, an unfinished multipart upload of one, or a variant.

    `version_id` is the ID of a multipart upload too, and None for a variant.
    """

    key: str
    version_id: str | None
    size: int
    modified_at: datetime


@dataclass(frozen=True)
class Listing:
    """A page of a bucket, and the marker of the next one."""

    items: list[StoredObject]
    next: Marker | None


def list_originals(marker: Marker | None, *, prefix: str = "") -> Listing:
    """Return a page of the versions and delete markers of all originals, by key. Raises ServiceUnavailable.

    A page has all versions of its keys, and the next one begins with a key: the version at the end of this one may be deleted
    before that is read. Of a key with more than a thousand versions, only those are returned.
    """
    position = {} if marker is None else {"KeyMarker": marker[0]}
    with aws.translate_aws_errors():
        response = aws.client("s3").list_object_versions(
            Bucket=settings().originals_bucket, Prefix=prefix, MaxKeys=_PAGE_SIZE, **position
        )
    entries = [*response.get("Versions", []), *response.get("DeleteMarkers", [])]
    items = [
        StoredObject(each["Key"], each["VersionId"], each.get("Size", 0), each["LastModified"]) for each in entries
    ]
    if not response.get("IsTruncated"):
        return Listing(items, None)
    last = max(each.key for each in items)
    items = [each for each in items if each.key != last] or items
    return Listing(items, (max(each.key for each in items), ""))


def list_multipart_uploads(marker: Marker | None) -> Listing:
    """Return a page of the unfinished multipart uploads of all originals, by key. Raises ServiceUnavailable."""
    markers = {} if marker is None else {"KeyMarker": marker[0], "UploadIdMarker": marker[1]}
    with aws.translate_aws_errors():
        response = aws.client("s3").list_multipart_uploads(
            Bucket=settings().originals_bucket, MaxUploads=_PAGE_SIZE, **markers
        )
    entries = response.get("Uploads", [])
    items = [StoredObject(each["Key"], each["UploadId"], 0, each["Initiated"]) for each in entries]
    is_last = not response.get("IsTruncated")
    return Listing(items, None if is_last else (response["NextKeyMarker"], response["NextUploadIdMarker"]))


def list_variants(prefix: str, marker: Marker | None) -> Listing:
    """Return a page of the variants below a prefix, by key. Raises ServiceUnavailable."""
    position = {} if marker is None else {"StartAfter": marker[0]}
    with aws.translate_aws_errors():
        response = aws.client("s3").list_objects_v2(
            Bucket=settings().variants_bucket, Prefix=prefix, MaxKeys=_PAGE_SIZE, **position
        )
    entries = response.get("Contents", [])
    items = [StoredObject(each["Key"], None, each["Size"], each["LastModified"]) for each in entries]
    return Listing(items, (items[-1].key, "") if response.get("IsTruncated") else None)


def list_folder(bucket: Bucket, keys: Iterable[str]) -> set[tuple[str, str | None]]:
    """Return key and version ID of the objects from the first to the last of these keys, which are in one folder.

    One request for each thousand. Raises ServiceUnavailable.
    """
    first, last = min(keys), max(keys)
    folder = first[: first.rindex("/") + 1]
    found: set[tuple[str, str | None]] = set()
    marker: Marker | None = (first[:-1], "")  # sorts before the first key, and after all that are before it
    while marker is not None:
        page = list_originals(marker, prefix=folder) if bucket == "originals" else list_variants(folder, marker)
        in_range = list(takewhile(lambda item: item.key <= last, sorted(page.items, key=lambda item: item.key)))
        found |= {(item.key, item.version_id) for item in in_range}
        marker = page.next if len(in_range) == len(page.items) else None
    return found


def exists(bucket: Bucket, key: str, version_id: str | None) -> bool:
    """Return whether there is an object, or this version of it. Raises ServiceUnavailable."""
    name = settings().originals_bucket if bucket == "originals" else settings().variants_bucket
    version = {} if version_id is None else {"VersionId": version_id}
    with aws.translate_aws_errors():
        try:
            aws.client("s3").head_object(Bucket=name, Key=key, **version)
        except ClientError as error:
            if aws.error_code(error) in _NOT_FOUND_CODES:
                return False
            raise
    return True
