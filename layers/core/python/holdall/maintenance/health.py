"""Checks of the services behind Holdall."""

from collections.abc import Callable
from typing import Literal

from holdall.platform import ses, storage
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.table import BatchGet
from holdall.quotas import service as quotas


def check_dynamodb() -> None:
    """Read a record that does not exist. Raises ServiceUnavailable."""
    with BatchGet() as batch:
        quotas.get_usage(batch, "0" * 12)


CHECKS: dict[str, Callable[[], object]] = {"dynamodb": check_dynamodb, "s3": storage.check}


def mail_recipients() -> Literal["any", "verified_only", "unknown"]:
    """Return whom emails reach: in the sandbox of SES only verified addresses."""
    try:
        sandbox = ses.is_in_sandbox()
    except ServiceUnavailable:
        sandbox = None
    if sandbox is None:
        return "unknown"
    return "verified_only" if sandbox else "any"
