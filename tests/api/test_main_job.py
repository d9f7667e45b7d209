"""The main job: from a sign-up to the variants of a photo."""

from typing import Any

from tests.api.client import Client
from tests.api.cloud import Cloud, photo


def test_a_photo_becomes_variants(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    made = cloud.upload(client, photo(), projectId=project["id"])

    assert made["version"] == 1
    assert made["file"]["status"] == "processing"
    promised = made["file"]["variants"][0]["url"]
    cloud.work()
    file = client.get(f"/files/{made['fileId']}").data()

    assert file["status"] == "ready"
    assert (file["width"], file["height"]) == (60, 40)
    thumb = file["variants"][0]
    assert (thumb["status"], thumb["width"], thumb["height"], thumb["contentType"]) == ("ready", 20, 20, "image/webp")
    assert thumb["url"] == promised
    assert thumb["url"].removeprefix("https://files.example.test/") in cloud.keys("variants")
