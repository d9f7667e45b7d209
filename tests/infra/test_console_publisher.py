"""The publisher of the console: what is in the bucket after a deployment."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from infra.constructs import console_publisher as publisher

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_BUCKET = "console"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator["S3Client"]:
    monkeypatch.setattr(publisher, "SITE_DIR", tmp_path)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        client.create_bucket(Bucket=_BUCKET)
        yield client
        # moto's state is shared with the other tests of the process.
        publisher.delete_objects_except(client, _BUCKET, ())
        client.delete_bucket(Bucket=_BUCKET)


def _deploy(s3: "S3Client", *files: str) -> set[str]:
    """Deploy a site with these files, and return the keys of all objects, without the publisher's own."""
    for file in publisher.SITE_DIR.rglob("*"):
        if file.is_file():
            file.unlink()
    for name in files:
        path = publisher.SITE_DIR / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    publisher.delete_objects_except(s3, _BUCKET, publisher.publish(s3, _BUCKET))
    keys = {entry["Key"] for entry in s3.list_objects_v2(Bucket=_BUCKET)["Contents"]}
    return keys - {publisher.RELEASE_KEY}


def test_hashed_files_of_the_last_release_stay_and_older_ones_go(s3: "S3Client") -> None:
    _deploy(s3, "index.html", "_app/immutable/first.js", "old.txt")
    after_second = _deploy(s3, "index.html", "_app/immutable/second.js")
    after_third = _deploy(s3, "index.html", "_app/immutable/third.js")

    assert after_second == {"index.html", "_app/immutable/first.js", "_app/immutable/second.js"}
    assert after_third == {"index.html", "_app/immutable/second.js", "_app/immutable/third.js"}


def test_repeated_deployment_keeps_the_files_of_the_release_before(s3: "S3Client") -> None:
    _deploy(s3, "index.html", "_app/immutable/first.js")
    _deploy(s3, "index.html", "_app/immutable/second.js")

    assert "_app/immutable/first.js" in _deploy(s3, "index.html", "_app/immutable/second.js")


@pytest.mark.parametrize(
    ("file", "type_", "caching"),
    [
        ("_app/immutable/a.js", "text/javascript", "public, max-age=31536000, immutable"),
        ("index.html", "text/html", "no-cache"),
        ("_app/version.json", "application/json", "no-cache"),
    ],
)
def test_only_hashed_files_are_immutable(s3: "S3Client", file: str, type_: str, caching: str) -> None:
    _deploy(s3, file)

    stored = s3.head_object(Bucket=_BUCKET, Key=file)
    assert (stored["ContentType"], stored["CacheControl"]) == (type_, caching)
