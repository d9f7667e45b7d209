"""What `holdall.platform.storage` promises, asked of two S3 servers: the local cloud's, and a MinIO.

Each of its URLs lets its bearer do one thing, and everything else is refused by the server itself.
"""

import base64
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from holdall.platform import storage
from holdall.platform.storage import PresignedUrl
from infra.local import minio
from infra.local.e2e_environment import E2EEnvironment
from tests.support.e2e.client import Response, request_url
from tests.support.process import clear_clients

_CONTENT = b"The bytes that were announced."
_CONTENT_TYPE = "text/plain"


@dataclass(frozen=True)
class StorageServer:
    """An S3 server with two buckets like ours, to which the settings of this process lead."""

    name: str
    s3: Any
    originals_bucket: str
    variants_bucket: str

    def list_version_ids(self, key: str) -> list[str]:
        told = self.s3.list_object_versions(Bucket=self.originals_bucket, Prefix=key)
        return [entry["VersionId"] for entry in (*told.get("Versions", []), *told.get("DeleteMarkers", []))]


@pytest.fixture(scope="module")
def servers(deployment: E2EEnvironment) -> dict[str, tuple[str, dict[str, str], Any]]:
    """Where each server answers, whom it knows, and a client of it."""
    cloud, store = deployment.cloud, deployment.minio
    return {
        "ministack": (cloud.endpoint, {"id": "test", "secret": "test"}, cloud.client("s3")),
        "minio": (store.endpoint, {"id": minio.ROOT_USER, "secret": minio.ROOT_PASSWORD}, store.client()),
    }


@pytest.fixture(scope="module", params=["ministack", "minio"])
def storage_server(
    request: pytest.FixtureRequest, servers: dict[str, tuple[str, dict[str, str], Any]]
) -> Iterator[StorageServer]:
    """One server after the other."""
    endpoint, known, s3 = servers[request.param]
    made = StorageServer(request.param, s3, f"originals-{uuid4().hex}", f"variants-{uuid4().hex}")
    for bucket in (made.originals_bucket, made.variants_bucket):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=made.originals_bucket, VersioningConfiguration={"Status": "Enabled"})
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "ORIGINALS_BUCKET": made.originals_bucket,
            "VARIANTS_BUCKET": made.variants_bucket,
            "ORIGINALS_URL": f"{endpoint}/{made.originals_bucket}",
            "VARIANTS_URL": f"{endpoint}/{made.variants_bucket}",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": known["id"],
            "AWS_SECRET_ACCESS_KEY": known["secret"],
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            environment.setenv(name, value)
        clear_clients()
        yield made
    clear_clients()


@pytest.fixture
def key(storage_server: StorageServer) -> str:
    """The key of an original that is not there yet."""
    return f"holiday-0123456789ab/files/{uuid4().hex}.txt"


def test_the_announced_bytes_are_taken(key: str) -> None:
    assert put(presign_put(key)).status == 200

    stored = storage.head_or_none(key)

    assert stored is not None
    assert (stored.size, stored.content_type, stored.sha256) == (len(_CONTENT), _CONTENT_TYPE, sha256_hex(_CONTENT))
    assert stored.version_id not in ("", "null")
    assert storage.list_versions(key) == [stored.version_id]


def test_bytes_of_which_no_checksum_was_announced_are_taken_and_measured(key: str, tmp_path: Path) -> None:
    assert put(storage.presign_put(key, size=len(_CONTENT), content_type=_CONTENT_TYPE, sha256=None)).status == 200

    stored = storage.head_or_none(key)

    assert stored is not None
    assert stored.sha256 is None
    assert storage.sha256_of(key, stored.version_id) == sha256_hex(_CONTENT)
    assert storage.download(key, stored.version_id, tmp_path / "copy") == sha256_hex(_CONTENT)
    assert (tmp_path / "copy").read_bytes() == _CONTENT


def test_an_empty_original_is_taken(key: str) -> None:
    assert put(presign_put(key, b""), b"").status == 200
    stored = storage.head_or_none(key)
    assert stored is not None
    assert (stored.size, stored.sha256) == (0, sha256_hex(b""))


def test_nothing_is_told_of_what_is_not_there(key: str) -> None:
    assert storage.head_or_none(key) is None
    assert storage.list_versions(key) == []


@pytest.mark.parametrize("content", [_CONTENT + b"!", _CONTENT[:-1], b""], ids=["longer", "shorter", "nothing"])
def test_another_size_is_refused(content: bytes, key: str) -> None:
    assert put(presign_put(key), content).status == 403
    assert storage.head_or_none(key) is None


def test_other_bytes_of_the_same_size_are_refused(key: str) -> None:
    answer = put(presign_put(key), _CONTENT[::-1])

    assert answer.status == 400
    assert b"BadDigest" in answer.content or b"XAmzContentChecksumMismatch" in answer.content
    assert storage.head_or_none(key) is None


def test_other_bytes_with_their_own_checksum_are_refused(key: str) -> None:
    other = _CONTENT[::-1]
    checksum = base64.b64encode(hashlib.sha256(other).digest()).decode()
    assert put(presign_put(key), other, {"x-amz-checksum-sha256": checksum}).status == 403
    assert storage.head_or_none(key) is None


def test_another_type_is_refused(key: str) -> None:
    assert put(presign_put(key), headers={"content-type": "text/html"}).status == 403
    assert storage.head_or_none(key) is None


@pytest.mark.parametrize("name", ["content-type", "if-none-match", "x-amz-checksum-sha256"])
def test_a_request_without_one_of_its_headers_is_refused(name: str, key: str) -> None:
    url = presign_put(key)
    kept = {header: value for header, value in url.headers.items() if header != name}
    # MinIO calls a signed header that is not there an unsigned one, 400; the others see another signature.
    assert request_url(url.url, method="PUT", headers=kept, body=_CONTENT).status in (400, 403)
    assert storage.head_or_none(key) is None


def test_a_second_write_is_refused_and_changes_nothing(storage_server: StorageServer, key: str) -> None:
    url = presign_put(key)
    assert put(url).status == 200
    first = storage.head_or_none(key)

    assert put(url).status == 412
    assert put(presign_put(key, b"others"), b"others").status == 412

    assert storage.head_or_none(key) == first
    assert len(storage_server.list_version_ids(key)) == 1


def test_a_url_that_was_touched_is_refused(key: str) -> None:
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


def test_a_url_serves_no_other_method(key: str) -> None:
    url = presign_put(key)
    assert put(url).status == 200
    for method in ("GET", "DELETE", "POST"):
        assert request_url(url.url, method=method, headers=url.headers).status in (400, 403)
    assert storage.head_or_none(key) is not None


def test_urls_end_when_their_time_is_over(
    storage_server: StorageServer, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert put(presign_put(key)).status == 200
    monkeypatch.setattr(storage, "PUT_URL_TTL_SECONDS", 1)
    monkeypatch.setattr(storage, "GET_URL_TTL_SECONDS", 1)
    late = f"{key}.late"
    writing, reading = presign_put(late), presign_get(key)
    assert request_url(reading.url).status == 200

    time.sleep(2.1)

    assert put(writing).status == 403
    assert request_url(reading.url).status == 403
    assert storage.head_or_none(late) is None


def test_reading_comes_under_the_name_and_type_that_we_say(storage_server: StorageServer) -> None:
    key = f"private/{uuid4().hex}.webp"
    storage_server.s3.put_object(Bucket=storage_server.variants_bucket, Key=key, Body=_CONTENT, ContentType="text/html")
    said = "inline; filename=\"a b.webp\"; filename*=UTF-8''%C3%A4%20b.webp"

    url = storage.presign_get("variants", key, version_id=None, disposition=said, content_type="image/webp")
    answer = request_url(url.url)

    assert (answer.status, answer.content) == (200, _CONTENT)
    assert (answer.headers["content-disposition"], answer.headers["content-type"]) == (said, "image/webp")
    renamed = url.url.replace("inline", "attachment")
    assert renamed != url.url
    assert request_url(renamed).status == 403


def test_reading_is_of_the_version_that_was_pinned(storage_server: StorageServer, key: str) -> None:
    assert put(presign_put(key)).status == 200
    url = presign_get(key)
    storage_server.s3.put_object(Bucket=storage_server.originals_bucket, Key=key, Body=b"written over by an operator")

    answer = request_url(url.url)

    assert (answer.status, answer.content) == (200, _CONTENT)
    if storage_server.name == "minio":  # MiniStack forgets what is asked about the headers where a version is named
        assert answer.headers["content-disposition"] == 'attachment; filename="x"'
        assert answer.headers["content-type"] == "application/octet-stream"


def test_a_version_is_removed_by_its_id_and_leaves_no_marker(storage_server: StorageServer, key: str) -> None:
    assert put(presign_put(key)).status == 200
    (version,) = storage.list_versions(key)

    storage.delete_version(key, version)
    storage.delete_version(key, version)

    assert storage_server.list_version_ids(key) == []
    assert storage.head_or_none(key) is None


def test_a_variant_is_put_moved_and_removed(storage_server: StorageServer, tmp_path: Path) -> None:
    source, name = tmp_path / "drawn", f"{uuid4().hex}.webp"
    source.write_bytes(_CONTENT)
    hidden, shown = f"private/{name}", f"media/{name}"

    storage.put_variant(hidden, source, content_type="image/webp")
    storage.move_variant(hidden, shown)
    storage.move_variant(hidden, shown)  # a worker that did not hear the answer

    moved = storage_server.s3.get_object(Bucket=storage_server.variants_bucket, Key=shown)
    assert moved["Body"].read() == _CONTENT
    assert (moved["ContentType"], moved["CacheControl"]) == ("image/webp", "public, max-age=86400, immutable")
    assert _variant_keys(storage_server, name) == [shown]
    storage.delete_variant(shown)
    storage.delete_variant(shown)
    assert _variant_keys(storage_server, name) == []


def test_a_bucket_that_is_there_can_be_reached(storage_server: StorageServer) -> None:
    storage.check()


def presign_put(key: str, content: bytes = _CONTENT) -> PresignedUrl:
    return storage.presign_put(key, size=len(content), content_type=_CONTENT_TYPE, sha256=sha256_hex(content))


def put(url: PresignedUrl, content: bytes = _CONTENT, headers: dict[str, str] | None = None) -> Response:
    return request_url(url.url, method=url.method, headers={**url.headers, **(headers or {})}, body=content)


def presign_get(key: str) -> PresignedUrl:
    stored = storage.head_or_none(key)
    assert stored is not None
    said = {"disposition": 'attachment; filename="x"', "content_type": "application/octet-stream"}
    return storage.presign_get("originals", key, version_id=stored.version_id, **said)


def sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _variant_keys(storage_server: StorageServer, name: str) -> list[str]:
    told = storage_server.s3.list_objects_v2(Bucket=storage_server.variants_bucket)
    return [entry["Key"] for entry in told.get("Contents", []) if name in entry["Key"]]
