"""The main job: from a sign-up to the variants of a photo."""

from typing import Any

from tests.support.aws import FakeAws, make_photo
from tests.support.client import Client


def test_a_photo_becomes_variants(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    made = fake_aws.upload(client, make_photo(), projectId=project["id"])

    assert made["version"] == 1
    assert made["file"]["status"] == "processing"
    promised = made["file"]["variants"][0]["url"]
    fake_aws.run_workers()
    file = client.get(f"/files/{made['fileId']}").data()

    assert file["status"] == "ready"
    assert (file["width"], file["height"]) == (60, 40)
    thumb = file["variants"][0]
    assert (thumb["status"], thumb["width"], thumb["height"], thumb["contentType"]) == ("ready", 20, 20, "image/webp")
    assert thumb["url"] == promised
    assert thumb["url"].removeprefix("https://files.example.test/") in fake_aws.list_keys("variants")
