"""Objects in S3, and presigned URLs.

Needed actions: s3:PutObject, GetObject, GetObjectVersion, ListBucket (without it a missing key is a 403), DeleteObject,
DeleteObjectVersion and ListBucketVersions. Each function has only those that it uses.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from holdall.platform import aws, clock
from holdall.platform.config import settings
from holdall.platform.errors import NotFound, ServiceUnavailable

Bucket = Literal["originals", "variants"]
GET_URL_TTL_SECONDS = 5 * 60
_CHUNK_SIZE = 1 << 20
_NOT_FOUND_CODES = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound"})


@dataclass(frozen=True)
class PresignedUrl:
    """A URL for one request until `expires_at`. The client sends `headers` with it."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True)
class ObjectMetadata:
    """The metadata of an object. `sha256` is hexadecimal, and None if the object was uploaded without it."""

    version_id: str
    size: int
    content_type: str
    sha256: str | None


def presign_put(key: str, *, size: int, content_type: str, sha256: str | None, expires_in: int) -> PresignedUrl:
    """Return a URL to upload an original once. S3 rejects another size, type or content, and a second upload to the key.

    All four are signed headers (Amazon S3 user guide, "Checking object integrity" and "Conditional writes").
    """
    headers = {"content-type": content_type, "if-none-match": "*"}
    if sha256 is not None:
        headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
    signed = {**headers, "content-length": str(size)}  # every client sends it, and scripts in browsers cannot set it
    return _presign("PUT", "originals", key, {}, headers=signed, client_headers=headers, expires_in=expires_in)


def presign_get(
    bucket: Bucket, key: str, *, version_id: str | None, disposition: str, content_type: str
) -> PresignedUrl:
    """Return a URL to download an object, with a disposition and a content type of ours instead of the stored ones."""
    query = {
        "response-cache-control": f"private, max-age={GET_URL_TTL_SECONDS}",  # as long as the URL is valid
        "response-content-disposition": disposition,
        "response-content-type": content_type,
    }
    if version_id is not None:
        query["versionId"] = version_id
    return _presign("GET", bucket, key, query, headers={}, client_headers={}, expires_in=GET_URL_TTL_SECONDS)


def head_or_none(key: str) -> ObjectMetadata | None:
    """Return the metadata of an original, or None if there is no object. Raises ServiceUnavailable."""
    with aws.translate_aws_errors():
        try:
            response = aws.client("s3").head_object(Bucket=settings().originals_bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if aws.error_code(error) in _NOT_FOUND_CODES:
                return None
            raise
    checksum = response.get("ChecksumSHA256")
    return ObjectMetadata(
        version_id=response.get("VersionId", "null"),
        size=response["ContentLength"],
        content_type=response.get("ContentType", ""),
        # The checksum of a multipart upload ends in "-n" and is of the checksums of the parts, not of the content.
        sha256=base64.b64decode(checksum).hex() if checksum and "-" not in checksum else None,
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


def _presign(
    method: str,
    bucket: Bucket,
    key: str,
    query: Mapping[str, str],
    *,
    headers: Mapping[str, str],
    client_headers: dict[str, str],
    expires_in: int,
) -> PresignedUrl:
    base = settings().originals_url if bucket == "originals" else settings().variants_url
    url = f"{base}/{quote(key, safe='/~')}"
    request = AWSRequest(method=method, url=f"{url}?{urlencode(query)}" if query else url, headers=headers)
    credentials, credentials_expire_at = _get_credentials()
    # The signer of botocore alone, because a client of S3 adds 150 ms to a cold start.
    S3SigV4QueryAuth(credentials, "s3", settings().aws_region, expires=expires_in).add_auth(request)
    expires_at = clock.now() + timedelta(seconds=expires_in)
    if credentials_expire_at is not None:
        expires_at = min(expires_at, credentials_expire_at)  # the URL is valid no longer than the credentials
    return PresignedUrl(method, str(request.url), client_headers, expires_at)


def _get_credentials() -> tuple[Credentials, datetime | None]:
    """Return the credentials of this process, and the time when they expire, if there is one."""
    credentials = aws.session().get_credentials()
    if credentials is None:
        raise ServiceUnavailable
    frozen = credentials.get_frozen_credentials()
    expires_at: datetime | None = getattr(credentials, "_expiry_time", None)
    return Credentials(str(frozen.access_key), str(frozen.secret_key), frozen.token), expires_at
