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

from holdall import clock, ids, storage
from infra.local import minio
from infra.local.testing import Running
from infra.local.waiting import until
from tests.stack.client import Client, Server
from tests.stack.environment import read_anew
from tests.stack.state import State
from tests.stack.work import superuser


@pytest.fixture
def root(direct: Server, state: State) -> Client:
    """Somebody who may everything."""
    return superuser(direct, state)


def test_what_was_done_is_told_and_taken_away(root: Client, client: Client, edge: Server) -> None:
    made = client.post("/projects", {"name": "Holiday"}).data()
    path = f"/audit?target={made['id']}"

    until(lambda: bool(root.get(path).data()), 10, lambda: AssertionError("the index never told"))  # it lags
    (entry,) = root.get(path).data()
    assert (entry["action"], entry["actor"]) == ("projects.create", client.user["id"])
    for server in (root.server, edge):
        answer = Client(server, root.token).get(f"/audit/export?target={made['id']}")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/x-ndjson")
        assert answer.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
        assert json.loads(answer.content) == entry
    client.get("/audit/export").problem(403, "forbidden")


def test_the_night_writes_the_day_before_away_and_twice_changes_nothing(state: State) -> None:
    yesterday = clock.now() - timedelta(days=1)
    done = [_deed_of(state, yesterday) for _ in range(5)]
    folder = yesterday.strftime("%Y/%m/%d/")

    for _ in range(2):
        state.invoke("maintenance", {"task": "export-audit"})
        state.settle()

    objects = state.s3.list_object_versions(Bucket=state.outputs["ExportsBucket"], Prefix=folder)["Versions"]
    assert sorted(each["Key"] for each in objects) == [f"{folder}{shard}-0.jsonl" for shard in range(4)]
    told = [line for each in objects for line in _lines(state, each["Key"])]
    assert {line["id"] for line in told} >= set(done)
    assert {line["target"] for line in told if line["id"] in done} == {"a project"}


@dataclass(frozen=True)
class Locked:
    """An S3 server, and a bucket like that of the export, to which the settings of this process lead."""

    s3: Any
    bucket: str

    def version(self, key: str) -> str:
        (only,) = self.s3.list_object_versions(Bucket=self.bucket, Prefix=key)["Versions"]
        return str(only["VersionId"])


# The local cloud forgets what CloudFormation says of a lock, so both are told by the call that AWS makes of it.
@pytest.fixture(params=["ministack", "minio"])
def locked(request: pytest.FixtureRequest, deployed: Running) -> Iterator[Locked]:
    """One server after the other."""
    store, cloud = deployed.minio, deployed.cloud
    of_store = (store.client(), store.endpoint, minio.USER, minio.PASSWORD)
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
        read_anew()
        yield Locked(s3, bucket)
    read_anew()


@pytest.mark.parametrize("bypass", [False, True])
def test_nobody_deletes_what_was_written_away(locked: Locked, *, bypass: bool) -> None:
    storage.put_export("2026/11/19/0-0.jsonl", b"said\n")
    version = locked.version("2026/11/19/0-0.jsonl")

    with pytest.raises(ClientError) as refused:
        locked.s3.delete_object(
            Bucket=locked.bucket,
            Key="2026/11/19/0-0.jsonl",
            VersionId=version,
            **({"BypassGovernanceRetention": True} if bypass else {}),
        )

    assert refused.value.response["Error"]["Code"] in ("AccessDenied", "InvalidRequest")  # MinIO says it in the latter
    kept = locked.s3.get_object(Bucket=locked.bucket, Key="2026/11/19/0-0.jsonl", VersionId=version)
    assert kept["Body"].read() == b"said\n"


def test_nobody_makes_its_time_shorter(locked: Locked) -> None:
    storage.put_export("2026/11/19/0-0.jsonl", b"said\n")
    version = locked.version("2026/11/19/0-0.jsonl")
    until_when = locked.s3.head_object(Bucket=locked.bucket, Key="2026/11/19/0-0.jsonl")["ObjectLockRetainUntilDate"]
    assert until_when > datetime.now(UTC) + timedelta(hours=23)

    for mode in ("GOVERNANCE", "COMPLIANCE"):
        with pytest.raises(ClientError):
            locked.s3.put_object_retention(
                Bucket=locked.bucket,
                Key="2026/11/19/0-0.jsonl",
                VersionId=version,
                Retention={"Mode": mode, "RetainUntilDate": datetime.now(UTC) + timedelta(minutes=1)},
                BypassGovernanceRetention=True,
            )


def test_what_is_there_is_not_written_again(locked: Locked) -> None:
    storage.put_export("2026/11/19/0-0.jsonl", b"said\n")
    storage.put_export("2026/11/19/0-0.jsonl", b"said otherwise\n")

    version = locked.version("2026/11/19/0-0.jsonl")  # the only one
    kept = locked.s3.get_object(Bucket=locked.bucket, Key="2026/11/19/0-0.jsonl", VersionId=version)
    assert hashlib.sha256(kept["Body"].read()).digest() == hashlib.sha256(b"said\n").digest()


def _deed_of(state: State, moment: datetime) -> str:
    """A row as it was written on another day: nothing else can be waited for. Its id."""
    day = moment.date().isoformat()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: moment)
        entry_id = ids.new_id()
    told = {
        "pk": f"DAY#{day}#{ids.shard(entry_id, 4)}",
        "sk": entry_id,
        "id": entry_id,
        "at": entry_id,
        "journal": "AUDIT",
        "actor": "somebody",
        "action": "tests.deed",
        "target": "a project",
        "outcome": "success",
        "address": "203.0.113.9",
        "agent": "tests",
        "request_id": "tests",
    }
    item = {name: {"S": value} for name, value in told.items()}
    state.dynamodb.put_item(TableName=state.outputs["AuditTable"], Item=item)
    return entry_id


def _lines(state: State, key: str) -> list[dict[str, Any]]:
    content = state.s3.get_object(Bucket=state.outputs["ExportsBucket"], Key=key)["Body"].read()
    return [json.loads(line) for line in content.decode().split("\n") if line]
