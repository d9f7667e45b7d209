"""What an audit row says: who did what to what, with which outcome, and from where."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Outcome = Literal["success", "denied", "failed"]


class Entry(BaseModel):
    """One thing that a principal did. Its id tells when, as ids sort by birth."""

    model_config = ConfigDict(frozen=True)

    id: str
    actor: str  # a user's id, or "anonymous"
    action: str
    target: str
    outcome: Outcome
    address: str
    agent: str
    request_id: str
