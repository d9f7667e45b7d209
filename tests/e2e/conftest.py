"""The deployed stack of the session: that of `make test`, or a new one."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from infra.local.e2e_environment import E2EEnvironment, e2e_environment
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server, create_client
from tests.support.e2e.mailbox import Mailbox
from tests.support.e2e.quota_ledger import QuotaLedger


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
