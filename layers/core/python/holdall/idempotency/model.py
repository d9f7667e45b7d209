"""What is kept of a request with an Idempotency-Key."""

from pydantic import BaseModel, ConfigDict

from holdall.errors import Failure


class Kept(BaseModel):
    """The digest of what was asked, and the outcome that a repetition gets."""

    model_config = ConfigDict(frozen=True)

    request: str
    outcome: str


class Repeated(Failure):
    """This has been done already, or is being done at this moment by a twin. Services catch it; no caller sees it."""

    def __init__(self) -> None:
        super().__init__("repeated", "This request has been done already.")
