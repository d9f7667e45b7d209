"""What `holdall.storage` promises, asked of two S3 servers: the local cloud's, and a MinIO.

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

from holdall import storage
from holdall.storage import Presigned
from infra.local import minio
from infra.local.testing import Running
from tests.stack.client import Answer, follow
from tests.stack.environment import read_anew

_CONTENT = b"The bytes that were announced."
_TYPE = "text/plain"


@dataclass(frozen=True)
class Place:
    """An S3 server with two buckets like ours, to which the settings of this process lead."""

    name: str
    s3: Any
    originals: str
    variants: str

    def versions(self, key: str) -> list[str]:
        told = self.s3.list_object_versions(Bucket=self.originals, Prefix=key)
        return [entry["VersionId"] for entry in (*told.get("Versions", []), *told.get("DeleteMarkers", []))]


@pytest.fixture(scope="module")
def servers(deployed: Running) -> dict[str, tuple[str, dict[str, str], Any]]:
    """Where each server answers, whom it knows, and a client of it."""
    cloud, store = deployed.cloud, deployed.minio
    return {
        "ministack": (cloud.endpoint, {"id": "test", "secret": "test"}, cloud.client("s3")),
        "minio": (store.endpoint, {"id": minio.USER, "secret": minio.PASSWORD}, store.client()),
    }


@pytest.fixture(scope="module", params=["ministack", "minio"])
def place(request: pytest.FixtureRequest, servers: dict[str, tuple[str, dict[str, str], Any]]) -> Iterator[Place]:
    """One server after the other."""
    endpoint, known, s3 = servers[request.param]
    made = Place(request.param, s3, f"originals-{uuid4().hex}", f"variants-{uuid4().hex}")
    for bucket in (made.originals, made.variants):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=made.originals, VersioningConfiguration={"Status": "Enabled"})
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "ORIGINALS_BUCKET": made.originals,
            "VARIANTS_BUCKET": made.variants,
            "ORIGINALS_URL": f"{endpoint}/{made.originals}",
            "VARIANTS_URL": f"{endpoint}/{made.variants}",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": known["id"],
            "AWS_SECRET_ACCESS_KEY": known["secret"],
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            environment.setenv(name, value)
        read_anew()
        yield made
    read_anew()


@pytest.fixture
def key(place: Place) -> str:
    """The key of an original that is not there yet."""
    return f"holiday-0123456789ab/files/{uuid4().hex}.txt"


def test_the_announced_bytes_are_taken(key: str) -> None:
    assert put(signed(key)).status == 200

    stored = storage.head(key)

    assert stored is not None
    assert (stored.size, stored.content_type, stored.sha256) == (len(_CONTENT), _TYPE, sha256(_CONTENT))
    assert stored.version_id not in ("", "null")
    assert storage.versions_of(key) == [stored.version_id]


def test_bytes_of_which_no_checksum_was_announced_are_taken_and_measured(key: str, tmp_path: Path) -> None:
    assert put(storage.presign_put(key, size=len(_CONTENT), content_type=_TYPE, sha256=None)).status == 200

    stored = storage.head(key)

    assert stored is not None
    assert stored.sha256 is None
    assert storage.measure(key, stored.version_id) == sha256(_CONTENT)
    assert storage.fetch(key, stored.version_id, tmp_path / "copy") == sha256(_CONTENT)
    assert (tmp_path / "copy").read_bytes() == _CONTENT


def test_an_empty_original_is_taken(key: str) -> None:
    assert put(signed(key, b""), b"").status == 200
    stored = storage.head(key)
    assert stored is not None
    assert (stored.size, stored.sha256) == (0, sha256(b""))


def test_nothing_is_told_of_what_is_not_there(key: str) -> None:
    assert storage.head(key) is None
    assert storage.versions_of(key) == []


@pytest.mark.parametrize("content", [_CONTENT + b"!", _CONTENT[:-1], b""], ids=["longer", "shorter", "nothing"])
def test_another_size_is_refused(content: bytes, key: str) -> None:
    assert put(signed(key), content).status == 403
    assert storage.head(key) is None


def test_other_bytes_of_the_same_size_are_refused(key: str) -> None:
    answer = put(signed(key), _CONTENT[::-1])

    assert answer.status == 400
    assert b"BadDigest" in answer.content or b"XAmzContentChecksumMismatch" in answer.content
    assert storage.head(key) is None


def test_other_bytes_with_their_own_checksum_are_refused(key: str) -> None:
    other = _CONTENT[::-1]
    checksum = base64.b64encode(hashlib.sha256(other).digest()).decode()
    assert put(signed(key), other, {"x-amz-checksum-sha256": checksum}).status == 403
    assert storage.head(key) is None


def test_another_type_is_refused(key: str) -> None:
    assert put(signed(key), headers={"content-type": "text/html"}).status == 403
    assert storage.head(key) is None


@pytest.mark.parametrize("name", ["content-type", "if-none-match", "x-amz-checksum-sha256"])
def test_a_request_without_one_of_its_headers_is_refused(name: str, key: str) -> None:
    url = signed(key)
    kept = {header: value for header, value in url.headers.items() if header != name}
    # MinIO calls a signed header that is not there an unsigned one, 400; the others see another signature.
    assert follow(url.url, method="PUT", headers=kept, body=_CONTENT).status in (400, 403)
    assert storage.head(key) is None


def test_a_second_write_is_refused_and_changes_nothing(place: Place, key: str) -> None:
    url = signed(key)
    assert put(url).status == 200
    first = storage.head(key)

    assert put(url).status == 412
    assert put(signed(key, b"others"), b"others").status == 412

    assert storage.head(key) == first
    assert len(place.versions(key)) == 1


def test_a_url_that_was_touched_is_refused(key: str) -> None:
    url = signed(key)
    for tampered in (
        url.url.replace(".txt", ".exe"),
        url.url.replace("X-Amz-Expires=900", "X-Amz-Expires=90000"),
        url.url[:-1] + ("0" if url.url[-1] != "0" else "1"),
        url.url + "&x-id=PutObject",
        url.url.partition("?")[0],
    ):
        assert tampered != url.url
        assert follow(tampered, method="PUT", headers=url.headers, body=_CONTENT).status == 403
    assert storage.head(key) is None


def test_a_url_serves_no_other_method(key: str) -> None:
    url = signed(key)
    assert put(url).status == 200
    for method in ("GET", "DELETE", "POST"):
        assert follow(url.url, method=method, headers=url.headers).status in (400, 403)
    assert storage.head(key) is not None


def test_urls_end_when_their_time_is_over(place: Place, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert put(signed(key)).status == 200
    monkeypatch.setattr(storage, "PUT_SECONDS", 1)
    monkeypatch.setattr(storage, "GET_SECONDS", 1)
    late = f"{key}.late"
    writing, reading = signed(late), get(key)
    assert follow(reading.url).status == 200

    time.sleep(2.1)

    assert put(writing).status == 403
    assert follow(reading.url).status == 403
    assert storage.head(late) is None


def test_reading_comes_under_the_name_and_type_that_we_say(place: Place) -> None:
    key = f"private/{uuid4().hex}.webp"
    place.s3.put_object(Bucket=place.variants, Key=key, Body=_CONTENT, ContentType="text/html")
    said = "inline; filename=\"a b.webp\"; filename*=UTF-8''%C3%A4%20b.webp"

    url = storage.presign_get("variants", key, version_id=None, disposition=said, content_type="image/webp")
    answer = follow(url.url)

    assert (answer.status, answer.content) == (200, _CONTENT)
    assert (answer.headers["content-disposition"], answer.headers["content-type"]) == (said, "image/webp")
    renamed = url.url.replace("inline", "attachment")
    assert renamed != url.url
    assert follow(renamed).status == 403


def test_reading_is_of_the_version_that_was_pinned(place: Place, key: str) -> None:
    assert put(signed(key)).status == 200
    url = get(key)
    place.s3.put_object(Bucket=place.originals, Key=key, Body=b"written over by an operator")

    answer = follow(url.url)

    assert (answer.status, answer.content) == (200, _CONTENT)
    if place.name == "minio":  # MiniStack forgets what is asked about the headers where a version is named
        assert answer.headers["content-disposition"] == 'attachment; filename="x"'
        assert answer.headers["content-type"] == "application/octet-stream"


def test_a_version_is_removed_by_its_id_and_leaves_no_marker(place: Place, key: str) -> None:
    assert put(signed(key)).status == 200
    (version,) = storage.versions_of(key)

    storage.delete_version(key, version)
    storage.delete_version(key, version)

    assert place.versions(key) == []
    assert storage.head(key) is None


def test_a_variant_is_put_moved_and_removed(place: Place, tmp_path: Path) -> None:
    source, name = tmp_path / "drawn", f"{uuid4().hex}.webp"
    source.write_bytes(_CONTENT)
    hidden, shown = f"private/{name}", f"media/{name}"

    storage.put_variant(hidden, source, content_type="image/webp")
    storage.move_variant(hidden, shown)
    storage.move_variant(hidden, shown)  # a worker that did not hear the answer

    moved = place.s3.get_object(Bucket=place.variants, Key=shown)
    assert moved["Body"].read() == _CONTENT
    assert (moved["ContentType"], moved["CacheControl"]) == ("image/webp", "public, max-age=86400, immutable")
    assert _keys(place, name) == [shown]
    storage.delete_variant(shown)
    storage.delete_variant(shown)
    assert _keys(place, name) == []


def test_a_bucket_that_is_there_can_be_reached(place: Place) -> None:
    storage.reachable()


def signed(key: str, content: bytes = _CONTENT) -> Presigned:
    return storage.presign_put(key, size=len(content), content_type=_TYPE, sha256=sha256(content))


def put(url: Presigned, content: bytes = _CONTENT, headers: dict[str, str] | None = None) -> Answer:
    return follow(url.url, method=url.method, headers={**url.headers, **(headers or {})}, body=content)


def get(key: str) -> Presigned:
    stored = storage.head(key)
    assert stored is not None
    said = {"disposition": 'attachment; filename="x"', "content_type": "application/octet-stream"}
    return storage.presign_get("originals", key, version_id=stored.version_id, **said)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _keys(place: Place, name: str) -> list[str]:
    told = place.s3.list_objects_v2(Bucket=place.variants)
    return [entry["Key"] for entry in told.get("Contents", []) if name in entry["Key"]]
