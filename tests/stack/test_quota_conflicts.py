"""U3 with DynamoDB's own manners: transactions that are in each other's way are refused, and some for no reason at all.

Nothing of that may reach a client as anything but "busy", and no counter may move by it.
"""

import json
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

from infra.local.install import ROOT
from infra.local.process import HOST
from infra.local.testing import Running
from tests.stack.client import Client, Server, signed_in
from tests.stack.in_process import COUNTS, WORK
from tests.stack.ledger import NOTHING, Count, Ledger, share_of, watched
from tests.stack.rounds import CLIENTS, Round, patient, race, wishes
from tests.stack.work import new_project

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_PAUSE = 0.05  # seconds between two looks into the queue
_PATIENCE = 60  # seconds until nothing is left in it
_PLAIN = {"filename": "notes.txt", "contentType": "text/plain"}
_FILES = 20  # that the installation has room for, in the test about its edge


@dataclass(frozen=True)
class House:
    """The handlers in processes of this machine."""

    server: Server
    sqs: "SQSClient"
    queue: str  # of what the handlers ask maintenance to do: the deployed one must not do it, as nothing is in its way

    def work(self, kind: str, subject: str) -> None:
        """Give a message to maintenance; one that could not be done comes again."""
        self._do(json.dumps({"work": kind, "id": subject}))

    @contextmanager
    def working(self) -> Iterator[None]:
        """While a block runs, and until nothing is left, what the handlers ask of maintenance is done, each by two at once."""
        over = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            worker = pool.submit(self._work_off, over)
            try:
                yield
            finally:
                over.set()
            worker.result()

    def counts(self) -> tuple[int, int]:
        """Transactions that were sent, and those of them that were refused."""
        sent, refused = self.server.ask("GET", COUNTS).json()
        return sent, refused

    def _work_off(self, over: threading.Event) -> None:
        end = None
        while not over.wait(_PAUSE) or self._waiting():
            end = end or (time.monotonic() + _PATIENCE if over.is_set() else None)
            assert end is None or time.monotonic() < end, "there is always more to do"
            told = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            race(2 * len(told), lambda number: self._do(told[number // 2]["Body"]))  # noqa: B023
            for message in told:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def _waiting(self) -> bool:
        told = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"]
        return any(int(count) for name, count in told.items() if name.startswith("ApproximateNumberOfMessages"))

    def _do(self, body: str) -> None:
        for _ in range(5):
            answer = self.server.ask("POST", WORK, body=body.encode())
            assert answer.status == 200, answer.content
            if answer.json() == {"batchItemFailures": []}:
                return
        raise AssertionError(f"{body} was never done.")


@pytest.fixture(scope="module", params=[0, 1 / 3], ids=["in-the-way", "and-one-of-three"])
def house(request: pytest.FixtureRequest, deployed: Running) -> Iterator[House]:
    """Transactions in each other's way are refused, in the second house one of three others as well."""
    with _running(deployed, request.param) as running:
        yield running


@pytest.fixture(scope="module")
def owner(house: House) -> Client:
    """Who calls."""
    return signed_in(house.server)


@pytest.mark.parametrize("number", range(2))
def test_conflicts_change_nothing_at_the_edge_of_a_quota(
    number: int, house: House, owner: Client, ledger: Ledger
) -> None:
    before, conflicts = ledger.installation(), house.counts()
    most = [Count(20_000, CLIENTS), Count(10**9, 15)][number]
    project_id = new_project(owner, quota={"maxBytes": most.bytes, "maxFiles": most.files})
    round_ = Round(owner, ledger, project_id, most, house.work)

    with watched(lambda: ledger.counted(project_id)) as seen, house.working():
        round_.begin(wishes(100 + number, project_id))
        round_.go_on()
        ledger.state.settle()
    assert [count for count in seen if not count.within(most) or not NOTHING.within(count)] == []
    counted = ledger.counted(project_id)
    assert counted == ledger.there(project_id)
    assert ledger.used(project_id) == ledger.lies(project_id)
    assert ledger.installation() - before == counted

    with watched(ledger.installation) as sums, house.working():
        if number:
            round_.purge_all()
        else:
            round_.give_all_back()
    ledger.state.settle()
    assert [count for count in sums if not before.within(count)] == []
    assert number or ledger.counted(project_id) == NOTHING
    assert ledger.there(project_id) == NOTHING
    assert ledger.used(project_id) == {}
    assert ledger.state.originals(project_id) == []
    assert ledger.installation() == before
    assert house.counts()[1] - conflicts[1] > CLIENTS, "hardly anything was in the way"


def test_conflicts_change_nothing_at_the_edge_of_the_installation(
    deployed: Running, ledger: Ledger, direct: Server
) -> None:
    before, deployed_cap = ledger.installation(), ledger.cap()
    cap = Count(deployed_cap.bytes, before.files + _FILES)
    with _running(deployed, 1 / 3, MAX_FILES=str(cap.files)) as house:
        owner = signed_in(house.server)
        projects = [new_project(owner) for _ in range(4)]
        chance = random.Random(7)  # noqa: S311  # no secret
        said = [{"projectId": projects[each % 4], "size": chance.randint(1, 9), **_PLAIN} for each in range(CLIENTS)]

        with watched(ledger.parts) as seen:
            answers = race(CLIENTS, lambda number: patient(lambda: owner.post("/files/init-upload", said[number])))
        begun = [answer.data() for answer in answers if answer.status == 201]
        for answer in answers:
            if answer.status != 201:
                answer.problem(409, "installation_full")
        assert len(begun) == _FILES
        assert ledger.installation().files == cap.files
        assert all(sum(parts, NOTHING).within(cap) for parts in seen)
        assert all(part.within(share_of(cap, number)) for number, part in enumerate(seen[-1]))
        for each in begun:
            ledger.state.let_pass(each["uploadId"])
        race(2 * len(begun), lambda number: house.work("expire-upload", begun[number // 2]["uploadId"]), width=16)
    ledger.state.settle()
    assert [ledger.counted(each) for each in projects] == [NOTHING] * 4
    assert ledger.installation() == before
    # The deployed functions go on with their own cap.
    client = signed_in(direct)
    client.post("/files/init-upload", {"size": 0, **_PLAIN}).data()


@contextmanager
def _running(deployed: Running, chance: float, **values: str) -> Iterator[House]:
    """The handlers with the settings of the deployed function `upload`, but for these values, all rights, and a queue of their
    own.
    """
    sqs = deployed.cloud.client("sqs")
    queue = sqs.create_queue(QueueName=f"work-{uuid4().hex}")["QueueUrl"]
    told = deployed.cloud.functions().get_function_configuration(FunctionName=deployed.outputs["UploadFunction"])
    settings = told["Environment"]["Variables"]
    environment = {**deployed.cloud.desk_environment(), **settings, "POWERTOOLS_LOG_LEVEL": "CRITICAL", **values}
    environment["WORK_QUEUE_URL"] = queue
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core" / "python")])
    command = [sys.executable, "-m", "tests.stack.in_process", str(chance)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            assert port, "The handlers did not start."
            yield House(Server(int(port), f"{HOST}:{port}"), sqs, queue)
        finally:
            if process.stdin:
                process.stdin.close()
            process.wait(20)
            sqs.delete_queue(QueueUrl=queue)
