"""The AWS of the suite `api`: what lies in it, and its workers, called when a test says so."""

import base64
import hashlib
import importlib
import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import boto3
from PIL import Image

from holdall.jobs.model import RenderImage
from holdall.platform import aws
from holdall.variants import service as variants
from holdall.variants.model import RenderedVariant, RenderResult
from tests.support import checkpoints
from tests.support.client import Client

NO_FAILURES: dict[str, Any] = {"batchItemFailures": []}  # what a worker says of messages that were all done
_FUNCTION_BY_QUEUE = {"images": "imageproc", "work": "maintenance", "mail": "mail"}


@dataclass(frozen=True)
class FakeAws:
    """Clients of the services behind Holdall."""

    s3: Any
    sqs: Any
    dynamodb: Any
    ssm: Any
    queues: dict[str, str]

    def __deepcopy__(self, _: object) -> "FakeAws":
        """Return the same object: there is one AWS."""
        return self

    @classmethod
    def create(cls) -> "FakeAws":
        """Make what the stack makes."""
        checkpoints.share_rows()
        table = importlib.import_module("holdall.platform.table")
        for record in (table.Record, table.CredentialRecord, table.AuditRecord, table.EphemeralRecord):
            record.create_table(wait=True, billing_mode="PAY_PER_REQUEST")
        s3, sqs = boto3.client("s3"), boto3.client("sqs")
        for bucket in ("originals", "variants", "exports"):
            place: Any = {"LocationConstraint": "eu-central-1"}
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        for bucket in ("originals", "exports"):
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for name in _FUNCTION_BY_QUEUE:
            sqs.create_queue(QueueName=name)
        boto3.client("ses").verify_email_identity(EmailAddress="holdall@example.test")
        return cls.connect()

    @classmethod
    def connect(cls) -> "FakeAws":
        """What was made before."""
        s3, sqs = boto3.client("s3"), boto3.client("sqs")
        # moto has no GetAccount: this is an account out of its sandbox.
        # Said to the session, from which every client takes its manners: a test may open clients anew.
        aws.session().register("before-call.sesv2.GetAccount", _get_account, unique_id="account-of-tests")
        # A job of many parts sends itself messages to be read later: here at once, so that `work` runs it to its end.
        aws.session().register("provide-client-params.sqs.SendMessage", _remove_delay, unique_id="messages-of-tests")
        queues = {url.rpartition("/")[2]: url for url in sqs.list_queues().get("QueueUrls", [])}
        return cls(s3, sqs, boto3.resource("dynamodb"), boto3.client("ssm"), queues)

    def put_object(self, upload: dict[str, Any], content: bytes) -> str:
        """What a client's PUT does to S3; the version id. What S3 refuses is asked of the real servers, not here."""
        checksum = upload["headers"].get("x-amz-checksum-sha256")
        # moto keeps a checksum only of a request that names its algorithm as well.
        more = {"ChecksumSHA256": checksum, "ChecksumAlgorithm": "SHA256"} if checksum else {}
        answer = self.s3.put_object(
            Bucket="originals", Key=upload["key"], Body=content, ContentType=upload["headers"]["content-type"], **more
        )
        return str(answer["VersionId"])

    def notify_object_created(self, key: str, version_id: str) -> dict[str, Any]:
        """Tell ingest that an object is there, as S3 does through its queue."""
        record = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key, "versionId": version_id}}}
        return self.deliver_messages("ingest", json.dumps({"Records": [record]}))

    def deliver_messages(self, function: str, *bodies: str, receive_count: int = 1) -> dict[str, Any]:
        """Hand messages to a worker, which it receives for so many times by now; what it says to have failed."""
        records = [
            {
                "messageId": f"message-{number}",
                "body": body,
                "eventSource": "aws:sqs",
                "receiptHandle": f"receipt-{number}",
                "attributes": {"ApproximateReceiveCount": str(receive_count)},
            }
            for number, body in enumerate(bodies)
        ]
        handler = importlib.import_module(f"functions.{function}.handler").handler
        answer: dict[str, Any] = handler({"Records": records}, SimpleNamespace(aws_request_id="aws"))
        return answer

    def run_workers(self) -> int:
        """Let the workers do all that waits in their queues; how many messages that was. A failure fails the test."""
        done = 0
        while messages := [(name, body) for name in _FUNCTION_BY_QUEUE for body in self.receive_messages(name)]:
            for name, body in messages:
                assert self.deliver_messages(_FUNCTION_BY_QUEUE[name], body) == NO_FAILURES
                done += 1
                assert done < 1000, "The work never ends."
        return done

    def render_images(self) -> None:
        """Do all image jobs as imageproc does, with one picture for all variants: drawing it is not what is asked about."""
        for message in self.receive_messages("images"):
            active_render = variants.claim(RenderImage.from_json(message).job_id)
            while active_render is not None:
                with TemporaryDirectory() as folder:
                    source, picture = Path(folder) / "source", Path(folder) / "picture"
                    picture.write_bytes(b"picture")
                    sha256 = variants.download_source(active_render, source)
                    rendered_file_id = [RenderedVariant(spec.name, picture, 5, 5, 7) for spec in active_render.specs]
                    active_render = variants.finish(active_render, RenderResult(60, 40, rendered_file_id), sha256)

    def receive_messages(self, queue: str) -> list[str]:
        """Take the messages out of a queue."""
        found = self.sqs.receive_message(QueueUrl=self.queues[queue], MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self.sqs.delete_message(QueueUrl=self.queues[queue], ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in found]

    def run_task(self, task: str) -> None:
        """What the schedule does."""
        handler = importlib.import_module("functions.maintenance.handler").handler
        handler({"task": task}, SimpleNamespace(aws_request_id="aws"))

    def upload(self, client: Client, content: bytes, **overrides: Any) -> dict[str, Any]:
        """Begin, send and commit an upload; the commit's answer."""
        begun = client.post("/files/init-upload", make_upload_request(content, **overrides)).created()
        self.put_object(begun, content)
        data: dict[str, Any] = client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
        return data

    def upload_photos(self, client: Client, project: dict[str, Any], count: int) -> list[str]:
        """The ids of so many photos of a project that were drawn."""
        made = [self.upload(client, make_photo(), projectId=project["id"])["fileId"] for _ in range(count)]
        self.render_images()
        return made

    def list_keys(self, bucket: str, project_id: str = "") -> list[str]:
        """What lies in a bucket of a project."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", []) if project_id in entry["Key"]]

    def list_version_ids(self, key: str) -> list[str]:
        """The ids of all versions of an original."""
        answer = self.s3.list_object_versions(Bucket="originals", Prefix=key)
        return [entry["VersionId"] for entry in [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]]

    def find_rows(self, table: str, **attributes: Any) -> list[dict[str, Any]]:
        """The rows that have these values, for what no route tells yet: audit, events, jobs.

        They are read from moto's own memory: a scan takes forty times as long.
        """
        items = (item for rows in checkpoints.moto_tables()[table].items.values() for item in rows.values())
        found = ({name: value.cast_value for name, value in item.attrs.items()} for item in items)
        return [row for row in found if all(row.get(name) == value for name, value in attributes.items())]

    def update_row(self, pk: str, sk: str, **attributes: Any) -> None:
        """Change a row as a route will that is not there yet."""
        names = {f"#{name}": name for name in attributes}
        self.dynamodb.Table("main").update_item(
            Key={"pk": pk, "sk": sk},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
        )


def _get_account(**_: Any) -> Any:
    return SimpleNamespace(status_code=200), {"ProductionAccessEnabled": True}


def _remove_delay(**event: Any) -> None:
    event["params"]["DelaySeconds"] = 0


def make_upload_request(content: bytes, **overrides: Any) -> dict[str, Any]:
    """What a client says to upload this."""
    usual = {"filename": "photo.jpg", "contentType": "image/jpeg", "sha256": hashlib.sha256(content).hexdigest()}
    return {key: value for key, value in {**usual, "size": len(content), **overrides}.items() if value is not None}


def make_photo(width: int = 60, height: int = 40, color: str = "teal") -> bytes:
    """A small JPEG."""
    target = BytesIO()
    Image.new("RGB", (width, height), color).save(target, "JPEG")
    return target.getvalue()


def sha256_base64(content: bytes) -> str:
    """A SHA-256 as S3 writes it."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
