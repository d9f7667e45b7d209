"""Secrets of the installation: SSM SecureStrings, created at first use. Only `auth` has permissions on them."""

from botocore.exceptions import ClientError

from holdall.platform import aws
from holdall.platform.config import settings
from holdall.platform.errors import ServiceUnavailable


def get(name: str) -> str | None:
    """Return a secret, or None if it does not exist. Raises ServiceUnavailable."""
    with aws.translate_aws_errors():
        try:
            response = aws.client("ssm").get_parameter(Name=_parameter_name(name), WithDecryption=True)
        except ClientError as error:
            if aws.error_code(error) == "ParameterNotFound":
                return None
            raise
    return str(response["Parameter"]["Value"])


def create_if_absent(name: str, value: str) -> str:
    """Create a secret unless it exists, and return its value. Of two parallel calls, one wins. Raises ServiceUnavailable."""
    with aws.translate_aws_errors():
        try:
            aws.client("ssm").put_parameter(
                Name=_parameter_name(name), Value=value, Type="SecureString", Overwrite=False
            )
        except ClientError as error:
            if aws.error_code(error) != "ParameterAlreadyExists":
                raise
        else:
            return value
    existing = get(name)
    if existing is None:
        raise ServiceUnavailable
    return existing


def delete(name: str) -> None:
    """Delete a secret, whether or not it exists. Raises ServiceUnavailable."""
    with aws.translate_aws_errors():
        try:
            aws.client("ssm").delete_parameter(Name=_parameter_name(name))
        except ClientError as error:
            if aws.error_code(error) != "ParameterNotFound":
                raise


def _parameter_name(name: str) -> str:
    return f"{settings().parameter_prefix}/{name}"
