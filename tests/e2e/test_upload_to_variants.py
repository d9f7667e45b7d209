"""The main job over HTTP: from a sign-up to variants, and to nothing left over."""

import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support import image_samples as images
from tests.support.e2e.actions import (
    VARIANTS,
    commit_upload,
    create_project,
    init_upload,
    upload_bytes,
    upload_file,
    wait_for,
    wait_until_processed,
)
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import PASSWORD, Client, Server, new_email, request_url

_SIZES = {"thumb": (64, 64), "wide": (160, 120), "flat": (90, 30), "plain": (64, 48)}


@pytest.mark.parametrize("server_fixture", ["api_gateway", "cloudfront"])
def test_a_stranger_becomes_somebody_whose_photo_has_variants(
    server_fixture: str, request: pytest.FixtureRequest, aws_state: AwsState
) -> None:
    server: Server = request.getfixturevalue(server_fixture)
    anonymous, email = Client(server), new_email()
    signed_up = anonymous.post("/auth/sign-up", {"email": email, "password": PASSWORD, "name": "Ada"})
    assert signed_up.status == 201
    told = anonymous.post("/auth/login", {"email": email, "password": PASSWORD}).data()
    ada = Client(server, told["accessToken"])
    # Who comes with a token needs no token against other sites.
    assert ada.get("/auth/me").data() == {**signed_up.data()["user"], "csrfToken": None}
    project_id = create_project(ada, variants=VARIANTS)

    photo = images.make_noise_photo(7)
    begun = init_upload(ada, photo, projectId=project_id)
    commit_upload(ada, begun).problem(409, "not_uploaded")
    assert upload_bytes(begun, photo).status == 200
    committed = commit_upload(ada, begun).data()
    file = wait_until_processed(ada, committed["fileId"])

    assert committed["version"] == 1
    assert (file["status"], file["sha256"]) == ("ready", hashlib.sha256(photo).hexdigest())
    assert (file["width"], file["height"]) == (320, 240)
    assert [variant["name"] for variant in file["variants"]] == list(_SIZES)
    for variant in file["variants"]:
        _assert_variant_matches(ada, file, variant)
    assert aws_state.recorded_quota(project_id) == (len(photo), 1)
    assert [each["id"] for each in ada.get(f"/files?projectId={project_id}").json()["data"]] == [file["id"]]


def test_the_arrival_commits_where_that_was_asked_for(client: Client, aws_state: AwsState) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(8)
    begun = init_upload(client, photo, projectId=project_id, autoCommit=True)

    assert upload_bytes(begun, photo).status == 200
    file = wait_until_processed(client, begun["fileId"])

    assert (file["status"], file["version"]) == ("ready", 1)
    assert commit_upload(client, begun).data()["version"] == 1
    assert len(aws_state.versions(file["id"])) == 1


def test_without_being_asked_for_an_arrival_commits_nothing(client: Client, aws_state: AwsState) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(9)
    begun = init_upload(client, photo, projectId=project_id)

    assert upload_bytes(begun, photo).status == 200
    aws_state.wait_until_queues_empty()

    client.get(f"/files/{begun['fileId']}").problem(404, "not_found")


def test_a_second_upload_becomes_the_next_version(client: Client, aws_state: AwsState) -> None:
    project_id, old, new = create_project(client), images.make_noise_photo(10), images.make_noise_photo(11, 200, 100)
    first = wait_until_processed(client, upload_file(client, old, projectId=project_id)["fileId"])

    second = upload_file(client, new, projectId=project_id, fileId=first["id"])
    wait_for(lambda: client.get(f"/files/{first['id']}").data()["width"] == 200)

    file = client.get(f"/files/{first['id']}").data()
    assert (second["fileId"], second["version"]) == (first["id"], 2)
    assert (file["version"], file["status"], file["size"]) == (2, "ready", len(new))
    assert [version["number"] for version in aws_state.versions(file["id"])] == [1, 2]
    assert aws_state.recorded_quota(project_id) == (len(old) + len(new), 2)


def test_bytes_without_an_announced_checksum_are_hashed(client: Client) -> None:
    content = b"These are no pixels.\n"
    said = {"filename": "notes.txt", "contentType": "text/plain", "sha256": None}

    committed = upload_file(client, content, **said)

    assert committed["file"]["status"] == "processing"
    file = wait_until_processed(client, committed["fileId"])
    assert (file["status"], file["kind"], file["sha256"]) == ("ready", "file", hashlib.sha256(content).hexdigest())


def test_an_original_goes_out_as_an_attachment(client: Client) -> None:
    photo = images.make_noise_photo(12)
    file_id = upload_file(client, photo, filename="Grüße aus Köln.jpg")["fileId"]

    seen = client.get(f"/files/{file_id}/content")
    original = request_url(seen.headers["location"])

    assert (seen.status, original.status, original.content) == (302, 200, photo)
    # In the signed address: MiniStack forgets it where a version is named, and MinIO keeps it in the contract of storage.
    asked = dict(parse_qsl(urlsplit(seen.headers["location"]).query))
    assert asked["response-content-type"] == "image/jpeg"
    assert asked["response-content-disposition"] == (
        "attachment; filename=\"Grue aus Koln.jpg\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20aus%20K%C3%B6ln.jpg"
    )
    assert asked["X-Amz-Expires"] == "300"


def test_a_purge_removes_every_object_and_gives_the_quota_back(client: Client, aws_state: AwsState) -> None:
    project_id = create_project(client, visibility="public")
    file_id = upload_file(client, images.make_noise_photo(13), projectId=project_id)["fileId"]
    upload_file(client, images.make_noise_photo(14), projectId=project_id, fileId=file_id)
    wait_for(lambda: len(aws_state.variants(project_id)) == 2)
    aws_state.wait_until_queues_empty()
    assert len(aws_state.originals(project_id)) == 2

    purged = client.delete(f"/files/{file_id}?permanent=true")

    assert purged.status == 202
    client.get(f"/files/{file_id}").problem(404, "not_found")
    assert client.get(f"/files?projectId={project_id}").json()["data"] == []
    wait_for(lambda: aws_state.rows(f"JOB#{purged.data()['jobId']}")[0]["status"] == "completed")
    assert (aws_state.originals(project_id), aws_state.variants(project_id)) == ([], [])
    assert aws_state.rows(f"FILE#{file_id}") == []
    assert aws_state.recorded_quota(project_id) == (0, 0)


def test_the_trash_takes_variants_away_from_the_public_and_nothing_from_the_quota(
    client: Client, aws_state: AwsState
) -> None:
    project_id, photo = create_project(client, visibility="public"), images.make_noise_photo(15)
    file = wait_until_processed(client, upload_file(client, photo, projectId=project_id)["fileId"])
    (url,) = [variant["url"] for variant in file["variants"]]
    assert request_url(url).status == 200

    trashed = client.delete(f"/files/{file['id']}").data()

    assert trashed["status"] == "deleted"
    wait_for(lambda: request_url(url).status == 403)
    assert [key.partition("/")[0] for key in aws_state.variants(project_id)] == ["private"]
    assert aws_state.recorded_quota(project_id) == (len(photo), 1)
    client.get(f"/files/{file['id']}/content").problem(409, "wrong_state")
    assert client.get(f"/files?projectId={project_id}").json()["data"] == []


def _assert_variant_matches(client: Client, file: Any, variant: Any) -> None:
    seen = client.get(f"/files/{file['id']}/content?variant={variant['name']}")
    assert seen.status == 302
    drawn = request_url(seen.headers["location"])
    assert drawn.status == 200
    assert drawn.headers["content-type"] == variant["contentType"]
    assert len(drawn.content) == variant["size"]
    assert images.decode(drawn.content).size == (variant["width"], variant["height"]) == _SIZES[variant["name"]]
