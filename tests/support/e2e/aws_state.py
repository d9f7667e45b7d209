"""The tables, buckets and queues of the deployed stack, with all permissions.

Tests read what no client can see, and change what otherwise only time changes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from holdall.jobs.model import RenderImage
from holdall.platform import ids
from infra.local.e2e_environment import E2EEnvironment
from infra.local.waiting import wait_until

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_QUEUES = ("Objects", "Images", "Work", "Mail")


@dataclass(frozen=True)
class AwsState:
    """The tables, buckets and queues of a deployment."""

    outputs: Mapping[str, str]
    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    sqs: "SQSClient"
    lambda_client: Any

    @classmethod
    def from_deployment(cls, deployment: E2EEnvironment) -> "AwsState":
        cloud = deployment.cloud
        return cls(
            deployment.outputs, cloud.client("dynamodb"), cloud.client("s3"), cloud.client("sqs"), cloud.lambda_client()
        )

    def rows(self, pk: str) -> list[dict[str, Any]]:
        """Return the rows of a partition of the main table, in order."""
        return self._query("MainTable", "pk", pk)

    def query_gsi1(self, gsi1pk: str) -> list[dict[str, Any]]:
        """Return the rows of a partition of gsi1, in order."""
        return self._query("MainTable", "gsi1pk", gsi1pk, index="gsi1")

    def audit_rows_by_actor(self, actor: str) -> list[dict[str, Any]]:
        """Return the audit entries of an actor, in order."""
        return self._query("AuditTable", "actor", actor, index="by-actor")

    def audit_rows_by_target(self, target: str) -> list[dict[str, Any]]:
        """Return the audit entries of a target, in order."""
        return self._query("AuditTable", "target", target, index="by-target")

    def edge_secret(self) -> str:
        """Return the secret of CloudFront, with which a test can send a client IP."""
        configuration = self.lambda_client.get_function_configuration(FunctionName=self.outputs["AuthFunction"])
        return str(configuration["Environment"]["Variables"]["ORIGIN_VERIFY_SECRET"])

    def recorded_quota(self, project_id: str) -> tuple[int, int]:
        """Return the bytes and files that the quota of a project counts."""
        (row,) = self.rows(f"QUOTA#{project_id}")
        return int(row["bytes"]), int(row["files"])

    def jobs(self, project_id: str) -> list[dict[str, Any]]:
        """Return the jobs of a project, oldest first."""
        return self.query_gsi1(f"PROJECT#{project_id}#JOBS")

    def versions(self, file_id: str) -> list[dict[str, Any]]:
        """Return the versions of a file, oldest first."""
        return [
            json.loads(row["version_json"]) for row in self.rows(f"FILE#{file_id}") if row["sk"].startswith("VERSION#")
        ]

    def originals(self, project_id: str) -> list[tuple[str, str]]:
        """Return key and version ID of all originals of a project, with delete markers."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.outputs["OriginalsBucket"])
        entries = [entry for page in pages for entry in (*page.get("Versions", []), *page.get("DeleteMarkers", []))]
        return [(entry["Key"], entry["VersionId"]) for entry in entries if f"-{project_id}/" in entry["Key"]]

    def multipart_uploads(self, project_id: str) -> list[str]:
        """Return the keys of the multipart uploads of a project that S3 has."""
        uploads = self.s3.list_multipart_uploads(Bucket=self.outputs["OriginalsBucket"]).get("Uploads", [])
        return [upload["Key"] for upload in uploads if f"-{project_id}/" in upload["Key"]]

    def variants(self, project_id: str) -> list[str]:
        """Return the keys of all variants of a project, with both prefixes."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.outputs["VariantsBucket"])
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return [key for key in keys if f"-{project_id}/" in key]

    def dead_letter_counts(self) -> dict[str, int]:
        """Return the number of messages in each dead-letter queue."""
        return {name: self._message_count(f"{name}DeadLetterQueue") for name in _QUEUES}

    def redrive(self, queue: str) -> None:
        """Move all messages from a dead-letter queue back. MiniStack has no StartMessageMoveTask."""
        dead_letter_queue = self.outputs[f"{queue}DeadLetterQueue"]
        while messages := self.sqs.receive_message(QueueUrl=dead_letter_queue, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            for message in messages:
                self.sqs.send_message(QueueUrl=self.outputs[f"{queue}Queue"], MessageBody=message["Body"])
                self.sqs.delete_message(QueueUrl=dead_letter_queue, ReceiptHandle=message["ReceiptHandle"])

    def wait_until_queues_empty(self) -> None:
        """Wait until all queues are empty."""
        wait_until(
            lambda: not any(self._message_count(f"{name}Queue") for name in _QUEUES),
            60,
            lambda: AssertionError({name: self._message_count(f"{name}Queue") for name in _QUEUES}),
        )

    def send_object_events(self, *events: Mapping[str, Any]) -> None:
        """Send messages to the queue of S3's events."""
        for body in events:
            self.sqs.send_message(QueueUrl=self.outputs["ObjectsQueue"], MessageBody=json.dumps(body))

    def send_render_message(self, job_id: str) -> None:
        """Send a message about a job to the queue of imageproc."""
        self.sqs.send_message(QueueUrl=self.outputs["ImagesQueue"], MessageBody=RenderImage(job_id).to_json())

    def simulate_lost_message(self, job_id: str) -> None:
        """Make a completed job pending for longer than a minute, without a message."""
        past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat(timespec="milliseconds")
        self.dynamodb.update_item(
            TableName=self.outputs["MainTable"],
            Key={"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "JOB"}},
            UpdateExpression="SET #status = :pending, gsi3pk = :open, gsi3sk = :gsi3sk",
            ConditionExpression="#status = :completed",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":pending": {"S": "pending"},
                ":completed": {"S": "completed"},
                ":open": {"S": f"JOBS#open#{ids.shard(job_id)}"},
                ":gsi3sk": {"S": f"{past}#{job_id}"},
            },
        )

    def expire_upload_deadline(self, upload_id: str) -> None:
        """Set the deadline of an open upload to a minute ago."""
        past = datetime.now(UTC) - timedelta(minutes=1)
        self.dynamodb.update_item(
            TableName=self.outputs["MainTable"],
            Key={"pk": {"S": f"UPLOAD#{upload_id}"}, "sk": {"S": "UPLOAD"}},
            UpdateExpression="SET expires_at = :expires_at, #gsi1sk = :gsi1sk",
            ConditionExpression="#state = :open",
            ExpressionAttributeNames={"#gsi1sk": "gsi1sk", "#state": "state"},
            ExpressionAttributeValues={
                ":expires_at": {"S": past.strftime("%Y-%m-%dT%H:%M:%S.%f+0000")},
                ":gsi1sk": {"S": f"{past.isoformat(timespec='milliseconds')}#{upload_id}"},
                ":open": {"S": "open"},
            },
        )

    def update_row(self, pk: str, sk: str, **attributes: str | int) -> None:
        """Update a row of the main table in a way that no route offers."""
        serialize = TypeSerializer().serialize
        self.dynamodb.update_item(
            TableName=self.outputs["MainTable"],
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={f"#{name}": name for name in attributes},
            ExpressionAttributeValues={f":{name}": serialize(value) for name, value in attributes.items()},
        )

    def upload_row(self, upload_id: str) -> dict[str, Any]:
        (row,) = self.rows(f"UPLOAD#{upload_id}")
        return row

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Invoke a function, and return its response."""
        response = self.lambda_client.invoke(
            FunctionName=self.outputs[f"{function.capitalize()}Function"], Payload=json.dumps(event).encode()
        )
        payload = json.loads(response["Payload"].read())
        assert "FunctionError" not in response, payload
        return payload

    def _message_count(self, output: str) -> int:
        queue = self.sqs.get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=["All"])["Attributes"]
        return int(queue["ApproximateNumberOfMessages"]) + int(queue["ApproximateNumberOfMessagesNotVisible"])

    def _query(self, table: str, attribute: str, value: str, *, index: str | None = None) -> list[dict[str, Any]]:
        options: dict[str, Any] = {"IndexName": index} if index else {"ConsistentRead": True}
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.outputs[table],
            KeyConditionExpression="#key = :value",
            ExpressionAttributeNames={"#key": attribute},
            ExpressionAttributeValues={":value": {"S": value}},
            **options,
        )
        deserialize = TypeDeserializer().deserialize
        return [{name: deserialize(value) for name, value in item.items()} for page in pages for item in page["Items"]]
