"""What was done, for those who may know it: found by who, what and when, in pages that are complete in both directions."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest

from holdall import ids
from holdall.audit import store
from holdall.audit.model import Entry
from holdall.errors import Conflict
from holdall.table import Transaction
from tests.api import journal, people, post
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock

NOON = datetime(2026, 11, 19, 12, 0, 0, tzinfo=UTC)
DEED = "/audit?action=tests.deed"


def said(moment: datetime) -> str:
    return quote(moment.isoformat())


def refused(answer: Answer, status: int, code: str) -> dict[str, Any]:
    problem = answer.problem()
    assert (answer.status, problem["code"]) == (status, code), answer.text
    return problem


def test_a_deed_is_told_with_who_when_and_from_where(root: Client, client: Client, frozen: Clock) -> None:
    made = client.post("/projects", {"name": "Holiday"}, headers={"x-request-id": "mine-1"}).created()

    (entry,) = root.get(f"/audit?target={made['id']}").data()
    assert {**entry, "id": "", "at": ""} == {
        "id": "",
        "at": "",
        "actor": client.user["id"],
        "key": None,
        "action": "projects.create",
        "target": made["id"],
        "outcome": "success",
        "address": "192.0.2.7",
        "agent": "tests",
        "requestId": "mine-1",
    }
    written = datetime.fromisoformat(made["createdAt"])
    assert timedelta(0) <= written - datetime.fromisoformat(entry["at"]) <= timedelta(milliseconds=2)
    assert entry["at"].endswith("Z")


def test_a_row_is_not_written_over(cloud: Cloud) -> None:
    journal.write("tests.deed", "what was done")
    (row,) = cloud.rows("audit", action="tests.deed")
    names = ("id", "actor", "action", "target", "outcome", "address", "agent", "request_id")
    written = Entry(at=ids.born_at(row["id"]), key=None, **{name: row[name] for name in names})

    for entry in (written, written.model_copy(update={"target": "something else"})):
        with pytest.raises(Conflict) as told, Transaction() as write:
            store.add(write, entry)
        assert told.value.code == "audit_exists"
    assert cloud.rows("audit", action="tests.deed") == [row]


def test_all_that_was_done_comes_newest_first(root: Client, client: Client) -> None:
    for number in range(3):
        journal.write("tests.deed", f"{number}")

    entries = root.get("/audit?limit=100").data()

    assert [each["target"] for each in entries[:3]] == ["2", "1", "0"]
    assert {"accounts.sign-up", "login", "accounts.make-superuser"} <= {each["action"] for each in entries}
    assert [each["id"] for each in entries] == sorted((each["id"] for each in entries), reverse=True)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor=ada", ["3", "1"]),
        ("action=tests.one", ["2", "1"]),
        ("target=3", ["3"]),
        ("target=nobody%27s", []),
        ("actor=ad", []),
    ],
)
def test_rows_are_found_by_actor_action_or_target(root: Client, query: str, found: list[str]) -> None:
    journal.write("tests.one", "1", actor="ada")
    journal.write("tests.one", "2", actor="bob")
    journal.write("tests.two", "3", actor="ada")

    assert journal.targets(root.get(f"/audit?{query}")) == found


def test_a_user_and_a_visitor_are_found_as_actors(root: Client, client: Client, visitor: Client) -> None:
    visitor.post("/auth/login", {"email": client.user["email"], "password": "another one"}).problem()

    assert {each["action"] for each in root.get(f"/audit?actor={client.user['id']}").data()} >= {"login"}
    (failed,) = root.get("/audit?actor=anonymous").data()
    assert (failed["action"], failed["outcome"], failed["target"]) == ("login.failed", "denied", client.user["id"])


@pytest.mark.parametrize("path", ["/audit", "/audit/export"])
@pytest.mark.parametrize(
    "query", ["actor=a&action=b", "actor=a&target=c", "action=b&target=c", "actor=a&action=b&target=c"]
)
def test_one_filter_at_a_time(root: Client, path: str, query: str) -> None:
    refused(root.get(f"{path}?{query}"), 422, "unsupported_combination")


@pytest.mark.parametrize("filters", ["", "&action=tests.deed", "&actor=somebody"])
def test_a_time_begins_with_its_first_moment_and_ends_before_its_last(root: Client, filters: str) -> None:
    second, moment = timedelta(seconds=1), timedelta(microseconds=1)
    for number in range(4):
        journal.write_at(NOON + number * second, [f"{number}"])

    def between(start: timedelta, end: timedelta) -> list[str]:
        return journal.targets(root.get(f"/audit?from={said(NOON + start)}&to={said(NOON + end)}{filters}"))

    assert between(second, 3 * second) == ["2", "1"]
    assert between(second + moment, 3 * second + moment) == ["3", "2"]
    assert between(second - moment, 3 * second - moment) == ["2", "1"]
    assert between(second, second) == []
    assert between(-second, 60 * second) == ["3", "2", "1", "0"]


def test_a_time_may_be_open_at_either_end_and_of_any_zone(root: Client) -> None:
    for second in range(3):
        journal.write_at(NOON + timedelta(seconds=second), [f"{second}"])
    there = (NOON + timedelta(seconds=1)).astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert journal.targets(root.get(f"{DEED}&from={said(there)}")) == ["2", "1"]
    assert journal.targets(root.get(f"{DEED}&to={said(there)}")) == ["0"]


@pytest.mark.parametrize("path", ["/audit", "/audit/export"])
@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize(
    "text",
    [
        "2026-11-19T12:00:00",
        "2026-11-19",
        "1700000000",
        "0",
        "12:00:00Z",
        "2026-11-19T12:00:00 01:00",
        "2026-13-19T12:00:00Z",
        "2026-11-19T12:00:00%2B25:00",
        "0000-01-01T00:00:00Z",
        "now",
        "",
        "%00",
        "x" * 5000,
    ],
)
def test_a_time_is_a_moment_with_its_offset(root: Client, path: str, name: str, text: str) -> None:
    problem = refused(root.get(f"{path}?{name}={text}"), 422, "invalid")

    assert [each["pointer"] for each in problem["errors"]] == [f"query/{name}"]


@pytest.mark.parametrize("path", ["/audit", "/audit/export"])
def test_a_time_does_not_end_before_it_begins(root: Client, path: str) -> None:
    answer = root.get(f"{path}?from=2026-11-19T12:00:00.000001Z&to=2026-11-19T12:00:00Z")

    refused(answer, 422, "ends_before_it_begins")


@pytest.mark.parametrize(
    "query",
    [
        "from=0001-01-01T00:00:00%2B23:59&to=9999-12-31T23:59:59.999999999-23:59",
        "to=0001-01-01T00:00:00%2B23:59",
        "from=9999-12-31T23:59:59.999999Z",
    ],
)
def test_no_moment_is_too_early_or_too_late(root: Client, query: str) -> None:
    root.get(f"/audit?{query}").data()
    assert root.get(f"/audit/export?{query}").status == 200


@pytest.mark.parametrize("path", ["/audit", "/audit/export"])
@pytest.mark.parametrize("name", ["actor", "action", "target"])
def test_no_filter_is_a_mistake_of_ours(root: Client, path: str, name: str, subtests: pytest.Subtests) -> None:
    for value in ("", "x" * 129, "x" * 3000, "%F0%9F%98%80" * 129):
        with subtests.test(value=value[:20]):
            refused(root.get(f"{path}?{name}={value}"), 422, "invalid")
    for value in ("%00", "%F0%9F%98%80" * 128, "a%2Fb", "%22", "%0A", "#"):
        with subtests.test(value=value[:20]):
            assert root.get(f"{path}?{name}={value}").status in (200, 422)


@pytest.mark.parametrize(
    "query", ["action=tests.deed", "actor=somebody", "from=2026-11-19T12:00:01Z&to=2026-11-19T12:00:08Z"]
)
def test_pages_are_complete_in_both_directions(root: Client, query: str) -> None:
    for second in range(8):
        journal.write_at(NOON + timedelta(seconds=second), [f"{second}"])
    expected = [target for target in "76543210" if "from" not in query or target != "0"]

    forth = journal.walk(root, f"/audit?limit=3&{query}")
    last = forth[-2].json()["pagination"]["next"]
    back = journal.walk(root, f"/audit?limit=3&{query}&cursor={last}", "prev")

    assert [journal.targets(page) for page in forth] == [expected[:3], expected[3:6], expected[6:]]
    assert [journal.targets(page) for page in back] == [journal.targets(page) for page in reversed(forth)]
    assert not back[-1].json()["pagination"]["hasPrev"]


def test_many_deeds_of_one_moment_are_each_told_once(root: Client) -> None:
    every = [f"{number}" for number in range(25)]
    journal.write_at(NOON, every)

    told = [target for page in journal.walk(root, f"{DEED}&limit=4") for target in journal.targets(page)]

    assert sorted(told) == sorted(every)


def test_a_cursor_belongs_to_its_filter_and_its_route(root: Client) -> None:
    journal.write_at(NOON, ["1", "2", "3"])
    cursor = root.get(f"{DEED}&limit=1").json()["pagination"]["next"]

    assert journal.targets(root.get(f"{DEED}&cursor={cursor}"))
    for path in (
        "/audit?",
        "/audit?action=tests.other&",
        "/audit?actor=tests.deed&",
        f"{DEED}&from={said(NOON)}&",
        f"{DEED}&to={said(NOON)}&",
        "/audit/export?action=tests.deed&",
        "/projects?",
    ):
        refused(root.get(f"{path}cursor={cursor}"), 400, "bad_cursor")


@pytest.mark.parametrize("path", ["/audit", "/audit/export"])
def test_the_journal_is_read_by_admins_and_superusers_alone(
    root: Client, client: Client, visitor: Client, cloud: Cloud, path: str
) -> None:
    journal.write("tests.deed", "x")

    refused(visitor.get(path), 401, "unauthenticated")
    refused(client.get(path), 403, "forbidden")
    assert cloud.rows("audit", action="audit.export") == []
    cloud.change(f"USER#{client.user['id']}", "USER", roles=["admin"])
    assert client.get(path).status == 200
    assert root.get(path).status == 200


def test_no_secret_is_in_the_journal(root: Client, client: Client, cloud: Cloud) -> None:
    post.second_factor(client)
    post.posted(cloud)
    client.post("/auth/forgot-password", {"email": client.user["email"]}).data()
    token = post.token(cloud, "reset")
    client.post("/auth/login", {"email": client.user["email"], "password": "a wrong password"}).problem()
    told = root.get("/audit?limit=100").text + root.get("/audit/export").text

    assert "accounts.forgot-password" in told
    for secret in (
        people.PASSWORD,
        "a wrong password",
        str(client.token),
        client.refresh_token,
        token,
        client.user["email"],
    ):
        assert secret not in told
        assert secret.rpartition("_")[2] not in told
