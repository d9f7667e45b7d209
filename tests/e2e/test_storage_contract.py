"""The contract of `holdall.platform.storage`, tested with MiniStack and with MinIO.

Each presigned URL allows one action, and the server itself refuses everything else.
"""

import base64
import hashlib
import time
import unicodedata
from datetime import timedelta
from email.message import Message
from pathlib import Path
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from holdall.files.names import content_disposition
from holdall.platform import clock, presigning, storage
from holdall.platform.presigning import PresignedUrl
from tests.support.e2e.client import Response, request_url
from tests.support.e2e.storage_server import StorageServer

_CONTENT = b"The declared bytes."
_CONTENT_TYPE = "text/plain"


def test_declared_bytes_are_stored(key: str) -> None:
    assert put(presign_put(key)).status == 200

    stored = storage.head_or_none(key)

    assert stored is not None
    assert (stored.size, stored.content_type, stored.sha256) == (len(_CONTENT), _CONTENT_TYPE, sha256_hex(_CONTENT))
    assert stored.version_id not in ("", "null")
    assert storage.list_versions(key) == [stored.version_id]


def test_bytes_without_a_declared_checksum_are_stored_and_hashed(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_RANGE_BYTES", 8)
    assert put(presign_put(key, declares_sha256=False)).status == 200

    stored = storage.head_or_none(key)

    assert stored is not None
    assert stored.sha256 is None
    version, deadline = (key, stored.version_id, stored.size), clock.now() + timedelta(minutes=1)
    assert storage.sha256_of(*version, deadline=deadline) == sha256_hex(_CONTENT)
    assert storage.download(*version, tmp_path / "copy") == sha256_hex(_CONTENT)
    assert (tmp_path / "copy").read_bytes() == _CONTENT


def test_empty_original_is_stored(key: str) -> None:
    assert put(presign_put(key, b""), b"").status == 200
    stored = storage.head_or_none(key)
    assert stored is not None
    assert (stored.size, stored.sha256) == (0, sha256_hex(b""))


def test_original_of_the_function_is_stored_once(key: str) -> None:
    storage.put_original(key, _CONTENT, content_type=_CONTENT_TYPE, sha256=sha256_hex(_CONTENT))
    stored = storage.head_or_none(key)
    storage.put_original(key, _CONTENT[::-1], content_type="image/png", sha256=sha256_hex(_CONTENT[::-1]))

    assert stored is not None
    assert (stored.size, stored.content_type, stored.sha256) == (len(_CONTENT), _CONTENT_TYPE, sha256_hex(_CONTENT))
    assert storage.head_or_none(key) == stored
    assert storage.list_versions(key) == [stored.version_id]


def test_original_of_the_function_with_another_checksum_is_rejected(key: str) -> None:
    with pytest.raises(ClientError, match=r"BadDigest|XAmzContentChecksumMismatch"):
        storage.put_original(key, _CONTENT, content_type=_CONTENT_TYPE, sha256=sha256_hex(b"other"))

    assert storage.head_or_none(key) is None


def test_missing_object_has_no_metadata(key: str) -> None:
    assert storage.head_or_none(key) is None
    assert storage.list_versions(key) == []


@pytest.mark.parametrize("content", [_CONTENT + b"!", _CONTENT[:-1], b""], ids=["longer", "shorter", "nothing"])
def test_other_size_is_rejected(content: bytes, key: str) -> None:
    assert put(presign_put(key), content).status == 403
    assert storage.head_or_none(key) is None


def test_other_bytes_of_the_same_size_are_rejected(key: str) -> None:
    response = put(presign_put(key), _CONTENT[::-1])

    assert response.status == 400
    assert b"BadDigest" in response.content or b"XAmzContentChecksumMismatch" in response.content
    assert storage.head_or_none(key) is None


def test_other_bytes_with_their_checksum_are_rejected(key: str) -> None:
    other = _CONTENT[::-1]
    checksum = base64.b64encode(hashlib.sha256(other).digest()).decode()
    assert put(presign_put(key), other, {"x-amz-checksum-sha256": checksum}).status == 403
    assert storage.head_or_none(key) is None


def test_other_content_type_is_rejected(key: str) -> None:
    assert put(presign_put(key), headers={"content-type": "text/html"}).status == 403
    assert storage.head_or_none(key) is None


@pytest.mark.parametrize("name", ["content-type", "if-none-match", "x-amz-checksum-sha256"])
def test_request_without_a_signed_header_is_rejected(name: str, key: str) -> None:
    url = presign_put(key)
    headers = {header: value for header, value in url.headers.items() if header != name}
    # MinIO returns 400 for a signed header that is missing, and other servers 403 for the wrong signature.
    assert request_url(url.url, method="PUT", headers=headers, body=_CONTENT).status in (400, 403)
    assert storage.head_or_none(key) is None


def test_second_write_is_rejected_and_changes_nothing(storage_server: StorageServer, key: str) -> None:
    url = presign_put(key)
    assert put(url).status == 200
    first = storage.head_or_none(key)

    assert put(url).status == 412
    assert put(presign_put(key, b"others"), b"others").status == 412

    assert storage.head_or_none(key) == first
    assert len(storage_server.list_version_ids(key)) == 1


def test_modified_url_is_rejected(key: str) -> None:
    url = presign_put(key)
    for tampered in (
        url.url.replace(".txt", ".exe"),
        url.url.replace("X-Amz-Expires=900", "X-Amz-Expires=90000"),
        url.url[:-1] + ("0" if url.url[-1] != "0" else "1"),
        url.url + "&x-id=PutObject",
        url.url.partition("?")[0],
    ):
        assert tampered != url.url
        assert request_url(tampered, method="PUT", headers=url.headers, body=_CONTENT).status == 403
    assert storage.head_or_none(key) is None


def test_url_is_valid_for_one_method_only(key: str) -> None:
    url = presign_put(key)
    assert put(url).status == 200
    for method in ("GET", "DELETE", "POST"):
        assert request_url(url.url, method=method, headers=url.headers).status in (400, 403)
    assert storage.head_or_none(key) is not None


def test_expired_urls_are_rejected(storage_server: StorageServer, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert put(presign_put(key)).status == 200
    monkeypatch.setattr(presigning, "GET_URL_TTL_SECONDS", 1)
    late_key = f"{key}.late"
    put_url, get_url = presign_put(late_key, expires_in=1), presign_get(key)
    assert request_url(get_url.url).status == 200

    time.sleep(2.1)

    assert put(put_url).status == 403
    assert request_url(get_url.url).status == 403
    assert storage.head_or_none(late_key) is None


def test_download_has_the_signed_name_and_type(storage_server: StorageServer) -> None:
    key = f"private/{uuid4().hex}.webp"
    storage_server.s3.put_object(Bucket=storage_server.variants_bucket, Key=key, Body=_CONTENT, ContentType="text/html")
    disposition = "inline; filename=\"a b.webp\"; filename*=UTF-8''%C3%A4%20b.webp"

    url = presigning.presign_get("variants", key, version_id=None, disposition=disposition, content_type="image/webp")
    response = request_url(url.url)

    assert (response.status, response.content) == (200, _CONTENT)
    assert (response.headers["content-disposition"], response.headers["content-type"]) == (disposition, "image/webp")
    renamed = url.url.replace("inline", "attachment")
    assert renamed != url.url
    assert request_url(renamed).status == 403


def test_download_is_of_the_pinned_version(storage_server: StorageServer, key: str) -> None:
    assert put(presign_put(key)).status == 200
    url = presign_get(key)
    storage_server.s3.put_object(Bucket=storage_server.originals_bucket, Key=key, Body=b"of an operator")

    response = request_url(url.url)

    assert (response.status, response.content) == (200, _CONTENT)
    assert response.headers["content-disposition"] == 'attachment; filename="x"'
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["cache-control"] == "private, max-age=300"


@pytest.mark.parametrize(
    "name",
    [
        *("plain.txt", "a\u0308 in NFD.txt", "a+b c.txt", "100% sure%20.txt", 'it\'s "quoted", a;b=c&d#e?.txt'),
        *("漢字 😀.txt", "😀" * 255),
    ],
)
def test_downloaded_version_has_the_name_of_its_file(storage_server: StorageServer, key: str, name: str) -> None:
    assert put(presign_put(key)).status == 200

    response = request_url(presign_get(key, content_disposition("attachment", name)).url)

    message = Message()
    message["content-disposition"] = response.headers["content-disposition"]
    assert message.get_content_disposition() == "attachment"
    assert message.get_filename() == unicodedata.normalize("NFC", name)


def test_shared_url_shows_a_variant_and_may_be_cached_by_the_browser(storage_server: StorageServer) -> None:
    key = f"private/{uuid4().hex}.webp"
    storage_server.s3.put_object(
        Bucket=storage_server.variants_bucket, Key=key, Body=_CONTENT, ContentType="image/webp"
    )

    response = request_url(presigning.presign_shared_get("variants", key).url)

    assert (response.status, response.content) == (200, _CONTENT)
    assert response.headers["content-disposition"] == "inline"
    assert response.headers["content-type"] == "image/webp"
    assert response.headers["cache-control"] == "private, max-age=300"


@pytest.mark.parametrize(
    ("requested", "content", "position"),
    [
        ("bytes=4-11", b"declared", "bytes 4-11/19"),
        ("bytes=13-99", b"bytes.", "bytes 13-18/19"),
        ("bytes=-6", b"bytes.", "bytes 13-18/19"),
    ],
)
def test_part_of_a_version_can_be_downloaded(
    storage_server: StorageServer, key: str, requested: str, content: bytes, position: str
) -> None:
    assert put(presign_put(key)).status == 200
    url = presign_get(key).url

    response = request_url(url, headers={"range": requested})

    assert (response.status, response.content, response.headers["content-range"]) == (206, content, position)
    assert request_url(url, headers={"range": "bytes=19-"}).status == 416


def test_version_is_deleted_without_a_delete_marker(storage_server: StorageServer, key: str) -> None:
    assert put(presign_put(key)).status == 200
    (version,) = storage.list_versions(key)

    storage.delete_version(key, version)
    storage.delete_version(key, version)

    assert storage_server.list_version_ids(key) == []
    assert storage.head_or_none(key) is None


def test_variant_is_stored_moved_and_deleted(storage_server: StorageServer, tmp_path: Path) -> None:
    path, name = tmp_path / "variant", f"{uuid4().hex}.webp"
    path.write_bytes(_CONTENT)
    private_key, public_key = f"private/{name}", f"media/{name}"

    storage.put_variant(private_key, path, content_type="image/webp")
    storage.move_variant(private_key, public_key)
    storage.move_variant(private_key, public_key)  # a worker that got no response

    moved = storage_server.s3.get_object(Bucket=storage_server.variants_bucket, Key=public_key)
    assert moved["Body"].read() == _CONTENT
    assert (moved["ContentType"], moved["CacheControl"]) == ("image/webp", "public, max-age=86400, immutable")
    assert _variant_keys(storage_server, name) == [public_key]
    storage.delete_variant(public_key)
    storage.delete_variant(public_key)
    assert _variant_keys(storage_server, name) == []


def test_check_succeeds_for_existing_buckets(storage_server: StorageServer) -> None:
    storage.check()


def presign_put(
    key: str, content: bytes = _CONTENT, *, declares_sha256: bool = True, expires_in: int = 900
) -> PresignedUrl:
    sha256 = sha256_hex(content) if declares_sha256 else None
    return presigning.presign_put(
        key, size=len(content), content_type=_CONTENT_TYPE, sha256=sha256, expires_in=expires_in
    )


def put(url: PresignedUrl, content: bytes = _CONTENT, headers: dict[str, str] | None = None) -> Response:
    return request_url(url.url, method=url.method, headers={**url.headers, **(headers or {})}, body=content)


def presign_get(key: str, disposition: str = 'attachment; filename="x"') -> PresignedUrl:
    stored = storage.head_or_none(key)
    assert stored is not None
    return presigning.presign_get(
        "originals",
        key,
        version_id=stored.version_id,
        disposition=disposition,
        content_type="application/octet-stream",
    )


def sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _variant_keys(storage_server: StorageServer, name: str) -> list[str]:
    response = storage_server.s3.list_objects_v2(Bucket=storage_server.variants_bucket)
    return [entry["Key"] for entry in response.get("Contents", []) if name in entry["Key"]]
