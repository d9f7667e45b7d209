"""The audit log: read and exported over HTTP, and exported every night to a bucket where no one can change it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from holdall.audit.model import SHARDS
from holdall.platform import clock, ids, storage
from infra.local import minio
from infra.local.e2e_environment import E2EEnvironment
from infra.local.waiting import wait_until
from tests.support.e2e.actions import create_superuser
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server
from tests.support.process import clear_clients


@pytest.fixture
def superuser(api_gateway: Server, aws_state: AwsState) -> Client:
    return create_superuser(api_gateway, aws_state)


def test_action_is_listed_and_exported(superuser: Client, client: Client, cloudfront: Server) -> None:
    project = client.post("/projects", {"name": "Holiday"}).data()
    path = f"/audit?target={project['id']}"

    # The index lags.
    wait_until(lambda: bool(superuser.get(path).data()), 10, lambda: AssertionError("The index lacks the entry."))
    (entry,) = superuser.get(path).data()
    assert (entry["action"], entry["actor"]) == ("projects.create", client.user["id"])
    for server in (superuser.server, cloudfront):
        response = Client(server, superuser.access_token).get(f"/audit/export?target={project['id']}")
        assert (response.status, response.headers["content-type"]) == (200, "application/x-ndjson")
        assert response.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
        assert json.loads(response.content) == entry
    client.get("/audit/export").problem(403, "forbidden")


def test_nightly_export_writes_the_previous_day_once(aws_state: AwsState) -> None:
    day = clock.now() - timedelta(days=1, minutes=15)  # a day is exported a quarter of an hour after its end
    entry_ids = [_put_audit_row(aws_state, day) for _ in range(5)]
    prefix = day.strftime("%Y/%m/%d/")

    for _ in range(2):
        aws_state.invoke("maintenance", {"task": "export-audit"})
        aws_state.wait_until_queues_empty()

    objects = aws_state.s3.list_object_versions(Bucket=aws_state.outputs["ExportsBucket"], Prefix=prefix)["Versions"]
    assert sorted(each["Key"] for each in objects) == [f"{prefix}{shard}-0.jsonl" for shard in range(4)]
    lines = [line for each in objects for line in _read_json_lines(aws_state, each["Key"])]
    assert {line["id"] for line in lines} >= set(entry_ids)
    assert {line["target"] for line in lines if line["id"] in entry_ids} == {"project-1"}


@dataclass(frozen=True)
class LockedBucket:
    """A bucket like that of the exports. The settings of this process lead to it."""

    s3: Any
    bucket: str

    def only_version_id(self, key: str) -> str:
        (version,) = self.s3.list_object_versions(Bucket=self.bucket, Prefix=key)["Versions"]
        return str(version["VersionId"])


# MiniStack ignores the lock in the CloudFormation template, so both servers get it by an API call.
@pytest.fixture(params=["ministack", "minio"])
def locked_bucket(request: pytest.FixtureRequest, deployment: E2EEnvironment) -> Iterator[LockedBucket]:
    """Return a bucket in MiniStack, and then one in MinIO."""
    store, cloud = deployment.minio, deployment.cloud
    s3, endpoint, key_id, secret = (
        (store.client(), store.endpoint, minio.ROOT_USER, minio.ROOT_PASSWORD)
        if request.param == "minio"
        else (cloud.client("s3"), cloud.endpoint, "test", "test")
    )
    bucket = f"exports-{uuid4().hex}"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)
    with pytest.MonkeyPatch.context() as environment:
        for variable, value in {
            "AUDIT_EXPORT_BUCKET": bucket,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": key_id,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            environment.setenv(variable, value)
        clear_clients()
        yield LockedBucket(s3, bucket)
    clear_clients()


@pytest.mark.parametrize("bypass", [False, True])
def test_exported_object_cannot_be_deleted(locked_bucket: LockedBucket, *, bypass: bool) -> None:
    storage.put_export("2026/11/19/0-0.jsonl", b"content\n")
    version = locked_bucket.only_version_id("2026/11/19/0-0.jsonl")

    with pytest.raises(ClientError) as refused:
        locked_bucket.s3.delete_object(
            Bucket=locked_bucket.bucket,
            Key="2026/11/19/0-0.jsonl",
            VersionId=version,
            **({"BypassGovernanceRetention": True} if bypass else {}),
        )

    assert refused.value.response["Error"]["Code"] in ("AccessDenied", "InvalidRequest")  # the second one is of MinIO
    stored = locked_bucket.s3.get_object(Bucket=locked_bucket.bucket, Key="2026/11/19/0-0.jsonl", VersionId=version)
    assert stored["Body"].read() == b"content\n"


def test_retention_of_an_exported_object_cannot_be_shortened(locked_bucket: LockedBucket) -> None:
    storage.put_export("2026/11/19/0-0.jsonl", b"content\n")
    version = locked_bucket.only_version_id("2026/11/19/0-0.jsonl")
    retained_until = locked_bucket.s3.head_object(Bucket=locked_bucket.bucket, Key="2026/11/19/0-0.jsonl")[
        "ObjectLockRetainUntilDate"
    ]
    assert retained_until > datetime.now(UTC) + timedelta(hours=23)

    for mode in ("GOVERNANCE", "COMPLIANCE"):
        with pytest.raises(ClientError):
            locked_bucket.s3.put_object_retention(
                Bucket=locked_bucket.bucket,
                Key="2026/11/19/0-0.jsonl",
                VersionId=version,
                Retention={"Mode": mode, "RetainUntilDate": datetime.now(UTC) + timedelta(minutes=1)},
                BypassGovernanceRetention=True,
            )


def test_exported_object_is_not_overwritten(locked_bucket: LockedBucket) -> None:
    storage.put_export("2026/11/19/0-0.jsonl", b"content\n")
    storage.put_export("2026/11/19/0-0.jsonl", b"other content\n")

    version = locked_bucket.only_version_id("2026/11/19/0-0.jsonl")
    stored = locked_bucket.s3.get_object(Bucket=locked_bucket.bucket, Key="2026/11/19/0-0.jsonl", VersionId=version)
    assert hashlib.sha256(stored["Body"].read()).digest() == hashlib.sha256(b"content\n").digest()


def _put_audit_row(aws_state: AwsState, created_at: datetime) -> str:
    """Write an audit entry of another day, and return its ID."""
    day = created_at.date().isoformat()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: created_at)
        entry_id = ids.new_id()
    shard = ids.shard(entry_id, SHARDS)
    attributes = {
        "pk": f"DAY#{day}#{shard}",
        "sk": entry_id,
        "gsi_action_pk": f"tests.action#{shard}",
        "gsi_time_pk": f"AUDIT#{shard}",
        "actor": "actor-1",
        "action": "tests.action",
        "target": "project-1",
        "outcome": "success",
        "client_ip": "203.0.113.9",
        "user_agent": "tests",
        "request_id": "tests",
    }
    item = {name: {"S": value} for name, value in attributes.items()}
    aws_state.dynamodb.put_item(TableName=aws_state.outputs["AuditTable"], Item=item)
    return entry_id


def _read_json_lines(aws_state: AwsState, key: str) -> list[dict[str, Any]]:
    content = aws_state.s3.get_object(Bucket=aws_state.outputs["ExportsBucket"], Key=key)["Body"].read()
    return [json.loads(line) for line in content.decode().split("\n") if line]
