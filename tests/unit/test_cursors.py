"""Cursors: they say a position in one list, and nothing in another."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.http.cursors import CursorCodec
from holdall.platform.errors import BadRequest
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.schemas import ResponseModel

POSITIONS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=250)


class Row(ResponseModel):
    """A row of a list."""

    name: str = "row"


def encode_cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(POSITIONS, POSITIONS)
def test_a_cursor_comes_back_as_the_position_that_it_was_made_of(behind: str, before: str) -> None:
    cursors = CursorCodec("files", "project", None)
    told = cursors.respond(Page([Row()], next=behind, prev=before), 20).pagination

    assert cursors.decode(7, told.next) == PageRequest(7, behind, backward=False)
    assert cursors.decode(7, told.prev) == PageRequest(7, before, backward=True)


def test_no_cursor_asks_for_the_beginning() -> None:
    assert CursorCodec("files").decode(20, None) == PageRequest(20)


def test_a_list_that_ends_has_no_cursors() -> None:
    told = CursorCodec("files").respond(Page([Row()]), 20).pagination

    assert (told.has_next, told.has_prev, told.next, told.prev) == (False, False, None, None)


@pytest.mark.parametrize(
    ("made", "read"),
    [
        (("files", "a"), ("files", "b")),
        (("files", "a"), ("projects", "a")),
        (("files", "a", None), ("files", "a", "image")),
        (("files", "a", "b", None), ("files", "a", None, "b")),
        (("files", "a,b"), ("files", "a", "b")),
        (("files", None), ("files", "null")),
    ],
)
def test_a_cursor_of_another_list_is_refused(made: tuple[str | None, ...], read: tuple[str | None, ...]) -> None:
    cursor = CursorCodec(*made).respond(Page([Row()], next="x"), 20).pagination.next

    with pytest.raises(BadRequest) as failure:
        CursorCodec(*read).decode(20, cursor)
    assert failure.value.code == "bad_cursor"


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_garbage_is_no_cursor(text: str) -> None:
    with pytest.raises(BadRequest):
        CursorCodec("files").decode(20, text)


SCOPE = json.loads(
    base64.urlsafe_b64decode(str(CursorCodec("files").respond(Page([Row()], next="xyz"), 1).pagination.next) + "==")
)[0]


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
        {"tag": SCOPE},
        "text",
        7,
        None,
    ],
)
def test_a_cursor_with_anything_but_a_position_is_refused(value: Any) -> None:
    with pytest.raises(BadRequest):
        CursorCodec("files").decode(20, encode_cursor(value))


def test_a_cursor_nested_without_end_is_refused() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 3000).decode()

    with pytest.raises(BadRequest):
        CursorCodec("files").decode(20, deep)
