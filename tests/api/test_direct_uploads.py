"""Direct uploads: the file is in the request, and its URLs are in the response (U1, U2)."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from holdall.platform import ids
from holdall.platform.caller import IdempotencyKey
from holdall.uploads import direct
from holdall.uploads.model import DirectUploadResponse, InitUploadRequest
from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.browser import ORIGIN, Browser
from tests.support.callers import get_project, make_caller
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.direct_uploads import CONTENT, make_part, upload_form, upload_raw
from tests.support.faults import inject_faults, interleave
from tests.support.image_samples import make_photo
from tests.support.projects import create_api_key_client
from tests.support.uploads import TEXT_FILE
from tests.support.variants import create_public_project

LATIN_1 = "Größe".encode("latin-1")


def read_content(fake_aws: FakeAws, created: dict[str, Any]) -> bytes:
    """Return the bytes of a new file."""
    (key,) = [key for key in fake_aws.list_keys("originals") if created["uploadId"].rpartition("-")[2] in key]
    content: bytes = fake_aws.s3.get_object(Bucket="originals", Key=key)["Body"].read()
    return content


def status_and_code(response: Response) -> tuple[int, str]:
    return response.status, response.problem()["code"]


def test_raw_body_is_a_file(client: Client, fake_aws: FakeAws) -> None:
    created = upload_raw(client).created()

    file = created["file"]
    assert (file["name"], file["contentType"], file["size"], file["status"]) == (
        "letter.txt",
        "text/plain",
        11,
        "ready",
    )
    assert file["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert (created["fileId"], created["version"]) == (file["id"], 1)
    assert client.get(f"/files/{file['id']}").data() == file
    assert file["url"].endswith(f"/files/{file['id']}/content")
    assert read_content(fake_aws, created) == CONTENT
    assert client.get(f"/uploads?projectId={file['projectId']}").data() == []
    invariants.assert_project_consistent(fake_aws, file["projectId"])


def test_form_is_a_file(client: Client, fake_aws: FakeAws) -> None:
    created = upload_form(client, make_part(LATIN_1)).created()

    assert (created["file"]["name"], created["file"]["contentType"]) == ("letter.txt", "text/plain")
    assert read_content(fake_aws, created) == LATIN_1


def test_upload_is_audited_and_announced_as_any_other(client: Client, fake_aws: FakeAws) -> None:
    created = upload_raw(client).created()

    for action in ("uploads.init", "uploads.commit"):
        (entry,) = fake_aws.find_rows("audit", action=action)
        assert entry["target"] == created["uploadId"]


def test_image_has_the_urls_of_its_variants_at_once(client: Client, fake_aws: FakeAws) -> None:
    project = create_public_project(client)
    created = upload_raw(
        client, make_photo(), f"filename=photo.jpg&projectId={project}", to="image", content_type="image/jpeg"
    )

    variants = created.created()["file"]["variants"]
    assert variants
    assert {each["status"] for each in variants} == {"processing"}
    fake_aws.render_images()
    rendered = client.get(f"/files/{created.data()['fileId']}").data()["variants"]
    assert {each["status"] for each in rendered} == {"ready"}
    assert [each["url"] for each in rendered] == [each["url"] for each in variants]


@pytest.mark.parametrize(
    ("content_type", "filename", "expected"),
    [
        ("image/jpeg", "photo", "image/jpeg"),
        ("image/JPG", "photo.png", "image/jpeg"),
        ("image/webp; charset=binary", "x", "image/webp"),
        ("", "photo.JPEG", "image/jpeg"),
        ("application/octet-stream", "photo.heic", "image/heic"),
    ],
)
def test_type_of_an_image_is_the_declared_one_or_that_of_its_name(
    client: Client, content_type: str, filename: str, expected: str
) -> None:
    photo = make_photo()
    file = client.post(
        f"/upload/image?filename={filename}", raw=photo, headers={"content-type": content_type}
    ).created()
    in_form = make_part(photo, disposition=f'name="file"; filename="{filename}"', content_type=content_type or None)

    assert file["file"]["contentType"] == expected
    assert upload_form(client, in_form, to="image").created()["file"]["contentType"] == expected


def test_type_that_curl_says_of_every_file_is_none(client: Client) -> None:
    def upload(to: str) -> str:
        by_curl = upload_raw(client, query="filename=a.gif", to=to, content_type="application/x-www-form-urlencoded")
        return str(by_curl.created()["file"]["contentType"])

    assert (upload("image"), upload("file")) == ("image/gif", "application/octet-stream")


@pytest.mark.parametrize(
    ("content_type", "filename"),
    [
        ("text/plain", "photo.jpg"),
        ("image/svg+xml", "photo.svg"),
        ("application/octet-stream", "jpg"),
        ("application/octet-stream", "photo.exe"),
        ("", "photo"),
    ],
)
def test_image_of_a_type_that_is_not_rendered_is_refused(client: Client, content_type: str, filename: str) -> None:
    response = client.post(f"/upload/image?filename={filename}", raw=b"x", headers={"content-type": content_type})

    assert status_and_code(response) == (422, "not_an_image")
    assert "image/avif" in response.problem()["detail"]


def test_file_without_a_type_is_a_stream_of_bytes(client: Client) -> None:
    response = client.post("/upload/file?filename=photo.jpg", raw=b"\xff", headers={"content-type": ""})

    file = response.created()["file"]
    assert (file["contentType"], file["kind"]) == ("application/octet-stream", "file")


def test_name_of_an_unknown_type_is_refused(client: Client) -> None:
    problem = upload_raw(client, content_type="nonsense").problem()

    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/contentType")


def test_new_version_of_a_file(client: Client, fake_aws: FakeAws) -> None:
    file_id = fake_aws.upload(client, b"first", **TEXT_FILE)["fileId"]
    created = upload_raw(client, query=f"filename=ignored.txt&fileId={file_id}").created()

    assert (created["fileId"], created["version"], created["file"]["name"]) == (file_id, 2, "notes.txt")
    assert status_and_code(
        upload_raw(client, make_photo(), f"filename=a.jpg&fileId={file_id}", content_type="image/jpeg")
    ) == (422, "kind_mismatch")


def test_file_of_another_project_is_not_found(client: Client, fake_aws: FakeAws, stranger: Client) -> None:
    file_id = fake_aws.upload(stranger, b"first", **TEXT_FILE)["fileId"]
    project = users.personal_project_id(client)

    for query in (
        f"fileId={file_id}",
        f"fileId={file_id}&projectId={project}",
        f"projectId={file_id.partition('-')[0]}",
    ):
        assert upload_raw(client, query=f"filename=a.txt&{query}").status == 404


def test_body_names_no_project(client: Client, stranger: Client) -> None:
    # It looks like the body of init-upload, and is a file nevertheless.
    project = users.personal_project_id(stranger)
    created = upload_raw(client, f'{{"projectId": "{project}"}}'.encode(), content_type="application/json").created()

    assert created["file"]["projectId"] == users.personal_project_id(client)


def test_type_that_the_project_excludes_is_refused(client: Client) -> None:
    settings = {"allowedTypes": ["image/*"]}
    project = client.post("/projects", {"name": "photos", "settings": settings}).created()["id"]

    assert status_and_code(upload_raw(client, query=f"filename=a.txt&projectId={project}")) == (422, "type_not_allowed")


def test_full_project_refuses_a_file(client: Client, fake_aws: FakeAws) -> None:
    settings = {"quota": {"maxBytes": len(CONTENT)}}
    project = client.post("/projects", {"name": "full", "settings": settings}).created()["id"]
    query = f"filename=a.txt&projectId={project}"
    upload_raw(client, query=query).created()

    assert status_and_code(upload_raw(client, query=query)) == (409, "quota_exceeded")
    assert invariants.quota_usage(fake_aws, project) == (len(CONTENT), 1)


def test_duplicate_request_gets_the_same_file(client: Client, fake_aws: FakeAws) -> None:
    first = upload_raw(client, LATIN_1, idempotency_key="key").created()

    assert upload_raw(client, LATIN_1, idempotency_key="key").created() == first
    # Another body with the same file, as the boundary of a form is another one whenever it is sent.
    assert upload_form(client, make_part(LATIN_1), idempotency_key="key").created() == first
    assert len(invariants.stored_versions(fake_aws, first["file"]["projectId"])) == 1


def test_concurrent_duplicates_create_one_file(client: Client, fake_aws: FakeAws) -> None:
    key = IdempotencyKey(ids.sha256_hex(f"{client.user['id']} /api/v1/upload/file key"), "")
    faster, project = replace(make_caller(client), idempotency_key=key), get_project(users.personal_project_id(client))
    request = InitUploadRequest.model_validate(
        {"filename": "letter.txt", "contentType": "text/plain", "size": len(CONTENT)}
    )
    with interleave("TransactWriteItems", lambda: direct.upload(faster, project, request, CONTENT)) as results:
        response = upload_raw(client, idempotency_key="key")

    (first,) = results
    assert isinstance(first, DirectUploadResponse)
    assert response.created() == first.model_dump(mode="json", by_alias=True)
    assert len(invariants.stored_versions(fake_aws, project.id)) == 1
    assert invariants.quota_usage(fake_aws, project.id) == (len(CONTENT), 1)


@pytest.mark.parametrize("state", ["aborted", "expired"])
def test_duplicate_of_an_interrupted_upload_that_ended_is_refused(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, frozen_clock: FrozenClock, state: str
) -> None:
    with inject_faults(monkeypatch, -1, "refused", "s3"):
        assert status_and_code(upload_raw(client, idempotency_key="key")) == (503, "unavailable")
    (upload,) = client.get(f"/uploads?projectId={users.personal_project_id(client)}").data()
    if state == "aborted":
        assert client.delete(f"/uploads/{upload['id']}").status == 204
    else:
        frozen_clock.advance(hours=1)
    later = users.sign_in(client.user["email"])

    assert status_and_code(upload_raw(later, idempotency_key="key")) == (409, "wrong_state")
    assert fake_aws.list_keys("originals") == []
    assert upload_raw(later, idempotency_key="another").status == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"content": b"Dear writer"},
        {"query": "filename=other.txt"},
        {"content_type": "text/csv"},
        {"query": "filename=letter.txt&fileId={file}"},
        {"query": "filename=letter.txt&projectId={project}"},
    ],
)
def test_key_of_another_file_is_refused(client: Client, changes: dict[str, Any]) -> None:
    first = upload_raw(client, idempotency_key="key").created()
    project = create_public_project(client)
    if "query" in changes:
        changes = {**changes, "query": changes["query"].format(file=first["fileId"], project=project)}

    assert status_and_code(upload_raw(client, idempotency_key="key", **changes)) == (422, "idempotency_key_reused")


def test_form_of_another_site_is_refused(client: Client) -> None:
    browser = Browser.sign_in(client.user["email"])

    def send_form(**headers: str) -> Response:
        cookie = f"__Host-session={browser.session_cookie}"
        return upload_form(Client(), make_part(CONTENT), cookie=cookie, **headers)

    assert status_and_code(send_form(origin="https://evil.test")) == (403, "origin_not_allowed")
    assert status_and_code(send_form(origin=ORIGIN)) == (403, "csrf")
    assert send_form(origin=ORIGIN, x_csrf_token=browser.csrf_token).status == 201


def test_api_key_uploads_into_its_project(client: Client) -> None:
    project = create_public_project(client)
    robot = create_api_key_client(client, project, "files.write")
    reader = create_api_key_client(client, project, "files.read")

    assert upload_raw(robot).created()["file"]["projectId"] == project
    assert upload_raw(reader).status == 403
    assert upload_raw(robot, query=f"filename=a&projectId={users.personal_project_id(client)}").status == 404
