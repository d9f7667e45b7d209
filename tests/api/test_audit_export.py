"""GET /audit/export: JSON lines, in parts that fit into a response of Lambda."""

import pytest

import functions.auth.audit as routes
from tests.support import audit_log
from tests.support.aws import FakeAws
from tests.support.client import Client

EXPORT_PATH = "/audit/export?action=tests.action"


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit a part to four lines."""
    monkeypatch.setattr(routes, "_EXPORT_PAGE_SIZE", 4)


def test_export_contains_the_same_entries_as_the_list(superuser: Client) -> None:
    for number in range(3):
        audit_log.write_entry("tests.action", f"{number}")
    listed = superuser.get("/audit?action=tests.action").data()

    response = superuser.get(EXPORT_PATH)

    assert response.status == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
    assert response.headers["cache-control"] == "no-store"
    assert "link" not in response.headers
    assert audit_log.parse_json_lines(response.text) == listed
    assert [each["target"] for each in listed] == ["2", "1", "0"]


def test_export_without_entries_is_empty(superuser: Client) -> None:
    response = superuser.get("/audit/export?target=nothing")

    assert (response.status, response.text) == (200, "")


@pytest.mark.parametrize("query", ["?action=tests.action", "?actor=ada%27s%20%2B", "?from=2026-11-19T12:00:00%2B01:00"])
def test_link_leads_to_the_next_part(superuser: Client, small_pages: None, query: str) -> None:
    for number in range(10):
        audit_log.write_entry("tests.action", f"{number}", actor="ada's +")

    parts = audit_log.download_export(superuser, f"/audit/export{query}")

    exported = [line["target"] for part in parts for line in audit_log.parse_json_lines(part.text)]
    assert [target for target in exported if target.isdigit()] == [f"{number}" for number in reversed(range(10))]
    assert all(len(audit_log.parse_json_lines(part.text)) == 4 for part in parts[:-1])
    assert len(parts) >= 3


def test_each_part_of_an_export_is_audited(superuser: Client, small_pages: None) -> None:
    for number in range(5):
        audit_log.write_entry("tests.action", f"{number}")

    parts = audit_log.download_export(superuser, EXPORT_PATH)

    entries = superuser.get("/audit?action=audit.export").data()
    assert len(entries) == len(parts) == 2
    assert {(each["actor"], each["target"], each["outcome"]) for each in entries} == {
        (superuser.user["id"], "audit", "success")
    }


def test_list_is_not_audited(superuser: Client, fake_aws: FakeAws) -> None:
    before = len(fake_aws.find_rows("audit"))
    superuser.get("/audit").data()

    assert len(fake_aws.find_rows("audit")) == before


def test_entry_is_one_line_whatever_it_contains(superuser: Client) -> None:
    agent = 'a "quoted"\u2028 agent \\ \u00e4\U0001f600'
    superuser.get("/audit/export", headers={"user-agent": agent})

    lines = audit_log.parse_json_lines(superuser.get("/audit/export?action=audit.export").text)

    assert [line["userAgent"] for line in lines] == ["tests", agent]


def test_largest_part_fits_into_a_response_of_lambda() -> None:
    assert audit_log.MAX_ENTRY_BYTES * routes._EXPORT_PAGE_SIZE < 5_000_000  # bytes
