"""The start of an upload: quota is reserved, and a URL is presigned for the declared bytes."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdall.platform import aws
from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.factories import make_upload_request, sha256_base64
from tests.support.fixtures import OverrideSettings


def init_upload(client: Client, content: bytes = b"content", **overrides: Any) -> Response:
    return client.post("/files/init-upload", make_upload_request(content, **overrides))


def create_project(client: Client, **settings: Any) -> str:
    """Create a project with these settings, and return its ID."""
    return str(client.post("/projects", {"name": "limited", "settings": settings}).created()["id"])


def test_presigned_url_accepts_only_the_declared_bytes(client: Client, project: dict[str, Any]) -> None:
    upload = init_upload(client, projectId=project["id"]).created()

    url = urlsplit(upload["url"])
    signed = parse_qs(url.query)["X-Amz-SignedHeaders"][0].split(";")
    assert signed == ["content-length", "content-type", "host", "if-none-match", "x-amz-checksum-sha256"]
    assert upload["headers"] == {
        "content-type": "image/jpeg",
        "if-none-match": "*",
        "x-amz-checksum-sha256": sha256_base64(b"content"),
    }
    assert upload["method"] == "PUT"
    assert url.path == f"/{upload['key']}"


def test_key_does_not_contain_the_file_name(client: Client, project: dict[str, Any]) -> None:
    upload = init_upload(client, projectId=project["id"], filename="../../evil\u202egpj.exe").created()

    ulid = upload["uploadId"].removeprefix(f"{project['id']}-")
    assert upload["key"] == f"holiday-{project['id']}/images/original/{ulid}.jpg"


def test_file_does_not_exist_before_the_commit(client: Client) -> None:
    upload = init_upload(client).created()

    assert client.get("/files").data() == []
    assert client.get(f"/files/{upload['fileId']}").status == 404


def test_init_reserves_bytes_and_files(client: Client, fake_aws: FakeAws) -> None:
    init_upload(client, b"123").created()
    init_upload(client, b"12345").created()

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (8, 2)


@pytest.mark.parametrize(
    ("quota", "accepted"),
    [
        ({"maxBytes": 14}, 2),
        ({"maxBytes": 13}, 1),
        ({"maxBytes": 0}, 0),
        ({"maxFiles": 2}, 2),
        ({"maxFiles": 0}, 0),
    ],
)
def test_quota_of_a_project_is_enforced(
    client: Client, fake_aws: FakeAws, quota: dict[str, int], accepted: int
) -> None:
    project = create_project(client, quota=quota)

    responses = [init_upload(client, projectId=project) for _ in range(3)]
    assert [response.status for response in responses] == [201] * accepted + [409] * (3 - accepted)
    assert responses[-1].problem()["code"] == "quota_exceeded"
    assert invariants.quota_usage(fake_aws, project) == (7 * accepted, accepted)


def test_empty_file_counts_as_a_file(client: Client, fake_aws: FakeAws) -> None:
    init_upload(client, b"").created()

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (0, 1)


def test_limit_of_the_installation_applies_to_every_project(
    client: Client, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_BYTES="6")

    assert init_upload(client).problem()["code"] == "installation_full"


@pytest.mark.parametrize(("max_bytes", "status"), [(7, 201), (6, 422)])
def test_size_of_a_file_is_limited(client: Client, fake_aws: FakeAws, max_bytes: int, status: int) -> None:
    project = create_project(client, quota={"maxFileBytes": max_bytes})
    response = init_upload(client, projectId=project)

    assert response.status == status
    if status == 422:
        (error,) = response.problem()["errors"]
        assert (error["code"], error["pointer"]) == ("file_too_large", "/size")
        assert invariants.quota_usage(fake_aws, project) == (0, 0)


def test_size_of_a_put_is_limited_to_5_gib(client: Client) -> None:
    assert init_upload(client, size=5 * 1024**3).status == 201
    assert init_upload(client, size=5 * 1024**3 + 1).status == 422


@pytest.mark.parametrize(("content_type", "status"), [("image/png", 201), ("image/svg+xml", 201), ("text/html", 422)])
def test_types_that_the_project_does_not_allow_are_rejected(client: Client, content_type: str, status: int) -> None:
    response = init_upload(client, projectId=create_project(client, allowedTypes=["image/*"]), contentType=content_type)

    assert response.status == status
    if status == 422:
        (error,) = response.problem()["errors"]
        assert (error["code"], error["pointer"]) == ("type_not_allowed", "/contentType")


@pytest.mark.parametrize(
    ("sent", "stored", "kind"),
    [
        ("Image/JPEG", "image/jpeg", "image"),
        ("image/jpg", "image/jpeg", "image"),
        ("image/pjpeg", "image/jpeg", "image"),
        ("image/x-png", "image/png", "image"),
        ("image/apng", "image/png", "image"),
        ("text/plain;charset=UTF-8", "text/plain", "file"),
        ('text/plain; charset="x;y"', "text/plain", "file"),
    ],
)
def test_content_type_is_normalized(client: Client, fake_aws: FakeAws, sent: str, stored: str, kind: str) -> None:
    upload = init_upload(client, contentType=sent).created()
    assert upload["headers"]["content-type"] == stored

    fake_aws.put_object(upload, b"content")
    file = client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()["file"]
    assert (file["contentType"], file["kind"]) == (stored, kind)


def test_allowed_types_are_normalized_too(client: Client) -> None:
    project_id = create_project(client, allowedTypes=["image/jpg", "TEXT/*"])

    assert client.get(f"/projects/{project_id}").data()["settings"]["allowedTypes"] == ["image/jpeg", "text/*"]
    assert init_upload(client, projectId=project_id, contentType="image/jpg").status == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("filename", ""),
        ("filename", "folder/"),
        ("filename", ".."),
        ("filename", "x" * 256),
        ("size", -1),
        ("size", 1.0),
        ("size", "7"),
        ("size", True),
        ("contentType", "image"),
        ("contentType", "image/"),
        ("contentType", "image /jpeg"),
        ("contentType", "; charset=utf-8"),
        ("contentType", "image/jpeg\r\nx-evil: 1"),
        ("sha256", "0" * 63),
        ("sha256", "A" * 64),
        ("sha256", ""),
        ("autoCommit", "true"),
        ("autoCommit", 1),
    ],
)
def test_invalid_field_is_reported_with_its_pointer(client: Client, field: str, value: Any) -> None:
    response = init_upload(client, **{field: value})

    assert response.status == 422
    assert response.problem()["errors"][0]["pointer"] == f"/{field}"


def test_url_without_a_checksum_signs_none(client: Client) -> None:
    upload = init_upload(client, sha256=None).created()

    assert set(upload["headers"]) == {"content-type", "if-none-match"}


def test_init_writes_an_audit_entry(client: Client, fake_aws: FakeAws) -> None:
    upload = init_upload(client).created()

    (row,) = fake_aws.find_rows("audit", action="uploads.init")
    assert (row["actor"], row["target"]) == (client.user["id"], upload["uploadId"])


def test_presigning_creates_no_s3_client(client: Client) -> None:
    aws.client.cache_clear()
    init_upload(client).created()

    assert aws.client.cache_info().currsize == 0
