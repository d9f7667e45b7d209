"""The bytes of a file and of its variants: by permanent URL where they are public, else presigned for five minutes."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdall.variants import service as variants
from tests.api import books
from tests.api.client import Client
from tests.api.cloud import Cloud, photo


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.fixture
def private(client: Client) -> str:
    """A private project with one small variant."""
    settings = {"variants": [{"name": "thumb", "width": 20, "format": "jpeg"}]}
    return str(client.post("/projects", {"name": "Private", "settings": settings}).created()["id"])


def uploaded(client: Client, cloud: Cloud, project_id: str, **said: Any) -> str:
    made = cloud.upload(client, photo(), projectId=project_id, **said)
    cloud.work()
    return str(made["fileId"])


def name_anew(cloud: Cloud, project_id: str, spec: dict[str, Any]) -> None:
    """Name one more variant in the settings, as an owner will."""
    (row,) = cloud.rows("main", pk=f"PROJECT#{project_id}", sk="PROJECT")
    settings = json.loads(row["settings"])
    settings["variants"].append({**settings["variants"][0], **spec})
    cloud.change(f"PROJECT#{project_id}", "PROJECT", settings=json.dumps(settings))


def test_an_original_is_read_by_a_url_of_five_minutes(client: Client, cloud: Cloud, private: str) -> None:
    file_id = uploaded(client, cloud, private, filename='b\u00e9b\u00e9 "1".jpg')
    answer = client.get(f"/files/{file_id}/content")

    assert (answer.status, answer.text) == (302, "")
    asked = query(answer.headers["location"])
    assert asked["X-Amz-Expires"] == "300"
    assert asked["response-content-type"] == "image/jpeg"
    assert asked["response-content-disposition"] == (
        "attachment; filename=\"bebe _1_.jpg\"; filename*=UTF-8''b%C3%A9b%C3%A9%20%221%22.jpg"
    )
    (version,) = books.versions(cloud, private)
    assert asked["versionId"] == version["s3_version"]


def test_an_original_is_an_attachment_whatever_is_asked(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    file_id = uploaded(client, cloud, project["id"])

    location = client.get(f"/files/{file_id}/content?disposition=inline").headers["location"]
    assert query(location)["response-content-disposition"].startswith("attachment;")


def test_a_private_variant_is_presigned(client: Client, cloud: Cloud, private: str) -> None:
    file_id = uploaded(client, cloud, private, filename="holiday.png.jpg")
    answer = client.get(f"/files/{file_id}/content?variant=thumb&disposition=inline")

    assert answer.status == 302
    split = urlsplit(answer.headers["location"])
    assert split.netloc == "variants.s3.eu-central-1.amazonaws.com"
    assert split.path.removeprefix("/") in cloud.keys("variants", private)
    assert split.path.startswith("/private/")
    asked = query(answer.headers["location"])
    assert asked["X-Amz-Expires"] == "300"
    assert asked["response-content-disposition"].startswith('inline; filename="holiday.png-thumb.jpg"')
    assert asked["response-content-type"] == "image/jpeg"


def test_a_public_variant_has_its_permanent_url(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    file_id = uploaded(client, cloud, project["id"])
    answer = client.get(f"/files/{file_id}/content?variant=thumb")

    assert answer.status == 302
    assert answer.headers["location"] == client.get(f"/files/{file_id}").data()["variants"][0]["url"]
    assert answer.headers["location"].startswith("https://files.example.test/media/")


def test_a_variant_that_is_not_ready_says_when_to_come_back(client: Client, cloud: Cloud, private: str) -> None:
    made = cloud.upload(client, photo(), projectId=private)
    answer = client.get(f"/files/{made['fileId']}/content?variant=thumb")

    assert (answer.status, answer.headers["retry-after"]) == (202, "1")
    assert answer.data() == {"status": "processing"}
    cloud.work()
    assert client.get(f"/files/{made['fileId']}/content?variant=thumb").status == 302


def test_a_variant_that_is_named_anew_is_drawn_when_it_is_asked_for(client: Client, cloud: Cloud, private: str) -> None:
    file_id = uploaded(client, cloud, private)
    name_anew(cloud, private, {"name": "tiny", "width": 5})

    assert client.get(f"/files/{file_id}/content?variant=tiny").status == 202
    assert client.get(f"/files/{file_id}/content?variant=tiny").status == 202
    assert len(cloud.rows("main", record_kind="job", status="pending")) == 1
    assert cloud.work() == 1
    assert client.get(f"/files/{file_id}/content?variant=tiny").status == 302
    assert client.get(f"/files/{file_id}/content?variant=thumb").status == 302
    assert [each["status"] for each in client.get(f"/files/{file_id}").data()["variants"]] == ["ready", "ready"]
    assert len(cloud.keys("variants", private)) == 2
    books.check(cloud, private)


def test_a_variant_that_is_named_anew_while_others_are_drawn_is_drawn_too(
    client: Client, cloud: Cloud, private: str
) -> None:
    made = cloud.upload(client, photo(), projectId=private)
    name_anew(cloud, private, {"name": "tiny", "width": 5})

    assert client.get(f"/files/{made['fileId']}/content?variant=tiny").status == 202
    cloud.work()
    for name in ("thumb", "tiny"):
        assert client.get(f"/files/{made['fileId']}/content?variant={name}").status == 302


def test_a_variant_that_cannot_be_drawn_later_takes_nothing_from_its_file(
    client: Client, cloud: Cloud, private: str
) -> None:
    file_id = uploaded(client, cloud, private)
    name_anew(cloud, private, {"name": "tiny", "width": 5})
    assert client.get(f"/files/{file_id}/content?variant=tiny").status == 202
    (message,) = cloud.waiting("images")
    drawing = variants.begin(json.loads(message)["jobId"])
    assert drawing is not None
    variants.reject(drawing, "cannot_encode")

    assert client.get(f"/files/{file_id}/content?variant=tiny").problem()["code"] == "rejected"
    assert client.get(f"/files/{file_id}/content?variant=thumb").status == 302
    file = client.get(f"/files/{file_id}").data()
    assert (file["status"], [each["status"] for each in file["variants"]]) == ("ready", ["ready", "rejected"])


@pytest.mark.parametrize("name", ["nothing", "", "../x", "THUMB"])
def test_a_variant_that_nobody_named_is_not_there(client: Client, cloud: Cloud, private: str, name: str) -> None:
    file_id = uploaded(client, cloud, private)

    assert client.get(f"/files/{file_id}/content?variant={name}").status == 404


def test_a_file_that_is_no_image_has_no_variants(client: Client, cloud: Cloud, private: str) -> None:
    file_id = uploaded(client, cloud, private, contentType="text/plain", filename="a.txt")

    assert client.get(f"/files/{file_id}").data()["variants"] == []
    assert client.get(f"/files/{file_id}/content?variant=thumb").status == 404


def test_what_lies_in_the_trash_is_not_read(client: Client, cloud: Cloud, private: str) -> None:
    file_id = uploaded(client, cloud, private)
    client.delete(f"/files/{file_id}").data()

    for asked in ("", "?variant=thumb"):
        refused = client.get(f"/files/{file_id}/content{asked}")
        assert (refused.status, refused.problem()["code"]) == (409, "wrong_state")


def test_a_stranger_reads_nothing(client: Client, stranger: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    file_id = uploaded(client, cloud, project["id"])
    absent = f"{project['id']}-{'0' * 26}"

    for asked in ("", "/content", "/content?variant=thumb"):
        foreign = stranger.get(f"/files/{file_id}{asked}")
        assert foreign.status == 404
        assert foreign.problem() == stranger.get(f"/files/{absent}{asked}").problem()
