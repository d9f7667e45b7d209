"""The bodies of direct uploads: their size, and the forms of all clients, good and bad (U9, P2)."""

from urllib.parse import quote

import pytest

from holdall.http.file_body import MAX_FILE_BYTES
from tests.support.client import Client, Response
from tests.support.direct_uploads import CONTENT, FORM, make_form, make_part, upload_form, upload_raw

LATIN_1 = "Größe".encode("latin-1")


def status_and_code(response: Response) -> tuple[int, str]:
    return response.status, response.problem()["code"]


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
    (b"", FORM),
    (CONTENT, FORM),
    (make_form(make_part(CONTENT))[:-4], FORM),
    (make_form(make_part(CONTENT)), "multipart/form-data"),
    (make_form(make_part(CONTENT)), "multipart/form-data; boundary="),
    (make_form(make_part(CONTENT)), "multipart/form-data; boundary=other"),
    (make_form(make_part(CONTENT)), 'multipart/form-data; boundary="\ud800"'),
    (make_form(make_part(CONTENT)).replace(b"\r\n", b"\n"), FORM),
    (make_form(b"Content-Type: text/plain\r\n\r\nx"), FORM),
    (make_form(make_part(CONTENT, disposition='filename="a"')), FORM),
    (make_form(make_part(CONTENT, disposition=f'name="{"x" * 5000}"')), FORM),
    (make_form(b"X: y\r\n" * 20 + make_part(CONTENT)), FORM),
    (make_form(make_part(CONTENT).replace(b"letter.txt", LATIN_1)), FORM),
    (make_form(b"Content-Transfer-Encoding: base64\r\n" + make_part(b"eA==")), FORM),
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
