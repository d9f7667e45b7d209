"""The sweep while users upload, commit, restore, delete and purge, message by message, in any order.

After every step, what a record names has its object, and nothing younger than a day is gone. In the end, two runs remove every
object that no record names.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from holdall.files import service as files
from holdall.files import trash, versions
from holdall.maintenance import sweep
from holdall.platform import clock, ids
from holdall.platform.errors import Busy, Conflict, NotFound
from holdall.uploads import cleanup
from holdall.uploads import service as uploads
from holdall.uploads import store as upload_store
from holdall.uploads.model import CommitUploadRequest, InitUploadRequest
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.checkpoints import Checkpoint
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.faults import interleave
from tests.support.sweep import put_original, run_sweep, stored_originals, use_clock_in_s3
from tests.support.uploads import TEXT_FILE

_EXAMPLES, _STEPS = 12, 30
_REFUSALS = (Conflict, NotFound, Busy)
_CALLS = ("s3.ListObjectVersions", "s3.DeleteObject", "BatchGetItem", "TransactWriteItems")
StoredVersion = tuple[str, str]  # key and version ID
_pick = st.integers(0, 2)  # of the last ones


class SweepMachine(RuleBasedStateMachine):
    """A project whose user and whose workers take turns with the sweep. `world` has what every example begins with."""

    world: "World"

    def __init__(self) -> None:
        super().__init__()
        self.aws, self.clock = self.world.fake_aws, self.world.frozen_clock
        self.caller, self.project = make_caller(self.world.client), get_project(self.world.project_id)
        self.uploads: list[dict[str, Any]] = []
        self.file_ids: list[str] = []
        self.stored_at: dict[StoredVersion, datetime] = {}
        self.world.checkpoint.restore()

    @initialize()
    def make_a_file(self) -> None:
        self.begin_upload(to_file=False)
        self.commit(0)

    @rule(to_file=st.booleans())
    def begin_upload(self, *, to_file: bool) -> None:
        """Begin an upload, to the last file or to a new one, and store its object, but do not commit it."""
        body = make_upload_request(b"content", projectId=self.project.id, **TEXT_FILE)
        if to_file:
            body["fileId"] = self.file_ids[-1]
        with suppress(*_REFUSALS):
            started = uploads.init(self.caller, self.project, InitUploadRequest.model_validate(body))
            upload = started.model_dump(by_alias=True)
            self.uploads.append(upload)
            self._note(upload["key"], self.aws.put_object(upload, b"content"))

    @rule()
    def add_version(self) -> None:
        self.begin_upload(to_file=True)
        self.commit(0)

    @rule(which=_pick)
    def commit(self, which: int) -> None:
        upload = self._choose_upload(which)
        with suppress(*_REFUSALS):
            request = CommitUploadRequest(uploadId=upload["uploadId"])
            file_id = uploads.commit(self.caller, self.project, request).file_id
            self.file_ids = [*(each for each in self.file_ids if each != file_id), file_id]

    @rule(which=_pick)
    def abort(self, which: int) -> None:
        stored = upload_store.get_or_none(self._choose_upload(which)["uploadId"])
        if stored is not None:
            cleanup.abort_if_open(stored)

    @rule(which=_pick)
    def put_again(self, which: int) -> None:
        """Store a second object under the key of an upload, as a form that is posted twice does."""
        key = self._choose_upload(which)["key"]
        self._note(key, put_original(self.aws, key))

    @rule()
    def share_original(self) -> None:
        """Purge the version that an upload created, while another one that restored it has its original."""
        self.begin_upload(to_file=False)
        self.commit(0)
        self.add_version()
        self.restore_version(0, 1)
        self.delete_version(0, 1)
        self.aws.run_workers()

    @rule()
    def plant(self) -> None:
        """Store an object that no upload announced."""
        key = f"orphans-{self.project.id}/files/{ids.new_id()}.txt"
        self._note(key, put_original(self.aws, key))

    @rule(which=_pick, number=st.integers(1, 2))
    def restore_version(self, which: int, number: int) -> None:
        self._change(which, lambda file_id: versions.restore(self.caller, self.project, file_id, number))

    @rule(which=_pick, number=st.integers(1, 2))
    def delete_version(self, which: int, number: int) -> None:
        self._change(which, lambda file_id: versions.delete(self.caller, file_id, number))

    @rule(which=_pick)
    def purge(self, which: int) -> None:
        self._change(which, lambda file_id: trash.purge(self.caller, file_id))

    @rule(by_operator=st.booleans())
    def start_sweep(self, *, by_operator: bool) -> None:
        command = {"command": "run", "dryRun": False} if by_operator else {}
        self.aws.run_task("sweep", **command)

    @rule(hours=st.sampled_from([1, 25]), times=st.integers(1, 2))
    def run_sweep(self, hours: int, times: int) -> None:
        self.aws.run_workers()
        for _ in range(times):
            self.clock.advance(hours=hours)
            run_sweep(self.aws)

    @rule(twice=st.booleans())
    def deliver(self, *, twice: bool) -> None:
        """Let a worker process the next messages, which SQS may deliver twice."""
        for message in self.aws.receive_messages("work"):
            for _ in range(1 + twice):
                assert self.aws.deliver_messages("maintenance", message) == NO_FAILURES

    @rule(
        which=_pick, call=st.sampled_from(_CALLS), action=st.sampled_from(["commit", "restore", "delete", "put_again"])
    )
    def race(self, which: int, call: str, action: str) -> None:
        """Let a request of the user come between two calls of the worker."""
        actions: dict[str, Callable[[], None]] = {
            "commit": lambda: self.commit(which),
            "restore": lambda: self.restore_version(which, 1),
            "delete": lambda: self.delete_version(which, 1),
            "put_again": lambda: self.put_again(which),
        }
        messages = self.aws.receive_messages("work")
        with suppress(AssertionError), interleave(call, actions[action]):  # there may be no such call
            for message in messages:
                # What changed meanwhile comes back.
                self.aws.deliver_messages("maintenance", message)

    @invariant()
    def named_objects_are_stored(self) -> None:
        stored = self._stored()
        for version in invariants.stored_versions(self.aws, self.project.id):
            if version["status"] != "deleted":  # of others the purge deletes the object first
                file_id = self._file_of(version)
                file = files.get_or_none(file_id)
                if file is not None and file.state != "purging":
                    assert (version["key"], version["s3_version_id"]) in stored, version

    @invariant()
    def young_objects_are_stored(self) -> None:
        """Check the age of each planted object that has disappeared."""
        stored = self._stored()
        for (key, version_id), stored_at in self.stored_at.items():
            if (key, version_id) not in stored and key.startswith("orphans-"):
                assert clock.now() - stored_at >= sweep.MIN_AGE

    def teardown(self) -> None:
        for _ in range(3):  # the first one may meet objects of the last day
            self.aws.run_workers()
            self.clock.advance(hours=25)
            run_sweep(self.aws)
            for task in ("expire-uploads", "send-pending-jobs"):  # their messages may be lost
                self.aws.run_task(task)
        self.aws.run_workers()
        self.named_objects_are_stored()
        named = {(each["key"], each["s3_version_id"]) for each in invariants.stored_versions(self.aws, self.project.id)}
        assert self._stored() == named
        invariants.assert_project_consistent(self.aws, self.project.id)

    def _choose_upload(self, which: int) -> dict[str, Any]:
        return self.uploads[-1 - which % len(self.uploads)]

    def _change(self, which: int, change: Callable[[str], object]) -> None:
        with suppress(*_REFUSALS):
            change(self.file_ids[-1 - which % len(self.file_ids)])

    def _note(self, key: str, version_id: str) -> None:
        self.stored_at[key, version_id] = clock.now()

    def _stored(self) -> set[StoredVersion]:
        return {each for each in stored_originals() if self.project.id in each[0]}

    def _file_of(self, version: dict[str, Any]) -> str:
        rows = self.aws.find_rows("main", record_type="version")
        return str(next(row["pk"] for row in rows if f'"id":"{version["id"]}"' in row["version_json"])).removeprefix(
            "FILE#"
        )


class World:
    """What every example begins with: a client with an empty project, and a clock that is frozen."""

    def __init__(self, fake_aws: FakeAws, client: Client, frozen_clock: FrozenClock) -> None:
        self.fake_aws, self.client, self.frozen_clock = fake_aws, client, frozen_clock
        self.project_id = users.personal_project_id(client)
        self.checkpoint = Checkpoint.save()


@pytest.fixture
def machine(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[type[SweepMachine]]:
    use_clock_in_s3(monkeypatch, frozen_clock)
    SweepMachine.world = World(fake_aws, client, frozen_clock)
    yield SweepMachine
    del SweepMachine.world


def test_no_live_object_is_lost_and_every_orphan_is_removed(machine: type[SweepMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=_EXAMPLES,
            stateful_step_count=_STEPS,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
