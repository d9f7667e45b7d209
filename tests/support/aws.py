"""AWS in this process, by moto, and the functions that process its queues. Tests invoke the functions themselves."""

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3

from holdall.jobs.model import RenderImage
from holdall.platform import aws
from holdall.platform.config import settings
from holdall.variants import service as variants
from holdall.variants.model import RenderedVariant, RenderResult
from tests.support import checkpoints, iam, moto_listing, moto_speed
from tests.support.client import Client
from tests.support.factories import make_upload_request
from tests.support.iam import acting_as, load_handler
from tests.support.image_samples import make_photo

NO_FAILURES: dict[str, Any] = {"batchItemFailures": []}
_FUNCTION_BY_QUEUE = {"images": "imageproc", "work": "maintenance", "mail": "mail"}
_MAX_MESSAGES = 10  # of one receive request (SQS API reference, ReceiveMessage)


@dataclass(frozen=True)
class FakeAws:
    """Clients of the services behind Holdall."""

    s3: Any
    sqs: Any
    dynamodb: Any
    ssm: Any
    queues: dict[str, str]

    def __deepcopy__(self, _: object) -> "FakeAws":
        """Return the same object, because all tests of a process share one AWS."""
        return self

    @classmethod
    def create(cls) -> "FakeAws":
        """Create the tables, buckets and queues of the stack."""
        moto_speed.install()
        moto_listing.install()
        table = importlib.import_module("holdall.platform.table")
        for record in (table.Record, table.CredentialRecord, table.AuditRecord, table.EphemeralRecord):
            record.create_table(wait=True, billing_mode="PAY_PER_REQUEST")
        s3, sqs = boto3.client("s3"), boto3.client("sqs")
        location: Any = {"LocationConstraint": "eu-central-1"}
        for bucket in ("originals", "variants", "exports", "edge"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
        for bucket in ("originals", "exports"):  # that of the edge store has no versions
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        names = (*_FUNCTION_BY_QUEUE, "images-dead-letters", "work-dead-letters")
        queues = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in names}
        boto3.client("ses").verify_email_identity(EmailAddress="holdall@example.test")
        # moto has no GetAccount. This account is out of the sandbox. The session passes its handlers on to every client
        # that it creates, so they apply to later clients too.
        aws.session().register("before-call.sesv2.GetAccount", _get_account, unique_id="account-of-tests")
        # A job in many parts sends messages to itself with a delay. Here they arrive at once.
        aws.session().register("provide-client-params.sqs.SendMessage", _remove_delay, unique_id="messages-of-tests")
        iam.install()
        return cls(s3, sqs, boto3.resource("dynamodb"), boto3.client("ssm"), queues)

    def put_object(self, upload: dict[str, Any], content: bytes, *, bucket: str = "originals") -> str:
        """Store the bytes of an upload, and return the version ID. The e2e tests cover refusals by S3."""
        checksum = upload["headers"].get("x-amz-checksum-sha256")
        # moto stores a checksum only if the request names the algorithm as well.
        checksums = {"ChecksumSHA256": checksum, "ChecksumAlgorithm": "SHA256"} if checksum else {}
        response = self.s3.put_object(
            Bucket=bucket,
            Key=upload["key"],
            Body=content,
            ContentType=upload["headers"]["content-type"],
            **checksums,
        )
        return str(response.get("VersionId", "null"))

    def put_part(self, part: dict[str, Any], content: bytes) -> None:
        """Upload a part to its presigned URL. The e2e tests cover refusals by S3."""
        url = urlsplit(part["url"])
        checksum = part["headers"].get("x-amz-checksum-sha256")
        self.s3.upload_part(
            Bucket="originals",
            Key=unquote(url.path).removeprefix(urlsplit(settings().originals_url).path + "/"),
            UploadId=parse_qs(url.query)["uploadId"][0],
            PartNumber=part["partNumber"],
            Body=content,
            **({"ChecksumSHA256": checksum, "ChecksumAlgorithm": "SHA256"} if checksum else {}),
        )

    def list_multipart_uploads(self) -> list[str]:
        """Return the keys of the multipart uploads that S3 has."""
        return [each["Key"] for each in self.s3.list_multipart_uploads(Bucket="originals").get("Uploads", [])]

    def notify_object_created(self, key: str, version_id: str, *, bucket: str = "originals") -> dict[str, Any]:
        """Call ingest with the event of a new object."""
        source = {"bucket": {"name": bucket}, "object": {"key": key, "versionId": version_id}}
        record = {"eventName": "ObjectCreated:Put", "s3": source}
        return self.deliver_messages("ingest", json.dumps({"Records": [record]}))

    def deliver_messages(
        self, function: str, *bodies: str, receive_count: int = 1, milliseconds_left: int = 120_000
    ) -> dict[str, Any]:
        """Call a function with messages of its queue, and return its response."""
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
        context = SimpleNamespace(aws_request_id="aws", get_remaining_time_in_millis=lambda: milliseconds_left)
        response: dict[str, Any] = load_handler(function)({"Records": records}, context)
        return response

    def run_workers(self) -> int:
        """Process all messages until there are none, and return how many there were. None of them may fail."""
        processed = 0
        while messages := [(name, body) for name in _FUNCTION_BY_QUEUE for body in self.receive_messages(name)]:
            for name, body in messages:
                assert self.deliver_messages(_FUNCTION_BY_QUEUE[name], body) == NO_FAILURES
                processed += 1
                assert processed < 1000, "The queues are never empty."
        return processed

    def render_images(self) -> None:
        """Process all image jobs as imageproc does, but store the same few bytes as every variant."""
        with acting_as("imageproc"):
            self._render_images()

    def _render_images(self) -> None:
        for message in self.receive_messages("images"):
            job = variants.claim(RenderImage.from_json(message).job_id)
            while job is not None:
                with TemporaryDirectory() as directory:
                    path = Path(directory) / "variant"
                    path.write_bytes(b"variant")
                    sha256 = variants.download_source(job, Path(directory) / "source")
                    rendered = [RenderedVariant(spec.name, path, 5, 5, 7) for spec in job.specs]
                    job = variants.finish(job, RenderResult("image/jpeg", 60, 40, rendered), sha256)

    def receive_messages(self, queue: str) -> list[str]:
        """Receive and delete up to 10 messages."""
        return checkpoints.take_messages(queue, _MAX_MESSAGES)

    def run_task(self, task: str, **command: Any) -> Any:
        """Call maintenance with the event of a schedule, or with a command of the operator."""
        return load_handler("maintenance")({"task": task, **command}, SimpleNamespace(aws_request_id="aws"))

    def upload(self, client: Client, content: bytes, **overrides: Any) -> dict[str, Any]:
        """Upload and commit a file, and return the response of the commit."""
        upload = client.post("/files/init-upload", make_upload_request(content, **overrides)).created()
        self.put_object(upload, content)
        data: dict[str, Any] = client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
        return data

    def upload_photos(self, client: Client, project: dict[str, Any], count: int) -> list[str]:
        """Upload and render photos, and return their file IDs."""
        file_ids = [self.upload(client, make_photo(), projectId=project["id"])["fileId"] for _ in range(count)]
        self.render_images()
        return file_ids

    def list_keys(self, bucket: str, project_id: str = "") -> list[str]:
        """Return the keys in a bucket, of one project or of all."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", []) if project_id in entry["Key"]]

    def list_version_ids(self, key: str) -> list[str]:
        """Return the version IDs of an original, with those of delete markers."""
        response = self.s3.list_object_versions(Bucket="originals", Prefix=key)
        return [entry["VersionId"] for entry in [*response.get("Versions", []), *response.get("DeleteMarkers", [])]]

    def find_rows(self, table: str, **attributes: Any) -> list[dict[str, Any]]:
        """Return the rows with these attributes, for what no route shows.

        They are read from moto's memory, because a scan takes forty times as long.
        """
        items = (item for rows in checkpoints.moto_tables()[table].items.values() for item in rows.values())
        found = ({name: value.cast_value for name, value in item.attrs.items()} for item in items)
        return [row for row in found if all(row.get(name) == value for name, value in attributes.items())]

    def update_row(self, pk: str, sk: str, **attributes: Any) -> None:
        """Update a row of the main table that exists, as no route can."""
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
