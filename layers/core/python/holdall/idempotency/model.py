"""What is kept of a request with an Idempotency-Key."""

from pydantic import BaseModel, ConfigDict

from holdall.platform.errors import HoldallError


class StoredResult(BaseModel):
    """The digest of what was asked, and the outcome that a repetition gets."""

    model_config = ConfigDict(frozen=True)

    body_sha256: str
    result: str


class DuplicateRequest(HoldallError):
    """The request was processed before, or is being processed. Services catch it; no caller sees it."""

    code, detail = "duplicate_request", "This request was already processed."
