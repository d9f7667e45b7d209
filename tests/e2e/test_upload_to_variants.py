"""The main job over HTTP: from a sign-up to variants, and to a purge that leaves nothing."""

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
def test_new_user_uploads_a_photo_and_gets_its_variants(
    server_fixture: str, request: pytest.FixtureRequest, aws_state: AwsState
) -> None:
    server: Server = request.getfixturevalue(server_fixture)
    anonymous, email = Client(server), new_email()
    signed_up = anonymous.post("/auth/sign-up", {"email": email, "password": PASSWORD, "name": "Ada"})
    assert signed_up.status == 201
    data = anonymous.post("/auth/login", {"email": email, "password": PASSWORD}).data()
    ada = Client(server, data["accessToken"])
    # Only a cookie needs a CSRF token.
    assert ada.get("/auth/me").data() == {
        **signed_up.data()["user"],
        "permissions": ["projects.create"],
        "csrfToken": None,
        "mfaEnabled": False,
        "mfaEnabledAt": None,
    }
    project_id = create_project(ada, variants=VARIANTS)

    photo = images.make_noise_photo(7)
    upload = init_upload(ada, photo, projectId=project_id)
    commit_upload(ada, upload).problem(409, "not_uploaded")
    assert upload_bytes(upload, photo).status == 200
    committed = commit_upload(ada, upload).data()
    file = wait_until_processed(ada, committed["fileId"])

    assert committed["version"] == 1
    assert (file["status"], file["sha256"]) == ("ready", hashlib.sha256(photo).hexdigest())
    assert (file["width"], file["height"]) == (320, 240)
    assert [variant["name"] for variant in file["variants"]] == list(_SIZES)
    for variant in file["variants"]:
        _assert_variant_matches(ada, file, variant)
    assert aws_state.recorded_quota(project_id) == (len(photo), 1)
    assert [each["id"] for each in ada.get(f"/files?projectId={project_id}").json()["data"]] == [file["id"]]


def test_upload_with_auto_commit_is_committed_when_its_bytes_arrive(client: Client, aws_state: AwsState) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(8)
    upload = init_upload(client, photo, projectId=project_id, autoCommit=True)

    assert upload_bytes(upload, photo).status == 200
    file = wait_until_processed(client, upload["fileId"])

    assert (file["status"], file["version"]) == ("ready", 1)
    assert commit_upload(client, upload).data()["version"] == 1
    assert len(aws_state.versions(file["id"])) == 1


def test_upload_without_auto_commit_is_not_committed_when_its_bytes_arrive(client: Client, aws_state: AwsState) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(9)
    upload = init_upload(client, photo, projectId=project_id)

    assert upload_bytes(upload, photo).status == 200
    aws_state.wait_until_queues_empty()

    client.get(f"/files/{upload['fileId']}").problem(404, "not_found")


def test_second_upload_is_the_next_version(client: Client, aws_state: AwsState) -> None:
    project_id, old, new = create_project(client), images.make_noise_photo(10), images.make_noise_photo(11, 200, 100)
    first = wait_until_processed(client, upload_file(client, old, projectId=project_id)["fileId"])

    second = upload_file(client, new, projectId=project_id, fileId=first["id"])
    wait_for(lambda: client.get(f"/files/{first['id']}").data()["width"] == 200)

    file = client.get(f"/files/{first['id']}").data()
    assert (second["fileId"], second["version"]) == (first["id"], 2)
    assert (file["version"], file["status"], file["size"]) == (2, "ready", len(new))
    assert [version["number"] for version in aws_state.versions(file["id"])] == [1, 2]
    assert aws_state.recorded_quota(project_id) == (len(old) + len(new), 2)


def test_file_without_a_declared_checksum_is_hashed(client: Client) -> None:
    content = b"Text.\n"
    overrides = {"filename": "notes.txt", "contentType": "text/plain", "sha256": None}

    committed = upload_file(client, content, **overrides)

    assert committed["file"]["status"] == "processing"
    file = wait_until_processed(client, committed["fileId"])
    assert (file["status"], file["kind"], file["sha256"]) == ("ready", "file", hashlib.sha256(content).hexdigest())


def test_original_is_downloaded_as_an_attachment(client: Client) -> None:
    photo = images.make_noise_photo(12)
    file_id = upload_file(client, photo, filename="Grüße aus Köln.jpg")["fileId"]

    redirect = client.get(f"/files/{file_id}/content")
    original = request_url(redirect.headers["location"])

    assert (redirect.status, original.status, original.content) == (302, 200, photo)
    # MiniStack ignores these parameters in a request for a version. The storage contract tests them with MinIO.
    parameters = dict(parse_qsl(urlsplit(redirect.headers["location"]).query))
    assert parameters["response-content-type"] == "image/jpeg"
    assert parameters["response-content-disposition"] == (
        "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20aus%20K%C3%B6ln.jpg"
    )
    assert parameters["X-Amz-Expires"] == "300"


def test_purge_deletes_all_objects_and_releases_the_quota(client: Client, aws_state: AwsState) -> None:
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


def test_trash_hides_variants_and_keeps_the_quota(client: Client, aws_state: AwsState) -> None:
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
    redirect = client.get(f"/files/{file['id']}/content?variant={variant['name']}")
    assert redirect.status == 302
    rendered = request_url(redirect.headers["location"])
    assert rendered.status == 200
    assert rendered.headers["content-type"] == variant["contentType"]
    assert len(rendered.content) == variant["size"]
    assert images.decode(rendered.content).size == (variant["width"], variant["height"]) == _SIZES[variant["name"]]
