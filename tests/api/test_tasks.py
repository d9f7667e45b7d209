"""Tasks: the list with their reports, and runs that someone requests."""

from datetime import timedelta
from typing import Any

import pytest

from holdall.maintenance import service as maintenance
from holdall.platform import clock
from holdall.platform.errors import ServiceUnavailable
from holdall.tasks.model import TASKS, RunTask
from infra.catalog import FUNCTIONS
from tests.support import users
from tests.support.admins import AdminFactory
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.faults import FAULT_MODES, FaultMode, FaultScenario, assert_survives_faults
from tests.support.uploads import init_upload


@pytest.fixture
def admin(admins: AdminFactory) -> Client:
    return admins.create_user("admin")


def get_task(client: Client, name: str) -> dict[str, Any]:
    return next(task for task in client.get("/admin/tasks").data() if task["name"] == name)


def request_run(client: Client, name: str, query: str = "", **options: Any) -> str:
    response = client.request("POST", f"/admin/tasks/{name}/run{query}", **options)
    assert response.status == 202
    return str(response.data()["jobId"])


def test_every_task_of_maintenance_is_listed_and_can_run() -> None:
    scheduled = {each.task for function in FUNCTIONS if function.name == "maintenance" for each in function.schedules}

    assert set(TASKS) == maintenance.TASK_RUNNERS.keys() | maintenance.LONG_TASKS.keys()
    assert scheduled <= set(TASKS)


def test_list_has_schedule_next_and_last_run(
    admin: Client, client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    before = get_task(admin, "send-pending-jobs")
    assert (before["schedule"], before["nextRunAt"], before["lastRun"]) == ("rate(1 minute)", None, None)
    fake_aws.run_task("send-pending-jobs")
    now = clock.now()
    frozen_clock.advance(seconds=10)

    task = get_task(admin, "send-pending-jobs")
    assert task["nextRunAt"] == (now + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    assert task["lastRun"]["status"] == "completed"
    assert task["lastRun"]["counts"] == {"found": 0}
    assert task["lastRun"]["startedAt"] == task["lastRun"]["endedAt"] == now.isoformat().replace("+00:00", "Z")
    assert task["lastRequest"] is None
    assert get_task(admin, "retry-jobs")["schedule"] is None
    names = [each["name"] for each in admin.get("/admin/tasks").data()]
    assert names == sorted(TASKS)


def test_requested_run_has_its_report_and_is_audited(
    superuser: Client, client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    init_upload(client)
    frozen_clock.advance(days=2)
    superuser = users.sign_in(superuser.user["email"])
    job_id = request_run(superuser, "expire-uploads")
    run = get_task(superuser, "expire-uploads")["lastRequest"]
    assert (run["jobId"], run["status"], run["startedAt"]) == (job_id, "pending", None)
    fake_aws.run_workers()

    run = get_task(superuser, "expire-uploads")["lastRequest"]
    assert (run["jobId"], run["status"], run["counts"]) == (job_id, "completed", {"found": 1})
    assert (run["requestedBy"], run["dryRun"]) == (superuser.user["id"], False)
    (entry,) = superuser.get("/audit?action=tasks.run").data()
    assert (entry["actor"], entry["target"]) == (superuser.user["id"], "expire-uploads")


def test_second_request_joins_the_run_that_has_not_ended(superuser: Client, fake_aws: FakeAws) -> None:
    first = request_run(superuser, "purge-projects")

    assert request_run(superuser, "purge-projects") == first
    assert fake_aws.run_workers() == 2  # the first message may have been lost, so it was sent again
    assert request_run(superuser, "purge-projects") != first


def test_second_delivery_of_a_request_does_nothing(superuser: Client, fake_aws: FakeAws) -> None:
    job_id = request_run(superuser, "empty-trash")
    message = RunTask("empty-trash", job_id).to_json()
    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    sent = len(fake_aws.receive_messages("work"))

    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES
    assert (sent, fake_aws.receive_messages("work")) == (2, [])  # the request and the first message of the task
    unknown = RunTask("empty-trash", "0" * 26).to_json()
    assert fake_aws.deliver_messages("maintenance", unknown) == NO_FAILURES
    assert fake_aws.receive_messages("work") == []


def test_second_delivery_of_a_request_does_not_start_a_run_again_that_goes_on(
    superuser: Client, fake_aws: FakeAws
) -> None:
    message = RunTask("sweep", request_run(superuser, "sweep")).to_json()
    for _ in range(3):  # the request, and two steps
        assert fake_aws.deliver_messages("maintenance", *fake_aws.receive_messages("work")) == NO_FAILURES
    [step] = fake_aws.receive_messages("work")

    assert fake_aws.deliver_messages("maintenance", message) == NO_FAILURES

    assert fake_aws.receive_messages("work") == []
    assert fake_aws.deliver_messages("maintenance", step) == NO_FAILURES


def test_lost_run_can_be_requested_again(superuser: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    first = request_run(superuser, "recount")
    fake_aws.receive_messages("work")
    frozen_clock.advance(hours=2, seconds=1)
    superuser = users.sign_in(superuser.user["email"])

    assert get_task(superuser, "recount")["lastRequest"]["status"] == "lost"
    assert request_run(superuser, "recount") != first


def test_idempotency_key_leads_to_the_first_run(superuser: Client, fake_aws: FakeAws) -> None:
    headers = {"idempotency-key": "once"}
    first = request_run(superuser, "purge-projects", headers=headers)
    fake_aws.run_workers()

    assert request_run(superuser, "purge-projects", headers=headers) == first
    assert fake_aws.run_workers() == 0


def test_request_that_cannot_be_sent_is_sent_by_the_next_one(
    superuser: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as patch:
        patch.setattr("holdall.platform.messaging.send", fail)
        assert superuser.request("POST", "/admin/tasks/purge-projects/run").status == 503
    request_run(superuser, "purge-projects")
    fake_aws.run_workers()

    assert get_task(superuser, "purge-projects")["lastRequest"]["status"] == "completed"


def test_unknown_task_is_not_found(superuser: Client) -> None:
    for name in ("nothing", "recount%20", "x" * 64):
        assert superuser.request("POST", f"/admin/tasks/{name}/run").status == 404


def test_task_without_a_dry_run_says_so(superuser: Client, fake_aws: FakeAws) -> None:
    response = superuser.request("POST", "/admin/tasks/recount/run?dryRun=true")

    assert (response.status, response.problem()["code"]) == (422, "dry_run_unsupported")
    assert get_task(superuser, "recount")["lastRequest"] is None
    assert fake_aws.receive_messages("work") == []


def test_operator_runs_a_task_without_a_request(superuser: Client, fake_aws: FakeAws) -> None:
    report = fake_aws.run_task("purge-projects", command="run", dryRun=False)

    assert (report["counts"], report["requested_by"]) == ({"found": 0}, "operator")
    assert get_task(superuser, "purge-projects")["lastRequest"]["jobId"] == report["id"]


def test_late_report_of_an_earlier_call_does_not_replace_a_later_one(
    superuser: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two calls of a schedule may overlap, and the first one may end last."""
    run_second = iter([True])

    def run() -> int:
        if next(run_second, False):
            fake_aws.run_task("purge-projects")
            return 1
        return 2

    monkeypatch.setitem(maintenance.TASK_RUNNERS, "purge-projects", run)
    fake_aws.run_task("purge-projects")

    assert get_task(superuser, "purge-projects")["lastRun"]["counts"] == {"found": 2}


@pytest.mark.parametrize("mode", FAULT_MODES)
def test_request_starts_one_run_despite_faults(
    superuser: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        def check(again: Response) -> None:
            fake_aws.run_workers()
            run = get_task(superuser, "purge-projects")["lastRequest"]
            assert (run["jobId"], run["status"]) == (again.data()["jobId"], "completed")
            assert len(superuser.get("/audit?action=tasks.run").data()) == 1

        return FaultScenario(lambda: superuser.request("POST", "/admin/tasks/purge-projects/run"), check)

    assert_survives_faults(monkeypatch, mode, prepare)
