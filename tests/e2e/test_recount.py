"""The recount on the deployed stack, with the permissions of its function."""

import pytest

from holdall.maintenance.model import Drift, Report
from tests.support.e2e.actions import commit_upload, create_project, init_upload, upload_bytes, upload_file, wait_for
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server, create_client
from tests.support.e2e.quota_ledger import QuotaLedger

pytestmark = pytest.mark.serial

_RECOUNT_TIMEOUT_SECONDS = 400  # a recount waits 90 s and then 180 s if something changes meanwhile
_RECOUNT_PK = "TASK#recount"
_TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


def test_recount_reports_only_real_drifts_and_its_repair_corrects_them(
    api_gateway: Server, quota_ledger: QuotaLedger
) -> None:
    aws_state, client = quota_ledger.aws_state, create_client(api_gateway)
    projects = [create_project(client) for _ in range(2)]
    open_uploads = [_create_file_and_open_uploads(client, project_id) for project_id in projects]

    previous = _start_recount(aws_state)
    assert commit_upload(client, open_uploads[0]).status == 200
    assert _wait_for_report(aws_state, previous).drifts == []

    usage = quota_ledger.recorded_usage(projects[0])
    (row,) = [row for row in aws_state.rows(f"PROJECT#{projects[0]}") if row["sk"] == "QUOTA"]
    aws_state.update_row(row["pk"], row["sk"], bytes=usage.bytes + 7, files=usage.files - 1)
    assert _wait_for_report(aws_state, _start_recount(aws_state)).drifts == [
        Drift(
            scope=projects[0],
            recorded_bytes=usage.bytes + 7,
            recorded_files=usage.files - 1,
            counted_bytes=usage.bytes,
            counted_files=usage.files,
            version=int(row["version"]),
        )
    ]

    aws_state.invoke("maintenance", {"task": "recount-repair"})
    assert quota_ledger.recorded_usage(projects[0]) == quota_ledger.actual_usage(projects[0]) == usage
    assert _wait_for_report(aws_state, _start_recount(aws_state)).drifts == []


def _create_file_and_open_uploads(client: Client, project_id: str) -> dict[str, str]:
    """Create a file and two open uploads, and return the one whose bytes are in S3."""
    upload_file(client, b"Dear reader", projectId=project_id, **_TEXT_FILE)
    upload: dict[str, str] = init_upload(client, b"Dear readers", projectId=project_id, **_TEXT_FILE)
    assert upload_bytes(upload, b"Dear readers").status == 200
    init_upload(client, b"Dear all", projectId=project_id, **_TEXT_FILE)
    return upload


def _start_recount(aws_state: AwsState) -> str | None:
    """Start a recount, and return the ID of the one before."""
    previous = _read_report(aws_state).get("run_id")
    aws_state.invoke("maintenance", {"task": "recount"})
    return previous


def _wait_for_report(aws_state: AwsState, previous: str | None) -> Report:
    """Wait for the report of the recount after the previous one, and return it."""
    wait_for(lambda: _read_report(aws_state).get("run_id") != previous, _RECOUNT_TIMEOUT_SECONDS)
    report = Report.model_validate_json(_read_report(aws_state)["content"])
    assert (report.skipped, report.installation_compared) == (0, True)
    return report


def _read_report(aws_state: AwsState) -> dict[str, str]:
    return next((row for row in aws_state.rows(_RECOUNT_PK) if row["sk"] == "REPORT"), {})
