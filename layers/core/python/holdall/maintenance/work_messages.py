"""The messages of the queue `work`, as text."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from holdall.maintenance.model import WorkMessage

_adapter: TypeAdapter[WorkMessage] = TypeAdapter(Annotated[WorkMessage, Field(discriminator="type")])


def parse(body: str) -> WorkMessage:
    """Return the message. Raises ValueError for a text of another shape."""
    return _adapter.validate_json(body)
