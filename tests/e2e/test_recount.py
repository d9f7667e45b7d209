"""The recount on the deployed stack, with the permissions of its function.

A recount delays some of its messages by minutes. The test sends them at once, because every message may come twice.
"""

import pytest

from holdall.maintenance.model import Drift, RecountPage, RecountProject, Report
from holdall.platform import clock, ids
from holdall.quotas.model import QuotaUsage
from tests.support.e2e.actions import commit_upload, create_project, init_upload, upload_bytes, upload_file
from tests.support.e2e.client import Client, Server, create_client
from tests.support.e2e.quota_ledger import QuotaLedger

pytestmark = pytest.mark.serial

_RECOUNT_PK = "TASK#recount"
_TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


def test_recount_reports_only_real_drifts_and_its_repair_corrects_them(
    api_gateway: Server, quota_ledger: QuotaLedger
) -> None:
    aws_state, client = quota_ledger.aws_state, create_client(api_gateway)
    projects = [create_project(client) for _ in range(2)]
    open_uploads = [_create_file_and_open_uploads(client, project_id) for project_id in projects]

    run_id = _start_recount(quota_ledger)
    assert commit_upload(client, open_uploads[0]).status == 200
    assert _finish_recount(quota_ledger, run_id).drifts == []

    usage = quota_ledger.recorded_usage(projects[0])
    (row,) = aws_state.rows(f"QUOTA#{projects[0]}")
    aws_state.update_row(row["pk"], row["sk"], bytes=usage.bytes + 7, files=usage.files - 1)
    drift = Drift(
        scope=projects[0],
        recorded=QuotaUsage(usage.bytes + 7, usage.files - 1, int(row["version"])),
        counted=QuotaUsage(usage.bytes, usage.files),
    )
    run_id = _start_recount(quota_ledger)
    aws_state.wait_until_queues_empty()
    # A project with a drift is counted twice.
    quota_ledger.send_work_message(RecountProject(run_id, projects[0], attempt=2, suspected=drift))
    assert _finish_recount(quota_ledger, run_id).drifts == [drift]

    aws_state.invoke("maintenance", {"task": "recount-repair"})
    assert quota_ledger.recorded_usage(projects[0]) == quota_ledger.actual_usage(projects[0]) == usage
    assert _finish_recount(quota_ledger, _start_recount(quota_ledger)).drifts == []
    aws_state.invoke("maintenance", {"task": "recount"})


def _create_file_and_open_uploads(client: Client, project_id: str) -> dict[str, str]:
    """Create a file and two open uploads, and return the one whose bytes are in S3."""
    upload_file(client, b"Dear reader", projectId=project_id, **_TEXT_FILE)
    upload: dict[str, str] = init_upload(client, b"Dear readers", projectId=project_id, **_TEXT_FILE)
    assert upload_bytes(upload, b"Dear readers").status == 200
    init_upload(client, b"Dear all", projectId=project_id, **_TEXT_FILE)
    return upload


def _start_recount(quota_ledger: QuotaLedger) -> str:
    """Send the first message of a recount, and return its ID."""
    report = Report(run_id=ids.new_id(), started_at=clock.now())
    quota_ledger.send_work_message(RecountPage(report))
    return report.run_id


def _finish_recount(quota_ledger: QuotaLedger, run_id: str) -> Report:
    """Wait until all projects are counted, send the message that collects the results, and return the report."""
    aws_state = quota_ledger.aws_state
    aws_state.wait_until_queues_empty()
    quota_ledger.send_work_message(RecountPage(Report(run_id=run_id, started_at=clock.now()), attempt=2))
    aws_state.wait_until_queues_empty()
    (row,) = [row for row in aws_state.rows(_RECOUNT_PK) if row["sk"] == "REPORT"]
    report = Report.model_validate_json(row["content"])
    assert (report.run_id, report.skipped, report.installation_compared) == (run_id, 0, True)
    return report
