"""The journal as a file: all rows that a filter finds, in parts that Lambda can answer."""

import pytest

import functions.auth.audit as routes
from tests.api import journal
from tests.api.client import Client
from tests.api.cloud import Cloud

DEED = "/audit/export?action=tests.deed"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of four lines."""
    monkeypatch.setattr(routes, "_LINES", 4)


def test_the_file_holds_what_the_list_tells(root: Client) -> None:
    for number in range(3):
        journal.write("tests.deed", f"{number}")
    listed = root.get("/audit?action=tests.deed").data()

    answer = root.get(DEED)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
    assert answer.headers["cache-control"] == "no-store"
    assert "link" not in answer.headers
    assert journal.lines(answer.text) == listed
    assert [each["target"] for each in listed] == ["2", "1", "0"]


def test_nothing_found_is_an_empty_file(root: Client) -> None:
    answer = root.get("/audit/export?target=nothing")

    assert (answer.status, answer.text) == (200, "")


@pytest.mark.parametrize(
    "query", ["?action=tests.deed", "?actor=somebody%27s%20%2B", "?from=2026-11-19T12:00:00%2B01:00"]
)
def test_a_file_goes_on_where_its_link_leads(root: Client, short: None, query: str) -> None:
    for number in range(10):
        journal.write("tests.deed", f"{number}", actor="somebody's +")

    parts = journal.files(root, f"/audit/export{query}")

    told = [line["target"] for part in parts for line in journal.lines(part.text)]
    assert [target for target in told if target.isdigit()] == [f"{number}" for number in reversed(range(10))]
    assert all(len(journal.lines(part.text)) == 4 for part in parts[:-1])
    assert len(parts) >= 3


def test_whoever_takes_the_journal_away_is_in_it(root: Client, short: None) -> None:
    for number in range(5):
        journal.write("tests.deed", f"{number}")

    parts = journal.files(root, DEED)

    taken = root.get("/audit?action=audit.export").data()
    assert len(taken) == len(parts) == 2
    assert {(each["actor"], each["target"], each["outcome"]) for each in taken} == {
        (root.user["id"], "audit", "success")
    }


def test_a_list_that_is_read_leaves_no_row(root: Client, cloud: Cloud) -> None:
    before = len(cloud.rows("audit"))
    root.get("/audit").data()

    assert len(cloud.rows("audit")) == before


def test_a_line_stays_one_line_whatever_it_tells(root: Client) -> None:
    agent = 'a "quoted"\u2028 agent \\ \u00e4\U0001f600'
    root.get("/audit/export", headers={"user-agent": agent})

    lines = journal.lines(root.get("/audit/export?action=audit.export").text)

    assert [line["agent"] for line in lines] == ["tests", agent]


def test_the_longest_part_fits_into_an_answer_of_lambda() -> None:
    assert journal.WIDEST * routes._LINES < 5_000_000  # bytes
