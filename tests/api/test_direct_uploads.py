"""Direct uploads: the body of the request is the file, or a form that contains it (U5)."""

import hashlib
from typing import Any
from urllib.parse import quote

import pytest

from holdall.http.file_body import MAX_FILE_BYTES
from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.forms import FORM_HEADERS, make_form, make_part
from tests.support.image_samples import make_photo
from tests.support.projects import create_api_key_client
from tests.support.uploads import TEXT_FILE
from tests.support.variants import create_public_project

CONTENT = b"Dear reader"
LATIN_1 = "Größe".encode("latin-1")


def upload_raw(
    client: Client, content: bytes = CONTENT, query: str = "filename=letter.txt", *, to: str = "file", **headers: str
) -> Response:
    sent = {"content_type": "text/plain", **headers}
    names = {name.replace("_", "-"): value for name, value in sent.items() if value}
    return client.post(f"/upload/{to}?{query}", raw=content, headers=names)


def upload_form(client: Client, *parts: bytes, query: str = "", to: str = "file", **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"/upload/{to}?{query}", raw=make_form(*parts), headers=FORM_HEADERS | names)


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


def test_query_names_the_file_before_the_form_does(client: Client) -> None:
    assert upload_form(client, make_part(CONTENT), query="filename=other.txt").created()["file"]["name"] == "other.txt"


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        (
            'filename="R\u00e9sum\u00e9 \u2013 \u6771\u4eac.txt"',
            "R\u00e9sum\u00e9 \u2013 \u6771\u4eac.txt",
        ),  # RFC 7578, section 5.1
        ('filename="a%22b%22.txt"', 'a"b".txt'),  # HTML, "multipart form data"
        (r'filename="a\"b.txt"', 'a"b.txt'),  # older browsers, and curl before 7.81
        (r'filename="C:\fakepath\notes.txt"', "notes.txt"),
        ('filename="../../etc/passwd"', "passwd"),
        ("filename=plain.txt", "plain.txt"),
        ('filename="notes; final.txt"', "notes; final.txt"),
        (
            "filename=\"plain.txt\"; filename*=UTF-8''other.txt",
            "plain.txt",
        ),  # RFC 7578, section 4.2, forbids the second
    ],
)
def test_name_in_a_form_follows_the_rules_of_names(client: Client, parameter: str, name: str) -> None:
    part = make_part(CONTENT, disposition=f'name="file"; {parameter}')

    assert upload_form(client, part).created()["file"]["name"] == name


@pytest.mark.parametrize("parameter", ['; filename=""', "", "; filename*=UTF-8''letter.txt"])
def test_form_without_a_name_needs_one_in_the_query(client: Client, parameter: str) -> None:
    part = make_part(CONTENT, disposition=f'name="file"{parameter}')

    problem = upload_form(client, part).problem()
    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "query/filename")
    assert upload_form(client, part, query="filename=letter.txt").created()["file"]["name"] == "letter.txt"


def test_raw_body_without_a_name_is_refused(client: Client) -> None:
    assert status_and_code(upload_raw(client, query="")) == (422, "required")


@pytest.mark.parametrize("name", ["..", "/", "a/..", "\u202e", "x" * 256])
def test_name_that_is_none_is_refused(client: Client, name: str) -> None:
    part = make_part(CONTENT, disposition=f'name="file"; filename="{name}"')

    assert upload_form(client, part).status == 422
    assert upload_raw(client, query=f"filename={quote(name)}").status == 422


def test_name_of_an_unknown_type_is_refused(client: Client) -> None:
    problem = upload_raw(client, content_type="nonsense").problem()

    assert (problem["status"], problem["errors"][0]["pointer"]) == (422, "/contentType")


@pytest.mark.parametrize("is_form", [True, False])
def test_four_mib_are_accepted_and_a_byte_more_names_init_upload(client: Client, *, is_form: bool) -> None:
    def send(content: bytes) -> Response:
        return upload_form(client, make_part(content)) if is_form else upload_raw(client, content)

    content = b"\xff" * MAX_FILE_BYTES
    assert send(content).created()["file"]["size"] == MAX_FILE_BYTES
    response = send(content + b"\xff")
    assert status_and_code(response) == (413, "body_too_large")
    assert "/api/v1/files/init-upload" in response.problem()["detail"]


def test_larger_body_is_refused_before_the_caller_is_known() -> None:
    response = upload_raw(Client(), b"\xff" * (MAX_FILE_BYTES + 1024**2))

    assert status_and_code(response) == (413, "body_too_large")


def test_empty_file_is_a_file(client: Client) -> None:
    assert upload_raw(client, b"").created()["file"]["size"] == 0
    assert upload_form(client, make_part(b"")).created()["file"]["size"] == 0


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        ([make_part(b"1", disposition='name="projectId"', content_type=None), make_part(CONTENT)], "/projectId"),
        ([make_part(CONTENT), make_part(CONTENT)], "/file"),
        ([make_part(CONTENT, disposition='name="upload"; filename="a"')], "/upload"),
        ([make_part(CONTENT, disposition='name=""; filename="a"')], "/"),
        ([make_part(CONTENT, disposition=f'name="{"x" * 3000}"')], "/" + "x" * 100),
    ],
)
def test_other_part_of_a_form_is_refused(client: Client, parts: list[bytes], pointer: str) -> None:
    problem = upload_form(client, *parts).problem()

    assert (problem["status"], problem["code"]) == (422, "unknown_field")
    assert problem["errors"] == [{"pointer": pointer, "code": "unknown_field", "detail": problem["detail"]}]
    assert "query" in problem["detail"]


MALFORMED_FORMS = [
    (b"", FORM_HEADERS["content-type"]),
    (CONTENT, FORM_HEADERS["content-type"]),
    (make_form(make_part(CONTENT))[:-4], FORM_HEADERS["content-type"]),
    (make_form(make_part(CONTENT)), "multipart/form-data"),
    (make_form(make_part(CONTENT)), "multipart/form-data; boundary="),
    (make_form(make_part(CONTENT)), "multipart/form-data; boundary=other"),
    (make_form(make_part(CONTENT)).replace(b"\r\n", b"\n"), FORM_HEADERS["content-type"]),
    (make_form(b"Content-Type: text/plain\r\n\r\nx"), FORM_HEADERS["content-type"]),
    (make_form(make_part(CONTENT, disposition='filename="a"')), FORM_HEADERS["content-type"]),
    (make_form(make_part(CONTENT, disposition=f'name="{"x" * 5000}"')), FORM_HEADERS["content-type"]),
    (make_form(b"X: y\r\n" * 20 + make_part(CONTENT)), FORM_HEADERS["content-type"]),
    (make_form(make_part(CONTENT).replace(b"letter.txt", LATIN_1)), FORM_HEADERS["content-type"]),
    (make_form(b"Content-Transfer-Encoding: base64\r\n" + make_part(b"eA==")), FORM_HEADERS["content-type"]),
]


@pytest.mark.parametrize(("body", "content_type"), MALFORMED_FORMS)
def test_malformed_form_is_refused(client: Client, body: bytes, content_type: str) -> None:
    response = client.post("/upload/file?filename=a", raw=body, headers={"content-type": content_type})

    assert status_and_code(response) == (400, "malformed_form")


def test_form_without_parts_is_refused(client: Client) -> None:
    assert status_and_code(upload_form(client)) == (422, "required")


def test_encoded_content_is_refused(client: Client) -> None:
    assert status_and_code(upload_raw(client, content_encoding="gzip")) == (415, "unsupported_media_type")


def test_text_that_the_gateway_changed_is_refused(client: Client) -> None:
    # API Gateway passes text as a string, in which U+FFFD replaces what is not UTF-8.
    replaced = LATIN_1.decode(errors="replace").encode()
    response = upload_raw(client, replaced, content_length=str(len(LATIN_1)))

    assert status_and_code(response) == (400, "malformed_body")
    assert upload_raw(client, content_length=str(len(CONTENT))).status == 201


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
    first = upload_raw(client, idempotency_key="key").created()

    assert upload_raw(client, idempotency_key="key").created() == first
    assert (
        upload_form(client, make_part(CONTENT), idempotency_key="key").created() == first
    )  # another body, the same file
    assert len(invariants.stored_versions(fake_aws, first["file"]["projectId"])) == 1


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


def test_api_key_uploads_into_its_project(client: Client) -> None:
    project = create_public_project(client)
    robot = create_api_key_client(client, project, "files.write")
    reader = create_api_key_client(client, project, "files.read")

    assert upload_raw(robot).created()["file"]["projectId"] == project
    assert upload_raw(reader).status == 403
    assert upload_raw(robot, query=f"filename=a&projectId={users.personal_project_id(client)}").status == 404
