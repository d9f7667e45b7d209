"""Rounds of uploads at the limit of a quota: more clients than the quota allows, and several ways to finish an upload."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from holdall.jobs.model import RunJob
from holdall.platform.messages import Message
from holdall.uploads.messages import EndUpload
from tests.support import image_samples as images
from tests.support.e2e.actions import commit_upload, run_concurrently, upload_bytes, wait_for
from tests.support.e2e.client import Client, Response
from tests.support.e2e.quota_ledger import ZERO, QuotaLedger, Usage
from tests.support.factories import make_upload_request

CLIENT_COUNT = 64
_EXTRA_UPLOADS = 8  # that are certainly open when a project is purged
_MAX_RETRIES = 20  # of a client
_MAX_RETRY_DELAY_SECONDS = 0.1  # shorter than Retry-After, so that the load stays high
_MAX_BYTES = 3000  # of an upload
_PURGE_TIMEOUT_SECONDS = 120  # a purge waits between attempts

T = TypeVar("T")


def race(count: int, action: Callable[[int], T], *, concurrency: int = CLIENT_COUNT) -> list[T]:
    """Call `action` with each number below `count`, 64 at the same time."""
    return run_concurrently(count, action, concurrency=concurrency)


def retry_while_busy(send_request: Callable[[], Response]) -> Response:
    """Send a request again while the response is `busy`. No other server error is accepted."""
    response = send_request()
    for _ in range(_MAX_RETRIES):
        if response.status < 500 and not (response.status == 409 and response.json()["code"] == "busy"):
            return response
        if response.status >= 500:
            response.problem(503, "busy")
            assert int(response.headers["retry-after"]) > 0
        time.sleep(random.uniform(0, _MAX_RETRY_DELAY_SECONDS))  # noqa: S311  # not a secret
        response = send_request()
    return response


@dataclass(frozen=True)
class PlannedUpload:
    """An upload that a client tries."""

    content: bytes
    payload: dict[str, Any]

    @property
    def usage(self) -> Usage:
        return Usage(len(self.content), 1)


def plan_uploads(seed: int, project_id: str, *, photo_count: int = 0) -> list[PlannedUpload]:
    """Return uploads of mixed sizes, one of them empty, some of the same size, and some without a SHA-256."""
    chance = random.Random(seed)  # noqa: S311  # not a secret
    sizes = [0, *(chance.choice([1, 700, _MAX_BYTES, chance.randint(1, _MAX_BYTES)]) for _ in range(CLIENT_COUNT - 1))]
    text = {"projectId": project_id, "filename": "notes.txt", "contentType": "text/plain"}
    planned = [PlannedUpload(content, make_upload_request(content, **text)) for content in map(chance.randbytes, sizes)]
    for unhashed in planned[1::3]:
        del unhashed.payload["sha256"]
    for number in range(photo_count):
        photo = images.make_noise_photo(seed * 10 + number, 60, 40)
        planned[-1 - number] = PlannedUpload(photo, make_upload_request(photo, projectId=project_id))
    chance.shuffle(planned)
    return planned


@dataclass
class LoadRound:
    """64 clients with uploads in a project whose quota is too small for all of them."""

    client: Client
    quota_ledger: QuotaLedger
    project_id: str
    limit: Usage
    send_work_message: Callable[[Message], None]  # to maintenance
    uploads: list[tuple[Any, PlannedUpload]] = field(default_factory=list)
    refused: list[PlannedUpload] = field(default_factory=list)

    def start_uploads(self, planned: Sequence[PlannedUpload]) -> None:
        """Initiate all uploads at once. Check that each is accepted, or refused for lack of quota."""
        responses = race(len(planned), lambda number: self.init_upload(planned[number]))
        statuses = Counter(response.content for response in responses)
        assert {response.status for response in responses} <= {201, 409}, statuses
        for response, each in zip(responses, planned, strict=True):
            if response.status == 201:
                self.uploads.append((response.data(), each))
            else:
                response.problem(409, "quota_exceeded")
                self.refused.append(each)
        reserved = sum((each.usage for _, each in self.uploads), ZERO)
        assert reserved.fits_in(self.limit)
        assert not any((reserved + each.usage).fits_in(self.limit) for each in self.refused), (
            "An upload within the quota was refused."
        )

    def init_upload(self, planned: PlannedUpload) -> Response:
        return retry_while_busy(lambda: self.client.post("/files/init-upload", planned.payload))

    def finish_uploads(self) -> None:
        """Finish all uploads at once, in several ways, and try those again that were refused."""
        ways = (
            self._commit,
            self._expire_before_commit,
            self._overwrite_then_expire,
            self._commit_then_purge,
            self._commit_with_wrong_checksum,
            self._commit_while_expiring,
            self._commit,
        )
        finishes = [(ways[number % len(ways)], *each) for number, each in enumerate(self.uploads)]

        def step(number: int) -> None:
            if number < len(finishes):
                finish, upload, planned = finishes[number]
                finish(upload, planned)
            else:
                self._retry_init(self.refused[number - len(finishes)])

        race(len(finishes) + len(self.refused), step)

    def release_all(self) -> None:
        """Expire open uploads, twice each, and purge files, each by two requests at once and another message."""
        states = {upload["uploadId"]: self._upload_state(upload) for upload, _ in self.uploads}

        def release(number: int) -> None:
            upload, _ = self.uploads[number]
            if states[upload["uploadId"]] == "open":
                self._expire(upload)
            else:
                self.purge_file(upload["fileId"])

        race(len(self.uploads), release, concurrency=4)

    def purge_project(self) -> None:
        """Raise the quota and initiate more uploads. Then purge the project.

        Meanwhile a quarter of the open uploads is committed, and half of them expires.
        """
        room = {"settings": {"quota": {"maxBytes": 10**9, "maxFiles": 1000}}}
        self.client.request("PUT", f"/projects/{self.project_id}", room).data()
        race(_EXTRA_UPLOADS, lambda number: self._retry_init(self.refused[number % len(self.refused)]))
        uploads = [upload for upload, _ in self.uploads if self._upload_state(upload) == "open"]
        purge_started = threading.Event()

        def step(number: int) -> None:
            if number == len(uploads):
                self._purge_twice(f"/projects/{self.project_id}", purge_started.set)
            elif number % 4 == 1:
                assert retry_while_busy(lambda: commit_upload(self.client, uploads[number])).status in (200, 404, 409)
            elif number % 2 == 0:
                purge_started.wait(_PURGE_TIMEOUT_SECONDS)
                self._expire(uploads[number])

        race(len(uploads) + 1, step)
        wait_for(lambda: not self.quota_ledger.aws_state.rows(f"PROJECT#{self.project_id}"), _PURGE_TIMEOUT_SECONDS)
        assert "aborted" in map(self._upload_state, uploads), "The purge found no open upload."

    def purge_file(self, file_id: str) -> None:
        """Purge a file, if it exists."""
        self._purge_twice(f"/files/{file_id}")

    def _purge_twice(self, path: str, on_started: Callable[[], None] = lambda: None) -> None:
        """Purge with two requests at once, and deliver the message of the job twice more."""
        responses = race(2, lambda _: retry_while_busy(lambda: self.client.delete(f"{path}?permanent=true")))
        assert {each.status for each in responses} <= {202, 404, 409}, [each.content for each in responses]
        on_started()
        for job_id in [each.data()["jobId"] for each in responses if each.status == 202]:
            self._send_message_twice(RunJob(job_id))

    def _upload_state(self, upload: Any) -> str:
        return str(self.quota_ledger.aws_state.upload_row(upload["uploadId"])["state"])

    def _commit(self, upload: Any, planned: PlannedUpload) -> None:
        assert upload_bytes(upload, planned.content).status == 200
        assert retry_while_busy(lambda: commit_upload(self.client, upload)).status == 200

    def _expire_before_commit(self, upload: Any, planned: PlannedUpload) -> None:
        """Upload the bytes, and let the upload expire before the commit."""
        assert upload_bytes(upload, planned.content).status == 200
        self._expire(upload)
        self._assert_commit_refused(upload, "wrong_state")

    def _overwrite_then_expire(self, upload: Any, planned: PlannedUpload) -> None:
        """Store other bytes. The commit fails, and the upload expires."""
        self.quota_ledger.overwrite_object(upload["key"], planned.content + b"!")
        self._assert_commit_refused(upload, "object_mismatch")
        self._expire(upload)

    def _commit_then_purge(self, upload: Any, planned: PlannedUpload) -> None:
        self._commit(upload, planned)
        self.purge_file(upload["fileId"])

    def _commit_with_wrong_checksum(self, upload: Any, planned: PlannedUpload) -> None:
        """Commit with a wrong SHA-256. It is refused, or the version is rejected if the upload declared none."""
        assert upload_bytes(upload, planned.content).status == 200
        body = {"uploadId": upload["uploadId"], "checksum": "0" * 64}
        response = retry_while_busy(lambda: self.client.post("/files/commit", body))
        if "sha256" in planned.payload:
            response.problem(409, "checksum_mismatch")
        else:
            assert response.data()["version"] == 1

    def _commit_while_expiring(self, upload: Any, planned: PlannedUpload) -> None:
        """Commit twice and expire, all at once."""
        assert upload_bytes(upload, planned.content).status == 200

        def step(number: int) -> None:
            if number == 0:
                self._expire(upload)
            else:
                assert retry_while_busy(lambda: commit_upload(self.client, upload)).status in (200, 409)

        race(3, step)

    def _retry_init(self, planned: PlannedUpload) -> None:
        response = self.init_upload(planned)
        if response.status == 201:
            self.uploads.append((response.data(), planned))
        else:
            response.problem(409, "quota_exceeded")

    def _assert_commit_refused(self, upload: Any, code: str) -> None:
        retry_while_busy(lambda: commit_upload(self.client, upload)).problem(409, code)

    def _expire(self, upload: Any) -> None:
        """Set the deadline of an upload that may be open to the past, and deliver the message twice."""
        aws_state = self.quota_ledger.aws_state
        try:
            aws_state.expire_upload_deadline(upload["uploadId"])
        except aws_state.dynamodb.exceptions.ConditionalCheckFailedException:
            return  # it was completed meanwhile
        self._send_message_twice(EndUpload(upload["uploadId"]))

    def _send_message_twice(self, message: Message) -> None:
        race(2, lambda _: self.send_work_message(message))
