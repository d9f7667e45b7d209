"""The publisher of the console: the Lambda function of a custom resource. Its package contains this module and the site."""

import json
import mimetypes
import urllib.request
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SITE_DIR = Path(__file__).parent / "site"
HASHED_PREFIX = "assets/"  # the bundler adds a hash to the names of these files


def handler(event: dict[str, Any], context: Any) -> None:
    """Upload the site on Create and Update, empty the bucket on Delete, and report the result to CloudFormation."""
    response = {
        "Status": "SUCCESS",
        "PhysicalResourceId": event.get("PhysicalResourceId", "console"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    try:
        s3, bucket = boto3.client("s3"), event["ResourceProperties"]["Bucket"]
        keys = () if event["RequestType"] == "Delete" else upload_site(s3, bucket)
        delete_objects_except(s3, bucket, keys)
    except Exception as error:  # noqa: BLE001  # CloudFormation would wait an hour for a response that does not come
        response |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error} ({context.aws_request_id})"}
    # CloudFormation presigned the URL for a PUT without a content type.
    request = urllib.request.Request(  # noqa: S310  # the URL is CloudFormation's
        event["ResponseURL"], data=json.dumps(response).encode(), method="PUT", headers={"Content-Type": ""}
    )
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310


def upload_site(s3: "S3Client", bucket: str) -> Collection[str]:
    """Upload all files of the site, and return their keys."""
    files = sorted((file for file in SITE_DIR.rglob("*") if file.is_file()), key=_html_last)
    keys = {file.relative_to(SITE_DIR).as_posix(): file for file in files}
    for key, file in keys.items():
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=file.read_bytes(),
            ContentType=mimetypes.guess_type(key)[0] or "application/octet-stream",
            CacheControl="public, max-age=31536000, immutable" if key.startswith(HASHED_PREFIX) else "no-cache",
        )
    return keys.keys()


def delete_objects_except(s3: "S3Client", bucket: str, keys: Collection[str]) -> None:
    """Delete every object whose key is not in `keys`."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            if entry["Key"] not in keys:
                s3.delete_object(Bucket=bucket, Key=entry["Key"])


def _html_last(file: Path) -> tuple[bool, str]:
    # A page must not link to a file that is not there yet.
    return file.suffix == ".html", file.as_posix()
