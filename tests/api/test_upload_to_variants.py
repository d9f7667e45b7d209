"""From the upload of a photo to its variants."""

import base64
import re
from typing import Any

from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.image_samples import make_photo


def test_photo_is_uploaded_and_rendered(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    committed = fake_aws.upload(client, make_photo(), projectId=project["id"])

    assert committed["version"] == 1
    assert committed["file"]["status"] == "processing"
    planned_url = committed["file"]["variants"][0]["url"]
    fake_aws.run_workers()
    file = client.get(f"/files/{committed['fileId']}").data()

    assert file["status"] == "ready"
    assert (file["width"], file["height"]) == (60, 40)
    assert (committed["file"]["placeholder"], committed["file"]["colour"]) == (None, None)
    assert len(base64.b64decode(file["placeholder"])) >= 5
    assert re.fullmatch("#[0-9a-f]{6}", file["colour"])
    thumb = file["variants"][0]
    assert (thumb["status"], thumb["width"], thumb["height"], thumb["contentType"]) == ("ready", 20, 20, "image/webp")
    assert thumb["url"] == planned_url
    assert thumb["url"].removeprefix("https://files.example.test/") in fake_aws.list_keys("variants")
