"""Images: drawn by a job, or rejected with a reason; nothing about them reaches a dead-letter queue (I2)."""

import struct
import zlib
from typing import Any

import pytest

from tests.api import books, people
from tests.api.client import Client
from tests.api.cloud import WELL, Cloud, photo
from tests.api.conftest import Clock

VARIANTS = [
    {"name": "cover", "width": 20, "height": 20, "fit": "cover", "format": "jpeg"},
    {"name": "contain", "width": 30, "format": "png"},
    {"name": "stretch", "width": 80, "height": 10, "fit": "stretch", "format": "avif"},
    {"name": "large", "width": 1280, "format": "webp"},
]


def bomb() -> bytes:
    """A PNG whose header claims 2,500 megapixels, in a hundred bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\x00")) + chunk(b"IEND", b"")


BAD = {
    "broken": photo(400, 300)[:-600],
    "text": b"this is no image",
    "bomb": bomb(),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "empty": b"",
}


def named(kind: str) -> dict[str, str]:
    """What a client says of a bad image."""
    return {"filename": "x.png", "contentType": "image/png"} if kind in ("bomb", "svg", "empty") else {}


def messages(cloud: Cloud) -> list[str]:
    return cloud.waiting("images")


def test_each_variant_is_drawn_as_its_spec_says(client: Client, cloud: Cloud) -> None:
    settings = {"visibility": "public", "variants": VARIANTS}
    project = client.post("/projects", {"name": "x", "settings": settings}).created()["id"]
    made = cloud.upload(client, photo(60, 40), projectId=project)
    cloud.work()
    file = client.get(f"/files/{made['fileId']}").data()

    drawn = {each["name"]: (each["width"], each["height"], each["contentType"]) for each in file["variants"]}
    assert drawn == {
        "cover": (20, 20, "image/jpeg"),
        "contain": (30, 20, "image/png"),
        "stretch": (80, 10, "image/avif"),
        "large": (60, 40, "image/webp"),
    }
    for each in file["variants"]:
        stored = cloud.s3.get_object(Bucket="variants", Key=each["url"].removeprefix("https://files.example.test/"))
        assert stored["ContentLength"] == each["size"]
        assert stored["ContentType"] == each["contentType"]
        assert stored["CacheControl"] == "public, max-age=86400, immutable"


def test_a_url_is_known_before_its_image_is_drawn(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    made = cloud.upload(client, photo(), projectId=project["id"])
    promised = made["file"]["variants"]
    cloud.work()

    drawn = client.get(f"/files/{made['fileId']}").data()["variants"]
    assert [(each["name"], each["url"]) for each in drawn] == [(each["name"], each["url"]) for each in promised]
    assert {each["status"] for each in promised} == {"processing"}
    assert {each["status"] for each in drawn} == {"ready"}


@pytest.mark.parametrize("kind", sorted(BAD))
def test_a_bad_image_is_rejected_with_a_reason(
    client: Client, cloud: Cloud, project: dict[str, Any], kind: str
) -> None:
    made = cloud.upload(client, BAD[kind], projectId=project["id"], **named(kind))
    (message,) = messages(cloud)

    assert cloud.deliver("imageproc", message) == WELL
    file = client.get(f"/files/{made['fileId']}").data()
    assert file["status"] == "rejected"
    assert file["reason"]
    assert file["reason"] == file["reason"].lower()
    assert file["variants"] == []
    (job,) = cloud.rows("main", record_kind="job")
    assert (job["status"], job["reason"]) == ("failed", file["reason"])
    assert cloud.keys("variants", project["id"]) == []
    books.check(cloud, project["id"])


def test_a_bad_image_does_not_touch_the_next(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    bad = [cloud.upload(client, BAD[kind], projectId=project["id"], **named(kind)) for kind in sorted(BAD)]
    good = cloud.upload(client, photo(), projectId=project["id"])

    assert cloud.deliver("imageproc", *messages(cloud)) == WELL
    statuses = [client.get(f"/files/{each['fileId']}").data()["status"] for each in [*bad, good]]
    assert statuses == ["rejected"] * len(bad) + ["ready"]


def test_a_rejected_image_has_no_content(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    made = cloud.upload(client, b"no image", projectId=project["id"])
    cloud.work()

    for query in ("", "?variant=thumb", "?variant=nothing"):
        refused = client.get(f"/files/{made['fileId']}/content{query}")
        assert (refused.status, refused.problem()["code"]) == (409, "rejected")


def test_an_image_without_variants_is_still_looked_at(client: Client, cloud: Cloud) -> None:
    project = client.post("/projects", {"name": "x", "settings": {"variants": []}}).created()["id"]
    good, bad = (cloud.upload(client, content, projectId=project) for content in (photo(), b"no image"))
    cloud.work()

    file = client.get(f"/files/{good['fileId']}").data()
    assert (file["status"], file["width"], file["variants"]) == ("ready", 60, [])
    assert client.get(f"/files/{bad['fileId']}").data()["status"] == "rejected"


def test_a_type_that_is_not_what_it_says_is_rejected(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    made = cloud.upload(client, photo(), projectId=project["id"], contentType="image/webp")
    cloud.work()

    assert client.get(f"/files/{made['fileId']}").data()["status"] == "rejected"


def test_an_image_without_a_checksum_gets_one(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    made = cloud.upload(client, photo(), projectId=project["id"], sha256=None)
    cloud.work()

    assert client.get(f"/files/{made['fileId']}").data()["sha256"]
    books.check(cloud, project["id"])


def test_a_message_that_comes_twice_draws_once(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    made = cloud.upload(client, photo(), projectId=project["id"])
    (message,) = messages(cloud)

    assert cloud.deliver("imageproc", message, message) == WELL
    assert cloud.deliver("imageproc", message) == WELL
    assert len(cloud.rows("main", record_kind="event", type="file.ready")) == 1
    assert client.get(f"/files/{made['fileId']}").data()["status"] == "ready"


def test_the_news_of_an_image_are_told_in_order(client: Client, cloud: Cloud, frozen: Clock) -> None:
    made = cloud.upload(client, photo())
    frozen.forward(seconds=1)
    cloud.work()

    rows = cloud.rows("main", record_kind="event", pk=f"EVENTS#{people.personal_project(client)}")
    told = [row["type"] for row in sorted(rows, key=lambda row: str(row["sk"]))]
    assert told == ["file.created", "file.ready"]
    assert all(made["fileId"] in row["data"] for row in rows)


def test_a_message_for_an_unknown_job_is_acknowledged(cloud: Cloud) -> None:
    assert cloud.deliver("imageproc", f'{{"jobId": "000000000000-{"0" * 26}"}}') == WELL


def test_a_message_that_cannot_be_read_comes_back_alone(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    cloud.upload(client, photo(), projectId=project["id"])
    failed = cloud.deliver("imageproc", "no json", *messages(cloud))["batchItemFailures"]

    assert failed == [{"itemIdentifier": "message-0"}]
    assert cloud.rows("main", record_kind="job")[0]["status"] == "completed"
