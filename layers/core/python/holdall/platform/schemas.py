"""The two manners of a JSON object: what clients say, and what they are shown. Keys are camelCase in both.

With them goes what is said in more than one place: a moment, and texts that differ.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _check_rfc3339(text: object) -> object:
    """Pydantic alone would take a number for seconds, and a time of no place for one of ours."""
    if isinstance(text, str) and not _RFC_3339.fullmatch(text):
        raise ValueError("must be an RFC 3339 date-time with an offset, such as 2026-11-20T13:00:00Z")
    return text


def _check_unique(texts: list[str]) -> list[str]:
    if len(set(texts)) < len(texts):
        raise ValueError("must be unique")
    return texts


Rfc3339DateTime = Annotated[AwareDatetime, BeforeValidator(_check_rfc3339)]
UniqueItems = AfterValidator(_check_unique)  # of a list of texts


class RequestModel(BaseModel):
    """What a client says: no field that the contract does not name, and no number for a text.

    A field has one name, as doors look for it too; what we say ourselves, by the names of Python, is read `by_name`.
    """

    # The plug-in of mypy would rather see each alias written down.
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, strict=True, frozen=True)  # type: ignore[pydantic-alias]


class ResponseModel(BaseModel):
    """What a client is shown."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, frozen=True)
