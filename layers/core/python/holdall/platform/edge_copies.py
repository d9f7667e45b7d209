"""Copies of originals from the edge store to S3, in constant memory.

Nothing becomes an object in S3 before its size and its SHA-256 are those of the original. S3 checks what it receives by
checksums. Needed actions: s3:GetObject, s3:PutObject and s3:AbortMultipartUpload.
"""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import Any

from holdall.platform import storage
from holdall.platform.errors import NotFound, ServiceUnavailable
from holdall.platform.originals import Bucket, bucket_at

MULTIPART_ABOVE_BYTES = 100 * 1024**2
_MIN_PART_BYTES = 16 * 1024**2
_MAX_PARTS = 10_000  # Amazon S3 user guide, "Amazon S3 multipart upload limits"


class CopyFailed(Exception):
    """The original at the edge is not what it has to be, or the copy takes too long. The message is the reason, as a code."""


class CopyTooSlow(CopyFailed):
    """The deadline came before the end of the copy."""


@dataclass(frozen=True)
class Original:
    """An original at the edge. `sha256` is None if no one knows it yet."""

    key: str
    version_id: str
    size: int
    content_type: str
    sha256: str | None


@dataclass(frozen=True)
class Copy:
    """A version of an object in S3, with the SHA-256 of its content."""

    version_id: str
    sha256: str


def copy_to_s3(original: Original, *, deadline: datetime) -> Copy:
    """Copy an original to the same key in S3, as a new version. Raises CopyFailed and ServiceUnavailable."""
    found = storage.head_or_none(original.key, "edge", version_id=original.version_id)
    if found is None:
        raise CopyFailed("missing_at_edge")
    if found.size != original.size:
        raise CopyFailed("size_mismatch")
    try:
        copy = _copy_in_parts if original.size > MULTIPART_ABOVE_BYTES else _copy_whole
        return copy(original, deadline, bucket_at("s3"))
    except NotFound as error:
        raise CopyFailed("missing_at_edge") from error
    except TimeoutError as error:
        raise CopyTooSlow("too_slow") from error


def _copy_whole(original: Original, deadline: datetime, bucket: Bucket) -> Copy:
    """Copy by way of a file without a name, which the system deletes whatever happens."""
    digest = hashlib.sha256()
    with TemporaryFile() as file:
        for content in _read(original, deadline):
            digest.update(content)
            file.write(content)
        _check(original, file.tell(), digest.hexdigest())
        file.seek(0)
        with bucket.translate_errors():
            response = bucket.client().put_object(
                Bucket=bucket.name,
                Key=original.key,
                Body=file,
                ContentType=original.content_type,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=base64.b64encode(digest.digest()).decode(),
            )
    return Copy(str(response["VersionId"]), digest.hexdigest())


def _copy_in_parts(original: Original, deadline: datetime, bucket: Bucket) -> Copy:
    """Copy by a multipart upload, which is completed only if all bytes are right."""
    request = {"Bucket": bucket.name, "Key": original.key}
    with bucket.translate_errors():
        created = bucket.client().create_multipart_upload(
            **request, ContentType=original.content_type, ChecksumAlgorithm="SHA256", ChecksumType="COMPOSITE"
        )
    request["UploadId"] = created["UploadId"]
    try:
        return _send_parts(original, deadline, bucket, request)
    except BaseException:
        with suppress(ServiceUnavailable), bucket.translate_errors():  # a lifecycle rule of the bucket does it too
            bucket.client().abort_multipart_upload(**request)
        raise


def _send_parts(original: Original, deadline: datetime, bucket: Bucket, request: dict[str, Any]) -> Copy:
    digest, size, parts = hashlib.sha256(), 0, []
    for number, content in enumerate(_join(_read(original, deadline), _part_size(original.size)), start=1):
        digest.update(content)
        size += len(content)
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        with bucket.translate_errors():
            sent = bucket.client().upload_part(
                **request, PartNumber=number, Body=content, ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum
            )
        parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": checksum})
    _check(original, size, digest.hexdigest())
    with bucket.translate_errors():
        response = bucket.client().complete_multipart_upload(**request, MultipartUpload={"Parts": parts})
    return Copy(str(response["VersionId"]), digest.hexdigest())


def _read(original: Original, deadline: datetime) -> Iterator[bytes]:
    return storage.read(original.key, original.version_id, original.size, "edge", deadline=deadline)


def _join(contents: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield parts of at least this size, and what is left. A range of the edge store is smaller than a part."""
    part: list[bytes] = []
    for content in contents:
        part.append(content)
        if sum(map(len, part)) >= size:
            yield b"".join(part)
            part.clear()
    if part:
        yield b"".join(part)


def _check(original: Original, size: int, sha256: str) -> None:
    if size != original.size:
        raise CopyFailed("size_mismatch")
    if original.sha256 not in (None, sha256):
        raise CopyFailed("sha256_mismatch")


def _part_size(total: int) -> int:
    return max(_MIN_PART_BYTES, -(-total // _MAX_PARTS))
