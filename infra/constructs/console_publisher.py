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
HASHED_PREFIX = "_app/immutable/"  # the bundler adds a hash to the names of these files
# {"files": keys of this release, "previous": keys of the one before}
RELEASE_KEY = "_app/release.json"


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
        keys = set() if event["RequestType"] == "Delete" else publish(s3, bucket)
        delete_objects_except(s3, bucket, keys)
    except Exception as error:  # noqa: BLE001  # CloudFormation would wait an hour for a response that does not come
        response |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error} ({context.aws_request_id})"}
    # CloudFormation presigned the URL for a PUT without a content type.
    request = urllib.request.Request(  # noqa: S310  # the URL is CloudFormation's
        event["ResponseURL"], data=json.dumps(response).encode(), method="PUT", headers={"Content-Type": ""}
    )
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310


def publish(s3: "S3Client", bucket: str) -> set[str]:
    """Upload all files of the site, and return the keys to keep.

    Those include the hashed files of the last release, because a tab that was opened before the deployment loads them.
    """
    last = _read_release(s3, bucket)
    files = sorted((file for file in SITE_DIR.rglob("*") if file.is_file()), key=_html_last)
    keys = [file.relative_to(SITE_DIR).as_posix() for file in files]
    # CloudFormation may call again for the same release.
    previous = last["previous"] if set(last["files"]) == set(keys) else last["files"]
    for key, file in zip(keys, files, strict=True):
        _put(s3, bucket, key, file.read_bytes())
    _put(s3, bucket, RELEASE_KEY, json.dumps({"files": keys, "previous": previous}).encode())
    return {*keys, RELEASE_KEY, *(key for key in previous if key.startswith(HASHED_PREFIX))}


def _read_release(s3: "S3Client", bucket: str) -> dict[str, list[str]]:
    try:
        release: dict[str, list[str]] = json.load(s3.get_object(Bucket=bucket, Key=RELEASE_KEY)["Body"])
    except s3.exceptions.NoSuchKey:
        return {"files": [], "previous": []}
    return release


def _put(s3: "S3Client", bucket: str, key: str, body: bytes) -> None:
    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=body,
        ContentType=mimetypes.guess_type(key)[0] or "application/octet-stream",
        CacheControl="public, max-age=31536000, immutable" if key.startswith(HASHED_PREFIX) else "no-cache",
    )


def delete_objects_except(s3: "S3Client", bucket: str, keys: Collection[str]) -> None:
    """Delete every object whose key is not in `keys`."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            if entry["Key"] not in keys:
                s3.delete_object(Bucket=bucket, Key=entry["Key"])


def _html_last(file: Path) -> tuple[bool, str]:
    # A page must not link to a file that is not there yet.
    return file.suffix == ".html", file.as_posix()
