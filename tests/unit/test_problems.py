"""Errors on the wire: one shape (RFC 9457), and a status for every kind of failure."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from holdall.http import problems
from holdall.platform import errors
from holdall.platform.errors import HoldallError, ServiceUnavailable, Unauthenticated, ValidationFailed


def error_classes(base: type[HoldallError] = HoldallError) -> Iterator[type[HoldallError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from error_classes(kind)


def problem_of(error: HoldallError) -> tuple[int, dict[str, Any]]:
    response = problems.from_error(error)
    assert response.body is not None
    return response.status_code, json.loads(response.body)


def test_every_kind_of_failure_that_a_caller_may_see_has_a_status() -> None:
    assert [kind for kind in error_classes() if problems.STATUSES.keys().isdisjoint(kind.__mro__)] == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.BadRequest, 400),
        (errors.Unauthenticated, 401),
        (errors.Forbidden, 403),
        (errors.NotFound, 404),
        (errors.Conflict, 409),
        (errors.PayloadTooLarge, 413),
        (errors.UnsupportedMediaType, 415),
        (errors.ValidationFailed, 422),
        (errors.ServiceUnavailable, 503),
    ],
)
def test_the_shape_is_the_same_for_all(kind: type[HoldallError], status: int) -> None:
    found, body = problem_of(kind("Some detail.", code="some_code"))

    assert found == status == body["status"]
    assert set(body) == {"type", "title", "status", "detail", "instance", "code", "message", "requestId"}
    assert (body["code"], body["detail"], body["message"]) == ("some_code", "Some detail.", "Some detail.")


def test_an_invalid_part_is_pointed_at() -> None:
    _, body = problem_of(ValidationFailed("That is odd.", code="too_odd", pointer="/settings/odd"))

    assert body["errors"] == [{"pointer": "/settings/odd", "code": "too_odd", "detail": "That is odd."}]


def test_silence_of_a_store_says_when_to_come_back() -> None:
    assert problems.from_error(ServiceUnavailable()).headers["Retry-After"] == "2"


def test_who_are_you_says_how_to_tell() -> None:
    assert problems.from_error(Unauthenticated()).headers["WWW-Authenticate"] == "Bearer"


def test_a_mistake_of_ours_tells_nothing_but_the_request_id() -> None:
    response = problems.internal_error()

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
