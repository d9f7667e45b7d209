"""Whether the stores answer."""

from collections.abc import Callable
from typing import Literal

from holdall import mail, storage
from holdall.errors import Unavailable
from holdall.quotas import service as quotas

STORES: dict[str, Callable[[], object]] = {
    "dynamodb": lambda: quotas.held("000000000000"),  # of a project that is not there: one read that finds nothing
    "s3": storage.reachable,
}


def mail_reaches() -> Literal["everybody", "verified addresses", "unknown"]:
    """Whom letters reach: out of its sandbox SES sends to everybody, in it to verified addresses alone."""
    try:
        sandbox = mail.in_sandbox()
    except Unavailable:
        sandbox = None
    if sandbox is None:
        return "unknown"
    return "verified addresses" if sandbox else "everybody"
