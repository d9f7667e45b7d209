"""Quotas with transaction conflicts (U3): concurrent transactions are cancelled as in DynamoDB, and some at random.

A client may see them only as `busy`, and they change no counter.
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
from holdall.uploads.messages import EndUpload
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

_POLL_INTERVAL_SECONDS = 0.05  # of the queue
_DRAIN_TIMEOUT_SECONDS = 60
_TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}
_FREE_FILES = 20  # in the test about the limit of the installation


@dataclass(frozen=True)
class LocalHandlers:
    """The handlers in processes of this machine, and their queue of maintenance."""

    server: Server
    sqs: "SQSClient"
    queue: str  # a queue of their own, because the deployed maintenance has no conflicts

    def run_maintenance(self, message: Message) -> None:
        """Deliver a message to maintenance until it is processed."""
        self._run_until_done(message.to_json())

    @contextmanager
    def draining_queue(self) -> Iterator[None]:
        """Process the messages of the queue while a block runs and until it is empty, each twice at once."""
        stopped = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            worker = pool.submit(self._drain_queue, stopped)
            try:
                yield
            finally:
                stopped.set()
            worker.result()

    def transaction_counts(self) -> tuple[int, int]:
        """Return the number of transactions, and of those that were cancelled."""
        sent, cancelled = self.server.request("GET", CONFLICTS_PATH).json()
        return sent, cancelled

    def _drain_queue(self, stopped: threading.Event) -> None:
        deadline = None
        while not stopped.wait(_POLL_INTERVAL_SECONDS) or self._has_messages():
            deadline = deadline or (time.monotonic() + _DRAIN_TIMEOUT_SECONDS if stopped.is_set() else None)
            assert deadline is None or time.monotonic() < deadline, "The queue is never empty."
            messages = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            race(2 * len(messages), lambda number: self._run_until_done(messages[number // 2]["Body"]))  # noqa: B023
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def _has_messages(self) -> bool:
        queue = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"]
        return any(int(count) for name, count in queue.items() if name.startswith("ApproximateNumberOfMessages"))

    def _run_until_done(self, body: str) -> None:
        for _ in range(5):
            response = self.server.request("POST", MAINTENANCE_PATH, body=body.encode())
            assert response.status == 200, response.content
            if response.json() == {"batchItemFailures": []}:
                return
        raise AssertionError(f"{body} was never processed.")


@pytest.fixture(scope="module", params=[0, 1 / 3], ids=["conflicts", "conflicts-and-random-cancellations"])
def local_handlers(request: pytest.FixtureRequest, deployment: E2EEnvironment) -> Iterator[LocalHandlers]:
    """Yield handlers with transaction conflicts, and then handlers that cancel a third of all transactions as well."""
    with _run_handlers(deployment, request.param) as local_handlers:
        yield local_handlers


@pytest.fixture(scope="module")
def owner(local_handlers: LocalHandlers) -> Client:
    return create_client(local_handlers.server)


@pytest.mark.parametrize("number", range(2))
def test_conflicts_change_no_counter_at_the_limit_of_a_quota(
    number: int, local_handlers: LocalHandlers, owner: Client, quota_ledger: QuotaLedger
) -> None:
    before, conflicts = quota_ledger.installation_usage(), local_handlers.transaction_counts()
    limit = [Usage(20_000, CLIENT_COUNT), Usage(10**9, 15)][number]
    project_id = create_project(owner, quota={"maxBytes": limit.bytes, "maxFiles": limit.files})
    round_ = LoadRound(owner, quota_ledger, project_id, limit, local_handlers.run_maintenance)

    with (
        sample_in_background(lambda: quota_ledger.recorded_usage(project_id)) as samples,
        local_handlers.draining_queue(),
    ):
        round_.start_uploads(plan_uploads(100 + number, project_id))
        round_.finish_uploads()
        quota_ledger.aws_state.wait_until_queues_empty()
    assert [usage for usage in samples if not usage.fits_in(limit) or not ZERO.fits_in(usage)] == []
    counted = quota_ledger.recorded_usage(project_id)
    assert counted == quota_ledger.actual_usage(project_id)
    assert quota_ledger.recorded_usage_by_kind(project_id) == quota_ledger.actual_usage_by_kind(project_id)
    assert quota_ledger.installation_usage() - before == counted

    with sample_in_background(quota_ledger.installation_usage) as samples, local_handlers.draining_queue():
        if number:
            round_.purge_project()
        else:
            round_.release_all()
    quota_ledger.aws_state.wait_until_queues_empty()
    assert [usage for usage in samples if not before.fits_in(usage)] == []
    assert number or quota_ledger.recorded_usage(project_id) == ZERO
    assert quota_ledger.actual_usage(project_id) == ZERO
    assert quota_ledger.recorded_usage_by_kind(project_id) == {}
    assert quota_ledger.aws_state.originals(project_id) == []
    assert quota_ledger.installation_usage() == before
    assert local_handlers.transaction_counts()[1] - conflicts[1] > CLIENT_COUNT, "There were hardly any conflicts."


def test_conflicts_change_no_counter_at_the_limit_of_the_installation(
    deployment: E2EEnvironment, quota_ledger: QuotaLedger, api_gateway: Server
) -> None:
    before, deployed_limit = quota_ledger.installation_usage(), quota_ledger.installation_limit()
    limit = Usage(deployed_limit.bytes, before.files + _FREE_FILES)
    with _run_handlers(deployment, 1 / 3, MAX_FILES=str(limit.files)) as local_handlers:
        owner = create_client(local_handlers.server)
        projects = [create_project(owner) for _ in range(4)]
        chance = random.Random(7)  # noqa: S311  # not a secret
        bodies = [
            {"projectId": projects[each % 4], "size": chance.randint(1, 9), **_TEXT_FILE}
            for each in range(CLIENT_COUNT)
        ]

        def init_all() -> list[Response]:
            return race(
                CLIENT_COUNT, lambda number: retry_while_busy(lambda: owner.post("/files/init-upload", bodies[number]))
            )

        responses = init_all()
        uploads = [response.data() for response in responses if response.status == 201]
        for response in responses:
            if response.status != 201:
                response.problem(409, "installation_full")
        assert len(uploads) >= _FREE_FILES
        counted = sum((quota_ledger.recorded_usage(each) for each in projects), ZERO)
        assert counted.files == len(uploads)
        assert quota_ledger.installation_usage() - before == counted
        time.sleep(INSTALLATION_CACHE_SECONDS)
        for response in init_all():
            response.problem(409, "installation_full")
        assert quota_ledger.installation_usage() - before == counted
        for each in uploads:
            quota_ledger.aws_state.expire_upload_deadline(each["uploadId"])
        race(
            2 * len(uploads),
            lambda number: local_handlers.run_maintenance(EndUpload(uploads[number // 2]["uploadId"])),
            concurrency=16,
        )
    quota_ledger.aws_state.wait_until_queues_empty()
    assert [quota_ledger.recorded_usage(each) for each in projects] == [ZERO] * 4
    assert quota_ledger.installation_usage() == before
    # The deployed functions still have their own limit.
    client = create_client(api_gateway)
    client.post("/files/init-upload", {"size": 0, **_TEXT_FILE}).data()


@contextmanager
def _run_handlers(deployment: E2EEnvironment, conflict_probability: float, **overrides: str) -> Iterator[LocalHandlers]:
    """Run the handlers with the settings of the deployed function `upload`, all permissions and a queue of their own."""
    sqs = deployment.cloud.client("sqs")
    queue = sqs.create_queue(QueueName=f"work-{uuid4().hex}")["QueueUrl"]
    configuration = deployment.cloud.lambda_client().get_function_configuration(
        FunctionName=deployment.outputs["UploadFunction"]
    )
    settings = configuration["Environment"]["Variables"]
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
