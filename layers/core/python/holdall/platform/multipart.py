"""Multipart uploads in S3 (Amazon S3 user guide, "Uploading and copying objects using multipart upload") and at the edge.

Needed actions: s3:PutObject, AbortMultipartUpload and ListMultipartUploadParts. Each function has only those that it uses.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from holdall.platform import aws
from holdall.platform.errors import Conflict
from holdall.platform.originals import Bucket, bucket_at
from holdall.platform.schemas import StorageLocation

MIN_PART_BYTES = 5 * 1024**2  # of every part but the last one ("Amazon S3 multipart upload limits")
MAX_PART_BYTES = 5 * 1024**3
MAX_PARTS = 10_000
_PART_COUNT = re.compile(r'-([1-9]\d{0,4})"?$')
_NO_UPLOAD = "NoSuchUpload"
_NO_OBJECT = "404"  # a HeadObject has no body with another code
_OBJECT_EXISTS = "PreconditionFailed"


class PartTooSmall(Conflict):
    """A part before the last one has less than 5 MiB, which S3 does not assemble."""

    code, detail = (
        "part_too_small",
        "Each part but the last one needs 5 MiB. Upload larger parts, or start a new upload.",
    )


class PartsChanged(Conflict):
    """A part was uploaded again after the parts were listed."""

    code, detail = "parts_changed", "A part was uploaded again meanwhile. Complete the upload again."


_REFUSALS = {"EntityTooSmall": PartTooSmall, "InvalidPart": PartsChanged}


@dataclass(frozen=True)
class Part:
    """A part that S3 has. `sha256` is hexadecimal, and None if the parts are uploaded without checksums."""

    number: int
    size: int
    etag: str
    sha256: str | None = None


def create(key: str, *, content_type: str, part_checksums: bool, location: StorageLocation = "s3") -> str:
    """Create a multipart upload of an original, and return its ID. With `part_checksums`, every part needs its SHA-256.

    An edge store checks parts as well, but need not list their checksums. So it is not told of them here, because then it
    would demand them again when the parts are assembled. Raises ServiceUnavailable.
    """
    has_checksum = part_checksums and location == "s3"
    checksum = {"ChecksumAlgorithm": "SHA256", "ChecksumType": "COMPOSITE"} if has_checksum else {}
    bucket = bucket_at(location)
    with bucket.translate_errors():
        response = bucket.client().create_multipart_upload(
            Bucket=bucket.name, Key=key, ContentType=content_type, **checksum
        )
    return str(response["UploadId"])


def list_parts(key: str, multipart_id: str, location: StorageLocation = "s3") -> list[Part] | None:
    """Return all parts in order, or None if the upload was completed or aborted. One request for each thousand parts.

    Raises ServiceUnavailable.
    """
    bucket = bucket_at(location)
    with bucket.translate_errors():
        try:
            return list(_iterate_parts(bucket, key, multipart_id))
        except ClientError as error:
            if aws.error_code(error) == _NO_UPLOAD:
                return None
            raise


def list_assembled(key: str, location: StorageLocation = "s3") -> list[Part]:
    """Return the parts that an original was assembled from, or none if there is no object. Raises ServiceUnavailable.

    S3 does not keep them, but the ETag tells their number (Amazon S3 user guide, "Checking object integrity": `…-14` for 14
    parts). It stands for all of them, and their sizes are assumed to be equal.
    """
    bucket = bucket_at(location)
    with bucket.translate_errors():
        try:
            response = bucket.client().head_object(Bucket=bucket.name, Key=key)
        except ClientError as error:
            if aws.error_code(error) == _NO_OBJECT:
                return []
            raise
    etag, total = str(response["ETag"]), int(response["ContentLength"])
    found = _PART_COUNT.search(etag)
    count = int(found[1]) if found else 1
    size = -(-total // count)
    return [Part(number, min(size, total - (number - 1) * size), etag) for number in range(1, count + 1)]


def complete(key: str, multipart_id: str, parts: Sequence[Part], location: StorageLocation = "s3") -> str | None:
    """Assemble the object from at least one part, and return its composite SHA-256, or None if its parts have none.

    If the key has an object, or the upload was completed or aborted, nothing happens, and None is returned: the response to an
    earlier request may be lost. What the key has is for the caller to read. Raises PartTooSmall, PartsChanged, and
    ServiceUnavailable, also while S3 still works on an earlier request (ConditionalRequestConflict).
    """
    bucket = bucket_at(location)
    with bucket.translate_errors():
        try:
            response = bucket.client().complete_multipart_upload(
                Bucket=bucket.name,
                Key=key,
                UploadId=multipart_id,
                MultipartUpload={"Parts": [_to_request(part) for part in parts]},
                IfNoneMatch="*",
            )
        except ClientError as error:
            code = aws.error_code(error)
            if refusal := _REFUSALS.get(code):
                raise refusal from error
            if code not in (_NO_UPLOAD, _OBJECT_EXISTS):
                raise
            return None
    checksum: str | None = response.get("ChecksumSHA256")
    return checksum


def composite_sha256(parts: Sequence[Part]) -> str | None:
    """Return the checksum that S3 gives the object of these parts, or None if they have no checksums.

    It is the SHA-256 of the digests of the parts, in base64, and their number (Amazon S3 user guide, "Checking object
    integrity": composite checksums).
    """
    digests = [bytes.fromhex(part.sha256) for part in parts if part.sha256 is not None]
    if not digests or len(digests) < len(parts):
        return None
    return f"{base64.b64encode(hashlib.sha256(b''.join(digests)).digest()).decode()}-{len(digests)}"


def abort(key: str, multipart_id: str, location: StorageLocation = "s3") -> None:
    """Delete the parts of a multipart upload, whether or not it exists. Raises ServiceUnavailable.

    A part that a client is uploading may survive (S3 API reference, AbortMultipartUpload). A lifecycle rule deletes it.
    """
    bucket = bucket_at(location)
    with bucket.translate_errors():
        try:
            bucket.client().abort_multipart_upload(Bucket=bucket.name, Key=key, UploadId=multipart_id)
        except ClientError as error:
            if aws.error_code(error) != _NO_UPLOAD:
                raise


def _iterate_parts(bucket: Bucket, key: str, multipart_id: str) -> Iterator[Part]:
    pages = bucket.client().get_paginator("list_parts")
    for page in pages.paginate(Bucket=bucket.name, Key=key, UploadId=multipart_id):
        for part in page.get("Parts", []):
            checksum = part.get("ChecksumSHA256")
            sha256 = base64.b64decode(checksum).hex() if checksum else None
            yield Part(part["PartNumber"], part["Size"], part["ETag"], sha256)


def _to_request(part: Part) -> dict[str, str | int]:
    request: dict[str, str | int] = {"PartNumber": part.number, "ETag": part.etag}
    if part.sha256 is not None:
        request["ChecksumSHA256"] = base64.b64encode(bytes.fromhex(part.sha256)).decode()
    return request
