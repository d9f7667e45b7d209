"""Images are rendered, or ready without variants, with a reason. None of their messages reaches the dead-letter queue (I2)."""

import hashlib
import os
import struct
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from functions.imageproc import probe, render, work_folder
from holdall.jobs.model import RenderImage
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.image_samples import HEIC, make_noise_photo, make_photo

VARIANTS = [
    {"name": "cover", "width": 20, "height": 20, "fit": "cover", "format": "jpeg"},
    {"name": "contain", "width": 30, "format": "png"},
    {"name": "stretch", "width": 80, "height": 10, "fit": "stretch", "format": "avif"},
    {"name": "large", "width": 1280, "format": "webp"},
]


def make_decompression_bomb() -> bytes:
    """Return a PNG of a hundred bytes, whose header declares 2,500 megapixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\x00")) + chunk(b"IEND", b"")


INVALID_IMAGES = {
    "broken": make_photo(400, 300)[:-600],
    "text": b"this is not an image",
    "bomb": make_decompression_bomb(),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "empty": b"",
}


# The reason, the kind and the content type of the file afterwards.
OUTCOMES = {
    "broken": ("broken_image", "image", "image/jpeg"),
    "text": ("unsupported_type", "file", "application/octet-stream"),
    "bomb": ("too_many_pixels", "image", "image/png"),
    "svg": ("unsupported_type", "file", "application/octet-stream"),
    "empty": ("empty_file", "file", "application/octet-stream"),
}


def file_metadata(kind: str) -> dict[str, str]:
    """Return the fields of the upload request for an invalid image."""
    return {"filename": "x.png", "contentType": "image/png"} if kind in ("bomb", "svg", "empty") else {}


def download(client: Client, fake_aws: FakeAws, file_id: str) -> bytes:
    """Return the bytes that the content URL of a file names."""
    url = urlsplit(client.get(f"/files/{file_id}/content").headers["location"])
    version_id = parse_qs(url.query)["versionId"][0]
    stored = fake_aws.s3.get_object(Bucket="originals", Key=unquote(url.path.lstrip("/")), VersionId=version_id)
    content: bytes = stored["Body"].read()
    return content


def purge(client: Client, fake_aws: FakeAws, file_id: str) -> None:
    assert client.delete(f"/files/{file_id}?permanent=true").status == 202
    fake_aws.run_workers()


def receive_image_messages(fake_aws: FakeAws) -> list[str]:
    return fake_aws.receive_messages("images")


def test_each_variant_is_rendered_to_its_spec(client: Client, fake_aws: FakeAws) -> None:
    settings = {"visibility": "public", "variants": VARIANTS}
    project = client.post("/projects", {"name": "x", "settings": settings}).created()["id"]
    committed = fake_aws.upload(client, make_photo(60, 40), projectId=project)
    fake_aws.run_workers()
    file = client.get(f"/files/{committed['fileId']}").data()

    sizes = {each["name"]: (each["width"], each["height"], each["contentType"]) for each in file["variants"]}
    assert sizes == {
        "cover": (20, 20, "image/jpeg"),
        "contain": (30, 20, "image/png"),
        "stretch": (80, 10, "image/avif"),
        "large": (60, 40, "image/webp"),
    }
    for each in file["variants"]:
        stored = fake_aws.s3.get_object(Bucket="variants", Key=each["url"].removeprefix("https://files.example.test/"))
        assert stored["ContentLength"] == each["size"]
        assert stored["ContentType"] == each["contentType"]
        assert stored["CacheControl"] == "public, max-age=86400, immutable"


def test_url_of_a_variant_is_known_before_it_is_rendered(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    committed = fake_aws.upload(client, make_photo(), projectId=project["id"])
    planned = committed["file"]["variants"]
    fake_aws.run_workers()

    rendered = client.get(f"/files/{committed['fileId']}").data()["variants"]
    assert [(each["name"], each["url"]) for each in rendered] == [(each["name"], each["url"]) for each in planned]
    assert {each["status"] for each in planned} == {"processing"}
    assert {each["status"] for each in rendered} == {"ready"}


@pytest.mark.parametrize("kind", sorted(INVALID_IMAGES))
def test_invalid_image_is_kept_with_a_reason(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], kind: str
) -> None:
    committed = fake_aws.upload(client, INVALID_IMAGES[kind], projectId=project["id"], **file_metadata(kind))
    (message,) = receive_image_messages(fake_aws)

    assert fake_aws.deliver_messages("imageproc", message) == NO_FAILURES
    file = client.get(f"/files/{committed['fileId']}").data()
    reason, file_kind, content_type = OUTCOMES[kind]
    assert (file["status"], file["reason"], file["kind"], file["contentType"]) == (
        "ready",
        reason,
        file_kind,
        content_type,
    )
    assert [each["status"] for each in file["variants"]] == (["failed"] if file_kind == "image" else [])
    (job,) = fake_aws.find_rows("main", record_type="job")
    assert (job["status"], job["reason"]) == ("failed", reason)
    assert fake_aws.list_keys("variants", project["id"]) == []
    assert download(client, fake_aws, file["id"]) == INVALID_IMAGES[kind]
    invariants.assert_project_consistent(fake_aws, project["id"])
    purge(client, fake_aws, file["id"])
    assert client.get(f"/projects/{project['id']}/usage").data()["bytes"] == 0
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_invalid_image_does_not_affect_the_next_one(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    invalid = [
        fake_aws.upload(client, INVALID_IMAGES[kind], projectId=project["id"], **file_metadata(kind))
        for kind in sorted(INVALID_IMAGES)
    ]
    valid = fake_aws.upload(client, make_photo(), projectId=project["id"])

    assert fake_aws.deliver_messages("imageproc", *receive_image_messages(fake_aws)) == NO_FAILURES
    statuses = [client.get(f"/files/{each['fileId']}").data()["status"] for each in [*invalid, valid]]
    assert statuses == ["ready"] * (len(invalid) + 1)


def test_bytes_that_were_not_announced_are_not_served(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    request = make_upload_request(make_photo(), projectId=project["id"], sha256=None)
    upload = client.post("/files/init-upload", request).created()
    fake_aws.put_object(upload, make_photo())
    client.post("/files/commit", {"uploadId": upload["uploadId"], "checksum": "0" * 64}).data()
    fake_aws.run_workers()

    file = client.get(f"/files/{upload['fileId']}").data()
    assert (file["status"], file["reason"], file["variants"]) == ("rejected", "checksum_mismatch", [])
    for query in ("", "?variant=thumb", "?variant=unknown"):
        response = client.get(f"/files/{upload['fileId']}/content{query}")
        assert (response.status, response.problem()["code"]) == (409, "rejected")
    assert fake_aws.list_keys("variants", project["id"]) == []


def test_failed_variant_names_the_reason(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    committed = fake_aws.upload(client, INVALID_IMAGES["broken"], projectId=project["id"])
    fake_aws.run_workers()

    problem = client.get(f"/files/{committed['fileId']}/content?variant=thumb").problem()
    assert (problem["status"], problem["code"]) == (409, "variant_failed")
    assert "broken_image" in problem["detail"]


def test_image_that_is_too_large_to_render_is_hashed_and_served(
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    frozen_clock: FrozenClock,
) -> None:
    monkeypatch.setattr(probe, "MAX_BYTES", 100)
    committed = fake_aws.upload(client, make_photo(), projectId=project["id"], sha256=None)
    fake_aws.run_workers()
    frozen_clock.advance(minutes=2)
    fake_aws.run_task("send-pending-jobs")
    fake_aws.run_workers()

    file = client.get(f"/files/{committed['fileId']}").data()
    assert (file["status"], file["reason"], file["kind"]) == ("ready", "too_many_bytes", "image")
    assert file["sha256"] == hashlib.sha256(make_photo()).hexdigest()
    assert download(client, fake_aws, file["id"]) == make_photo()
    jobs = fake_aws.find_rows("main", record_type="job")
    assert {job["kind"]: job["status"] for job in jobs} == {"render": "failed", "hash": "completed"}


def test_plain_file_by_its_bytes_gets_an_image_as_its_next_version(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    committed = fake_aws.upload(client, b"not an image", projectId=project["id"], contentType="image/png")
    fake_aws.run_workers()
    file = client.get(f"/files/{committed['fileId']}").data()
    assert (file["kind"], file["declaredType"]) == ("file", "image/png")

    fake_aws.upload(client, make_photo(), projectId=project["id"], fileId=file["id"])
    fake_aws.run_workers()
    file = client.get(f"/files/{file['id']}").data()
    assert (file["kind"], file["version"], file["reason"]) == ("image", 2, None)
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_image_without_variants_is_still_decoded(client: Client, fake_aws: FakeAws) -> None:
    project = client.post("/projects", {"name": "x", "settings": {"variants": []}}).created()["id"]
    valid, invalid = (
        fake_aws.upload(client, content, projectId=project) for content in (make_photo(), b"not an image")
    )
    fake_aws.run_workers()

    file = client.get(f"/files/{valid['fileId']}").data()
    assert (file["status"], file["width"], file["variants"]) == ("ready", 60, [])
    assert client.get(f"/files/{invalid['fileId']}").data()["reason"] == "unsupported_type"


def test_image_of_another_type_than_declared_gets_the_type_of_its_bytes(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    committed = fake_aws.upload(client, make_photo(), projectId=project["id"], contentType="image/webp")
    fake_aws.run_workers()

    file = client.get(f"/files/{committed['fileId']}").data()
    assert (file["status"], file["contentType"], file["declaredType"]) == ("ready", "image/jpeg", "image/webp")


def test_image_without_a_checksum_gets_one(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    committed = fake_aws.upload(client, make_photo(), projectId=project["id"], sha256=None)
    fake_aws.run_workers()

    assert client.get(f"/files/{committed['fileId']}").data()["sha256"]
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_variants_beyond_four_times_the_quota_fail(client: Client, fake_aws: FakeAws) -> None:
    content = make_noise_photo(61, 8, 8)
    huge = {"name": "huge", "width": 500, "height": 500, "fit": "stretch", "format": "png"}
    settings = {"variants": [huge], "quota": {"maxBytes": len(content) + 10}}
    project = client.post("/projects", {"name": "x", "settings": settings}).created()["id"]
    committed = fake_aws.upload(client, content, projectId=project)
    fake_aws.run_workers()

    file = client.get(f"/files/{committed['fileId']}").data()
    assert (file["status"], file["reason"], file["variants"][0]["status"]) == ("ready", "variants_full", "failed")
    assert fake_aws.list_keys("variants", project) == []
    invariants.assert_project_consistent(fake_aws, project)


def test_image_whose_variants_are_too_many_bytes_ends_and_the_next_one_is_rendered(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "MAX_OUTPUT_BYTES", 100_000)
    specs = [
        {"name": f"v{number}", "width": 200, "height": 200, "fit": "stretch", "format": "png"} for number in range(20)
    ]
    project = client.post("/projects", {"name": "x", "settings": {"variants": specs}}).created()["id"]
    demanding, next_one = (
        fake_aws.upload(client, content, projectId=project) for content in (make_noise_photo(1), make_photo())
    )

    assert fake_aws.deliver_messages("imageproc", *receive_image_messages(fake_aws)) == NO_FAILURES
    file = client.get(f"/files/{demanding['fileId']}").data()
    assert (file["status"], file["reason"]) == ("ready", "too_demanding")
    assert {each["status"] for each in file["variants"]} == {"failed"}
    file = client.get(f"/files/{next_one['fileId']}").data()
    assert (file["status"], {each["status"] for each in file["variants"]}) == ("ready", {"ready"})
    assert {job["status"] for job in fake_aws.find_rows("main", record_type="job")} == {"failed", "completed"}


def test_repeated_message_renders_once(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    committed = fake_aws.upload(client, make_photo(), projectId=project["id"])
    (message,) = receive_image_messages(fake_aws)

    assert fake_aws.deliver_messages("imageproc", message, message) == NO_FAILURES
    assert fake_aws.deliver_messages("imageproc", message) == NO_FAILURES
    assert len(fake_aws.find_rows("main", record_type="event", type="file.ready")) == 1
    assert client.get(f"/files/{committed['fileId']}").data()["status"] == "ready"


def test_events_of_an_image_are_in_order(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    committed = fake_aws.upload(client, make_photo())
    frozen_clock.advance(seconds=1)
    fake_aws.run_workers()

    rows = fake_aws.find_rows("main", record_type="event", pk=f"EVENTS#{users.personal_project_id(client)}")
    event_types = [row["type"] for row in sorted(rows, key=lambda row: str(row["sk"]))]
    assert event_types == ["file.created", "file.ready"]
    assert all(committed["fileId"] in row["data"] for row in rows)


def test_message_for_an_unknown_job_is_acknowledged(fake_aws: FakeAws) -> None:
    assert fake_aws.deliver_messages("imageproc", RenderImage(f"000000000000-{'0' * 26}").to_json()) == NO_FAILURES


def test_invalid_message_comes_back_on_its_own(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    fake_aws.upload(client, make_photo(), projectId=project["id"])
    failed = fake_aws.deliver_messages("imageproc", "no json", *receive_image_messages(fake_aws))["batchItemFailures"]

    assert failed == [{"itemIdentifier": "message-0"}]
    assert fake_aws.find_rows("main", record_type="job")[0]["status"] == "completed"


def test_call_without_enough_time_gives_the_message_back(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    committed = fake_aws.upload(client, make_photo(), projectId=project["id"])
    (message,) = receive_image_messages(fake_aws)

    assert fake_aws.deliver_messages("imageproc", message, milliseconds_left=99_000) != NO_FAILURES
    assert client.get(f"/files/{committed['fileId']}").data()["status"] == "processing"
    assert fake_aws.deliver_messages("imageproc", message, milliseconds_left=101_000) == NO_FAILURES
    assert client.get(f"/files/{committed['fileId']}").data()["status"] == "ready"


def test_image_is_rendered_after_a_call_that_left_its_files(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(work_folder, "_ROOT", tmp_path)
    for name in ("source", "00.webp"):
        (tmp_path / str(os.getpid()) / name).mkdir(parents=True)
    committed = fake_aws.upload(client, make_photo(), projectId=project["id"])
    fake_aws.run_workers()

    assert client.get(f"/files/{committed['fileId']}").data()["status"] == "ready"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("declared", ["image/heic", "image/heif", "image/jpeg"])
def test_photo_of_a_phone_has_variants(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], declared: str
) -> None:
    committed = fake_aws.upload(client, HEIC, projectId=project["id"], filename="IMG_1.HEIC", contentType=declared)
    fake_aws.run_workers()

    file = client.get(f"/files/{committed['fileId']}").data()
    assert (file["status"], file["contentType"], file["width"], file["height"]) == ("ready", "image/heic", 64, 48)
    assert {each["status"] for each in file["variants"]} == {"ready"}
