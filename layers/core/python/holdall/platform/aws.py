"""Clients of AWS services beside DynamoDB, each opened when it is first used, with the time limits of the house."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session, get_session

from holdall.platform.errors import ServiceUnavailable

RETRYABLE_CODES = frozenset(
    {"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "TooManyRequestsException"}
)


@cache
def session() -> Session:
    """The one session of this process, which knows our credentials."""
    return get_session()


@cache
def client(service: str) -> Any:
    """A client with two seconds to connect, five to read and three attempts."""
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
    """Turn the silence of a service into Unavailable; a refusal is our own mistake and passes on as it is."""
    try:
        yield
    except BotoCoreError as error:
        raise ServiceUnavailable from error
    except ClientError as error:
        if (
            error_code(error) in RETRYABLE_CODES
            or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) >= 500
        ):
            raise ServiceUnavailable from error
        raise


def error_code(error: ClientError) -> str:
    """The name that AWS gives to a refusal."""
    return str(error.response.get("Error", {}).get("Code", ""))
