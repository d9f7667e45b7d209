"""A round at the edge of a quota: more clients than there is room for, and what becomes of the uploads that they begin."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.stack import pictures
from tests.stack.client import Answer, Client
from tests.stack.ledger import NOTHING, Count, Ledger
from tests.stack.work import at_once, comes_true, commit, send, wish

CLIENTS = 64
_MORE = 8  # uploads that are open for certain when a project is purged
_BUSY = 20  # times that a client asks again when it is told so
_PAUSE = 0.1  # seconds before it does; what it is told is meant for people
_LARGEST = 3000  # bytes of what is sent
_PATIENCE = 120  # seconds until a purge has ended, which looks again with pauses

Told = TypeVar("Told")


def race(count: int, do: Callable[[int], Told], *, width: int = CLIENTS) -> list[Told]:
    """Do the same that many times, sixty-four at the same moment; each is told its number."""
    return at_once(count, do, width=width)


def patient(ask: Callable[[], Answer]) -> Answer:
    """Ask, and again as often as it is too busy: no other failure of ours is borne."""
    answer = ask()
    for _ in range(_BUSY):
        if answer.status < 500 and not (answer.status == 409 and answer.json()["code"] == "busy"):
            return answer
        if answer.status >= 500:
            answer.problem(503, "busy")
            assert int(answer.headers["retry-after"]) > 0
        time.sleep(random.uniform(0, _PAUSE))  # noqa: S311  # no secret
        answer = ask()
    return answer


@dataclass(frozen=True)
class Wish:
    """An upload that somebody wants to make."""

    content: bytes
    said: dict[str, Any]

    @property
    def count(self) -> Count:
        return Count(len(self.content), 1)


def wishes(number: int, project_id: str, *, photos: int = 0) -> list[Wish]:
    """Those of a round: mixed sizes, some of them twins, one that has no bytes, and some that tell no SHA-256."""
    chance = random.Random(number)  # noqa: S311  # no secret
    sizes = [0, *(chance.choice([1, 700, _LARGEST, chance.randint(1, _LARGEST)]) for _ in range(CLIENTS - 1))]
    plain = {"projectId": project_id, "filename": "notes.txt", "contentType": "text/plain"}
    made = [Wish(content, wish(content, **plain)) for content in map(chance.randbytes, sizes)]
    for silent in made[1::3]:
        del silent.said["sha256"]
    for place in range(photos):
        photo = pictures.photo(number * 10 + place, 60, 40)
        made[-1 - place] = Wish(photo, wish(photo, projectId=project_id))
    chance.shuffle(made)
    return made


@dataclass
class Round:
    """Sixty-four clients and their wishes, in one project that has no room for all of them."""

    api: Client
    ledger: Ledger
    project_id: str
    most: Count
    deliver: Callable[[str, str], None]  # gives a message to maintenance
    begun: list[tuple[Any, Wish]] = field(default_factory=list)
    refused: list[Wish] = field(default_factory=list)

    def begin(self, wanted: Sequence[Wish]) -> None:
        """All at once: each is let in or told that there is no room, and who was told so had none."""
        answers = race(len(wanted), lambda number: self.ask(wanted[number]))
        assert {answer.status for answer in answers} <= {201, 409}, Counter(answer.content for answer in answers)
        for answer, each in zip(answers, wanted, strict=True):
            if answer.status == 201:
                self.begun.append((answer.data(), each))
            else:
                answer.problem(409, "quota_exceeded")
                self.refused.append(each)
        held = sum((each.count for _, each in self.begun), NOTHING)
        assert held.within(self.most)
        assert not any((held + each.count).within(self.most) for each in self.refused), "somebody had room"

    def ask(self, each: Wish) -> Answer:
        """Somebody wants to begin an upload."""
        return patient(lambda: self.api.post("/files/init-upload", each.said))

    def go_on(self) -> None:
        """All at once: every upload meets an end, in turn, and whoever was refused asks once more."""
        ends = (self._kept, self._late, self._spoiled, self._purged, self._lied, self._torn, self._kept)
        tries = [(ends[number % len(ends)], *one) for number, one in enumerate(self.begun)]

        def step(number: int) -> None:
            if number < len(tries):
                end, begun, each = tries[number]
                end(begun, each)
            else:
                self._again(self.refused[number - len(tries)])

        race(len(tries) + len(self.refused), step)

    def give_all_back(self) -> None:
        """What is open ends, twice each, and what became a file is purged, by two at once and by a message more."""
        states = {begun["uploadId"]: self._state(begun) for begun, _ in self.begun}

        def end(number: int) -> None:
            begun, _ = self.begun[number]
            if states[begun["uploadId"]] == "open":
                self._expire(begun)
            else:
                self.purge(begun["fileId"])

        race(len(self.begun), end, width=4)

    def purge_all(self) -> None:
        """Some more begin, as there is room now; then the project is purged, and of what is open a quarter is committed at that
        moment, and half expires meanwhile.
        """
        room = {"settings": {"quota": {"maxBytes": 10**9, "maxFiles": 1000}}}
        self.api.request("PUT", f"/projects/{self.project_id}", room).data()
        race(_MORE, lambda number: self._again(self.refused[number % len(self.refused)]))
        uploads = [begun for begun, _ in self.begun if self._state(begun) == "open"]
        condemned = threading.Event()

        def step(number: int) -> None:
            if number == len(uploads):
                self._purge(f"/projects/{self.project_id}", condemned.set)
            elif number % 4 == 1:
                assert patient(lambda: commit(self.api, uploads[number])).status in (200, 404, 409)
            elif number % 2 == 0:
                condemned.wait(_PATIENCE)
                self._expire(uploads[number])

        race(len(uploads) + 1, step)
        comes_true(lambda: not self.ledger.state.rows(f"PROJECT#{self.project_id}"), _PATIENCE)
        assert "aborted" in map(self._state, uploads), "the purge found nothing open"

    def purge(self, file_id: str) -> None:
        """A file goes for good, if it is there."""
        self._purge(f"/files/{file_id}")

    def _purge(self, path: str, then: Callable[[], None] = lambda: None) -> None:
        """By two at once; and its message comes twice more, and something happens with it."""
        answers = race(2, lambda _: patient(lambda: self.api.delete(f"{path}?permanent=true")))
        assert {answer.status for answer in answers} <= {202, 404, 409}, [answer.content for answer in answers]
        then()
        for job_id in [answer.data()["jobId"] for answer in answers if answer.status == 202]:
            self._twice("job", job_id)

    def _state(self, begun: Any) -> str:
        return str(self.ledger.state.upload(begun["uploadId"])["state"])

    def _kept(self, begun: Any, each: Wish) -> None:
        assert send(begun, each.content).status == 200
        assert patient(lambda: commit(self.api, begun)).status == 200

    def _late(self, begun: Any, each: Wish) -> None:
        """The bytes came, and nobody committed."""
        assert send(begun, each.content).status == 200
        self._expire(begun)
        self._commit_refused(begun, "wrong_state")

    def _spoiled(self, begun: Any, each: Wish) -> None:
        """Something else lies there; the commit fails, and time passes."""
        self.ledger.spoil(begun["key"], each.content + b"!")
        self._commit_refused(begun, "object_mismatch")
        self._expire(begun)

    def _purged(self, begun: Any, each: Wish) -> None:
        self._kept(begun, each)
        self.purge(begun["fileId"])

    def _lied(self, begun: Any, each: Wish) -> None:
        """The commit says another SHA-256: refused, or, where none was announced, a version that is rejected and lies there."""
        assert send(begun, each.content).status == 200
        said = {"uploadId": begun["uploadId"], "checksum": "0" * 64}
        answer = patient(lambda: self.api.post("/files/commit", said))
        if "sha256" in each.said:
            answer.problem(409, "checksum_mismatch")
        else:
            assert answer.data()["version"] == 1

    def _torn(self, begun: Any, each: Wish) -> None:
        """It is committed by two and expires, all at once: it becomes one thing or the other."""
        assert send(begun, each.content).status == 200

        def pull(number: int) -> None:
            if number == 0:
                self._expire(begun)
            else:
                assert patient(lambda: commit(self.api, begun)).status in (200, 409)

        race(3, pull)

    def _again(self, each: Wish) -> None:
        answer = self.ask(each)
        if answer.status == 201:
            self.begun.append((answer.data(), each))
        else:
            answer.problem(409, "quota_exceeded")

    def _commit_refused(self, begun: Any, code: str) -> None:
        patient(lambda: commit(self.api, begun)).problem(409, code)

    def _expire(self, begun: Any) -> None:
        """Time passes over an upload that may be open, and maintenance is told twice."""
        state = self.ledger.state
        try:
            state.let_pass(begun["uploadId"])
        except state.dynamodb.exceptions.ConditionalCheckFailedException:
            return  # it was completed in this moment
        self._twice("expire-upload", begun["uploadId"])

    def _twice(self, kind: str, subject: str) -> None:
        race(2, lambda _: self.deliver(kind, subject))
