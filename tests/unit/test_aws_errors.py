"""Errors of the SDK: those after which the same request may succeed become ServiceUnavailable."""

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError
from urllib3.exceptions import ProtocolError, SSLError

from holdall.platform.aws import translate_aws_errors
from holdall.platform.errors import ServiceUnavailable


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://s3.test"),
        ResponseStreamingError(error=ProtocolError("Connection broken")),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
        ProtocolError("Connection broken"),
        SSLError("decryption failed or bad record mac"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_body_that_cannot_be_read_is_unavailable(error: Exception) -> None:
    with pytest.raises(ServiceUnavailable), translate_aws_errors():
        raise error


@pytest.mark.parametrize(
    ("code", "status", "is_unavailable"),
    [("SlowDown", 503, True), ("InternalError", 500, True), ("AccessDenied", 403, False), ("InvalidRange", 416, False)],
)
def test_error_of_a_service_is_unavailable_if_it_may_pass(code: str, status: int, is_unavailable: bool) -> None:  # noqa: FBT001
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error = ClientError(response, "GetObject")  # type: ignore[arg-type]

    with pytest.raises(ServiceUnavailable if is_unavailable else ClientError), translate_aws_errors():
        raise error
