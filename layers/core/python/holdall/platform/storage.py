"""Objects in S3, and originals in the edge store.

Needed actions: s3:PutObject, GetObject, GetObjectVersion, ListBucket (without it a missing key is a 403), DeleteObject,
DeleteObjectVersion and ListBucketVersions. Each function has only those that it uses.
"""

import base64
import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from holdall.platform import aws, clock
from holdall.platform.config import settings
from holdall.platform.errors import NotFound, ServiceUnavailable
from holdall.platform.originals import NO_VERSION, Bucket, EdgeUnavailable, bucket_at
from holdall.platform.schemas import StorageLocation

# As the S3 user guide advises ("Performance design patterns"): ranges of 8 or 16 MB, and a request for each 85 MB/s. A function
# reads 75 MB/s at most, so two would do while none is slow.
_RANGE_BYTES = 8 * 1024**2
_READERS = 4
_READ_ATTEMPTS = 4
_READ_BYTES = 64 * 1024  # at a time, so that a slow server cannot outlast a deadline
_MAX_DELETED = 1000  # versions of a key at the edge, by one call
_NOT_FOUND_CODES = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound"})
_GONE_CODES = _NOT_FOUND_CODES | {"InvalidRange"}  # of an object that was replaced by a smaller one


@dataclass(frozen=True)
class ObjectMetadata:
    """The metadata of an object. `sha256` is hexadecimal, and None if the object was uploaded without it or in parts.

    `version_id` is NO_VERSION in a bucket without versions.
    """

    version_id: str
    size: int
    content_type: str
    sha256: str | None


def head_or_none(key: str, location: StorageLocation = "s3", *, version_id: str = NO_VERSION) -> ObjectMetadata | None:
    """Return the metadata of an original, by default of its newest version, or None if there is no object.

    Raises ServiceUnavailable.
    """
    bucket = bucket_at(location)
    request = {"Bucket": bucket.name, "Key": key, "ChecksumMode": "ENABLED", **_version(version_id)}
    with bucket.translate_errors():
        try:
            response = bucket.client().head_object(**request)
        except ClientError as error:
            if aws.error_code(error) in _NOT_FOUND_CODES:
                return None
            raise
    checksum = response.get("ChecksumSHA256")
    return ObjectMetadata(
        version_id=response.get("VersionId", NO_VERSION),
        size=response["ContentLength"],
        content_type=response.get("ContentType", ""),
        # A composite checksum, see `multipart.composite_sha256`, is not that of the content. It has the number of parts.
        sha256=base64.b64decode(checksum).hex() if checksum and "-" not in checksum else None,
    )


def download(key: str, version_id: str, size: int, destination: Path, location: StorageLocation = "s3") -> str:
    """Download a version of an original, and return its SHA-256. Raises ServiceUnavailable, and NotFound if it was deleted."""
    digest = hashlib.sha256()
    with destination.open("wb") as file:
        for content in read(key, version_id, size, location):
            digest.update(content)
            file.write(content)
    return digest.hexdigest()


def sha256_of(key: str, version_id: str, size: int, *, deadline: datetime, location: StorageLocation = "s3") -> str:
    """Return the SHA-256 of a version of an original.

    Raises ServiceUnavailable, NotFound if it was deleted, and TimeoutError if the deadline came first.
    """
    bucket_at(location).require_reachable()
    digest = hashlib.sha256()
    for content in read(key, version_id, size, location, deadline=deadline):
        digest.update(content)
    return digest.hexdigest()


def put_original(
    key: str,
    content: bytes,
    *,
    content_type: str,
    sha256: str,
    location: StorageLocation = "s3",
) -> None:
    """Upload an original, whose SHA-256 the server checks. An existing object stays as it is. Raises ServiceUnavailable."""
    bucket = bucket_at(location)
    with bucket.translate_errors():
        try:
            bucket.client().put_object(
                Bucket=bucket.name,
                Key=key,
                Body=content,
                ContentType=content_type,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=base64.b64encode(bytes.fromhex(sha256)).decode(),
                IfNoneMatch="*",
            )
        except ClientError as error:
            if aws.error_code(error) != "PreconditionFailed":
                raise


def put_variant(key: str, source: Path, *, content_type: str) -> None:
    """Upload a variant. Caches may keep it because its key contains the hash of its spec, but only for a day because it may
    be deleted. Raises ServiceUnavailable.
    """
    with aws.translate_aws_errors(), source.open("rb") as body:
        aws.client("s3").put_object(
            Bucket=settings().variants_bucket,
            Key=key,
            Body=body,
            ContentType=content_type,
            CacheControl="public, max-age=86400, immutable",
        )


def move_variant(key: str, new_key: str) -> bool:
    """Move a variant to another key. Return False if it does not exist. Raises ServiceUnavailable."""
    bucket = settings().variants_bucket
    with aws.translate_aws_errors():
        try:
            aws.client("s3").copy_object(Bucket=bucket, Key=new_key, CopySource={"Bucket": bucket, "Key": key})
        except ClientError as error:
            if aws.error_code(error) in _NOT_FOUND_CODES:
                return False
            raise
        aws.client("s3").delete_object(Bucket=bucket, Key=key)
    return True


def delete_variant(key: str) -> None:
    """Delete a variant, whether or not it exists. Raises ServiceUnavailable."""
    with aws.translate_aws_errors():
        aws.client("s3").delete_object(Bucket=settings().variants_bucket, Key=key)


def list_variants(prefix: str, max_keys: int, *, start_after: str = "") -> list[str]:
    """Return keys of variants in order, with one request, so at most 1000. Raises ServiceUnavailable."""
    position = {"StartAfter": start_after} if start_after else {}
    with aws.translate_aws_errors():
        response = aws.client("s3").list_objects_v2(
            Bucket=settings().variants_bucket, Prefix=prefix, MaxKeys=max_keys, **position
        )
    return [entry["Key"] for entry in response.get("Contents", [])]


def put_export(key: str, content: bytes) -> None:
    """Upload an object of the audit export. An existing object stays as it is. Raises ServiceUnavailable.

    A bucket with Object Lock requires a checksum (Amazon S3 user guide, "Object Lock considerations").
    """
    with aws.translate_aws_errors():
        try:
            aws.client("s3").put_object(
                Bucket=settings().audit_export_bucket,
                Key=key,
                Body=content,
                ContentType="application/x-ndjson",
                ChecksumSHA256=base64.b64encode(hashlib.sha256(content).digest()).decode(),
                IfNoneMatch="*",
            )
        except ClientError as error:
            if aws.error_code(error) != "PreconditionFailed":
                raise


def delete_version(key: str, version_id: str, location: StorageLocation = "s3") -> None:
    """Delete a version of an original by its ID, so that S3 adds no delete marker. Raises ServiceUnavailable."""
    bucket = bucket_at(location)
    bucket.require_reachable()
    with bucket.translate_errors():
        bucket.client().delete_object(Bucket=bucket.name, Key=key, **_version(version_id))


def delete_all_versions(key: str, location: StorageLocation = "s3") -> None:
    """Delete all versions of an original. Raises ServiceUnavailable.

    An edge store need not list versions. It has few of a key, and no delete markers, because nothing else deletes them. If it
    still finds one after a thousand, this raises EdgeUnavailable.
    """
    if location == "s3":
        for version_id in list_versions(key):
            delete_version(key, version_id)
        return
    for _ in range(_MAX_DELETED):
        found = head_or_none(key, location)
        if found is None:
            return
        delete_version(key, found.version_id, location)
    raise EdgeUnavailable


def list_versions(key: str) -> list[str]:
    """Return the IDs of all versions and delete markers of a key. One request for each thousand. Raises ServiceUnavailable."""
    pages = aws.client("s3").get_paginator("list_object_versions")
    with aws.translate_aws_errors():
        return [
            entry["VersionId"]
            for page in pages.paginate(Bucket=settings().originals_bucket, Prefix=key)
            for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if entry["Key"] == key
        ]


def check() -> None:
    """Check that the bucket of originals responds. Raises ServiceUnavailable."""
    with aws.translate_aws_errors():
        aws.client("s3").head_bucket(Bucket=settings().originals_bucket)


def read(
    key: str, version_id: str, size: int, location: StorageLocation = "s3", *, deadline: datetime | None = None
) -> Iterator[bytes]:
    """Yield the content of a version of an original in order, while the next ranges are read. Few are in memory at a time.

    Raises ServiceUnavailable, NotFound if it was deleted, and TimeoutError if the deadline came first.
    """
    bucket = bucket_at(location)
    client = bucket.client()  # in this thread, because sessions are not safe in several
    starts = iter(range(0, size, _RANGE_BYTES))
    with ThreadPoolExecutor(_READERS) as readers:

        def read_at(start: int) -> Future[bytes]:
            request = {"Bucket": bucket.name, "Key": key, **_version(version_id)}
            end = min(start + _RANGE_BYTES, size)
            request["Range"] = f"bytes={start}-{end - 1}"
            return readers.submit(_read_range, bucket, client, request, end - start, deadline)

        ahead = deque(map(read_at, islice(starts, _READERS)))
        while ahead:
            content = ahead.popleft().result()
            ahead.extend(map(read_at, islice(starts, 1)))
            yield content


def _read_range(bucket: Bucket, client: Any, request: dict[str, str], size: int, deadline: datetime | None) -> bytes:
    """Read a range, again if the connection breaks: the SDK repeats only what fails before the body."""
    attempt = 1
    while True:
        body = _open_range(bucket, client, request)
        try:
            with bucket.translate_errors():
                return _read_body(body, size, deadline)
        except ServiceUnavailable:
            if attempt == _READ_ATTEMPTS:
                raise
            attempt += 1


def _read_body(body: Any, size: int, deadline: datetime | None) -> bytes:
    """Read a body of this size. The SDK checks that none is missing. A server at the edge may not know ranges, or never end."""
    content = bytearray()
    while piece := body.read(_READ_BYTES):
        content += piece
        if len(content) > size:
            raise ServiceUnavailable
        if deadline is not None and clock.now() > deadline:
            raise TimeoutError
    return bytes(content)


def _open_range(bucket: Bucket, client: Any, request: dict[str, str]) -> Any:
    with bucket.translate_errors():
        try:
            return client.get_object(**request)["Body"]
        except ClientError as error:
            if aws.error_code(error) in _GONE_CODES:
                raise NotFound from error
            raise


def _version(version_id: str) -> dict[str, str]:
    """Return the parameter that names a version. A bucket without versions may not know it."""
    return {} if version_id == NO_VERSION else {"VersionId": version_id}
