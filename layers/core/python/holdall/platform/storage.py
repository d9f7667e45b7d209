"""The buckets: URLs signed for one purpose, and the few calls on objects that Holdall makes itself.

Signing needs no client: an S3 client costs 150 ms more at a cold start than the signer alone. Needed actions: s3:PutObject,
GetObject, GetObjectVersion, ListBucket (else a missing key is 403), DeleteObjectVersion, ListBucketVersions; each function
has only those that it uses.
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
PUT_URL_TTL_SECONDS = 15 * 60
GET_URL_TTL_SECONDS = 5 * 60
_CHUNK_SIZE = 1 << 20
_NOT_FOUND_CODES = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound"})


@dataclass(frozen=True)
class PresignedUrl:
    """A URL that lets its bearer do one thing until `expires_at`, sending `headers` as they are."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True)
class ObjectMetadata:
    """What S3 knows of an object. `sha256` is in hexadecimal digits, None where S3 was told none."""

    version_id: str
    size: int
    content_type: str
    sha256: str | None


def presign_put(key: str, *, size: int, content_type: str, sha256: str | None) -> PresignedUrl:
    """A URL to write one original, once: S3 refuses another size, type or content, and a second write to the key.

    All four are signed headers (Amazon S3 user guide, "Checking object integrity" and "Conditional writes").
    """
    headers = {"content-type": content_type, "if-none-match": "*"}
    if sha256 is not None:
        headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
    signed = {**headers, "content-length": str(size)}  # which every client sends by itself, and browsers let nobody set
    return _presign("PUT", "originals", key, {}, headers=signed, client_headers=headers, expires_in=PUT_URL_TTL_SECONDS)


def presign_get(
    bucket: Bucket, key: str, *, version_id: str | None, disposition: str, content_type: str
) -> PresignedUrl:
    """A URL to read one object, under the name and type that Holdall says, whatever was stored with it."""
    query = {
        "response-cache-control": f"private, max-age={GET_URL_TTL_SECONDS}",  # whoever holds the answer may keep it as long as the URL
        "response-content-disposition": disposition,
        "response-content-type": content_type,
    }
    if version_id is not None:
        query["versionId"] = version_id
    return _presign("GET", bucket, key, query, headers={}, client_headers={}, expires_in=GET_URL_TTL_SECONDS)


def head_or_none(key: str) -> ObjectMetadata | None:
    """What is stored under a key of an original, or None. Raises Unavailable."""
    with aws.translate_aws_errors():
        try:
            answer = aws.client("s3").head_object(Bucket=settings().originals_bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if aws.error_code(error) in _NOT_FOUND_CODES:
                return None
            raise
    checksum = answer.get("ChecksumSHA256")
    return ObjectMetadata(
        version_id=answer.get("VersionId", "null"),
        size=answer["ContentLength"],
        content_type=answer.get("ContentType", ""),
        # The checksum of a multipart object is one of checksums and ends in "-n": it says nothing of the content.
        sha256=base64.b64decode(checksum).hex() if checksum and "-" not in checksum else None,
    )


def download(key: str, version_id: str, destination: Path) -> str:
    """Copy one version of an original to a file and return its SHA-256.

    Raises Unavailable, and NotFound for one that is gone.
    """
    seen = hashlib.sha256()
    with destination.open("wb") as target:
        for chunk in _read_chunks(key, version_id):
            seen.update(chunk)
            target.write(chunk)
    return seen.hexdigest()


def sha256_of(key: str, version_id: str) -> str:
    """The SHA-256 of one version of an original, read through without keeping it.

    Raises Unavailable, and NotFound for one that is gone.
    """
    seen = hashlib.sha256()
    for chunk in _read_chunks(key, version_id):
        seen.update(chunk)
    return seen.hexdigest()


def put_variant(key: str, source: Path, *, content_type: str) -> None:
    """Write a variant. Its key holds the hash of its spec, so caches may keep it; a day, that deletions arrive.

    Raises Unavailable.
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
    """Bring a variant from one key to another; tells whether there was one. Raises Unavailable."""
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
    """Remove a variant; none there, nothing happens. Raises Unavailable."""
    with aws.translate_aws_errors():
        aws.client("s3").delete_object(Bucket=settings().variants_bucket, Key=key)


def list_variants(prefix: str, max_keys: int, *, start_after: str = "") -> list[str]:
    """Keys of variants that begin so, in order, those behind `after`, in no more than one call. Raises Unavailable."""
    behind = {"StartAfter": start_after} if start_after else {}
    with aws.translate_aws_errors():
        answer = aws.client("s3").list_objects_v2(
            Bucket=settings().variants_bucket, Prefix=prefix, MaxKeys=max_keys, **behind
        )
    return [entry["Key"] for entry in answer.get("Contents", [])]


def put_export(key: str, content: bytes) -> None:
    """Write an object of the audit's export, once: what is there already stays as it is. Raises Unavailable.

    A bucket with Object Lock takes nothing without a checksum (Amazon S3 user guide, "Object Lock considerations").
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
    """Remove one version of an original for good, by its id, so that no delete marker stays. Raises Unavailable."""
    with aws.translate_aws_errors():
        aws.client("s3").delete_object(Bucket=settings().originals_bucket, Key=key, VersionId=version_id)


def list_versions(key: str) -> list[str]:
    """The ids of all versions and delete markers of one key. Raises Unavailable."""
    with aws.translate_aws_errors():
        answer = aws.client("s3").list_object_versions(Bucket=settings().originals_bucket, Prefix=key)
    entries = [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]
    return [entry["VersionId"] for entry in entries if entry["Key"] == key]


def check() -> None:
    """Ask the bucket of originals for a sign of life. Raises Unavailable."""
    with aws.translate_aws_errors():
        aws.client("s3").head_bucket(Bucket=settings().originals_bucket)


def _read_chunks(key: str, version_id: str) -> Iterator[bytes]:
    with aws.translate_aws_errors():
        try:
            answer = aws.client("s3").get_object(Bucket=settings().originals_bucket, Key=key, VersionId=version_id)
        except ClientError as error:
            if aws.error_code(error) in _NOT_FOUND_CODES:
                raise NotFound from error
            raise
        yield from answer["Body"].iter_chunks(_CHUNK_SIZE)


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
    credentials, until = _credentials()
    S3SigV4QueryAuth(credentials, "s3", settings().aws_region, expires=expires_in).add_auth(request)
    expires_at = clock.now() + timedelta(seconds=expires_in)
    return PresignedUrl(method, str(request.url), client_headers, min(expires_at, until) if until else expires_at)


def _credentials() -> tuple[Credentials, datetime | None]:
    """Ours, and when they end where that is known: a URL never outlives the credentials that signed it."""
    ours = aws.session().get_credentials()
    if ours is None:
        raise ServiceUnavailable
    frozen = ours.get_frozen_credentials()
    until: datetime | None = getattr(ours, "_expiry_time", None)
    return Credentials(str(frozen.access_key), str(frozen.secret_key), frozen.token), until
