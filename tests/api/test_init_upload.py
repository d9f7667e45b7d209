"""Beginning an upload: the quota is counted, and a URL is signed for these bytes alone."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdall.platform import aws
from tests.api.conftest import OverrideSettings
from tests.support import invariants, users
from tests.support.aws import FakeAws, make_upload_request, sha256_base64
from tests.support.client import Client, Response


def init_upload(client: Client, content: bytes = b"content", **overrides: Any) -> Response:
    return client.post("/files/init-upload", make_upload_request(content, **overrides))


def create_project(client: Client, **settings: Any) -> str:
    """A project with these settings."""
    return str(client.post("/projects", {"name": "limited", "settings": settings}).created()["id"])


def test_the_url_takes_these_bytes_and_no_others(client: Client, project: dict[str, Any]) -> None:
    begun = init_upload(client, projectId=project["id"]).created()

    split = urlsplit(begun["url"])
    signed = parse_qs(split.query)["X-Amz-SignedHeaders"][0].split(";")
    assert signed == ["content-length", "content-type", "host", "if-none-match", "x-amz-checksum-sha256"]
    assert begun["headers"] == {
        "content-type": "image/jpeg",
        "if-none-match": "*",
        "x-amz-checksum-sha256": sha256_base64(b"content"),
    }
    assert begun["method"] == "PUT"
    assert split.path == f"/{begun['key']}"


def test_the_key_is_ours(client: Client, project: dict[str, Any]) -> None:
    begun = init_upload(client, projectId=project["id"], filename="../../evil\u202egpj.exe").created()

    own = begun["uploadId"].removeprefix(f"{project['id']}-")
    assert begun["key"] == f"holiday-{project['id']}/images/original/{own}.jpg"


def test_no_file_is_seen_before_its_bytes_are_there(client: Client) -> None:
    begun = init_upload(client).created()

    assert client.get("/files").data() == []
    assert client.get(f"/files/{begun['fileId']}").status == 404


def test_bytes_and_files_are_counted_at_once(client: Client, fake_aws: FakeAws) -> None:
    init_upload(client, b"123").created()
    init_upload(client, b"12345").created()

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (8, 2)


@pytest.mark.parametrize(
    ("quota", "fits"),
    [
        ({"maxBytes": 14}, 2),
        ({"maxBytes": 13}, 1),
        ({"maxBytes": 0}, 0),
        ({"maxFiles": 2}, 2),
        ({"maxFiles": 0}, 0),
    ],
)
def test_a_project_takes_what_its_quota_says(
    client: Client, fake_aws: FakeAws, quota: dict[str, int], fits: int
) -> None:
    project = create_project(client, quota=quota)

    answers = [init_upload(client, projectId=project) for _ in range(3)]
    assert [answer.status for answer in answers] == [201] * fits + [409] * (3 - fits)
    assert answers[-1].problem()["code"] == "quota_exceeded"
    assert invariants.quota_usage(fake_aws, project) == (7 * fits, fits)


def test_an_empty_file_is_a_file(client: Client, fake_aws: FakeAws) -> None:
    init_upload(client, b"").created()

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (0, 1)


def test_the_installations_bound_counts_for_all(client: Client, override_settings: OverrideSettings) -> None:
    override_settings(MAX_BYTES="6")

    assert init_upload(client).problem()["code"] == "quota_exceeded"


@pytest.mark.parametrize(("most", "status"), [(7, 201), (6, 422)])
def test_a_file_has_a_largest_size(client: Client, fake_aws: FakeAws, most: int, status: int) -> None:
    project = create_project(client, quota={"maxFileBytes": most})
    answer = init_upload(client, projectId=project)

    assert answer.status == status
    if status == 422:
        (error,) = answer.problem()["errors"]
        assert (error["code"], error["pointer"]) == ("file_too_large", "/size")
        assert invariants.quota_usage(fake_aws, project) == (0, 0)


def test_a_single_put_holds_five_gibibytes(client: Client) -> None:
    assert init_upload(client, size=5 * 1024**3).status == 201
    assert init_upload(client, size=5 * 1024**3 + 1).status == 422


@pytest.mark.parametrize(("content_type", "status"), [("image/png", 201), ("image/svg+xml", 201), ("text/html", 422)])
def test_a_project_takes_the_types_that_it_names(client: Client, content_type: str, status: int) -> None:
    answer = init_upload(client, projectId=create_project(client, allowedTypes=["image/*"]), contentType=content_type)

    assert answer.status == status
    if status == 422:
        (error,) = answer.problem()["errors"]
        assert (error["code"], error["pointer"]) == ("type_not_allowed", "/contentType")


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
        ("contentType", "Image/JPEG"),
        ("contentType", "image/jpeg; charset=x"),
        ("contentType", "image/jpeg\r\nx-evil: 1"),
        ("sha256", "0" * 63),
        ("sha256", "A" * 64),
        ("sha256", ""),
        ("autoCommit", "true"),
        ("autoCommit", 1),
    ],
)
def test_what_cannot_be_uploaded_is_pointed_at(client: Client, field: str, value: Any) -> None:
    refused = init_upload(client, **{field: value})

    assert refused.status == 422
    assert refused.problem()["errors"][0]["pointer"] == f"/{field}"


def test_without_a_checksum_none_is_signed(client: Client) -> None:
    begun = init_upload(client, sha256=None).created()

    assert set(begun["headers"]) == {"content-type", "if-none-match"}


def test_a_begun_upload_is_audited(client: Client, fake_aws: FakeAws) -> None:
    begun = init_upload(client).created()

    (row,) = fake_aws.find_rows("audit", action="uploads.init")
    assert (row["actor"], row["target"]) == (client.user["id"], begun["uploadId"])


def test_signing_opens_no_client_of_s3(client: Client) -> None:
    aws.client.cache_clear()
    init_upload(client).created()

    assert aws.client.cache_info().currsize == 0
