"""The AWS of the suite `api`: what lies in it, and its workers, called when a test says so."""

import base64
import hashlib
import importlib
import json
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import boto3
from moto.dynamodb.models import dynamodb_backends
from PIL import Image

from holdall import aws
from holdall.variants import service as variants
from holdall.variants.model import Drawn, Outcome
from tests.api.client import Client

WELL: dict[str, Any] = {"batchItemFailures": []}  # what a worker says of messages that were all done
_WORKERS = {"images": "imageproc", "work": "maintenance", "mail": "mail"}


@dataclass(frozen=True)
class Cloud:
    """Clients of the services behind Holdall."""

    s3: Any
    sqs: Any
    dynamodb: Any
    ssm: Any
    queues: dict[str, str]

    @classmethod
    def build(cls) -> "Cloud":
        """Make what the stack makes."""
        table = importlib.import_module("holdall.table")
        for record in (table.Record, table.CredentialRecord, table.AuditRecord, table.EphemeralRecord):
            record.create_table(wait=True, billing_mode="PAY_PER_REQUEST")
        s3, sqs = boto3.client("s3"), boto3.client("sqs")
        for bucket in ("originals", "variants", "exports"):
            place: Any = {"LocationConstraint": "eu-central-1"}
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        for bucket in ("originals", "exports"):
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for name in _WORKERS:
            sqs.create_queue(QueueName=name)
        boto3.client("ses").verify_email_identity(EmailAddress="holdall@example.test")
        return cls.found()

    @classmethod
    def found(cls) -> "Cloud":
        """What was made before."""
        s3, sqs = boto3.client("s3"), boto3.client("sqs")
        # moto has no GetAccount: this is an account out of its sandbox.
        # Said to the session, from which every client takes its manners: a test may open clients anew.
        aws.session().register("before-call.sesv2.GetAccount", _account, unique_id="account-of-tests")
        # A job of many parts sends itself messages to be read later: here at once, so that `work` runs it to its end.
        aws.session().register("provide-client-params.sqs.SendMessage", _at_once, unique_id="messages-of-tests")
        queues = {url.rpartition("/")[2]: url for url in sqs.list_queues().get("QueueUrls", [])}
        return cls(s3, sqs, boto3.resource("dynamodb"), boto3.client("ssm"), queues)

    def put(self, begun: dict[str, Any], content: bytes) -> str:
        """What a client's PUT does to S3; the version id. What S3 refuses is asked of the real servers, not here."""
        checksum = begun["headers"].get("x-amz-checksum-sha256")
        # moto keeps a checksum only of a request that names its algorithm as well.
        more = {"ChecksumSHA256": checksum, "ChecksumAlgorithm": "SHA256"} if checksum else {}
        answer = self.s3.put_object(
            Bucket="originals", Key=begun["key"], Body=content, ContentType=begun["headers"]["content-type"], **more
        )
        return str(answer["VersionId"])

    def arrive(self, key: str, version_id: str) -> dict[str, Any]:
        """Tell ingest that an object is there, as S3 does through its queue."""
        record = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key, "versionId": version_id}}}
        return self.deliver("ingest", json.dumps({"Records": [record]}))

    def deliver(self, function: str, *bodies: str, received: int = 1) -> dict[str, Any]:
        """Hand messages to a worker, which it receives for so many times by now; what it says to have failed."""
        records = [
            {
                "messageId": f"message-{number}",
                "body": body,
                "eventSource": "aws:sqs",
                "receiptHandle": f"receipt-{number}",
                "attributes": {"ApproximateReceiveCount": str(received)},
            }
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
                assert self.deliver(_WORKERS[name], body) == WELL
                done += 1
                assert done < 1000, "The work never ends."
        return done

    def draw(self) -> None:
        """Do all image jobs as imageproc does, with one picture for all variants: drawing it is not what is asked about."""
        for message in self.waiting("images"):
            drawing = variants.begin(json.loads(message)["jobId"])
            while drawing is not None:
                with TemporaryDirectory() as folder:
                    source, picture = Path(folder) / "source", Path(folder) / "picture"
                    picture.write_bytes(b"picture")
                    sha256 = variants.fetch_source(drawing, source)
                    drawn = [Drawn(spec.name, picture, 5, 5, "image/webp", 7) for spec in drawing.specs]
                    drawing = variants.finish(drawing, Outcome(sha256, 60, 40, drawn))

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

    def photos(self, client: Client, project: dict[str, Any], many: int) -> list[str]:
        """The ids of so many photos of a project that were drawn."""
        made = [self.upload(client, photo(), projectId=project["id"])["fileId"] for _ in range(many)]
        self.draw()
        return made

    def keys(self, bucket: str, project_id: str = "") -> list[str]:
        """What lies in a bucket of a project."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", []) if project_id in entry["Key"]]

    def versions(self, key: str) -> list[str]:
        """The ids of all versions of an original."""
        answer = self.s3.list_object_versions(Bucket="originals", Prefix=key)
        return [entry["VersionId"] for entry in [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]]

    def rows(self, table: str, **values: Any) -> list[dict[str, Any]]:
        """The rows that have these values, for what no route tells yet: audit, events, jobs.

        They are read from moto's own memory: a scan takes forty times as long.
        """
        items = (item for rows in _tables()[table].items.values() for item in rows.values())
        found = ({name: value.cast_value for name, value in item.attrs.items()} for item in items)
        return [row for row in found if all(row.get(name) == value for name, value in values.items())]

    def change(self, pk: str, sk: str, **values: Any) -> None:
        """Change a row as a route will that is not there yet."""
        names = {f"#{name}": name for name in values}
        self.dynamodb.Table("main").update_item(
            Key={"pk": pk, "sk": sk},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )

    def kept(self) -> dict[str, Any]:
        """All rows as they are now, to be put back. Objects and messages are not among them."""
        return {name: deepcopy(table.items) for name, table in _tables().items()}

    def put_back(self, rows: dict[str, Any]) -> None:
        """Make the rows again what they were."""
        for name, table in _tables().items():
            table.items = deepcopy(rows[name])

    def forget(self) -> None:
        """Forget what other tests left, but for the public keys: the process knows the private one.

        moto copies whole tables for each transaction, so a test would pay for the rows of all before it.
        """
        for table in _tables().values():
            for key in [key for key in table.items if key.value != "JWKS"]:
                del table.items[key]
        for name in self.queues:
            while self.waiting(name):
                pass
        for bucket in ("originals", "variants", "exports"):
            answer = self.s3.list_object_versions(Bucket=bucket)
            for entry in [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]:
                self.s3.delete_object(Bucket=bucket, Key=entry["Key"], VersionId=entry["VersionId"])


def _account(**_: Any) -> Any:
    return SimpleNamespace(status_code=200), {"ProductionAccessEnabled": True}


def _at_once(**sent: Any) -> None:
    sent["params"]["DelaySeconds"] = 0


def _tables() -> dict[str, Any]:
    tables: dict[str, Any] = dynamodb_backends["123456789012"]["eu-central-1"].tables
    return tables


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
