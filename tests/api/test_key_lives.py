"""What ends an API key, and with the next request (Z5): its end, its switch, its maker and its project."""

from collections.abc import Callable
from typing import Any

import pytest

from holdall import ids
from tests.api import people
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock
from tests.api.faults import injected
from tests.api.members import Program, bring, joined, program, roles, shared

DEAD = (401, "invalid_token")


@pytest.fixture
def maker(client: Client, cloud: Cloud, room: str) -> Client:
    """Another owner of it."""
    return joined(client, room, cloud, "owner")


def told(answer: Answer) -> tuple[int, str]:
    return (answer.status, "") if answer.status < 400 else (answer.status, answer.problem()["code"])


def row(cloud: Cloud, key: Program) -> dict[str, Any]:
    (found,) = cloud.rows("main", pk=f"KEY#{key.id}")
    return found


def test_a_key_opens_its_project(client: Client, room: str) -> None:
    key = program(client, room)

    assert key.get(f"/projects/{room}").data()["id"] == room
    assert key.get(f"/files?projectId={room}").status == 200


def test_a_key_ends_at_its_end(client: Client, room: str, frozen: Clock) -> None:
    key = program(client, room, expiresAt=frozen._now.replace(year=frozen._now.year + 1).isoformat())
    others = program(client, room)
    frozen.forward(days=365, seconds=-1)
    assert told(key.get("/files")) == (200, "")
    frozen.forward(days=1)

    assert told(key.get("/files")) == DEAD
    assert told(others.get("/files")) == (200, "")


def test_a_key_ends_in_its_very_moment(client: Client, room: str, frozen: Clock) -> None:
    frozen.forward(hours=1)
    key = program(
        people.log_in(client.user["email"]), room, expiresAt=frozen._now.replace(microsecond=0, year=2099).isoformat()
    )
    frozen._now = frozen._now.replace(microsecond=0, year=2099)

    assert told(key.get("/files")) == DEAD


def garbled(key: Program, other: Program) -> dict[str, str]:
    kind, id_, secret = key.key.split("_")
    project, maker, own = id_.split("-")
    return {
        "another secret": f"{kind}_{id_}_{'0' * 26}",
        "the secret of another key": f"{kind}_{id_}_{other.secret}",
        "the id of another key": f"{kind}_{other.id}_{secret}",
        "another maker": f"{kind}_{project}-{'0' * 26}-{own}_{secret}",
        "another project": f"{kind}_{'0' * 12}-{maker}-{own}_{secret}",
        "the project of another key": f"{kind}_{other.id[:12]}-{maker}-{own}_{secret}",
        "no project": f"{kind}_{maker}-{own}_{secret}",
        "no maker": f"{kind}_{project}-{own}_{secret}",
        "another kind": f"hj_{id_}_{secret}",
        "no kind": f"{id_}_{secret}",
        "a digest": f"{kind}_{id_}_{ids.digest(secret)}",
        "shorter": key.key[:-1],
        "longer": f"{key.key}0",
        "upper": key.key.upper(),
        "twice": f"{key.key},{key.key}",
        "two lines": f"{key.key}\n{key.key}",
        "with a scheme": f"Bearer {key.key}",
        "an alphabet of others": f"{kind}_{id_}_{'é' * 26}",
        "nothing": "",
        "blanks": "   ",
        "zero": "\x00",
        "long": "x" * 5000,
    }


def test_nothing_else_is_a_key(client: Client, room: str, subtests: pytest.Subtests) -> None:
    key, other = program(client, room), program(client, shared(client))
    for what, text in garbled(key, other).items():
        with subtests.test(what=what):
            answer = Program(key=text).get("/files")
            assert told(answer) == DEAD
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "ratelimit" not in answer.headers  # nobody counts against a key that they have not
    assert told(Program(key=f" {key.key} ").get("/files")) == (200, "")


def test_secrets_are_compared_in_a_time_that_tells_nothing(
    client: Client, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, compared = program(client, room), []
    honest = ids.same

    def same(one: str, other: str) -> bool:
        compared.append({one, other})
        return honest(one, other)

    monkeypatch.setattr(ids, "same", same)
    key.get("/files")
    Program(key=f"hk_{key.id}_{'0' * 26}").get("/files")

    assert {ids.digest(key.secret)} in compared
    assert {ids.digest(key.secret), ids.digest("0" * 26)} in compared


ENDS: dict[str, Callable[[Client, Client, Cloud, str], Any]] = {
    "removed": lambda owner, maker, _, room: owner.delete(f"/projects/{room}/members/{maker.user['id']}"),
    "left": lambda owner, maker, _, room: maker.post(f"/projects/{room}/leave"),
    "disabled": lambda owner, maker, cloud, _: cloud.change(f"USER#{maker.user['id']}", "USER", status="disabled"),
    "gone": lambda owner, maker, *_: people.leave(maker),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_key_ends_with_its_maker(client: Client, cloud: Cloud, room: str, maker: Client, end: str) -> None:
    theirs, mine = program(maker, room), program(client, room)
    assert told(theirs.get("/files")) == (200, "")
    ENDS[end](client, maker, cloud, room)

    assert told(theirs.get("/files")) == DEAD
    assert told(theirs.post("/files/init-upload", {})) == DEAD
    assert told(mine.get("/files")) == (200, "")


def test_a_key_counts_again_with_its_maker_who_was_disabled(
    client: Client, cloud: Cloud, room: str, maker: Client
) -> None:
    key = program(maker, room)
    for status, answer in (("disabled", DEAD), ("active", (200, "")), ("deleted", DEAD)):
        cloud.change(f"USER#{maker.user['id']}", "USER", status=status)
        assert told(key.get("/files")) == answer


@pytest.mark.parametrize("end", ["removed", "left"])
def test_a_key_stays_dead_when_its_maker_comes_back(
    client: Client, cloud: Cloud, room: str, maker: Client, end: str
) -> None:
    key = program(maker, room)
    ENDS[end](client, maker, cloud, room)
    bring(client, room, cloud, maker, "owner")

    assert told(key.get("/files")) == DEAD
    assert told(program(maker, room).get("/files")) == (200, "")


def test_a_key_shrinks_with_the_role_of_its_maker(client: Client, cloud: Cloud, room: str, maker: Client) -> None:
    key = program(maker, room)
    file_id = cloud.upload(client, b"x", projectId=room, contentType="text/plain")["fileId"]
    path = f"/projects/{room}/members/{maker.user['id']}"
    for role, may_write, may_purge in (("editor", True, False), ("viewer", False, False), ("owner", True, True)):
        client.request("PATCH", path, {"role": role}).data()
        assert told(key.get(f"/files/{file_id}")) == (200, "")
        begun = key.post("/files/init-upload", {"filename": "a", "size": 1, "contentType": "text/plain"})
        assert begun.status == (201 if may_write else 403), role
        assert key.delete(f"/files/{file_id}?permanent=true").status == (202 if may_purge else 403), role


def test_a_key_shrinks_by_a_transfer(client: Client, cloud: Cloud, room: str) -> None:
    other, key = joined(client, room, cloud, "editor"), program(client, room)
    client.post(f"/projects/{room}/transfer", {"userId": other.user["id"]}).data()
    file_id = cloud.upload(other, b"x", projectId=room, contentType="text/plain")["fileId"]

    assert roles(other, room)[client.user["id"]] == "editor"
    assert key.delete(f"/files/{file_id}?permanent=true").status == 403
    assert key.delete(f"/files/{file_id}").status == 200


def test_a_key_of_a_deleted_project_finds_nothing_and_works_again_after_the_restoration(
    client: Client, room: str
) -> None:
    key = program(client, room)
    client.delete(f"/projects/{room}").data()
    for path in (f"/projects/{room}", "/files", f"/files?projectId={room}", f"/files/{room}-{'0' * 26}"):
        assert told(key.get(path)) == (404, "not_found")
    assert told(key.post(f"/projects/{room}/restore")) == (403, "forbidden")
    assert told(key.delete(f"/projects/{room}?permanent=true")) == (403, "forbidden")
    client.post(f"/projects/{room}/restore").data()

    assert told(key.get("/files")) == (200, "")


def test_a_key_of_a_purged_project_is_none_and_leaves_no_row(client: Client, cloud: Cloud, room: str) -> None:
    key = program(client, room)
    assert client.delete(f"/projects/{room}?permanent=true").status == 202
    assert told(key.get("/files")) == (404, "not_found")
    cloud.work()

    assert told(key.get("/files")) == DEAD
    assert cloud.rows("main", record_kind="key") == []


def test_the_last_use_is_written_once_a_minute_at_the_most(
    client: Client, cloud: Cloud, room: str, frozen: Clock
) -> None:
    key = program(client, room)
    assert row(cloud, key).get("used_at") is None
    seen = []
    for seconds in (0, 30, 30, 1, 60, 1):
        frozen.forward(seconds=seconds)
        key.get("/files").data()
        seen.append(row(cloud, key)["used_at"])

    assert len(set(seen)) == 3
    assert seen == [seen[0]] * 3 + [seen[3]] * 2 + [seen[5]]
    (shown,) = people.log_in(client.user["email"]).get(f"/projects/{room}/keys").data()
    assert shown["lastUsedAt"] == frozen._now.isoformat().replace("+00:00", "Z")


def test_a_wrong_secret_is_no_use(client: Client, cloud: Cloud, room: str) -> None:
    key = program(client, room)
    Program(key=f"hk_{key.id}_{'0' * 26}").get("/files")

    assert row(cloud, key).get("used_at") is None


def test_an_answer_does_not_wait_for_the_note_of_a_last_use(
    client: Client, cloud: Cloud, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = program(client, room)
    for mode in ("refused", "busy"):
        with injected(monkeypatch, 1, mode) as faults:  # the caller is read first, the last use is written next
            assert key.get("/files").status == 200
            assert faults.calls[1] == "dynamodb.TransactWriteItems"
    assert row(cloud, key).get("used_at") is None
    key.get("/files").data()
    assert row(cloud, key)["used_at"]


def test_a_table_that_is_silent_lets_no_key_in(client: Client, room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = program(client, room)
    with injected(monkeypatch, -1, "refused", "dynamodb"):
        answer = key.get("/files")

    assert told(answer) == (503, "unavailable")
