"""Cursors: each is a position in one list, and invalid in every other list."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.http.cursors import CursorCodec, InvalidCursor
from holdall.http.responses import paginate
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.schemas import ResponseModel

POSITIONS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=250)


class Row(ResponseModel):
    """An item of a list."""

    name: str = "row"


def encode_cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(POSITIONS, POSITIONS)
def test_cursor_decodes_to_the_position_that_it_encodes(after: str, before: str) -> None:
    pagination = paginate(
        20, None, lambda _: Page([Row()], next=after, prev=before), "files", "project", None
    ).pagination
    cursors = CursorCodec("files", "project", None)

    assert cursors.decode(7, pagination.next) == PageRequest(7, after, backward=False)
    assert cursors.decode(7, pagination.prev) == PageRequest(7, before, backward=True)


def test_first_page_has_no_cursor() -> None:
    assert CursorCodec("files").decode(20, None) == PageRequest(20)


def test_list_of_one_page_has_no_cursors() -> None:
    pagination = paginate(20, None, lambda _: Page([Row()]), "files").pagination

    assert (pagination.has_next, pagination.has_prev, pagination.next, pagination.prev) == (False, False, None, None)


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        (("files", "a"), ("files", "b")),
        (("files", "a"), ("projects", "a")),
        (("files", "a", None), ("files", "a", "image")),
        (("files", "a", "b", None), ("files", "a", None, "b")),
        (("files", "a,b"), ("files", "a", "b")),
        (("files", None), ("files", "null")),
    ],
)
def test_cursor_of_another_list_is_rejected(encoded: tuple[str | None, ...], decoded: tuple[str | None, ...]) -> None:
    cursor = CursorCodec(*encoded).encode("x")

    with pytest.raises(InvalidCursor):
        CursorCodec(*decoded).decode(20, cursor)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_other_text_is_rejected(text: str) -> None:
    with pytest.raises(InvalidCursor):
        CursorCodec("files").decode(20, text)


SCOPE = json.loads(base64.urlsafe_b64decode(str(CursorCodec("files").encode("xyz")) + "=="))[0]


@pytest.mark.parametrize(
    "value",
    [
        [SCOPE, "n", ""],
        [SCOPE, "n", "x" * 1025],
        [SCOPE, "n", "€" * 342],
        [SCOPE, "n", 1],
        [SCOPE, "n", None],
        [SCOPE, "n", ["x"]],
        [SCOPE, "n", "\ud800"],
        [SCOPE, "x", "position"],
        [SCOPE, ["n"], "position"],
        [SCOPE, "n"],
        [SCOPE, "n", "position", "more"],
        {"scope": SCOPE},
        "text",
        7,
        None,
    ],
)
def test_cursor_without_a_valid_position_is_rejected(value: Any) -> None:
    with pytest.raises(InvalidCursor):
        CursorCodec("files").decode(20, encode_cursor(value))


def test_deeply_nested_cursor_is_rejected() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 3000).decode()

    with pytest.raises(InvalidCursor):
        CursorCodec("files").decode(20, deep)
