"""Clients of AWS services, and the translation of their errors. Pynamodb has a client of its own for DynamoDB."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session, get_session
from pynamodb.exceptions import PynamoDBException
from urllib3.exceptions import HTTPError

from holdall.platform.errors import ServiceUnavailable

# Of all services. The reasons of a cancelled transaction have names of their own (AWS API reference, TransactWriteItems).
RETRYABLE_CODES = frozenset(
    {
        "ConditionalRequestConflict",
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


@cache
def session() -> Session:
    """Return the session of this process, which has its credentials."""
    return get_session()


@cache
def client(service: str) -> Any:
    """Return a client, made at its first use, with two seconds to connect, five to read, and three attempts."""
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"total_max_attempts": 3, "mode": "standard"},
        signature_version="s3v4" if service == "s3" else None,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return session().create_client(service, config=config)


@contextmanager
def translate_aws_errors() -> Iterator[None]:
    """Raise ServiceUnavailable if a service does not respond or is overloaded. Other errors are bugs and stay as they are."""
    try:
        yield
    except (BotoCoreError, ClientError, HTTPError) as error:
        if is_unavailable(error):
            raise ServiceUnavailable from error
        raise
    except PynamoDBException as error:
        if is_unavailable(error.cause):
            raise ServiceUnavailable from error
        raise


def is_unavailable(error: Exception | None) -> bool:
    """Return whether the same request may succeed later. Pynamodb keeps the error of the SDK as the `cause` of its own.

    Botocore lets some errors of urllib3 pass while a body is read, such as that of a damaged TLS record.
    """
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        return error_code(error) in RETRYABLE_CODES or status >= 500
    return isinstance(error, BotoCoreError | HTTPError)


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
