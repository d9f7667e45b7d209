"""Secrets of the installation: SSM SecureStrings, made at first use. Only `auth` has rights on them."""

from botocore.exceptions import ClientError

from holdall.platform import aws
from holdall.platform.config import settings
from holdall.platform.errors import ServiceUnavailable


def get(name: str) -> str | None:
    """The secret of this name, or None while there is none. Raises Unavailable."""
    with aws.translate_aws_errors():
        try:
            answer = aws.client("ssm").get_parameter(Name=_parameter_name(name), WithDecryption=True)
        except ClientError as error:
            if aws.error_code(error) == "ParameterNotFound":
                return None
            raise
    return str(answer["Parameter"]["Value"])


def create_if_absent(name: str, value: str) -> str:
    """Keep a secret unless there is one, and return the one that is kept: of two at once, one wins. Raises Unavailable."""
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
    kept = get(name)
    if kept is None:
        raise ServiceUnavailable
    return kept


def delete(name: str) -> None:
    """Remove a secret; none there, nothing happens. Raises Unavailable."""
    with aws.translate_aws_errors():
        try:
            aws.client("ssm").delete_parameter(Name=_parameter_name(name))
        except ClientError as error:
            if aws.error_code(error) != "ParameterNotFound":
                raise


def _parameter_name(name: str) -> str:
    return f"{settings().parameter_prefix}/{name}"
