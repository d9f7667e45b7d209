"""One deployed Holdall for the session: that of `make test` where it runs, else one of our own."""

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
    """The stack in a local cloud, IAM enforced, and a MinIO."""
    with e2e_environment() as found:
        yield found


@pytest.fixture(scope="session")
def api_gateway(deployment: E2EEnvironment) -> Server:
    """The HTTP API by its own address."""
    split = urlsplit(deployment.outputs["DirectApiUrl"].removesuffix("/api/v1"))
    return Server(split.port or 80, split.netloc, split.path)


@pytest.fixture(scope="session")
def cloudfront(deployment: E2EEnvironment) -> Server:
    """CloudFront."""
    split = urlsplit(deployment.outputs["ConsoleUrl"])
    return Server(split.port or 80, split.netloc)


@pytest.fixture(scope="session")
def aws_state(deployment: E2EEnvironment) -> AwsState:
    """What lies in it."""
    return AwsState.from_deployment(deployment)


@pytest.fixture(scope="module")
def quota_ledger(aws_state: AwsState) -> QuotaLedger:
    """The counters, when nothing moves them but what a module does."""
    aws_state.wait_until_queues_empty()
    return QuotaLedger(aws_state)


@pytest.fixture(scope="session")
def mailbox(deployment: E2EEnvironment) -> Mailbox:
    """The letters that it sends."""
    return Mailbox(deployment)


@pytest.fixture
def anonymous(api_gateway: Server) -> Client:
    """Somebody whom nobody knows."""
    return Client(api_gateway)


@pytest.fixture
def client(api_gateway: Server) -> Client:
    """Somebody with a new account."""
    return create_client(api_gateway)
