"""The recount of a deployed Holdall, by the rights that its function has: it tells what is wrong, and no more than that."""

from holdall.maintenance.model import Drift, Report
from tests.support.e2e.actions import commit_upload, create_project, init_upload, upload_bytes, upload_file, wait_for
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server, create_client
from tests.support.e2e.quota_ledger import QuotaLedger

_RECOUNT_TIMEOUT_SECONDS = 240  # seconds: what moves meanwhile is left to another round, a minute later
_RECOUNT_PK = "TASK#recount"
_TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


def test_a_recount_tells_a_drift_and_nothing_else_and_its_repair_mends_it(
    api_gateway: Server, quota_ledger: QuotaLedger
) -> None:
    aws_state, client = quota_ledger.aws_state, create_client(api_gateway)
    projects = [create_project(client) for _ in range(2)]
    inflight = [_create_file_and_open_uploads(client, project_id) for project_id in projects]

    aws_state.invoke("maintenance", {"task": "recount"})
    assert commit_upload(client, inflight[0]).status == 200
    assert _wait_for_report(aws_state).drifts == []

    held = quota_ledger.recorded_usage(projects[0])
    (row,) = [row for row in aws_state.rows(f"PROJECT#{projects[0]}") if row["sk"] == "QUOTA"]
    aws_state.update_row(row["pk"], row["sk"], bytes=held.bytes + 7, files=held.files - 1)
    aws_state.invoke("maintenance", {"task": "recount"})
    assert _wait_for_report(aws_state).drifts == [
        Drift(
            scope=projects[0],
            recorded_bytes=held.bytes + 7,
            recorded_files=held.files - 1,
            counted_bytes=held.bytes,
            counted_files=held.files,
            version=int(row["version"]),
        )
    ]

    aws_state.invoke("maintenance", {"task": "recount-repair"})
    assert quota_ledger.recorded_usage(projects[0]) == quota_ledger.actual_usage(projects[0]) == held
    aws_state.invoke("maintenance", {"task": "recount"})
    assert _wait_for_report(aws_state).drifts == []


def _create_file_and_open_uploads(client: Client, project_id: str) -> dict[str, str]:
    """A file, and two uploads that are open; the one whose bytes have come."""
    upload_file(client, b"Dear reader", projectId=project_id, **_TEXT_FILE)
    begun: dict[str, str] = init_upload(client, b"Dear readers", projectId=project_id, **_TEXT_FILE)
    assert upload_bytes(begun, b"Dear readers").status == 200
    init_upload(client, b"Dear all", projectId=project_id, **_TEXT_FILE)
    return begun


def _wait_for_report(aws_state: AwsState) -> Report:
    """What the recount that was begun last tells, when it has come to its end."""
    run = _read_row(aws_state, "RUN")["id"]
    wait_for(lambda: _read_row(aws_state, "REPORT").get("run_id") == run, _RECOUNT_TIMEOUT_SECONDS)
    report = Report.model_validate_json(_read_row(aws_state, "REPORT")["content"])
    assert (report.skipped, report.installation_compared) == (0, True)
    return report


def _read_row(aws_state: AwsState, sk: str) -> dict[str, str]:
    return next((row for row in aws_state.rows(_RECOUNT_PK) if row["sk"] == sk), {})
