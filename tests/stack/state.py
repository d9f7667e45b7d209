"""What lies in the deployed system, seen with all rights: for what no client can see, and for what only time could do."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from holdall import ids
from infra.local.testing import Running
from infra.local.waiting import until

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_QUEUES = ("Objects", "Images", "Work", "Mail")


@dataclass(frozen=True)
class State:
    """The tables, buckets and queues of one deployment."""

    outputs: Mapping[str, str]
    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    sqs: "SQSClient"
    functions: Any

    @classmethod
    def of(cls, running: Running) -> "State":
        cloud = running.cloud
        return cls(
            running.outputs, cloud.client("dynamodb"), cloud.client("s3"), cloud.client("sqs"), cloud.functions()
        )

    def rows(self, pk: str) -> list[dict[str, Any]]:
        """All items of the main table with this key, in order."""
        return self._query("MainTable", "pk", pk)

    def everything(self, table: str) -> list[dict[str, Any]]:
        """All items of a table, by the name of its output."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.outputs[table], ConsistentRead=True)
        plain = TypeDeserializer().deserialize
        return [{name: plain(value) for name, value in item.items()} for page in pages for item in page["Items"]]

    def by_owner(self, owner: str) -> list[dict[str, Any]]:
        """All items that the index gives this owner, in order."""
        return self._query("MainTable", "owner", owner, index="by-owner")

    def audited(self, actor: str) -> list[dict[str, Any]]:
        """What somebody did, in order."""
        return self._query("AuditTable", "actor", actor, index="by-actor")

    def targeted(self, target: str) -> list[dict[str, Any]]:
        """What was done to somebody or something, in order."""
        return self._query("AuditTable", "target", target, index="by-target")

    def edge_secret(self) -> str:
        """What only the distribution knows, so that a test may come from elsewhere."""
        told = self.functions.get_function_configuration(FunctionName=self.outputs["AuthFunction"])
        return str(told["Environment"]["Variables"]["EDGE_SECRET"])

    def quota(self, project_id: str) -> tuple[int, int]:
        """How many bytes and files count into the quota of a project."""
        (row,) = [row for row in self.rows(f"PROJECT#{project_id}") if row["sk"] == "QUOTA"]
        return int(row["bytes"]), int(row["files"])

    def jobs(self, project_id: str) -> list[dict[str, Any]]:
        """The jobs of a project, oldest first."""
        return self.by_owner(f"PROJECT#{project_id}#JOBS")

    def versions(self, file_id: str) -> list[dict[str, Any]]:
        """The versions of a file, oldest first."""
        return [json.loads(row["content"]) for row in self.rows(f"FILE#{file_id}") if row["sk"].startswith("VERSION#")]

    def originals(self, project_id: str) -> list[tuple[str, str]]:
        """Key and version id of everything that lies in the bucket of originals for a project, delete markers too."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.outputs["OriginalsBucket"])
        entries = [entry for page in pages for entry in (*page.get("Versions", []), *page.get("DeleteMarkers", []))]
        return [(entry["Key"], entry["VersionId"]) for entry in entries if f"-{project_id}/" in entry["Key"]]

    def variants(self, project_id: str) -> list[str]:
        """The keys of all variants of a project, on both shelves."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.outputs["VariantsBucket"])
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return [key for key in keys if f"-{project_id}/" in key]

    def dead_letters(self) -> dict[str, int]:
        """How many messages nobody could do, by queue."""
        return {name: self._messages(f"{name}DeadQueue") for name in _QUEUES}

    def send_back(self, queue: str) -> None:
        """Send dead letters to where they came from, by hand: MiniStack knows no StartMessageMoveTask."""
        dead = self.outputs[f"{queue}DeadQueue"]
        while messages := self.sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                self.sqs.send_message(QueueUrl=self.outputs[f"{queue}Queue"], MessageBody=message["Body"])
                self.sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])

    def settle(self) -> None:
        """Wait until no message is left in any queue."""
        until(
            lambda: not any(self._messages(f"{name}Queue") for name in _QUEUES),
            60,
            lambda: AssertionError({name: self._messages(f"{name}Queue") for name in _QUEUES}),
        )

    def tell_objects(self, *bodies: Mapping[str, Any]) -> None:
        """Put messages into the queue that S3 writes to."""
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.outputs["ObjectsQueue"], MessageBody=json.dumps(body))

    def tell_images(self, job_id: str) -> None:
        """Put a message about a job into the queue of imageproc."""
        self.sqs.send_message(QueueUrl=self.outputs["ImagesQueue"], MessageBody=json.dumps({"jobId": job_id}))

    def lose_message(self, job_id: str) -> None:
        """Make a job that was done one that has waited for a minute and of which no queue knows."""
        past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat(timespec="milliseconds")
        self.dynamodb.update_item(
            TableName=self.outputs["MainTable"],
            Key={"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "JOB"}},
            UpdateExpression="SET #status = :pending, quality = :open, turn = :turn",
            ConditionExpression="#status = :completed",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":pending": {"S": "pending"},
                ":completed": {"S": "completed"},
                ":open": {"S": f"JOBS#open#{ids.shard(job_id)}"},
                ":turn": {"S": f"{past}#{job_id}"},
            },
        )

    def let_pass(self, upload_id: str) -> None:
        """Make the deadline of an open upload a moment of the past."""
        past = datetime.now(UTC) - timedelta(minutes=1)
        self.dynamodb.update_item(
            TableName=self.outputs["MainTable"],
            Key={"pk": {"S": f"UPLOAD#{upload_id}"}, "sk": {"S": "UPLOAD"}},
            UpdateExpression="SET deadline = :deadline, #position = :position",
            ConditionExpression="#state = :open",
            ExpressionAttributeNames={"#position": "position", "#state": "state"},
            ExpressionAttributeValues={
                ":deadline": {"S": past.strftime("%Y-%m-%dT%H:%M:%S.%f+0000")},
                ":position": {"S": f"{past.isoformat(timespec='milliseconds')}#{upload_id}"},
                ":open": {"S": "open"},
            },
        )

    def change(self, pk: str, sk: str, **values: str | int) -> None:
        """Change a row of the main table as nothing but time or a defect could."""
        plain = TypeSerializer().serialize
        self.dynamodb.update_item(
            TableName=self.outputs["MainTable"],
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": plain(value) for name, value in values.items()},
        )

    def upload(self, upload_id: str) -> dict[str, Any]:
        """The row of an upload."""
        (row,) = self.rows(f"UPLOAD#{upload_id}")
        return row

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Call a function directly, and wait for what it says."""
        said = self.functions.invoke(
            FunctionName=self.outputs[f"{function.capitalize()}Function"], Payload=json.dumps(event).encode()
        )
        answer = json.loads(said["Payload"].read())
        assert "FunctionError" not in said, answer
        return answer

    def _messages(self, output: str) -> int:
        told = self.sqs.get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=["All"])["Attributes"]
        return int(told["ApproximateNumberOfMessages"]) + int(told["ApproximateNumberOfMessagesNotVisible"])

    def _query(self, table: str, attribute: str, value: str, *, index: str | None = None) -> list[dict[str, Any]]:
        where: dict[str, Any] = {"IndexName": index} if index else {"ConsistentRead": True}
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.outputs[table],
            KeyConditionExpression="#key = :value",
            ExpressionAttributeNames={"#key": attribute},
            ExpressionAttributeValues={":value": {"S": value}},
            **where,
        )
        plain = TypeDeserializer().deserialize
        return [{name: plain(value) for name, value in item.items()} for page in pages for item in page["Items"]]
