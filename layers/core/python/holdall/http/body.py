"""Request bodies: JSON, read strictly (RFC 8259 leaves to the reader what it takes; we take what every reader understands).

Refused are NaN and infinities, numbers that become infinite, duplicate keys, lone surrogates and more than 32 levels.
"""

import base64
import binascii
import json
import math
from typing import Any, NoReturn

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from holdall.platform.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType, ValidationFailed

MAX_BYTES = 256 * 1024  # bytes
_MAX_DEPTH = 32


def check_json_object(event: APIGatewayProxyEventV2) -> None:
    """Look at a body before anybody reads it. Raises TooLarge, UnsupportedType, Malformed, and Invalid for no object."""
    if event.decoded_body is None or event.decoded_body == "":
        return
    # In lower case, as all clients write it: the validation behind this reads no other.
    media_type = (event.headers.get("content-type") or "application/json").partition(";")[0].strip()
    if media_type != "application/json":
        raise UnsupportedMediaType("The body must be application/json.", code="unsupported_media_type")
    if not isinstance(event.json_body, dict):
        raise ValidationFailed("The body must be a JSON object.", code="wrong_type", pointer="")


def check_size(event: APIGatewayProxyEventV2) -> None:
    """Refuse a body that is too large or is no UTF-8. Raises TooLarge and Malformed."""
    raw = event.body or ""
    try:
        content = base64.b64decode(raw, validate=True) if event.is_base64_encoded else raw.encode()
        if len(content) > MAX_BYTES:
            raise PayloadTooLarge(f"The body must not be larger than {MAX_BYTES} bytes.", code="body_too_large")
        content.decode()
    except (binascii.Error, UnicodeError) as error:
        raise BadRequest("The body must be UTF-8 text.", code="malformed_body") from error


def parse(text: str) -> Any:
    """The value of a JSON text. Raises Malformed."""
    try:
        value = json.loads(
            text, parse_constant=_reject_constant, parse_float=_parse_float, object_pairs_hook=_reject_duplicate_keys
        )
        _check_depth(value)
        text.encode()
        json.dumps(value, ensure_ascii=False).encode()  # an escape may have made a lone surrogate
    except BadRequest:
        raise
    except (ValueError, RecursionError) as error:
        raise _malformed("The body is not valid JSON.") from error
    return value


def _malformed(detail: str) -> BadRequest:
    return BadRequest(detail, code="malformed_json")


def _reject_constant(name: str) -> NoReturn:
    raise _malformed(f"{name} is not valid JSON.")


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _malformed("A number is too large.")
    return number


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _malformed("An object contains a duplicate key.")
    return found


def _check_depth(value: Any) -> None:
    # A level is an object or an array; the values in the innermost are none.
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
    raise _malformed(f"The body is nested deeper than {_MAX_DEPTH} levels.")
