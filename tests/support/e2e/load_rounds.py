"""A round at the edge of a quota: more clients than there is room for, and what becomes of the uploads that they begin."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from holdall.jobs.model import RunJob
from holdall.platform.messages import Message
from holdall.uploads.model import ExpireUpload
from tests.support import image_samples as images
from tests.support.e2e.actions import commit_upload, run_concurrently, upload_bytes, wait_for
from tests.support.e2e.client import Client, Response
from tests.support.e2e.quota_ledger import ZERO, QuotaLedger, Usage
from tests.support.factories import make_upload_request

CLIENT_COUNT = 64
_EXTRA_UPLOADS = 8  # uploads that are open for certain when a project is purged
_MAX_RETRIES = 20  # times that a client asks again when it is told so
_MAX_RETRY_DELAY_SECONDS = 0.1  # seconds before it does; what it is told is meant for people
_MAX_BYTES = 3000  # bytes of what is sent
_PURGE_TIMEOUT_SECONDS = 120  # seconds until a purge has ended, which looks again with pauses

T = TypeVar("T")


def race(count: int, action: Callable[[int], T], *, concurrency: int = CLIENT_COUNT) -> list[T]:
    """Do the same that many times, sixty-four at the same moment; each is told its number."""
    return run_concurrently(count, action, concurrency=concurrency)


def retry_while_busy(send_request: Callable[[], Response]) -> Response:
    """Ask, and again as often as it is too busy: no other failure of ours is borne."""
    answer = send_request()
    for _ in range(_MAX_RETRIES):
        if answer.status < 500 and not (answer.status == 409 and answer.json()["code"] == "busy"):
            return answer
        if answer.status >= 500:
            answer.problem(503, "busy")
            assert int(answer.headers["retry-after"]) > 0
        time.sleep(random.uniform(0, _MAX_RETRY_DELAY_SECONDS))  # noqa: S311  # no secret
        answer = send_request()
    return answer


@dataclass(frozen=True)
class PlannedUpload:
    """An upload that somebody wants to make."""

    content: bytes
    payload: dict[str, Any]

    @property
    def usage(self) -> Usage:
        return Usage(len(self.content), 1)


def plan_uploads(seed: int, project_id: str, *, photo_count: int = 0) -> list[PlannedUpload]:
    """Those of a round: mixed sizes, some of them twins, one that has no bytes, and some that tell no SHA-256."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    sizes = [0, *(chance.choice([1, 700, _MAX_BYTES, chance.randint(1, _MAX_BYTES)]) for _ in range(CLIENT_COUNT - 1))]
    plain = {"projectId": project_id, "filename": "notes.txt", "contentType": "text/plain"}
    made = [PlannedUpload(content, make_upload_request(content, **plain)) for content in map(chance.randbytes, sizes)]
    for silent in made[1::3]:
        del silent.payload["sha256"]
    for place in range(photo_count):
        photo = images.make_noise_photo(seed * 10 + place, 60, 40)
        made[-1 - place] = PlannedUpload(photo, make_upload_request(photo, projectId=project_id))
    chance.shuffle(made)
    return made


@dataclass
class LoadRound:
    """Sixty-four clients and their wishes, in one project that has no room for all of them."""

    client: Client
    quota_ledger: QuotaLedger
    project_id: str
    limit: Usage
    send_work_message: Callable[[Message], None]  # gives a message to maintenance
    uploads: list[tuple[Any, PlannedUpload]] = field(default_factory=list)
    refused: list[PlannedUpload] = field(default_factory=list)

    def start_uploads(self, planned: Sequence[PlannedUpload]) -> None:
        """All at once: each is let in or told that there is no room, and who was told so had none."""
        answers = race(len(planned), lambda number: self.init_upload(planned[number]))
        assert {answer.status for answer in answers} <= {201, 409}, Counter(answer.content for answer in answers)
        for answer, each in zip(answers, planned, strict=True):
            if answer.status == 201:
                self.uploads.append((answer.data(), each))
            else:
                answer.problem(409, "quota_exceeded")
                self.refused.append(each)
        held = sum((each.usage for _, each in self.uploads), ZERO)
        assert held.fits_in(self.limit)
        assert not any((held + each.usage).fits_in(self.limit) for each in self.refused), "somebody had room"

    def init_upload(self, planned: PlannedUpload) -> Response:
        """Somebody wants to begin an upload."""
        return retry_while_busy(lambda: self.client.post("/files/init-upload", planned.payload))

    def finish_uploads(self) -> None:
        """All at once: every upload meets an end, in turn, and whoever was refused asks once more."""
        ends = (
            self._commit,
            self._expire_before_commit,
            self._overwrite_then_expire,
            self._commit_then_purge,
            self._commit_with_wrong_checksum,
            self._commit_while_expiring,
            self._commit,
        )
        tries = [(ends[number % len(ends)], *one) for number, one in enumerate(self.uploads)]

        def step(number: int) -> None:
            if number < len(tries):
                end, begun, each = tries[number]
                end(begun, each)
            else:
                self._retry_init(self.refused[number - len(tries)])

        race(len(tries) + len(self.refused), step)

    def release_all(self) -> None:
        """What is open ends, twice each, and what became a file is purged, by two at once and by a message more."""
        states = {begun["uploadId"]: self._upload_state(begun) for begun, _ in self.uploads}

        def end(number: int) -> None:
            begun, _ = self.uploads[number]
            if states[begun["uploadId"]] == "open":
                self._expire(begun)
            else:
                self.purge_file(begun["fileId"])

        race(len(self.uploads), end, concurrency=4)

    def purge_project(self) -> None:
        """Some more begin, as there is room now; then the project is purged, and of what is open a quarter is committed at that
        moment, and half expires meanwhile.
        """
        room = {"settings": {"quota": {"maxBytes": 10**9, "maxFiles": 1000}}}
        self.client.request("PUT", f"/projects/{self.project_id}", room).data()
        race(_EXTRA_UPLOADS, lambda number: self._retry_init(self.refused[number % len(self.refused)]))
        uploads = [begun for begun, _ in self.uploads if self._upload_state(begun) == "open"]
        condemned = threading.Event()

        def step(number: int) -> None:
            if number == len(uploads):
                self._purge_twice(f"/projects/{self.project_id}", condemned.set)
            elif number % 4 == 1:
                assert retry_while_busy(lambda: commit_upload(self.client, uploads[number])).status in (200, 404, 409)
            elif number % 2 == 0:
                condemned.wait(_PURGE_TIMEOUT_SECONDS)
                self._expire(uploads[number])

        race(len(uploads) + 1, step)
        wait_for(lambda: not self.quota_ledger.aws_state.rows(f"PROJECT#{self.project_id}"), _PURGE_TIMEOUT_SECONDS)
        assert "aborted" in map(self._upload_state, uploads), "the purge found nothing open"

    def purge_file(self, file_id: str) -> None:
        """A file goes for good, if it is there."""
        self._purge_twice(f"/files/{file_id}")

    def _purge_twice(self, path: str, on_started: Callable[[], None] = lambda: None) -> None:
        """By two at once; and its message comes twice more, and something happens with it."""
        answers = race(2, lambda _: retry_while_busy(lambda: self.client.delete(f"{path}?permanent=true")))
        assert {answer.status for answer in answers} <= {202, 404, 409}, [answer.content for answer in answers]
        on_started()
        for job_id in [answer.data()["jobId"] for answer in answers if answer.status == 202]:
            self._send_message_twice(RunJob(job_id))

    def _upload_state(self, upload: Any) -> str:
        return str(self.quota_ledger.aws_state.upload_row(upload["uploadId"])["state"])

    def _commit(self, upload: Any, planned: PlannedUpload) -> None:
        assert upload_bytes(upload, planned.content).status == 200
        assert retry_while_busy(lambda: commit_upload(self.client, upload)).status == 200

    def _expire_before_commit(self, upload: Any, planned: PlannedUpload) -> None:
        """The bytes came, and nobody committed."""
        assert upload_bytes(upload, planned.content).status == 200
        self._expire(upload)
        self._assert_commit_refused(upload, "wrong_state")

    def _overwrite_then_expire(self, upload: Any, planned: PlannedUpload) -> None:
        """Something else lies there; the commit fails, and time passes."""
        self.quota_ledger.overwrite_object(upload["key"], planned.content + b"!")
        self._assert_commit_refused(upload, "object_mismatch")
        self._expire(upload)

    def _commit_then_purge(self, upload: Any, planned: PlannedUpload) -> None:
        self._commit(upload, planned)
        self.purge_file(upload["fileId"])

    def _commit_with_wrong_checksum(self, upload: Any, planned: PlannedUpload) -> None:
        """The commit says another SHA-256: refused, or, where none was announced, a version that is rejected and lies there."""
        assert upload_bytes(upload, planned.content).status == 200
        said = {"uploadId": upload["uploadId"], "checksum": "0" * 64}
        answer = retry_while_busy(lambda: self.client.post("/files/commit", said))
        if "sha256" in planned.payload:
            answer.problem(409, "checksum_mismatch")
        else:
            assert answer.data()["version"] == 1

    def _commit_while_expiring(self, upload: Any, planned: PlannedUpload) -> None:
        """It is committed by two and expires, all at once: it becomes one thing or the other."""
        assert upload_bytes(upload, planned.content).status == 200

        def pull(number: int) -> None:
            if number == 0:
                self._expire(upload)
            else:
                assert retry_while_busy(lambda: commit_upload(self.client, upload)).status in (200, 409)

        race(3, pull)

    def _retry_init(self, planned: PlannedUpload) -> None:
        answer = self.init_upload(planned)
        if answer.status == 201:
            self.uploads.append((answer.data(), planned))
        else:
            answer.problem(409, "quota_exceeded")

    def _assert_commit_refused(self, upload: Any, code: str) -> None:
        retry_while_busy(lambda: commit_upload(self.client, upload)).problem(409, code)

    def _expire(self, upload: Any) -> None:
        """Time passes over an upload that may be open, and maintenance is told twice."""
        aws_state = self.quota_ledger.aws_state
        try:
            aws_state.expire_upload_deadline(upload["uploadId"])
        except aws_state.dynamodb.exceptions.ConditionalCheckFailedException:
            return  # it was completed in this moment
        self._send_message_twice(ExpireUpload(upload["uploadId"]))

    def _send_message_twice(self, message: Message) -> None:
        race(2, lambda _: self.send_work_message(message))
