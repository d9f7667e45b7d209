"""The two manners of a JSON object: what clients say, and what they are shown. Keys are camelCase in both."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Said(BaseModel):
    """What a client says: no field that the contract does not name, and no number for a text."""

    model_config = ConfigDict(
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        strict=True,
        frozen=True,
    )


class Shown(BaseModel):
    """What a client is shown."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, frozen=True)
