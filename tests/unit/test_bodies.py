"""Bodies: strict JSON, one way to read it (P1)."""

import base64
import contextlib
import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from hypothesis import given
from hypothesis import strategies as st

from holdall.http import body
from holdall.platform.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType, ValidationFailed

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), children, max_size=4)
    ),
    max_leaves=20,
)


def make_event(
    text: str | None, *, media_type: str | None = "application/json", is_base64: bool = False
) -> APIGatewayProxyEventV2:
    told: dict[str, Any] = {
        "headers": {} if media_type is None else {"content-type": media_type},
        "body": text,
        "isBase64Encoded": is_base64,
    }
    return APIGatewayProxyEventV2(told, body.parse)


@given(JSON_VALUES)
def test_whatever_json_can_say_is_read_as_it_was_said(value: Any) -> None:
    assert body.parse(json.dumps(value)) == value
    assert body.parse(json.dumps(value, ensure_ascii=False)) == value


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        '{"size": NaN}',
        "1e999",
        "-1e999",
        '{"size": 1e400}',
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 1}}',
        '[{"a": 1, "\\u0061": 2}]',
        '"\\ud800"',
        '{"\\udc00": 1}',
        '"\ud800"',
        '{"a": 1,}',
        "{'a': 1}",
        "[1 2]",
        "",
        " ",
        "\ufeff{}",
        '"a\nb"',
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 5000,
    ],
)
def test_what_readers_would_read_differently_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as failure:
        body.parse(text)
    assert failure.value.code == "malformed_json"


def test_a_surrogate_pair_is_one_character() -> None:
    assert body.parse('"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize("inside", ["", "1", '"text"', "null"])
def test_thirty_two_levels_are_read_and_one_more_is_refused(inside: str) -> None:
    assert body.parse("[" * 32 + inside + "]" * 32) is not None
    with pytest.raises(BadRequest):
        body.parse("[" * 33 + inside + "]" * 33)


def test_objects_and_arrays_are_levels_alike() -> None:
    assert body.parse('{"a":[' * 16 + "1" + "]}" * 16) is not None
    with pytest.raises(BadRequest):
        body.parse('[{"a":[' + '{"a":[' * 15 + "{}" + "]}" * 15 + "]}]")


def test_a_body_may_have_256_kib_and_not_a_byte_more() -> None:
    body.check_size(make_event("x" * body.MAX_BYTES))
    with pytest.raises(PayloadTooLarge):
        body.check_size(make_event("x" * (body.MAX_BYTES + 1)))


def test_the_size_is_counted_in_bytes_whatever_way_they_came() -> None:
    encoded = base64.b64encode(b"x" * body.MAX_BYTES).decode()

    body.check_size(make_event(encoded, is_base64=True))
    with pytest.raises(PayloadTooLarge):
        body.check_size(make_event("é" * (body.MAX_BYTES // 2 + 1)))
    with pytest.raises(PayloadTooLarge):
        body.check_size(make_event(base64.b64encode(b"x" * (body.MAX_BYTES + 1)).decode(), is_base64=True))


@pytest.mark.parametrize("content", [b"\xff", b'{"name": "\xc3"}', b"\xed\xa0\x80", b"\xc0\xaf"])
def test_what_is_no_utf_8_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequest):
        body.check_size(make_event(base64.b64encode(content).decode(), is_base64=True))


def test_what_is_no_base_64_is_refused() -> None:
    with pytest.raises(BadRequest):
        body.check_size(make_event("!!!", is_base64=True))


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", None])
def test_json_may_be_named_so(media_type: str | None) -> None:
    body.check_json_object(make_event("{}", media_type=media_type))


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "APPLICATION/JSON",
    ],
)
def test_another_media_type_is_refused(media_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        body.check_json_object(make_event("{}", media_type=media_type))


@pytest.mark.parametrize("text", ["[]", "null", "1", '"text"', "true"])
def test_a_body_is_an_object(text: str) -> None:
    with pytest.raises(ValidationFailed) as failure:
        body.check_json_object(make_event(text))
    assert failure.value.pointer == ""


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_as_malformed(text: str) -> None:
    with contextlib.suppress(BadRequest):
        body.parse(text)
