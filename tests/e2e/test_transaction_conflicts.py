"""U3 with DynamoDB's own manners: transactions that are in each other's way are refused, and some for no reason at all.

Nothing of that may reach a client as anything but "busy", and no counter may move by it.
"""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from holdall.platform.messages import Message
from holdall.uploads.model import ExpireUpload
from infra.local.e2e_environment import E2EEnvironment
from infra.local.install import ROOT
from infra.local.process import HOST
from tests.support.e2e.actions import create_project
from tests.support.e2e.client import Client, Response, Server, create_client
from tests.support.e2e.load_rounds import CLIENT_COUNT, LoadRound, plan_uploads, race, retry_while_busy
from tests.support.e2e.local_handlers import CONFLICTS_PATH, MAINTENANCE_PATH
from tests.support.e2e.quota_ledger import (
    INSTALLATION_CACHE_SECONDS,
    ZERO,
    QuotaLedger,
    Usage,
    sample_in_background,
)

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.serial

_POLL_INTERVAL_SECONDS = 0.05  # seconds between two looks into the queue
_DRAIN_TIMEOUT_SECONDS = 60  # seconds until nothing is left in it
_TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}
_FREE_FILES = 20  # that the installation has room for, in the test about its edge


@dataclass(frozen=True)
class LocalHandlers:
    """The handlers in processes of this machine."""

    server: Server
    sqs: "SQSClient"
    queue: str  # of what the handlers ask maintenance to do: the deployed one must not do it, as nothing is in its way

    def run_maintenance(self, message: Message) -> None:
        """Give a message to maintenance, again until it is processed."""
        self._run_until_done(message.to_json())

    @contextmanager
    def draining_queue(self) -> Iterator[None]:
        """While a block runs, and until nothing is left, what the handlers ask of maintenance is done, each by two at once."""
        over = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            worker = pool.submit(self._drain_queue, over)
            try:
                yield
            finally:
                over.set()
            worker.result()

    def transaction_counts(self) -> tuple[int, int]:
        """Transactions that were sent, and those of them that were refused."""
        sent, refused = self.server.request("GET", CONFLICTS_PATH).json()
        return sent, refused

    def _drain_queue(self, stopped: threading.Event) -> None:
        end = None
        while not stopped.wait(_POLL_INTERVAL_SECONDS) or self._has_messages():
            end = end or (time.monotonic() + _DRAIN_TIMEOUT_SECONDS if stopped.is_set() else None)
            assert end is None or time.monotonic() < end, "there is always more to do"
            told = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            race(2 * len(told), lambda number: self._run_until_done(told[number // 2]["Body"]))  # noqa: B023
            for message in told:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def _has_messages(self) -> bool:
        told = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"]
        return any(int(count) for name, count in told.items() if name.startswith("ApproximateNumberOfMessages"))

    def _run_until_done(self, body: str) -> None:
        for _ in range(5):
            answer = self.server.request("POST", MAINTENANCE_PATH, body=body.encode())
            assert answer.status == 200, answer.content
            if answer.json() == {"batchItemFailures": []}:
                return
        raise AssertionError(f"{body} was never done.")


@pytest.fixture(scope="module", params=[0, 1 / 3], ids=["conflicts", "conflicts-and-random-cancellations"])
def local_handlers(request: pytest.FixtureRequest, deployment: E2EEnvironment) -> Iterator[LocalHandlers]:
    """Transactions in each other's way are refused, in the second house one of three others as well."""
    with _run_handlers(deployment, request.param) as running:
        yield running


@pytest.fixture(scope="module")
def owner(local_handlers: LocalHandlers) -> Client:
    """Who calls."""
    return create_client(local_handlers.server)


@pytest.mark.parametrize("number", range(2))
def test_conflicts_change_nothing_at_the_edge_of_a_quota(
    number: int, local_handlers: LocalHandlers, owner: Client, quota_ledger: QuotaLedger
) -> None:
    before, conflicts = quota_ledger.installation_usage(), local_handlers.transaction_counts()
    most = [Usage(20_000, CLIENT_COUNT), Usage(10**9, 15)][number]
    project_id = create_project(owner, quota={"maxBytes": most.bytes, "maxFiles": most.files})
    round_ = LoadRound(owner, quota_ledger, project_id, most, local_handlers.run_maintenance)

    with sample_in_background(lambda: quota_ledger.recorded_usage(project_id)) as seen, local_handlers.draining_queue():
        round_.start_uploads(plan_uploads(100 + number, project_id))
        round_.finish_uploads()
        quota_ledger.aws_state.wait_until_queues_empty()
    assert [count for count in seen if not count.fits_in(most) or not ZERO.fits_in(count)] == []
    counted = quota_ledger.recorded_usage(project_id)
    assert counted == quota_ledger.actual_usage(project_id)
    assert quota_ledger.recorded_usage_by_kind(project_id) == quota_ledger.actual_usage_by_kind(project_id)
    assert quota_ledger.installation_usage() - before == counted

    with sample_in_background(quota_ledger.installation_usage) as sums, local_handlers.draining_queue():
        if number:
            round_.purge_project()
        else:
            round_.release_all()
    quota_ledger.aws_state.wait_until_queues_empty()
    assert [count for count in sums if not before.fits_in(count)] == []
    assert number or quota_ledger.recorded_usage(project_id) == ZERO
    assert quota_ledger.actual_usage(project_id) == ZERO
    assert quota_ledger.recorded_usage_by_kind(project_id) == {}
    assert quota_ledger.aws_state.originals(project_id) == []
    assert quota_ledger.installation_usage() == before
    assert local_handlers.transaction_counts()[1] - conflicts[1] > CLIENT_COUNT, "hardly anything was in the way"


def test_conflicts_change_nothing_at_the_edge_of_the_installation(
    deployment: E2EEnvironment, quota_ledger: QuotaLedger, api_gateway: Server
) -> None:
    before, deployed_cap = quota_ledger.installation_usage(), quota_ledger.installation_limit()
    cap = Usage(deployed_cap.bytes, before.files + _FREE_FILES)
    with _run_handlers(deployment, 1 / 3, MAX_FILES=str(cap.files)) as local_handlers:
        owner = create_client(local_handlers.server)
        projects = [create_project(owner) for _ in range(4)]
        chance = random.Random(7)  # noqa: S311  # no secret
        said = [
            {"projectId": projects[each % 4], "size": chance.randint(1, 9), **_TEXT_FILE}
            for each in range(CLIENT_COUNT)
        ]

        def init_all() -> list[Response]:
            return race(
                CLIENT_COUNT, lambda number: retry_while_busy(lambda: owner.post("/files/init-upload", said[number]))
            )

        answers = init_all()
        begun = [answer.data() for answer in answers if answer.status == 201]
        for answer in answers:
            if answer.status != 201:
                answer.problem(409, "installation_full")
        assert len(begun) >= _FREE_FILES
        counted = sum((quota_ledger.recorded_usage(each) for each in projects), ZERO)
        assert counted.files == len(begun)
        assert quota_ledger.installation_usage() - before == counted
        time.sleep(INSTALLATION_CACHE_SECONDS)
        for answer in init_all():
            answer.problem(409, "installation_full")
        assert quota_ledger.installation_usage() - before == counted
        for each in begun:
            quota_ledger.aws_state.expire_upload_deadline(each["uploadId"])
        race(
            2 * len(begun),
            lambda number: local_handlers.run_maintenance(ExpireUpload(begun[number // 2]["uploadId"])),
            concurrency=16,
        )
    quota_ledger.aws_state.wait_until_queues_empty()
    assert [quota_ledger.recorded_usage(each) for each in projects] == [ZERO] * 4
    assert quota_ledger.installation_usage() == before
    # The deployed functions go on with their own cap.
    client = create_client(api_gateway)
    client.post("/files/init-upload", {"size": 0, **_TEXT_FILE}).data()


@contextmanager
def _run_handlers(deployment: E2EEnvironment, conflict_probability: float, **overrides: str) -> Iterator[LocalHandlers]:
    """The handlers with the settings of the deployed function `upload`, but for these values, all rights, and a queue of their
    own.
    """
    sqs = deployment.cloud.client("sqs")
    queue = sqs.create_queue(QueueName=f"work-{uuid4().hex}")["QueueUrl"]
    told = deployment.cloud.lambda_client().get_function_configuration(
        FunctionName=deployment.outputs["UploadFunction"]
    )
    settings = told["Environment"]["Variables"]
    environment = {**deployment.cloud.client_environment(), **settings, "POWERTOOLS_LOG_LEVEL": "CRITICAL", **overrides}
    environment["WORK_QUEUE_URL"] = queue
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core" / "python")])
    command = [sys.executable, "-m", "tests.support.e2e.local_handlers", str(conflict_probability)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            assert port, "The handlers did not start."
            yield LocalHandlers(Server(int(port), f"{HOST}:{port}"), sqs, queue)
        finally:
            if process.stdin:
                process.stdin.close()
            process.wait(20)
            sqs.delete_queue(QueueUrl=queue)
