"""The recount of a deployed Holdall, by the rights that its function has: it tells what is wrong, and no more than that."""

from holdall.maintenance.model import Drift, Report
from tests.stack.client import Client, Server, signed_in
from tests.stack.ledger import Ledger
from tests.stack.state import State
from tests.stack.work import begin, comes_true, commit, new_project, send, upload

_PATIENCE = 240  # seconds: what moves meanwhile is left to another round, a minute later
_TASK = "TASK#recount"
_PLAIN = {"filename": "notes.txt", "contentType": "text/plain"}


def test_a_recount_tells_a_drift_and_nothing_else_and_its_repair_mends_it(direct: Server, ledger: Ledger) -> None:
    state, client = ledger.state, signed_in(direct)
    projects = [new_project(client) for _ in range(2)]
    inflight = [_in_flight(client, project_id) for project_id in projects]

    state.invoke("maintenance", {"task": "recount"})
    assert commit(client, inflight[0]).status == 200
    assert _told(state).drifts == []

    held = ledger.counted(projects[0])
    (row,) = [row for row in state.rows(f"PROJECT#{projects[0]}") if row["sk"] == "QUOTA"]
    state.change(row["pk"], row["sk"], bytes=held.bytes + 7, files=held.files - 1)
    state.invoke("maintenance", {"task": "recount"})
    assert _told(state).drifts == [
        Drift(
            of=projects[0],
            held_bytes=held.bytes + 7,
            held_files=held.files - 1,
            counted_bytes=held.bytes,
            counted_files=held.files,
            moves=int(row["moves"]),
        )
    ]

    state.invoke("maintenance", {"task": "recount-repair"})
    assert ledger.counted(projects[0]) == ledger.there(projects[0]) == held
    state.invoke("maintenance", {"task": "recount"})
    assert _told(state).drifts == []


def _in_flight(client: Client, project_id: str) -> dict[str, str]:
    """A file, and two uploads that are open; the one whose bytes have come."""
    upload(client, b"Dear reader", projectId=project_id, **_PLAIN)
    begun: dict[str, str] = begin(client, b"Dear readers", projectId=project_id, **_PLAIN)
    assert send(begun, b"Dear readers").status == 200
    begin(client, b"Dear all", projectId=project_id, **_PLAIN)
    return begun


def _told(state: State) -> Report:
    """What the recount that was begun last tells, when it has come to its end."""
    run = _row(state, "CHECKPOINT")["run"]
    comes_true(lambda: _row(state, "REPORT").get("run") == run, _PATIENCE)
    report = Report.model_validate_json(_row(state, "REPORT")["content"])
    assert (report.unjudged, report.installation_judged) == (0, True)
    return report


def _row(state: State, sk: str) -> dict[str, str]:
    return next((row for row in state.rows(_TASK) if row["sk"] == sk), {})
