"""What an event says: something in a project changed."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """One change. `type` is thing.change, as in file.ready; `data` is small and holds ids, states and numbers."""

    model_config = ConfigDict(frozen=True)

    id: str
    project_id: str
    type: str
    data: dict[str, Any]
