"""The journal of a deployed Holdall: read and taken away over HTTP, and written away at night to where nobody changes it."""

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
    """Somebody who may everything."""
    return create_superuser(api_gateway, aws_state)


def test_what_was_done_is_told_and_taken_away(superuser: Client, client: Client, cloudfront: Server) -> None:
    made = client.post("/projects", {"name": "Holiday"}).data()
    path = f"/audit?target={made['id']}"

    wait_until(
        lambda: bool(superuser.get(path).data()), 10, lambda: AssertionError("the index never returned the entry")
    )  # it lags
    (entry,) = superuser.get(path).data()
    assert (entry["action"], entry["actor"]) == ("projects.create", client.user["id"])
    for server in (superuser.server, cloudfront):
        answer = Client(server, superuser.access_token).get(f"/audit/export?target={made['id']}")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/x-ndjson")
        assert answer.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
        assert json.loads(answer.content) == entry
    client.get("/audit/export").problem(403, "forbidden")


def test_the_night_writes_the_day_before_away_and_twice_changes_nothing(aws_state: AwsState) -> None:
    yesterday = clock.now() - timedelta(days=1)
    done = [_put_audit_row(aws_state, yesterday) for _ in range(5)]
    folder = yesterday.strftime("%Y/%m/%d/")

    for _ in range(2):
        aws_state.invoke("maintenance", {"task": "export-audit"})
        aws_state.wait_until_queues_empty()

    objects = aws_state.s3.list_object_versions(Bucket=aws_state.outputs["ExportsBucket"], Prefix=folder)["Versions"]
    assert sorted(each["Key"] for each in objects) == [f"{folder}{shard}-0.jsonl" for shard in range(4)]
    told = [line for each in objects for line in _read_json_lines(aws_state, each["Key"])]
    assert {line["id"] for line in told} >= set(done)
    assert {line["target"] for line in told if line["id"] in done} == {"project-1"}


@dataclass(frozen=True)
class LockedBucket:
    """An S3 server, and a bucket like that of the export, to which the settings of this process lead."""

    s3: Any
    bucket: str

    def only_version_id(self, key: str) -> str:
        (only,) = self.s3.list_object_versions(Bucket=self.bucket, Prefix=key)["Versions"]
        return str(only["VersionId"])


# The local cloud forgets what CloudFormation says of a lock, so both are told by the call that AWS makes of it.
@pytest.fixture(params=["ministack", "minio"])
def locked_bucket(request: pytest.FixtureRequest, deployment: E2EEnvironment) -> Iterator[LockedBucket]:
    """One server after the other."""
    store, cloud = deployment.minio, deployment.cloud
    of_store = (store.client(), store.endpoint, minio.ROOT_USER, minio.ROOT_PASSWORD)
    s3, endpoint, name, secret = (
        of_store if request.param == "minio" else (cloud.client("s3"), cloud.endpoint, "test", "test")
    )
    bucket = f"exports-{uuid4().hex}"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    kept = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": kept}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)
    with pytest.MonkeyPatch.context() as environment:
        for variable, value in {
            "AUDIT_EXPORT_BUCKET": bucket,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": name,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            environment.setenv(variable, value)
        clear_clients()
        yield LockedBucket(s3, bucket)
    clear_clients()


@pytest.mark.parametrize("bypass", [False, True])
def test_nobody_deletes_what_was_written_away(locked_bucket: LockedBucket, *, bypass: bool) -> None:
    storage.put_export("2026/11/19/0-0.jsonl", b"content\n")
    version = locked_bucket.only_version_id("2026/11/19/0-0.jsonl")

    with pytest.raises(ClientError) as refused:
        locked_bucket.s3.delete_object(
            Bucket=locked_bucket.bucket,
            Key="2026/11/19/0-0.jsonl",
            VersionId=version,
            **({"BypassGovernanceRetention": True} if bypass else {}),
        )

    assert refused.value.response["Error"]["Code"] in ("AccessDenied", "InvalidRequest")  # MinIO says it in the latter
    kept = locked_bucket.s3.get_object(Bucket=locked_bucket.bucket, Key="2026/11/19/0-0.jsonl", VersionId=version)
    assert kept["Body"].read() == b"content\n"


def test_nobody_makes_its_time_shorter(locked_bucket: LockedBucket) -> None:
    storage.put_export("2026/11/19/0-0.jsonl", b"content\n")
    version = locked_bucket.only_version_id("2026/11/19/0-0.jsonl")
    until_when = locked_bucket.s3.head_object(Bucket=locked_bucket.bucket, Key="2026/11/19/0-0.jsonl")[
        "ObjectLockRetainUntilDate"
    ]
    assert until_when > datetime.now(UTC) + timedelta(hours=23)

    for mode in ("GOVERNANCE", "COMPLIANCE"):
        with pytest.raises(ClientError):
            locked_bucket.s3.put_object_retention(
                Bucket=locked_bucket.bucket,
                Key="2026/11/19/0-0.jsonl",
                VersionId=version,
                Retention={"Mode": mode, "RetainUntilDate": datetime.now(UTC) + timedelta(minutes=1)},
                BypassGovernanceRetention=True,
            )


def test_what_is_there_is_not_written_again(locked_bucket: LockedBucket) -> None:
    storage.put_export("2026/11/19/0-0.jsonl", b"content\n")
    storage.put_export("2026/11/19/0-0.jsonl", b"other content\n")

    version = locked_bucket.only_version_id("2026/11/19/0-0.jsonl")  # the only one
    kept = locked_bucket.s3.get_object(Bucket=locked_bucket.bucket, Key="2026/11/19/0-0.jsonl", VersionId=version)
    assert hashlib.sha256(kept["Body"].read()).digest() == hashlib.sha256(b"content\n").digest()


def _put_audit_row(aws_state: AwsState, created_at: datetime) -> str:
    """A row as it was written on another day: nothing else can be waited for. Its id."""
    day = created_at.date().isoformat()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: created_at)
        entry_id = ids.new_id()
    shard = ids.shard(entry_id, SHARDS)
    told = {
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
    item = {name: {"S": value} for name, value in told.items()}
    aws_state.dynamodb.put_item(TableName=aws_state.outputs["AuditTable"], Item=item)
    return entry_id


def _read_json_lines(aws_state: AwsState, key: str) -> list[dict[str, Any]]:
    content = aws_state.s3.get_object(Bucket=aws_state.outputs["ExportsBucket"], Key=key)["Body"].read()
    return [json.loads(line) for line in content.decode().split("\n") if line]
