"""The bytes of a file and of its variants: by permanent URL where they are public, else presigned for five minutes."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdall.jobs.model import RenderImage
from holdall.variants import service as variants
from tests.support import invariants
from tests.support.aws import FakeAws, make_photo
from tests.support.client import Client


def query_parameters(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.fixture
def private_project_id(client: Client) -> str:
    """A private project with one small variant."""
    settings = {"variants": [{"name": "thumb", "width": 20, "format": "jpeg"}]}
    return str(client.post("/projects", {"name": "Private", "settings": settings}).created()["id"])


def upload_photo(client: Client, fake_aws: FakeAws, project_id: str, **overrides: Any) -> str:
    made = fake_aws.upload(client, make_photo(), projectId=project_id, **overrides)
    fake_aws.run_workers()
    return str(made["fileId"])


def add_variant_setting(fake_aws: FakeAws, project_id: str, spec: dict[str, Any]) -> None:
    """Name one more variant in the settings, as an owner will."""
    (row,) = fake_aws.find_rows("main", pk=f"PROJECT#{project_id}", sk="PROJECT")
    settings = json.loads(row["settings"])
    settings["variants"].append({**settings["variants"][0], **spec})
    fake_aws.update_row(f"PROJECT#{project_id}", "PROJECT", settings=json.dumps(settings))


def test_an_original_is_read_by_a_url_of_five_minutes(
    client: Client, fake_aws: FakeAws, private_project_id: str
) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id, filename='b\u00e9b\u00e9 "1".jpg')
    answer = client.get(f"/files/{file_id}/content")

    assert (answer.status, answer.text) == (302, "")
    asked = query_parameters(answer.headers["location"])
    assert asked["X-Amz-Expires"] == "300"
    assert asked["response-content-type"] == "image/jpeg"
    assert asked["response-content-disposition"] == (
        "attachment; filename=\"bebe _1_.jpg\"; filename*=UTF-8''b%C3%A9b%C3%A9%20%221%22.jpg"
    )
    (version,) = invariants.stored_versions(fake_aws, private_project_id)
    assert asked["versionId"] == version["s3_version_id"]


def test_an_original_is_an_attachment_whatever_is_asked(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    file_id = upload_photo(client, fake_aws, project["id"])

    location = client.get(f"/files/{file_id}/content?disposition=inline").headers["location"]
    assert query_parameters(location)["response-content-disposition"].startswith("attachment;")


def test_a_private_variant_is_presigned(client: Client, fake_aws: FakeAws, private_project_id: str) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id, filename="holiday.png.jpg")
    answer = client.get(f"/files/{file_id}/content?variant=thumb&disposition=inline")

    assert answer.status == 302
    split = urlsplit(answer.headers["location"])
    assert split.netloc == "variants.s3.eu-central-1.amazonaws.com"
    assert split.path.removeprefix("/") in fake_aws.list_keys("variants", private_project_id)
    assert split.path.startswith("/private/")
    asked = query_parameters(answer.headers["location"])
    assert asked["X-Amz-Expires"] == "300"
    assert asked["response-content-disposition"].startswith('inline; filename="holiday.png-thumb.jpg"')
    assert asked["response-content-type"] == "image/jpeg"


def test_a_public_variant_has_its_permanent_url(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    file_id = upload_photo(client, fake_aws, project["id"])
    answer = client.get(f"/files/{file_id}/content?variant=thumb")

    assert answer.status == 302
    assert answer.headers["location"] == client.get(f"/files/{file_id}").data()["variants"][0]["url"]
    assert answer.headers["location"].startswith("https://files.example.test/media/")


def test_a_variant_that_is_not_ready_says_when_to_come_back(
    client: Client, fake_aws: FakeAws, private_project_id: str
) -> None:
    made = fake_aws.upload(client, make_photo(), projectId=private_project_id)
    answer = client.get(f"/files/{made['fileId']}/content?variant=thumb")

    assert (answer.status, answer.headers["retry-after"]) == (202, "1")
    assert answer.data() == {"status": "processing"}
    fake_aws.run_workers()
    assert client.get(f"/files/{made['fileId']}/content?variant=thumb").status == 302


def test_a_variant_that_is_named_anew_is_drawn_when_it_is_asked_for(
    client: Client, fake_aws: FakeAws, private_project_id: str
) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id)
    add_variant_setting(fake_aws, private_project_id, {"name": "tiny", "width": 5})

    assert client.get(f"/files/{file_id}/content?variant=tiny").status == 202
    assert client.get(f"/files/{file_id}/content?variant=tiny").status == 202
    assert len(fake_aws.find_rows("main", record_type="job", status="pending")) == 1
    assert fake_aws.run_workers() == 1
    assert client.get(f"/files/{file_id}/content?variant=tiny").status == 302
    assert client.get(f"/files/{file_id}/content?variant=thumb").status == 302
    assert [each["status"] for each in client.get(f"/files/{file_id}").data()["variants"]] == ["ready", "ready"]
    assert len(fake_aws.list_keys("variants", private_project_id)) == 2
    invariants.assert_project_consistent(fake_aws, private_project_id)


def test_a_variant_that_is_named_anew_while_others_are_drawn_is_drawn_too(
    client: Client, fake_aws: FakeAws, private_project_id: str
) -> None:
    made = fake_aws.upload(client, make_photo(), projectId=private_project_id)
    add_variant_setting(fake_aws, private_project_id, {"name": "tiny", "width": 5})

    assert client.get(f"/files/{made['fileId']}/content?variant=tiny").status == 202
    fake_aws.run_workers()
    for name in ("thumb", "tiny"):
        assert client.get(f"/files/{made['fileId']}/content?variant={name}").status == 302


def test_a_variant_that_cannot_be_drawn_later_takes_nothing_from_its_file(
    client: Client, fake_aws: FakeAws, private_project_id: str
) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id)
    add_variant_setting(fake_aws, private_project_id, {"name": "tiny", "width": 5})
    assert client.get(f"/files/{file_id}/content?variant=tiny").status == 202
    (message,) = fake_aws.receive_messages("images")
    active_render = variants.claim(RenderImage.from_json(message).job_id)
    assert active_render is not None
    variants.reject(active_render, "cannot_encode")

    assert client.get(f"/files/{file_id}/content?variant=tiny").problem()["code"] == "rejected"
    assert client.get(f"/files/{file_id}/content?variant=thumb").status == 302
    file = client.get(f"/files/{file_id}").data()
    assert (file["status"], [each["status"] for each in file["variants"]]) == ("ready", ["ready", "rejected"])


@pytest.mark.parametrize("name", ["nothing", "", "../x", "THUMB"])
def test_a_variant_that_nobody_named_is_not_there(
    client: Client, fake_aws: FakeAws, private_project_id: str, name: str
) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id)

    assert client.get(f"/files/{file_id}/content?variant={name}").status == 404


def test_a_file_that_is_no_image_has_no_variants(client: Client, fake_aws: FakeAws, private_project_id: str) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id, contentType="text/plain", filename="a.txt")

    assert client.get(f"/files/{file_id}").data()["variants"] == []
    assert client.get(f"/files/{file_id}/content?variant=thumb").status == 404


def test_what_lies_in_the_trash_is_not_read(client: Client, fake_aws: FakeAws, private_project_id: str) -> None:
    file_id = upload_photo(client, fake_aws, private_project_id)
    client.delete(f"/files/{file_id}").data()

    for asked in ("", "?variant=thumb"):
        refused = client.get(f"/files/{file_id}/content{asked}")
        assert (refused.status, refused.problem()["code"]) == (409, "wrong_state")


def test_a_stranger_reads_nothing(client: Client, stranger: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    file_id = upload_photo(client, fake_aws, project["id"])
    absent = f"{project['id']}-{'0' * 26}"

    for asked in ("", "/content", "/content?variant=thumb"):
        foreign = stranger.get(f"/files/{file_id}{asked}")
        assert foreign.status == 404
        assert foreign.problem() == stranger.get(f"/files/{absent}{asked}").problem()
