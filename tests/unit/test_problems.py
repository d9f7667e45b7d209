"""Errors on the wire: one shape (RFC 9457), and a status for every kind of failure."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from holdall import errors
from holdall.errors import Failure, Invalid, Unauthenticated, Unavailable
from holdall.http import problems
from holdall.idempotency.model import Repeated


def kinds(of: type[Failure] = Failure) -> Iterator[type[Failure]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def shown(failure: Failure) -> tuple[int, dict[str, Any]]:
    response = problems.of_failure(failure)
    assert response.body is not None
    return response.status_code, json.loads(response.body)


def test_every_kind_of_failure_that_a_caller_may_see_has_a_status() -> None:
    # Services catch `Repeated` themselves.
    assert {kind for kind in kinds() if kind is not Repeated} <= set(problems.STATUSES)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.Malformed, 400),
        (errors.Unauthenticated, 401),
        (errors.Forbidden, 403),
        (errors.NotFound, 404),
        (errors.Conflict, 409),
        (errors.TooLarge, 413),
        (errors.UnsupportedType, 415),
        (errors.Invalid, 422),
        (errors.Unavailable, 503),
    ],
)
def test_the_shape_is_the_same_for_all(kind: type[Failure], status: int) -> None:
    found, body = shown(kind("some_code", "Some detail."))

    assert found == status == body["status"]
    assert set(body) == {"type", "title", "status", "detail", "instance", "code", "message", "requestId"}
    assert (body["code"], body["detail"], body["message"]) == ("some_code", "Some detail.", "Some detail.")


def test_an_invalid_part_is_pointed_at() -> None:
    _, body = shown(Invalid("too_odd", "That is odd.", pointer="/settings/odd"))

    assert body["errors"] == [{"pointer": "/settings/odd", "code": "too_odd", "detail": "That is odd."}]


def test_silence_of_a_store_says_when_to_come_back() -> None:
    assert problems.of_failure(Unavailable(retry_after=7)).headers["Retry-After"] == "7"


def test_who_are_you_says_how_to_tell() -> None:
    assert problems.of_failure(Unauthenticated()).headers["WWW-Authenticate"] == "Bearer"


def test_a_mistake_of_ours_tells_nothing_but_the_request_id() -> None:
    response = problems.of_mistake()

    assert response.status_code == 500
    assert response.body is not None
    assert json.loads(response.body)["code"] == "internal_error"
    assert "Traceback" not in response.body


@pytest.mark.parametrize(
    ("place", "pointer"),
    [
        (("body",), ""),
        (("body", "settings", "variants", 0, "name"), "/settings/variants/0/name"),
        (("body", "a/b~c"), "/a~1b~0c"),
        (("query", "limit"), "query/limit"),
        (("path", "fileId"), "path/fileId"),
    ],
)
def test_a_place_becomes_a_pointer(place: tuple[str | int, ...], pointer: str) -> None:
    assert problems._pointer(place) == pointer
