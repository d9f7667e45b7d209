"""U3: quotas are never exceeded, whatever sixty-four clients do at once, and what they held is given back exactly once."""

import random

import pytest

from tests.stack.client import Answer, Client, Server, signed_in
from tests.stack.ledger import NOTHING, Count, Ledger, share_of, watched
from tests.stack.rounds import CLIENTS, Round, patient, race, wishes
from tests.stack.work import comes_true, new_project

_ROUNDS = 20
_LARGEST = 5 * 1024**3  # bytes of one PUT
_ROOM = 12 * _LARGEST  # that is left in the installation
_STEP = 8  # workers at once that the local cloud unpacks within an answer's patience
_PLAIN = {"filename": "notes.txt", "contentType": "text/plain"}


@pytest.fixture(scope="module")
def owner(direct: Server) -> Client:
    """Who calls, with sixty-four workers of `upload` that are ready: a race of cold starts is a queue.

    They come in steps, as each is 70 MB to unpack. What is asked is refused as late as can be, so that all are at it at once.
    """
    client = signed_in(direct)
    full = new_project(client, quota={"maxFiles": 0})
    for count in range(_STEP, CLIENTS + 1, _STEP):
        asked = {"projectId": full, "size": 1, **_PLAIN}
        race(count, lambda _: client.post("/files/init-upload", asked).problem(409, "quota_exceeded"))  # noqa: B023
    return client


@pytest.mark.parametrize("number", range(_ROUNDS))
def test_sixty_four_clients_at_the_edge_of_a_quota(number: int, owner: Client, ledger: Ledger) -> None:
    before = ledger.installation()
    round_ = _round(number, owner, ledger)
    project_id = round_.project_id

    with watched(lambda: ledger.counted(project_id)) as seen:
        round_.begin(wishes(number, project_id, photos=3 if number % 10 == 0 else 0))
        assert ledger.counted(project_id) == ledger.there(project_id)
        round_.go_on()
        ledger.state.settle()
    _agrees(ledger, project_id, before)
    assert len(seen) > 10
    assert [count for count in seen if not count.within(round_.most) or not NOTHING.within(count)] == []

    if number % 10 == 3:
        with watched(ledger.installation) as sums:
            round_.purge_all()
            ledger.state.settle()
        assert [count for count in sums if not before.within(count)] == []
    else:
        with watched(lambda: ledger.counted(project_id)) as seen:
            round_.give_all_back()
            ledger.state.settle()
        _agrees(ledger, project_id, before)
        assert [count for count in seen if not NOTHING.within(count)] == []
        assert ledger.counted(project_id) == NOTHING
    assert ledger.there(project_id) == NOTHING
    assert ledger.used(project_id) == {}
    assert ledger.state.originals(project_id) == []
    assert ledger.installation() == before


def test_sixty_four_clients_of_four_projects_at_the_edge_of_the_installation(owner: Client, ledger: Ledger) -> None:
    before, cap = ledger.installation(), ledger.cap()
    filled = _fill(owner, cap.bytes - before.bytes - _ROOM)
    projects = [new_project(owner) for _ in range(4)]
    chance = random.Random(64)  # noqa: S311  # no secret
    sizes = [chance.randint(1, _LARGEST) for _ in range(CLIENTS)]

    with watched(ledger.parts) as seen:
        answers = race(CLIENTS, lambda number: _announce(owner, projects[number % 4], sizes[number]))
    begun = sum(size for answer, size in zip(answers, sizes, strict=True) if answer.status == 201)
    for answer, size in zip(answers, sizes, strict=True):
        if answer.status != 201:
            answer.problem(409, "installation_full")
            assert begun + size > _ROOM, "somebody had room"
    assert 0 < begun <= _ROOM
    held = sum((ledger.counted(each) for each in [filled, *projects]), NOTHING)
    assert ledger.installation() - before == held
    shares = [share_of(cap, part) for part in range(len(seen[0]))]
    assert len(seen) > 10
    for parts in seen:
        assert all(part.within(share) for part, share in zip(parts, shares, strict=True))

    with watched(ledger.installation) as sums:
        _purge_all(owner, ledger, [filled, *projects])
    assert all(each.within(cap) for each in sums)
    assert ledger.installation() == before


def _fill(owner: Client, size: int) -> str:
    """A project that has announced so many bytes."""
    project_id, (count, rest) = new_project(owner), divmod(size, _LARGEST)
    sizes = [rest, *([_LARGEST] * count)]
    answers = race(len(sizes), lambda number: _announce(owner, project_id, sizes[number]))
    assert {answer.status for answer in answers} == {201}
    return project_id


def _announce(owner: Client, project_id: str, size: int) -> Answer:
    return patient(lambda: owner.post("/files/init-upload", {"projectId": project_id, "size": size, **_PLAIN}))


def _purge_all(owner: Client, ledger: Ledger, projects: list[str]) -> None:
    """Purge projects while uploads in them begin: each by two at once, and its message comes twice more."""

    def one(number: int) -> None:
        project_id = projects[number % len(projects)]
        if number >= 2 * len(projects):
            assert _announce(owner, project_id, 1).status in (201, 404, 409)
            return
        answer = patient(lambda: owner.delete(f"/projects/{project_id}?permanent=true"))
        assert answer.status in (202, 404, 409), answer.content
        if answer.status == 202:
            for _ in range(2):
                ledger.tell_work("job", answer.data()["jobId"])

    race(8 * len(projects), one)
    comes_true(lambda: not any(ledger.state.rows(f"PROJECT#{each}") for each in projects), 90)
    ledger.state.settle()
    assert [ledger.there(each) for each in projects] == [NOTHING] * len(projects)


def _round(number: int, owner: Client, ledger: Ledger) -> Round:
    """Rounds at the edge of bytes, of files, and of both, in turn."""
    chance = random.Random(number)  # noqa: S311  # no secret
    bytes_, files = chance.randint(9_000, 25_000), chance.randint(7, 18)
    most = [Count(bytes_, CLIENTS), Count(10**9, files), Count(bytes_, files)][number % 3]
    project_id = new_project(owner, quota={"maxBytes": most.bytes, "maxFiles": most.files})
    return Round(owner, ledger, project_id, most, ledger.tell_work)


def _agrees(ledger: Ledger, project_id: str, before: Count) -> None:
    """All counters say what is there, and the installation's moved by the same."""
    counted = ledger.counted(project_id)
    assert counted == ledger.there(project_id)
    assert ledger.used(project_id) == ledger.lies(project_id)
    assert ledger.installation() - before == counted
