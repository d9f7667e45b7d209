"""Secrets of the installation: SSM SecureStrings, made at first use. Only `auth` has rights on them."""

from botocore.exceptions import ClientError

from holdall import aws
from holdall.config import settings
from holdall.errors import Unavailable


def read(name: str) -> str | None:
    """The secret of this name, or None while there is none. Raises Unavailable."""
    with aws.answering():
        try:
            answer = aws.client("ssm").get_parameter(Name=_path(name), WithDecryption=True)
        except ClientError as error:
            if aws.code(error) == "ParameterNotFound":
                return None
            raise
    return str(answer["Parameter"]["Value"])


def write_once(name: str, value: str) -> str:
    """Keep a secret unless there is one, and return the one that is kept: of two at once, one wins. Raises Unavailable."""
    with aws.answering():
        try:
            aws.client("ssm").put_parameter(Name=_path(name), Value=value, Type="SecureString", Overwrite=False)
        except ClientError as error:
            if aws.code(error) != "ParameterAlreadyExists":
                raise
        else:
            return value
    kept = read(name)
    if kept is None:
        raise Unavailable
    return kept


def forget(name: str) -> None:
    """Remove a secret; none there, nothing happens. Raises Unavailable."""
    with aws.answering():
        try:
            aws.client("ssm").delete_parameter(Name=_path(name))
        except ClientError as error:
            if aws.code(error) != "ParameterNotFound":
                raise


def _path(name: str) -> str:
    return f"{settings().parameter_prefix}/{name}"
