"""Clients of the local S3 servers."""

from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"


def create_s3_client(endpoint: str, access_key: str, secret_key: str) -> Any:
    """Return a boto3 client of the server at `endpoint`."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
