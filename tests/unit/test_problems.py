"""Error responses: one format (RFC 9457), and a status for every error."""

import json
from typing import Any

import pytest

from holdall.http import problems
from holdall.platform import errors
from holdall.platform.errors import HoldallError, ServiceUnavailable, Unauthenticated, ValidationFailed


def problem_of(error: HoldallError) -> tuple[int, dict[str, Any]]:
    response = problems.from_error(error)
    assert response.body is not None
    return response.status_code, json.loads(response.body)


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
def test_every_error_has_the_same_format(kind: type[HoldallError], status: int) -> None:
    class SomeError(kind):  # type: ignore[misc, valid-type]
        code = "some_code"

    found, body = problem_of(SomeError("Some detail."))

    assert found == status == body["status"]
    assert set(body) == {"type", "title", "status", "detail", "instance", "code", "message", "requestId"}
    assert (body["code"], body["detail"], body["message"]) == ("some_code", "Some detail.", "Some detail.")


def test_invalid_part_has_a_pointer() -> None:
    _, body = problem_of(ValidationFailed("Must be even.", pointer="/settings/odd"))

    assert body["errors"] == [{"pointer": "/settings/odd", "code": "invalid", "detail": "Must be even."}]


def test_unavailable_service_has_retry_after() -> None:
    assert problems.from_error(ServiceUnavailable()).headers["Retry-After"] == "2"


def test_unauthenticated_names_the_scheme() -> None:
    assert problems.from_error(Unauthenticated()).headers["WWW-Authenticate"] == "Bearer"


def test_internal_error_reveals_nothing() -> None:
    response = problems.internal_error()

    assert response.status_code == 500
    assert response.body is not None
    assert json.loads(response.body)["code"] == "internal_error"
    assert "Traceback" not in response.body


@pytest.mark.parametrize(
    ("location", "pointer"),
    [
        (("body",), ""),
        (("body", "settings", "variants", 0, "name"), "/settings/variants/0/name"),
        (("body", "a/b~c"), "/a~1b~0c"),
        (("query", "limit"), "query/limit"),
        (("path", "fileId"), "path/fileId"),
    ],
)
def test_location_becomes_a_pointer(location: tuple[str | int, ...], pointer: str) -> None:
    assert problems._pointer(location) == pointer
