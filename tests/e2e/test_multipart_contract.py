"""The contract of `holdall.platform.multipart` and of presigned parts, tested with MiniStack and with MinIO.

What MiniStack lets through, a test says. MinIO refuses it, as S3 does.
"""

import base64
import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from holdall.platform import aws, multipart, presigning, storage
from holdall.platform.multipart import Part, PartsChanged, PartTooSmall
from holdall.platform.presigning import PresignedUrl
from tests.support.e2e.client import Response, request_url
from tests.support.e2e.storage_server import StorageServer

_TYPE = "video/mp4"
_LARGE = bytes(range(256)) * (multipart.MIN_PART_BYTES // 256)
_CONTENT = b"The bytes of a part."
_WITH_AND_WITHOUT = pytest.mark.parametrize("part_checksums", [True, False], ids=["checksums", "none"])


@_WITH_AND_WITHOUT
def test_parts_become_an_object(storage_server: StorageServer, key: str, *, part_checksums: bool) -> None:
    contents = [_LARGE, _LARGE[::-1], b"end"]
    upload_id, parts = upload_parts(key, contents, part_checksums=part_checksums)
    assert storage.head_or_none(key) is None

    checksum = multipart.complete(key, upload_id, parts)

    stored = storage.head_or_none(key)
    assert stored is not None
    assert (stored.size, stored.content_type, stored.sha256) == (2 * len(_LARGE) + 3, _TYPE, None)
    assert storage.list_versions(key) == [stored.version_id]
    assert stored.version_id not in ("", "null")
    assert read(storage_server, key) == b"".join(contents)
    assert checksum == composite_checksum(storage_server, key) == multipart.composite_sha256(parts)
    assert (checksum is not None) is part_checksums


@_WITH_AND_WITHOUT
def test_parts_are_listed_in_order_from_all_pages(key: str, *, part_checksums: bool) -> None:
    aws.client("s3").meta.events.register("provide-client-params.s3.ListParts", _list_two, unique_id="two-parts")
    upload_id = multipart.create(key, content_type=_TYPE, part_checksums=part_checksums)
    assert multipart.list_parts(key, upload_id) == []
    for number in (3, 1, 5, 2, 4):
        assert put(presign(key, upload_id, number, declares=part_checksums)).status == 200

    parts = multipart.list_parts(key, upload_id)

    aws.client("s3").meta.events.unregister("provide-client-params.s3.ListParts", unique_id="two-parts")
    sha256 = sha256_hex(_CONTENT) if part_checksums else None
    etag = f'"{hashlib.md5(_CONTENT, usedforsecurity=False).hexdigest()}"'
    assert parts == [Part(number, len(_CONTENT), etag, sha256) for number in (1, 2, 3, 4, 5)]


@pytest.mark.parametrize("content", [_CONTENT + b"!", _CONTENT[:-1], b""], ids=["longer", "shorter", "nothing"])
@_WITH_AND_WITHOUT
def test_part_of_another_size_is_refused(key: str, content: bytes, *, part_checksums: bool) -> None:
    upload_id = multipart.create(key, content_type=_TYPE, part_checksums=part_checksums)
    assert put(presign(key, upload_id, declares=part_checksums), content).status in (400, 403)
    assert multipart.list_parts(key, upload_id) == []


def test_part_with_other_bytes_is_refused(key: str) -> None:
    upload_id = multipart.create(key, content_type=_TYPE, part_checksums=True)
    url, other = presign(key, upload_id), _CONTENT[::-1]

    assert put(url, other).status == 400
    assert put(url, other, {"x-amz-checksum-sha256": checksum_of(other)}).status == 403

    assert multipart.list_parts(key, upload_id) == []


def test_part_without_its_signed_checksum_is_refused(key: str) -> None:
    upload_id = multipart.create(key, content_type=_TYPE, part_checksums=True)
    url = presign(key, upload_id)
    # MinIO returns 400 for a signed header that is missing, and other servers 403 for the wrong signature.
    assert request_url(url.url, method="PUT", headers={}, body=_CONTENT).status in (400, 403)
    assert multipart.list_parts(key, upload_id) == []


def test_url_of_a_part_is_valid_for_it_alone(key: str) -> None:
    upload_id = multipart.create(key, content_type=_TYPE, part_checksums=False)
    other_id = multipart.create(key, content_type=_TYPE, part_checksums=False)
    other_key = key.replace(".txt", ".exe")
    other_key_id = multipart.create(other_key, content_type=_TYPE, part_checksums=False)
    url = presign(key, upload_id, declares=False)
    for tampered in (
        url.url.replace("partNumber=1", "partNumber=2"),
        url.url.replace(upload_id, other_id),
        url.url.replace(".txt", ".exe"),
        url.url.replace(".txt", ".exe").replace(upload_id, other_key_id),
        url.url.replace("partNumber=1&", ""),
        url.url.replace("X-Amz-Expires=900", "X-Amz-Expires=90000"),
        url.url + "&x-id=UploadPart",
        url.url.partition("?")[0],
    ):
        assert tampered != url.url
        assert request_url(tampered, method="PUT", headers=url.headers, body=_CONTENT).status == 403
    for method in ("GET", "POST", "DELETE"):
        assert request_url(url.url, method=method, headers=url.headers).status in (400, 403)

    assert multipart.list_parts(key, upload_id) == []
    assert multipart.list_parts(key, other_id) == []
    assert multipart.list_parts(other_key, other_key_id) == []
    assert (storage.head_or_none(key), storage.head_or_none(other_key)) == (None, None)


def test_expired_url_of_a_part_is_refused(key: str) -> None:
    upload_id = multipart.create(key, content_type=_TYPE, part_checksums=False)
    url = presign(key, upload_id, declares=False, expires_in=1)
    time.sleep(2.1)
    assert put(url).status == 403
    assert multipart.list_parts(key, upload_id) == []


def test_last_upload_of_a_part_counts(storage_server: StorageServer, key: str) -> None:
    upload_id = multipart.create(key, content_type=_TYPE, part_checksums=False)
    url = presign(key, upload_id, declares=False)
    assert [put(url).status, put(url, _CONTENT[::-1]).status] == [200, 200]
    parts = multipart.list_parts(key, upload_id)
    assert parts is not None
    assert len(parts) == 1

    multipart.complete(key, upload_id, parts)

    assert read(storage_server, key) == _CONTENT[::-1]


@_WITH_AND_WITHOUT
def test_small_part_in_the_middle_is_refused(storage_server: StorageServer, key: str, *, part_checksums: bool) -> None:
    upload_id, parts = upload_parts(key, [_LARGE, b"small", b"end"], part_checksums=part_checksums)
    if storage_server.name == "ministack":  # assembles it
        multipart.complete(key, upload_id, parts)
        assert storage.head_or_none(key) is not None
        return

    with pytest.raises(PartTooSmall):
        multipart.complete(key, upload_id, parts)

    assert storage.head_or_none(key) is None
    assert multipart.list_parts(key, upload_id) == parts


@_WITH_AND_WITHOUT
def test_part_that_is_not_the_listed_one_is_refused(key: str, *, part_checksums: bool) -> None:
    upload_id, [first, second] = upload_parts(key, [_LARGE, b"end"], part_checksums=part_checksums)
    changed = replace(second, etag=f'"{"0" * 32}"')
    never_uploaded = replace(second, number=3)
    others = [[first, changed], [first, second, never_uploaded]]
    if part_checksums:
        others.append([first, replace(second, sha256=sha256_hex(b"other"))])

    for parts in others:
        with pytest.raises(PartsChanged):
            multipart.complete(key, upload_id, parts)

    assert storage.head_or_none(key) is None
    multipart.complete(key, upload_id, [first, second])
    assert storage.head_or_none(key) is not None


def test_completion_can_be_repeated(key: str) -> None:
    upload_id, parts = upload_parts(key, [_LARGE, b"end"], part_checksums=True)
    multipart.complete(key, upload_id, parts)
    stored = storage.head_or_none(key)
    assert stored is not None

    multipart.complete(key, upload_id, parts)

    assert storage.head_or_none(key) == stored
    assert storage.list_versions(key) == [stored.version_id]
    assert multipart.list_parts(key, upload_id) is None


def test_assembled_parts_are_listed_by_the_object(key: str) -> None:
    assert multipart.list_assembled(key) == []
    upload_id, parts = upload_parts(key, [_LARGE, _LARGE], part_checksums=False)
    assert multipart.list_assembled(key) == []

    multipart.complete(key, upload_id, parts)

    assert [(part.number, part.size) for part in multipart.list_assembled(key)] == [
        (part.number, part.size) for part in parts
    ]


def test_completion_does_not_replace_an_object(key: str) -> None:
    first_id, first = upload_parts(key, [b"first"], part_checksums=False)
    second_id, second = upload_parts(key, [b"second"], part_checksums=False)
    multipart.complete(key, first_id, first)
    stored = storage.head_or_none(key)

    multipart.complete(key, second_id, second)

    assert storage.head_or_none(key) == stored
    assert len(storage.list_versions(key)) == 1
    assert multipart.list_parts(key, second_id) == second  # they stay until they are deleted
    multipart.abort(key, second_id)
    assert multipart.list_parts(key, second_id) is None


def test_aborted_upload_is_gone(key: str) -> None:
    upload_id, parts = upload_parts(key, [_LARGE, b"end"], part_checksums=False)

    multipart.abort(key, upload_id)
    multipart.abort(key, upload_id)

    assert multipart.list_parts(key, upload_id) is None
    assert put(presign(key, upload_id, declares=False)).status == 404
    multipart.complete(key, upload_id, parts)
    assert storage.head_or_none(key) is None


def test_abort_after_the_completion_keeps_the_object(key: str) -> None:
    upload_id, parts = upload_parts(key, [b"end"], part_checksums=False)
    multipart.complete(key, upload_id, parts)
    stored = storage.head_or_none(key)

    multipart.abort(key, upload_id)

    assert stored is not None
    assert storage.head_or_none(key) == stored


def test_empty_part_becomes_an_empty_object(key: str) -> None:
    upload_id, parts = upload_parts(key, [b""], part_checksums=True)
    multipart.complete(key, upload_id, parts)
    stored = storage.head_or_none(key)
    assert stored is not None
    assert stored.size == 0


def upload_parts(key: str, contents: Sequence[bytes], *, part_checksums: bool) -> tuple[str, list[Part]]:
    """Upload parts with presigned URLs. Return the ID of the upload, and what the server lists."""
    upload_id = multipart.create(key, content_type=_TYPE, part_checksums=part_checksums)
    for number, content in enumerate(contents, 1):
        assert put(presign(key, upload_id, number, content, declares=part_checksums), content).status == 200
    parts = multipart.list_parts(key, upload_id)
    assert parts is not None
    return upload_id, parts


def presign(
    key: str,
    upload_id: str,
    number: int = 1,
    content: bytes = _CONTENT,
    *,
    declares: bool = True,
    expires_in: int = 900,
) -> PresignedUrl:
    sha256 = sha256_hex(content) if declares else None
    return presigning.presign_part(key, upload_id, number, size=len(content), sha256=sha256, expires_in=expires_in)


def put(url: PresignedUrl, content: bytes = _CONTENT, headers: dict[str, str] | None = None) -> Response:
    return request_url(url.url, method=url.method, headers={**url.headers, **(headers or {})}, body=content)


def read(storage_server: StorageServer, key: str) -> bytes:
    content: bytes = storage_server.s3.get_object(Bucket=storage_server.originals_bucket, Key=key)["Body"].read()
    return content


def composite_checksum(storage_server: StorageServer, key: str) -> str | None:
    head = storage_server.s3.head_object(Bucket=storage_server.originals_bucket, Key=key, ChecksumMode="ENABLED")
    checksum: str | None = head.get("ChecksumSHA256")
    return checksum


def sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def checksum_of(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def _list_two(params: dict[str, Any], **_: Any) -> None:
    params["MaxParts"] = 2
