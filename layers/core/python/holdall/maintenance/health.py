"""Checks of the services behind Holdall. Anyone may ask for them, so each result is kept for a while."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Literal, TypeVar

from holdall.platform import clock, originals, ses, storage
from holdall.platform.config import settings
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.table import BatchGet
from holdall.quotas import service as quotas

EmailRecipients = Literal["any", "verified_only", "unknown"]
EDGE = "edge"
T = TypeVar("T")


@dataclass
class CachedResult(Generic[T]):
    """A result of this process, found again when it is older than its lifetime."""

    find: Callable[[], T]
    lifetime: timedelta
    _result: tuple[T, datetime] | None = field(default=None, init=False)

    def get(self) -> T:
        now = clock.now()
        if self._result is None or now - self._result[1] >= self.lifetime:
            self._result = self.find(), now
        return self._result[0]

    def clear(self) -> None:
        self._result = None


def check_dynamodb() -> None:
    """Read a record that does not exist. Raises ServiceUnavailable."""
    with BatchGet() as batch:
        quotas.get_usage(batch, "0" * 12)


def _find_email_recipients() -> EmailRecipients:
    try:
        sandbox = ses.is_in_sandbox()
    except ServiceUnavailable:
        sandbox = None
    if sandbox is None:
        return "unknown"
    return "verified_only" if sandbox else "any"


def checks() -> dict[str, Callable[[], object]]:
    """Return the checks by name. Each raises ServiceUnavailable."""
    required: dict[str, Callable[[], object]] = {"dynamodb": check_dynamodb, "s3": storage.check}
    return required if settings().edge_store is None else {**required, EDGE: originals.edge_bucket().check}


# Whom emails reach: in the sandbox of SES only verified addresses. An account may ask SES once a second.
email_recipients = CachedResult(_find_email_recipients, timedelta(minutes=1))
