"""One deployed Holdall for the session: that of `make test` where it runs, else one of our own."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from infra.local.testing import Running, running
from tests.stack.client import Client, Server, signed_in
from tests.stack.ledger import Ledger
from tests.stack.post import Post
from tests.stack.state import State


@pytest.fixture(scope="session")
def deployed() -> Iterator[Running]:
    """The stack in a local cloud, IAM enforced, and a MinIO."""
    with running() as found:
        yield found


@pytest.fixture(scope="session")
def direct(deployed: Running) -> Server:
    """The HTTP API by its own address."""
    split = urlsplit(deployed.outputs["DirectApiUrl"].removesuffix("/api/v1"))
    return Server(split.port or 80, split.netloc, split.path)


@pytest.fixture(scope="session")
def edge(deployed: Running) -> Server:
    """CloudFront."""
    split = urlsplit(deployed.outputs["ConsoleUrl"])
    return Server(split.port or 80, split.netloc)


@pytest.fixture(scope="session")
def state(deployed: Running) -> State:
    """What lies in it."""
    return State.of(deployed)


@pytest.fixture(scope="module")
def ledger(state: State) -> Ledger:
    """The counters, when nothing moves them but what a module does."""
    state.settle()
    return Ledger(state)


@pytest.fixture(scope="session")
def post(deployed: Running) -> Post:
    """The letters that it sends."""
    return Post(deployed)


@pytest.fixture
def visitor(direct: Server) -> Client:
    """Somebody whom nobody knows."""
    return Client(direct)


@pytest.fixture
def client(direct: Server) -> Client:
    """Somebody with a new account."""
    return signed_in(direct)
