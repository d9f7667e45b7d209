"""Request bodies: strict JSON, which every parser reads in the same way (P1)."""

import base64
import contextlib
import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from hypothesis import given
from hypothesis import strategies as st

from holdall.http import body
from holdall.http.body import BodyTooLarge, MalformedBody, MalformedJson, NotAnObject
from holdall.platform.errors import UnsupportedMediaType

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
    event: dict[str, Any] = {
        "headers": {} if media_type is None else {"content-type": media_type},
        "body": text,
        "isBase64Encoded": is_base64,
    }
    return APIGatewayProxyEventV2(event, body.parse)


@given(JSON_VALUES)
def test_json_is_parsed_to_the_value_that_it_encodes(value: Any) -> None:
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
def test_ambiguous_json_is_rejected(text: str) -> None:
    with pytest.raises(MalformedJson):
        body.parse(text)


def test_surrogate_pair_is_one_character() -> None:
    assert body.parse('"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize("inside", ["", "1", '"text"', "null"])
def test_json_may_have_32_levels(inside: str) -> None:
    assert body.parse("[" * 32 + inside + "]" * 32) is not None
    with pytest.raises(MalformedJson):
        body.parse("[" * 33 + inside + "]" * 33)


def test_objects_and_arrays_are_levels() -> None:
    assert body.parse('{"a":[' * 16 + "1" + "]}" * 16) is not None
    with pytest.raises(MalformedJson):
        body.parse('[{"a":[' + '{"a":[' * 15 + "{}" + "]}" * 15 + "]}]")


def test_body_may_have_256_kib() -> None:
    body.read(make_event("x" * body.MAX_BYTES))
    with pytest.raises(BodyTooLarge):
        body.read(make_event("x" * (body.MAX_BYTES + 1)))


def test_size_is_counted_in_decoded_bytes() -> None:
    encoded = base64.b64encode(b"x" * body.MAX_BYTES).decode()

    body.read(make_event(encoded, is_base64=True))
    with pytest.raises(BodyTooLarge):
        body.read(make_event("é" * (body.MAX_BYTES // 2 + 1)))
    with pytest.raises(BodyTooLarge):
        body.read(make_event(base64.b64encode(b"x" * (body.MAX_BYTES + 1)).decode(), is_base64=True))


@pytest.mark.parametrize("content", [b"\xff", b'{"name": "\xc3"}', b"\xed\xa0\x80", b"\xc0\xaf"])
def test_body_that_is_not_utf_8_is_rejected(content: bytes) -> None:
    with pytest.raises(MalformedBody):
        body.read(make_event(base64.b64encode(content).decode(), is_base64=True))


def test_body_that_is_not_base64_is_rejected() -> None:
    with pytest.raises(MalformedBody):
        body.read(make_event("!!!", is_base64=True))


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", None])
def test_json_media_types_are_accepted(media_type: str | None) -> None:
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
def test_other_media_types_are_rejected(media_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        body.check_json_object(make_event("{}", media_type=media_type))


@pytest.mark.parametrize("text", ["[]", "null", "1", '"text"', "true"])
def test_body_that_is_not_an_object_is_rejected(text: str) -> None:
    with pytest.raises(NotAnObject) as error:
        body.check_json_object(make_event(text))
    assert error.value.pointer == ""


@given(st.text(max_size=300))
def test_any_text_is_parsed_or_rejected_as_malformed(text: str) -> None:
    with contextlib.suppress(MalformedJson):
        body.parse(text)
