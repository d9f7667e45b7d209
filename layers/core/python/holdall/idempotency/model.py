"""Requests with an Idempotency-Key."""

from dataclasses import dataclass
from datetime import timedelta

from holdall.platform.errors import Conflict, ValidationFailed

RETENTION = timedelta(hours=24)


class DuplicateRequest(Exception):
    """A request with the same key was committed before. Only `service.run` sees this error."""


class IdempotencyKeyReused(ValidationFailed):
    """The key was used before, with another body."""

    code, detail = "idempotency_key_reused", "This Idempotency-Key was used for another request."


class AlreadyProcessed(Conflict):
    """The request was processed before, and its response contained a secret, which is shown only once."""

    code, detail = "already_done", "This request was processed before."

    def __init__(self, resource_id: str) -> None:
        super().__init__(f"This request was processed before and created {resource_id}. Its secret is not shown again.")
        self.resource_id = resource_id


@dataclass(frozen=True)
class StoredResult:
    """The result of a request, and the digest of its body by its Idempotency-Key."""

    body_sha256: str
    result: str
