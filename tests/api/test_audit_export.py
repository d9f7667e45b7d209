"""The journal as a file: all rows that a filter finds, in parts that Lambda can answer."""

import pytest

import functions.auth.audit as routes
from tests.support import audit_log
from tests.support.aws import FakeAws
from tests.support.client import Client

EXPORT_PATH = "/audit/export?action=tests.action"


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of four lines."""
    monkeypatch.setattr(routes, "_LINES", 4)


def test_the_file_holds_what_the_list_tells(superuser: Client) -> None:
    for number in range(3):
        audit_log.write_entry("tests.action", f"{number}")
    listed = superuser.get("/audit?action=tests.action").data()

    answer = superuser.get(EXPORT_PATH)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
    assert answer.headers["cache-control"] == "no-store"
    assert "link" not in answer.headers
    assert audit_log.parse_json_lines(answer.text) == listed
    assert [each["target"] for each in listed] == ["2", "1", "0"]


def test_nothing_found_is_an_empty_file(superuser: Client) -> None:
    answer = superuser.get("/audit/export?target=nothing")

    assert (answer.status, answer.text) == (200, "")


@pytest.mark.parametrize(
    "query", ["?action=tests.action", "?actor=somebody%27s%20%2B", "?from=2026-11-19T12:00:00%2B01:00"]
)
def test_a_file_goes_on_where_its_link_leads(superuser: Client, small_pages: None, query: str) -> None:
    for number in range(10):
        audit_log.write_entry("tests.action", f"{number}", actor="somebody's +")

    parts = audit_log.download_export(superuser, f"/audit/export{query}")

    told = [line["target"] for part in parts for line in audit_log.parse_json_lines(part.text)]
    assert [target for target in told if target.isdigit()] == [f"{number}" for number in reversed(range(10))]
    assert all(len(audit_log.parse_json_lines(part.text)) == 4 for part in parts[:-1])
    assert len(parts) >= 3


def test_whoever_takes_the_journal_away_is_in_it(superuser: Client, small_pages: None) -> None:
    for number in range(5):
        audit_log.write_entry("tests.action", f"{number}")

    parts = audit_log.download_export(superuser, EXPORT_PATH)

    taken = superuser.get("/audit?action=audit.export").data()
    assert len(taken) == len(parts) == 2
    assert {(each["actor"], each["target"], each["outcome"]) for each in taken} == {
        (superuser.user["id"], "audit", "success")
    }


def test_a_list_that_is_read_leaves_no_row(superuser: Client, fake_aws: FakeAws) -> None:
    before = len(fake_aws.find_rows("audit"))
    superuser.get("/audit").data()

    assert len(fake_aws.find_rows("audit")) == before


def test_a_line_stays_one_line_whatever_it_tells(superuser: Client) -> None:
    agent = 'a "quoted"\u2028 agent \\ \u00e4\U0001f600'
    superuser.get("/audit/export", headers={"user-agent": agent})

    lines = audit_log.parse_json_lines(superuser.get("/audit/export?action=audit.export").text)

    assert [line["userAgent"] for line in lines] == ["tests", agent]


def test_the_longest_part_fits_into_an_answer_of_lambda() -> None:
    assert audit_log.MAX_ENTRY_BYTES * routes._EXPORT_PAGE_SIZE < 5_000_000  # bytes
