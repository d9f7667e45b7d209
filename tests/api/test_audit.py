"""GET /audit: filters, time ranges, pages and permissions."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest

from holdall.audit import store
from holdall.audit.model import AuditEntry
from holdall.platform import ids
from holdall.platform.errors import InvariantViolation
from holdall.platform.table import Transaction
from tests.support import audit_log, mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.mfa import enable_mfa

NOON = datetime(2026, 11, 19, 12, 0, 0, tzinfo=UTC)
AUDIT_PATH = "/audit?action=tests.action"


def quote_time(time: datetime) -> str:
    return quote(time.isoformat())


def assert_problem(response: Response, status: int, code: str) -> dict[str, Any]:
    problem = response.problem()
    assert (response.status, problem["code"]) == (status, code), response.text
    return problem


def test_entry_has_actor_action_target_and_client(superuser: Client, client: Client, frozen_clock: FrozenClock) -> None:
    project = client.post("/projects", {"name": "Holiday"}, headers={"x-request-id": "mine-1"}).created()

    (entry,) = superuser.get(f"/audit?target={project['id']}").data()
    assert {**entry, "id": "", "createdAt": ""} == {
        "id": "",
        "createdAt": "",
        "actor": client.user["id"],
        "apiKeyId": None,
        "shareId": None,
        "action": "projects.create",
        "target": project["id"],
        "outcome": "success",
        "clientIp": "192.0.2.7",
        "userAgent": "tests",
        "requestId": "mine-1",
    }
    created_at = datetime.fromisoformat(project["createdAt"])
    assert timedelta(0) <= created_at - datetime.fromisoformat(entry["createdAt"]) <= timedelta(milliseconds=2)
    assert entry["createdAt"].endswith("Z")


def test_entry_is_never_overwritten(fake_aws: FakeAws) -> None:
    audit_log.write_entry("tests.action", "the target")
    (row,) = fake_aws.find_rows("audit", action="tests.action")
    names = ("actor", "action", "target", "outcome", "client_ip", "user_agent", "request_id")
    created_at = ids.created_at(row["sk"])
    entry = AuditEntry(id=row["sk"], created_at=created_at, api_key_id=None, **{name: row[name] for name in names})

    for duplicate in (entry, entry.model_copy(update={"target": "another target"})):
        with pytest.raises(InvariantViolation), Transaction() as tx:
            store.put(tx, duplicate)
    assert fake_aws.find_rows("audit", action="tests.action") == [row]


def test_list_is_newest_first(superuser: Client, client: Client) -> None:
    for number in range(3):
        audit_log.write_entry("tests.action", f"{number}")

    entries = superuser.get("/audit?limit=100").data()

    assert [each["target"] for each in entries[:3]] == ["2", "1", "0"]
    assert {"accounts.sign_up", "sessions.create", "accounts.create_superuser"} <= {each["action"] for each in entries}
    assert [each["id"] for each in entries] == sorted((each["id"] for each in entries), reverse=True)


@pytest.mark.parametrize(
    ("query", "targets"),
    [
        ("actor=ada", ["3", "1"]),
        ("action=tests.one", ["2", "1"]),
        ("target=3", ["3"]),
        ("target=unknown%27s", []),
        ("actor=ad", []),
    ],
)
def test_list_is_filtered_by_actor_action_or_target(superuser: Client, query: str, targets: list[str]) -> None:
    audit_log.write_entry("tests.one", "1", actor="ada")
    audit_log.write_entry("tests.one", "2", actor="bob")
    audit_log.write_entry("tests.two", "3", actor="ada")

    assert audit_log.list_targets(superuser.get(f"/audit?{query}")) == targets


def test_actor_is_a_user_or_anonymous(superuser: Client, client: Client, anonymous: Client) -> None:
    anonymous.post("/auth/login", {"email": client.user["email"], "password": "another one"}).problem()

    assert {each["action"] for each in superuser.get(f"/audit?actor={client.user['id']}").data()} >= {"sessions.create"}
    (failed,) = superuser.get("/audit?actor=anonymous").data()
    assert (failed["action"], failed["outcome"], failed["target"]) == ("sessions.create", "denied", client.user["id"])


@pytest.mark.parametrize("path", ["/audit", "/audit/export"])
@pytest.mark.parametrize(
    "query", ["actor=a&action=b", "actor=a&target=c", "action=b&target=c", "actor=a&action=b&target=c"]
)
def test_list_has_one_filter_at_a_time(superuser: Client, path: str, query: str) -> None:
    assert_problem(superuser.get(f"{path}?{query}"), 422, "unsupported_combination")


@pytest.mark.parametrize("filters", ["", "&action=tests.action", "&actor=actor-1"])
def test_time_range_includes_its_start_and_excludes_its_end(superuser: Client, filters: str) -> None:
    second, microsecond = timedelta(seconds=1), timedelta(microseconds=1)
    for number in range(4):
        audit_log.write_entries_at(NOON + number * second, [f"{number}"])

    def list_between(start: timedelta, end: timedelta) -> list[str]:
        return audit_log.list_targets(
            superuser.get(f"/audit?from={quote_time(NOON + start)}&to={quote_time(NOON + end)}{filters}")
        )

    assert list_between(second, 3 * second) == ["2", "1"]
    assert list_between(second + microsecond, 3 * second + microsecond) == ["3", "2"]
    assert list_between(second - microsecond, 3 * second - microsecond) == ["2", "1"]
    assert list_between(second, second) == []
    assert list_between(-second, 60 * second) == ["3", "2", "1", "0"]


def test_time_range_may_be_open_and_in_any_time_zone(superuser: Client) -> None:
    for second in range(3):
        audit_log.write_entries_at(NOON + timedelta(seconds=second), [f"{second}"])
    local = (NOON + timedelta(seconds=1)).astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert audit_log.list_targets(superuser.get(f"{AUDIT_PATH}&from={quote_time(local)}")) == ["2", "1"]
    assert audit_log.list_targets(superuser.get(f"{AUDIT_PATH}&to={quote_time(local)}")) == ["0"]


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
def test_time_of_another_format_is_rejected(superuser: Client, path: str, name: str, text: str) -> None:
    problem = assert_problem(superuser.get(f"{path}?{name}={text}"), 422, "invalid")

    assert [each["pointer"] for each in problem["errors"]] == [f"query/{name}"]


@pytest.mark.parametrize("path", ["/audit", "/audit/export"])
def test_time_range_that_ends_before_it_begins_is_rejected(superuser: Client, path: str) -> None:
    response = superuser.get(f"{path}?from=2026-11-19T12:00:00.000001Z&to=2026-11-19T12:00:00Z")

    assert_problem(response, 422, "invalid_time_range")


@pytest.mark.parametrize(
    "query",
    [
        "from=0001-01-01T00:00:00%2B23:59&to=9999-12-31T23:59:59.999999999-23:59",
        "to=0001-01-01T00:00:00%2B23:59",
        "from=9999-12-31T23:59:59.999999Z",
    ],
)
def test_any_time_of_the_calendar_is_accepted(superuser: Client, query: str) -> None:
    superuser.get(f"/audit?{query}").data()
    assert superuser.get(f"/audit/export?{query}").status == 200


@pytest.mark.parametrize("path", ["/audit", "/audit/export"])
@pytest.mark.parametrize("name", ["actor", "action", "target"])
def test_no_filter_causes_an_internal_error(superuser: Client, path: str, name: str, subtests: pytest.Subtests) -> None:
    for value in ("", "x" * 129, "x" * 3000, "%F0%9F%98%80" * 129):
        with subtests.test(value=value[:20]):
            assert_problem(superuser.get(f"{path}?{name}={value}"), 422, "invalid")
    for value in ("%00", "%F0%9F%98%80" * 128, "a%2Fb", "%22", "%0A", "#"):
        with subtests.test(value=value[:20]):
            assert superuser.get(f"{path}?{name}={value}").status in (200, 422)


@pytest.mark.parametrize(
    "query", ["action=tests.action", "actor=actor-1", "from=2026-11-19T12:00:01Z&to=2026-11-19T12:00:08Z"]
)
def test_pages_are_complete_in_both_directions(superuser: Client, query: str) -> None:
    for second in range(8):
        audit_log.write_entries_at(NOON + timedelta(seconds=second), [f"{second}"])
    expected = [target for target in "76543210" if "from" not in query or target != "0"]

    forward = audit_log.list_pages(superuser, f"/audit?limit=3&{query}")
    last = forward[-2].json()["pagination"]["next"]
    backward = audit_log.list_pages(superuser, f"/audit?limit=3&{query}&cursor={last}", "prev")

    assert [audit_log.list_targets(page) for page in forward] == [expected[:3], expected[3:6], expected[6:]]
    assert [audit_log.list_targets(page) for page in backward] == [
        audit_log.list_targets(page) for page in reversed(forward)
    ]
    assert not backward[-1].json()["pagination"]["hasPrev"]


def test_entries_of_the_same_time_are_each_listed_once(superuser: Client) -> None:
    written = [f"{number}" for number in range(25)]
    audit_log.write_entries_at(NOON, written)

    listed = [
        target
        for page in audit_log.list_pages(superuser, f"{AUDIT_PATH}&limit=4")
        for target in audit_log.list_targets(page)
    ]

    assert sorted(listed) == sorted(written)


def test_cursor_belongs_to_its_filter_and_its_route(superuser: Client) -> None:
    audit_log.write_entries_at(NOON, ["1", "2", "3"])
    cursor = superuser.get(f"{AUDIT_PATH}&limit=1").json()["pagination"]["next"]

    assert audit_log.list_targets(superuser.get(f"{AUDIT_PATH}&cursor={cursor}"))
    for path in (
        "/audit?",
        "/audit?action=tests.other&",
        "/audit?actor=tests.action&",
        f"{AUDIT_PATH}&from={quote_time(NOON)}&",
        f"{AUDIT_PATH}&to={quote_time(NOON)}&",
        "/audit/export?action=tests.action&",
        "/projects?",
    ):
        assert_problem(superuser.get(f"{path}cursor={cursor}"), 400, "bad_cursor")


@pytest.mark.parametrize("path", ["/audit", "/audit/export"])
def test_only_admins_and_superusers_read_the_audit_log(
    superuser: Client, client: Client, anonymous: Client, fake_aws: FakeAws, path: str
) -> None:
    audit_log.write_entry("tests.action", "x")

    assert_problem(anonymous.get(path), 401, "unauthenticated")
    assert_problem(client.get(path), 403, "forbidden")
    assert fake_aws.find_rows("audit", action="audit.export") == []
    fake_aws.update_row(f"USER#{client.user['id']}", "USER", roles=["admin"])
    assert client.get(path).status == 200
    assert superuser.get(path).status == 200


def test_no_secret_is_in_the_audit_log(superuser: Client, client: Client, fake_aws: FakeAws) -> None:
    enable_mfa(client)
    mailbox.receive_emails(fake_aws)
    client.post("/auth/forgot-password", {"email": client.user["email"]}).data()
    token = mailbox.receive_token(fake_aws, "password-reset")
    client.post("/auth/login", {"email": client.user["email"], "password": "a wrong password"}).problem()
    text = superuser.get("/audit?limit=100").text + superuser.get("/audit/export").text

    assert "accounts.request_password_reset" in text
    for secret in (
        users.PASSWORD,
        "a wrong password",
        str(client.access_token),
        client.refresh_token,
        token,
        client.user["email"],
    ):
        assert secret not in text
        assert secret.rpartition("_")[2] not in text
