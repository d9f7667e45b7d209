"""Objects in S3.

Needed actions: s3:PutObject, GetObject, GetObjectVersion, ListBucket (without it a missing key is a 403), DeleteObject,
DeleteObjectVersion and ListBucketVersions. Each function has only those that it uses.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from holdall.platform import aws
from holdall.platform.config import settings
from holdall.platform.errors import NotFound

_CHUNK_SIZE = 1 << 20
_NOT_FOUND_CODES = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound"})


@dataclass(frozen=True)
class ObjectMetadata:
    """The metadata of an object. `sha256` is hexadecimal, and None if the object was uploaded without it.

    `composite_sha256` is that of `multipart.composite_sha256`, and only of an object from parts with checksums.
    """

    version_id: str
    size: int
    content_type: str
    sha256: str | None
    composite_sha256: str | None


def head_or_none(key: str) -> ObjectMetadata | None:
    """Return the metadata of an original, or None if there is no object. Raises ServiceUnavailable."""
    with aws.translate_aws_errors():
        try:
            response = aws.client("s3").head_object(Bucket=settings().originals_bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if aws.error_code(error) in _NOT_FOUND_CODES:
                return None
            raise
    checksum: str | None = response.get("ChecksumSHA256")
    is_composite = checksum is not None and "-" in checksum  # of the checksums of the parts, not of the content
    return ObjectMetadata(
        version_id=response.get("VersionId", "null"),
        size=response["ContentLength"],
        content_type=response.get("ContentType", ""),
        sha256=base64.b64decode(checksum).hex() if checksum and not is_composite else None,
        composite_sha256=checksum if is_composite else None,
    )


def download(key: str, version_id: str, destination: Path) -> str:
    """Download a version of an original, and return its SHA-256. Raises ServiceUnavailable, and NotFound if it was deleted."""
    digest = hashlib.sha256()
    with destination.open("wb") as file:
        for chunk in _read_chunks(key, version_id):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def sha256_of(key: str, version_id: str) -> str:
    """Return the SHA-256 of a version of an original. Raises ServiceUnavailable, and NotFound if it was deleted."""
    digest = hashlib.sha256()
    for chunk in _read_chunks(key, version_id):
        digest.update(chunk)
    return digest.hexdigest()


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


def delete_version(key: str, version_id: str) -> None:
    """Delete a version of an original by its ID, so that S3 adds no delete marker. Raises ServiceUnavailable."""
    with aws.translate_aws_errors():
        aws.client("s3").delete_object(Bucket=settings().originals_bucket, Key=key, VersionId=version_id)


def list_versions(key: str) -> list[str]:
    """Return the IDs of all versions and delete markers of a key. Raises ServiceUnavailable."""
    with aws.translate_aws_errors():
        response = aws.client("s3").list_object_versions(Bucket=settings().originals_bucket, Prefix=key)
    entries = [*response.get("Versions", []), *response.get("DeleteMarkers", [])]
    return [entry["VersionId"] for entry in entries if entry["Key"] == key]


def check() -> None:
    """Check that the bucket of originals responds. Raises ServiceUnavailable."""
    with aws.translate_aws_errors():
        aws.client("s3").head_bucket(Bucket=settings().originals_bucket)


def _read_chunks(key: str, version_id: str) -> Iterator[bytes]:
    with aws.translate_aws_errors():
        try:
            response = aws.client("s3").get_object(Bucket=settings().originals_bucket, Key=key, VersionId=version_id)
        except ClientError as error:
            if aws.error_code(error) in _NOT_FOUND_CODES:
                raise NotFound from error
            raise
        yield from response["Body"].iter_chunks(_CHUNK_SIZE)
