"""The publisher of the console: a custom resource that carries the site in its own code. Alone in its asset."""

import json
import mimetypes
import urllib.request
from pathlib import Path
from typing import Any

import boto3

SITE_DIR = Path(__file__).parent / "site"
HASHED_PREFIX = "assets/"  # the bundler puts a hash into the names of all that lies here


def handler(event: dict[str, Any], context: Any) -> None:
    """Publish on Create and Update, empty the bucket on Delete, and tell CloudFormation how it went."""
    answer = {
        "Status": "SUCCESS",
        "PhysicalResourceId": event.get("PhysicalResourceId", "console"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    try:
        publish(event["ResourceProperties"]["Bucket"], keep_files=event["RequestType"] != "Delete")
    except Exception as error:  # noqa: BLE001  # CloudFormation waits an hour for an answer that does not come
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error} ({context.aws_request_id})"}
    # CloudFormation signed the address for a PUT without a content type.
    request = urllib.request.Request(  # noqa: S310  # the address is CloudFormation's
        event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310


def publish(bucket: str, *, keep_files: bool) -> None:
    """Make the bucket hold the site, or nothing."""
    s3 = boto3.client("s3")
    files = sorted((file for file in SITE_DIR.rglob("*") if file.is_file()), key=_html_last) if keep_files else []
    wanted = {file.relative_to(SITE_DIR).as_posix(): file for file in files}
    for key, file in wanted.items():
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=file.read_bytes(),
            ContentType=mimetypes.guess_type(key)[0] or "application/octet-stream",
            CacheControl="public, max-age=31536000, immutable" if key.startswith(HASHED_PREFIX) else "no-cache",
        )
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for found in page.get("Contents", []):
            if found["Key"] not in wanted:
                s3.delete_object(Bucket=bucket, Key=found["Key"])


def _html_last(file: Path) -> tuple[bool, str]:
    # A page must not name what is not there yet.
    return file.suffix == ".html", file.as_posix()
