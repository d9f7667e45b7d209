"""Bodies that are a file: whatever the bytes are, they are a file or one of a few errors (P2)."""

import base64
import contextlib
import time

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from hypothesis import given
from hypothesis import strategies as st

from holdall.http import file_body
from holdall.http.body import MalformedBody
from holdall.http.file_body import FileMissing, FileTooLarge, MalformedForm, UnexpectedPart
from tests.support.direct_uploads import FORM, make_form, make_part

# Fragments that a parser looks at, in an order that no client sends.
FRAGMENTS = st.sampled_from(
    [
        b"--boundary",
        b"--boundary--",
        b"--",
        b"\r\n",
        b"\r",
        b"\n",
        b"\r\n\r\n",
        b" ",
        b": ",
        b"Content-Disposition: form-data; ",
        b"Content-Disposition: attachment",
        b"Content-Type: text/plain",
        b"Content-Type:",
        b"Content-Length: 3",
        b"Content-Transfer-Encoding: 8bit",
        b'name="file"',
        b'; filename="a.txt"',
        b"; filename*=UTF-8''a",
        b'"',
        b"\\",
        b"%22",
        b"\xff\xfe",
    ]
)
EXPECTED_ERRORS = (FileMissing, FileTooLarge, MalformedForm, UnexpectedPart)


@given(st.lists(FRAGMENTS | st.binary(max_size=8), max_size=24).map(b"".join))
def test_every_form_is_a_file_or_an_error_of_the_client(body: bytes) -> None:
    for content in (body, b"--boundary\r\n" + body + b"\r\n--boundary--\r\n"):
        try:
            file = file_body.parse(FORM, content)
        except EXPECTED_ERRORS:
            continue
        assert file.content in content


@given(st.text(max_size=60), st.sampled_from(["multipart/form-data;", "multipart/form-data; boundary=", ""]))
def test_every_content_type_is_a_file_or_an_error_of_the_client(text: str, prefix: str) -> None:
    content = make_form(make_part(b"Dear reader"))
    with contextlib.suppress(*EXPECTED_ERRORS):
        file_body.parse(prefix + text, content)


@given(st.binary(max_size=200), st.text(st.characters(codec="utf-8", exclude_characters='\r\n"%\\'), min_size=1))
def test_form_returns_the_bytes_and_the_name_that_were_sent(content: bytes, name: str) -> None:
    file = file_body.parse(FORM, make_form(make_part(content, disposition=f'name="file"; filename="{name}"')))

    assert (file.content, file.name, file.content_type) == (content, name, "text/plain")


def test_content_may_look_like_a_boundary() -> None:
    content = b"\r\n--boundar\r\n--bound\r\n\r\n-boundary--"

    assert file_body.parse(FORM, make_form(make_part(content))).content == content


@pytest.mark.parametrize(
    "unit", [b";", b"; ", b"; a", b'; a="', b'; a="\\', b"; a =", b"\r", b"\r\n", b"\r\n--boundary"]
)
def test_hostile_form_is_parsed_in_linear_time(unit: bytes) -> None:
    body = make_form(make_part(unit * (4 * 1024**2 // len(unit))))
    header = b"--boundary\r\nContent-Disposition: form-data" + unit * (4000 // len(unit))
    started_at = time.process_time()
    for content_type, content in ((FORM, body), (FORM, header), (FORM + (unit * 2000).decode(), body[:1000])):
        try:
            file_body.parse(content_type, content)
        except EXPECTED_ERRORS:
            continue

    assert time.process_time() - started_at < 2


def test_body_is_decoded_only_once_it_is_known_to_be_base64() -> None:
    raw = b"\x00\xff" * 100
    encoded = base64.b64encode(raw).decode()

    assert file_body.read(make_event(encoded, is_base64=True)) == raw
    assert file_body.read(make_event(encoded, is_base64=False)) == encoded.encode()
    with pytest.raises(MalformedBody):
        file_body.read(make_event("!", is_base64=True))


def make_event(text: str, *, is_base64: bool) -> APIGatewayProxyEventV2:
    return APIGatewayProxyEventV2({"headers": {}, "body": text, "isBase64Encoded": is_base64})
