"""The AWS of the suite `api`: what lies in it, and its workers, called when a test says so."""

import base64
import hashlib
import importlib
import json
from dataclasses import dataclass
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import boto3
from PIL import Image

from tests.api.client import Client

_WORKERS = {"images": "imageproc", "work": "maintenance"}


@dataclass(frozen=True)
class Cloud:
    """Clients of the services behind Holdall."""

    s3: Any
    sqs: Any
    queues: dict[str, str]

    @classmethod
    def build(cls) -> "Cloud":
        """Make what the stack makes."""
        table = importlib.import_module("holdall.table")
        for record in (table.Record, table.CredentialRecord, table.AuditRecord, table.EphemeralRecord):
            record.create_table(wait=True, billing_mode="PAY_PER_REQUEST")
        s3, sqs = boto3.client("s3"), boto3.client("sqs")
        for bucket in ("originals", "variants"):
            place: Any = {"LocationConstraint": "eu-central-1"}
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        s3.put_bucket_versioning(Bucket="originals", VersioningConfiguration={"Status": "Enabled"})
        return cls(s3, sqs, {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in _WORKERS})

    def put(self, begun: dict[str, Any], content: bytes) -> str:
        """What a client's PUT does to S3; the version id. What S3 refuses is asked of the real servers, not here."""
        checksum = begun["headers"].get("x-amz-checksum-sha256")
        more = {"ChecksumSHA256": checksum} if checksum else {}
        answer = self.s3.put_object(
            Bucket="originals", Key=begun["key"], Body=content, ContentType=begun["headers"]["content-type"], **more
        )
        return str(answer["VersionId"])

    def arrive(self, key: str, version_id: str) -> dict[str, Any]:
        """Tell ingest that an object is there, as S3 does through its queue."""
        record = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key, "versionId": version_id}}}
        return self.deliver("ingest", json.dumps({"Records": [record]}))

    def deliver(self, function: str, *bodies: str) -> dict[str, Any]:
        """Hand messages to a worker; what it says to have failed."""
        records = [
            {"messageId": f"message-{number}", "body": body, "eventSource": "aws:sqs", "receiptHandle": "handle"}
            for number, body in enumerate(bodies)
        ]
        handler = importlib.import_module(f"functions.{function}.handler").handler
        answer: dict[str, Any] = handler({"Records": records}, SimpleNamespace(aws_request_id="aws"))
        return answer

    def work(self) -> int:
        """Let the workers do all that waits in their queues; how many messages that was. A failure fails the test."""
        done = 0
        while messages := [(name, body) for name in _WORKERS for body in self.waiting(name)]:
            for name, body in messages:
                assert self.deliver(_WORKERS[name], body) == {"batchItemFailures": []}
                done += 1
        return done

    def waiting(self, queue: str) -> list[str]:
        """Take the messages out of a queue."""
        found = self.sqs.receive_message(QueueUrl=self.queues[queue], MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self.sqs.delete_message(QueueUrl=self.queues[queue], ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in found]

    def run(self, task: str) -> None:
        """What the schedule does."""
        handler = importlib.import_module("functions.maintenance.handler").handler
        handler({"task": task}, SimpleNamespace(aws_request_id="aws"))

    def upload(self, client: Client, content: bytes, **said: Any) -> dict[str, Any]:
        """Begin, send and commit an upload; the commit's answer."""
        begun = client.post("/files/init-upload", announce(content, **said)).created()
        self.put(begun, content)
        data: dict[str, Any] = client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
        return data

    def keys(self, bucket: str) -> list[str]:
        """What lies in a bucket."""
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def announce(content: bytes, **said: Any) -> dict[str, Any]:
    """What a client says to upload this."""
    usual = {"filename": "photo.jpg", "contentType": "image/jpeg", "sha256": hashlib.sha256(content).hexdigest()}
    return {key: value for key, value in {**usual, "size": len(content), **said}.items() if value is not None}


def photo(width: int = 60, height: int = 40, colour: str = "teal") -> bytes:
    """A small JPEG."""
    target = BytesIO()
    Image.new("RGB", (width, height), colour).save(target, "JPEG")
    return target.getvalue()


def checksum(content: bytes) -> str:
    """A SHA-256 as S3 writes it."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
