"""Base classes of request and response bodies, and types that several of them use. Keys are in camelCase.

The validator of a model is built at its first use (`defer_build`), because a cold start uses few of the models that it imports.
"""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from holdall.platform import clock

T = TypeVar("T")
_MAX_PASSWORD_BYTES = 1024  # a longer password is refused before it is hashed
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _check_rfc3339(value: object) -> object:
    """Reject what pydantic would accept too: Unix times, and other formats of ISO 8601."""
    if isinstance(value, str) and not _RFC_3339.fullmatch(value):
        raise ValueError("must be an RFC 3339 date-time with an offset, such as 2026-11-20T13:00:00Z")
    return value


def _check_unique(items: list[T]) -> list[T]:
    if len(set(items)) < len(items):
        raise ValueError("must be unique")
    return items


def _require_string(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 time with an offset, for example 2030-01-01T12:00:00Z")  # noqa: TRY004  # pydantic reports only ValueError
    return value


def _require_future(value: datetime) -> datetime:
    try:
        value = value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be before the year 10000 in UTC") from error
    if value <= clock.now():
        raise ValueError("must be in the future")
    return value


def _validate_byte_length(text: str) -> str:
    # NFKC, the form that is hashed, may be longer.
    for form in (text, unicodedata.normalize("NFKC", text)):
        if len(form.encode("utf-8", "surrogatepass")) > _MAX_PASSWORD_BYTES:
            raise ValueError(f"must not be longer than {_MAX_PASSWORD_BYTES} bytes")
    return text


Rfc3339DateTime = Annotated[AwareDatetime, BeforeValidator(_check_rfc3339)]
# JSON has no times, so strict mode would reject every value; without it, a number would be accepted as seconds.
ExpiresAt = Annotated[
    Rfc3339DateTime, Field(strict=False), AfterValidator(_require_future), BeforeValidator(_require_string)
]
NewPassword = Annotated[str, Field(min_length=8, max_length=128), AfterValidator(_validate_byte_length)]
# Any password may be tried, because the response must not reveal whether it could be one.
Password = Annotated[str, Field(max_length=1024), AfterValidator(_validate_byte_length)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
StorageLocation = Literal["s3", "edge"]  # of an original
UniqueItems = AfterValidator(_check_unique)  # of a list


class RequestModel(BaseModel):
    """A request body. Unknown fields and values of another JSON type are rejected.

    Only the alias of a field is accepted. Code that validates Python names passes `by_name=True`.
    """

    # The mypy plugin wants literal aliases.
    model_config = ConfigDict(  # type: ignore[pydantic-alias]
        extra="forbid", alias_generator=to_camel, strict=True, frozen=True, defer_build=True
    )


class ResponseModel(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, frozen=True, defer_build=True
    )
