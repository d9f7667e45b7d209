"""Jobs: one worker at a time holds one, and none is forgotten."""

import json
from typing import Any

import pytest

from holdall.errors import Conflict
from holdall.jobs import service as jobs
from holdall.table import Transaction
from holdall.variants import service as variants
from holdall.variants.model import Outcome
from tests.api.client import Client
from tests.api.cloud import WELL, Cloud, photo
from tests.api.conftest import Clock


@pytest.fixture
def job_id(frozen: Clock, client: Client, cloud: Cloud, project: dict[str, Any]) -> str:
    """A job to look at a photo of which nothing is drawn, born while the clock stands; its message is lost."""
    client.request("PUT", f"/projects/{project['id']}", {"settings": {"variants": []}}).data()
    cloud.upload(client, photo(), projectId=project["id"])
    (message,) = cloud.waiting("images")
    return str(json.loads(message)["jobId"])


def row(cloud: Cloud, job_id: str) -> dict[str, Any]:
    (found,) = cloud.rows("main", pk=f"JOB#{job_id}")
    return found


def told(job_id: str) -> str:
    return json.dumps({"jobId": job_id})


def test_a_job_is_pending_until_it_is_claimed(cloud: Cloud, job_id: str) -> None:
    assert row(cloud, job_id)["status"] == "pending"
    assert variants.begin(job_id) is not None
    assert row(cloud, job_id)["status"] == "processing"


def test_a_job_is_held_by_one_worker(frozen: Clock, cloud: Cloud, job_id: str) -> None:
    assert variants.begin(job_id) is not None
    frozen.forward(minutes=5, seconds=59)

    assert variants.begin(job_id) is None
    assert cloud.deliver("imageproc", told(job_id)) == WELL
    assert row(cloud, job_id)["status"] == "processing"


def test_a_job_whose_worker_is_gone_is_claimed_again(frozen: Clock, cloud: Cloud, job_id: str) -> None:
    assert variants.begin(job_id) is not None
    frozen.forward(minutes=6)

    assert cloud.deliver("imageproc", told(job_id)) == WELL
    assert row(cloud, job_id)["status"] == "completed"


def test_a_worker_whose_time_is_over_records_nothing(frozen: Clock, cloud: Cloud, job_id: str) -> None:
    late = variants.begin(job_id)
    assert late is not None
    frozen.forward(minutes=6)
    cloud.deliver("imageproc", told(job_id))
    before = cloud.rows("main", record_kind="file")

    variants.finish(late, Outcome("0" * 64, 1, 1, []))
    variants.reject(late, "broken_image")
    with pytest.raises(Conflict), Transaction() as write:
        jobs.complete(write, late.job)
    assert cloud.rows("main", record_kind="file") == before
    assert row(cloud, job_id)["status"] == "completed"


def test_a_worker_whose_time_is_over_does_not_end_the_work_of_the_next(
    frozen: Clock, cloud: Cloud, job_id: str
) -> None:
    late = variants.begin(job_id)
    frozen.forward(minutes=6)
    current = variants.begin(job_id)
    assert late is not None
    assert current is not None

    variants.finish(late, Outcome("0" * 64, 1, 1, []))
    assert row(cloud, job_id)["status"] == "processing"
    variants.finish(current, Outcome("1" * 64, 2, 2, []))
    assert row(cloud, job_id)["status"] == "completed"
    (file,) = cloud.rows("main", record_kind="file")
    assert json.loads(file["current"])["sha256"] == "1" * 64


@pytest.mark.parametrize(("seconds", "sent"), [(59, 0), (60, 1)])
def test_what_waits_for_a_minute_is_sent_again(
    frozen: Clock, cloud: Cloud, job_id: str, seconds: int, sent: int
) -> None:
    frozen.forward(seconds=seconds)
    cloud.run("send-pending-jobs")

    assert len(cloud.waiting("images")) == sent


def test_what_was_sent_again_is_done(frozen: Clock, cloud: Cloud, job_id: str) -> None:
    frozen.forward(seconds=61)
    cloud.run("send-pending-jobs")

    assert cloud.work() == 1
    assert row(cloud, job_id)["status"] == "completed"


def test_it_is_not_sent_again_in_every_run(frozen: Clock, cloud: Cloud, job_id: str) -> None:
    frozen.forward(seconds=61)
    for _ in range(3):
        cloud.run("send-pending-jobs")
        frozen.forward(seconds=60)
    assert len(cloud.waiting("images")) == 1
    frozen.forward(minutes=5)
    cloud.run("send-pending-jobs")
    assert len(cloud.waiting("images")) == 1


def test_what_a_dead_worker_held_is_sent_again(frozen: Clock, cloud: Cloud, job_id: str) -> None:
    assert variants.begin(job_id) is not None
    frozen.forward(minutes=5, seconds=59)
    cloud.run("send-pending-jobs")
    assert cloud.waiting("images") == []
    frozen.forward(seconds=1)
    cloud.run("send-pending-jobs")

    assert cloud.work() == 1
    assert row(cloud, job_id)["status"] == "completed"


def test_what_is_done_is_not_sent_again(frozen: Clock, cloud: Cloud, job_id: str) -> None:
    cloud.deliver("imageproc", told(job_id))
    frozen.forward(days=1)
    cloud.run("send-pending-jobs")

    assert cloud.waiting("images") == []


def test_a_task_that_is_none_is_a_mistake(cloud: Cloud) -> None:
    with pytest.raises(KeyError):
        cloud.run("clean-everything")
