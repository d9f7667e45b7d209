"""The deployed stack of the session: that of `make test`, or a new one, and S3 servers for code in this process."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from infra.local import minio
from infra.local.e2e_environment import E2EEnvironment, e2e_environment
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server, create_client
from tests.support.e2e.mailbox import Mailbox
from tests.support.e2e.quota_ledger import QuotaLedger
from tests.support.e2e.storage_server import StorageServer
from tests.support.process import clear_clients
from tests.support.uppy.fixtures import *  # noqa: F403  # pytest looks for the fixtures of a suite in its conftest


@pytest.fixture(scope="session")
def deployment() -> Iterator[E2EEnvironment]:
    """Yield the stack in MiniStack, which enforces IAM, and a MinIO."""
    with e2e_environment() as environment:
        yield environment


@pytest.fixture(scope="session")
def api_gateway(deployment: E2EEnvironment) -> Server:
    """Return the HTTP API without CloudFront."""
    split = urlsplit(deployment.outputs["DirectApiUrl"].removesuffix("/api/v1"))
    return Server(split.port or 80, split.netloc, split.path)


@pytest.fixture(scope="session")
def cloudfront(deployment: E2EEnvironment) -> Server:
    split = urlsplit(deployment.outputs["ConsoleUrl"])
    return Server(split.port or 80, split.netloc)


@pytest.fixture(scope="session")
def aws_state(deployment: E2EEnvironment) -> AwsState:
    return AwsState.from_deployment(deployment)


@pytest.fixture(scope="module")
def quota_ledger(aws_state: AwsState) -> QuotaLedger:
    """Return the counters of quotas, when all queues are empty."""
    aws_state.wait_until_queues_empty()
    return QuotaLedger(aws_state)


@pytest.fixture(scope="session")
def mailbox(deployment: E2EEnvironment) -> Mailbox:
    return Mailbox(deployment)


@pytest.fixture
def anonymous(api_gateway: Server) -> Client:
    return Client(api_gateway)


@pytest.fixture
def client(api_gateway: Server) -> Client:
    return create_client(api_gateway)


@pytest.fixture(scope="module")
def servers(deployment: E2EEnvironment) -> dict[str, tuple[str, dict[str, str], Any]]:
    """Return the endpoint, the credentials and a client of each server."""
    cloud, store = deployment.cloud, deployment.minio
    return {
        "ministack": (cloud.endpoint, {"id": "test", "secret": "test"}, cloud.client("s3")),
        "minio": (store.endpoint, {"id": minio.ROOT_USER, "secret": minio.ROOT_PASSWORD}, store.client()),
    }


@pytest.fixture(scope="module", params=["ministack", "minio"])
def storage_server(
    request: pytest.FixtureRequest, servers: dict[str, tuple[str, dict[str, str], Any]]
) -> Iterator[StorageServer]:
    """Return MiniStack, and then MinIO."""
    endpoint, credentials, s3 = servers[request.param]
    server = StorageServer(request.param, s3, f"originals-{uuid4().hex}", f"variants-{uuid4().hex}")
    for bucket in (server.originals_bucket, server.variants_bucket):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=server.originals_bucket, VersioningConfiguration={"Status": "Enabled"})
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "ORIGINALS_BUCKET": server.originals_bucket,
            "VARIANTS_BUCKET": server.variants_bucket,
            "ORIGINALS_URL": f"{endpoint}/{server.originals_bucket}",
            "VARIANTS_URL": f"{endpoint}/{server.variants_bucket}",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": credentials["id"],
            "AWS_SECRET_ACCESS_KEY": credentials["secret"],
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            environment.setenv(name, value)
        clear_clients()
        yield server
    clear_clients()


@pytest.fixture
def key(storage_server: StorageServer) -> str:
    """Return a key without an object."""
    return f"holiday-0123456789ab/files/{uuid4().hex}.txt"
