"""Request bodies: JSON that every parser reads in the same way (RFC 8259 leaves much to the parser).

NaN, Infinity, numbers that overflow, duplicate keys, lone surrogates, and more than 32 levels are refused.
"""

import base64
import binascii
import json
import math
from typing import Any, NoReturn

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from holdall.platform.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType, ValidationFailed

MAX_BYTES = 256 * 1024
_MAX_DEPTH = 32


class BodyTooLarge(PayloadTooLarge):
    """The body has more bytes than the route accepts: 256 KiB, where nothing else is said."""

    code, detail = "body_too_large", f"The body must not be larger than {MAX_BYTES} bytes."


class MalformedBody(BadRequest):
    """The body is not UTF-8, or not base64 where the gateway says so."""

    code, detail = "malformed_body", "The body must be UTF-8 text."


class MalformedJson(BadRequest):
    """The body is not JSON, or parsers do not agree about it."""

    code, detail = "malformed_json", "The body is not valid JSON."


class NotAnObject(ValidationFailed):
    """The body is JSON, but not an object."""

    code, detail = "wrong_type", "The body must be a JSON object."


def check_json_object(event: APIGatewayProxyEventV2) -> None:
    """Check the media type and the JSON of a body, if there is one.

    Raises UnsupportedMediaType, MalformedJson and NotAnObject.
    """
    if not event.decoded_body:
        return
    # Only lower case, because the validation of Powertools accepts nothing else.
    media_type = (event.headers.get("content-type") or "application/json").partition(";")[0].strip()
    if media_type != "application/json":
        raise UnsupportedMediaType("The body must be application/json.")
    if not isinstance(event.json_body, dict):
        raise NotAnObject(pointer="")


def read(event: APIGatewayProxyEventV2, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the bytes of a text. Raises BodyTooLarge and MalformedBody."""
    content = decode(event)
    if len(content) > max_bytes:
        raise BodyTooLarge(f"The body must not be larger than {max_bytes} bytes.")
    try:
        content.decode()
    except UnicodeError as error:
        raise MalformedBody from error
    return content


def decode(event: APIGatewayProxyEventV2) -> bytes:
    """Return the bytes of a body. Raises MalformedBody."""
    text = event.body or ""
    try:
        return base64.b64decode(text, validate=True) if event.is_base64_encoded else text.encode()
    except (binascii.Error, UnicodeError) as error:
        raise MalformedBody from error


def parse(text: str) -> Any:
    """Return the value of a JSON text. Raises MalformedJson."""
    try:
        value = json.loads(
            text, parse_constant=_reject_constant, parse_float=_parse_float, object_pairs_hook=_reject_duplicate_keys
        )
        _check_depth(value)
        text.encode()
        json.dumps(value, ensure_ascii=False).encode()  # an escape sequence may produce a lone surrogate
    except (ValueError, RecursionError) as error:
        raise MalformedJson from error
    return value


def _reject_constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not valid JSON.")


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedJson("A number is too large.")
    return number


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise MalformedJson("An object contains a duplicate key.")
    return found


def _check_depth(value: Any) -> None:
    # Objects and arrays are levels. Other values are not.
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(_MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise MalformedJson(f"The body is nested deeper than {_MAX_DEPTH} levels.")
