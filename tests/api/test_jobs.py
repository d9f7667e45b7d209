"""Jobs: one worker at a time claims each, and its message is sent again until it ends."""

import json
from typing import Any

import pytest

from holdall.jobs import service as jobs
from holdall.jobs.model import JobClaimed, RenderImage
from holdall.platform.errors import NotFound
from holdall.platform.table import Transaction
from holdall.variants import service as variants
from holdall.variants.model import RenderFailure, RenderResult
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.image_samples import make_photo


@pytest.fixture
def job_id(frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> str:
    """Return the ID of a job on a photo without variants, created while the clock is frozen. Its message is lost."""
    client.request("PUT", f"/projects/{project['id']}", {"settings": {"variants": []}}).data()
    fake_aws.upload(client, make_photo(), projectId=project["id"])
    (message,) = fake_aws.receive_messages("images")
    return RenderImage.from_json(message).job_id


def get_job_row(fake_aws: FakeAws, job_id: str) -> dict[str, Any]:
    (found,) = fake_aws.find_rows("main", pk=f"JOB#{job_id}")
    return found


def job_message(job_id: str) -> str:
    return RenderImage(job_id).to_json()


def test_job_is_pending_until_it_is_claimed(fake_aws: FakeAws, job_id: str) -> None:
    assert get_job_row(fake_aws, job_id)["status"] == "pending"
    assert variants.claim(job_id) is not None
    assert get_job_row(fake_aws, job_id)["status"] == "processing"


def test_job_is_claimed_by_one_worker(frozen_clock: FrozenClock, fake_aws: FakeAws, job_id: str) -> None:
    assert variants.claim(job_id) is not None
    frozen_clock.advance(minutes=5, seconds=59)

    assert variants.claim(job_id) is None
    assert fake_aws.deliver_messages("imageproc", job_message(job_id)) == NO_FAILURES
    assert get_job_row(fake_aws, job_id)["status"] == "processing"


def test_job_is_claimed_again_after_its_lease(frozen_clock: FrozenClock, fake_aws: FakeAws, job_id: str) -> None:
    assert variants.claim(job_id) is not None
    frozen_clock.advance(minutes=6)

    assert fake_aws.deliver_messages("imageproc", job_message(job_id)) == NO_FAILURES
    assert get_job_row(fake_aws, job_id)["status"] == "completed"


def test_worker_records_nothing_after_its_lease(frozen_clock: FrozenClock, fake_aws: FakeAws, job_id: str) -> None:
    late = variants.claim(job_id)
    assert late is not None
    frozen_clock.advance(minutes=6)
    fake_aws.deliver_messages("imageproc", job_message(job_id))
    before = fake_aws.find_rows("main", record_type="file")

    variants.finish(late, RenderResult("image/jpeg", 1, 1, []), "0" * 64)
    variants.fail(late, RenderFailure("broken_image"))
    with pytest.raises(JobClaimed), Transaction() as tx:
        jobs.complete(tx, late.job)
    assert fake_aws.find_rows("main", record_type="file") == before
    assert get_job_row(fake_aws, job_id)["status"] == "completed"


def test_worker_does_not_end_the_job_of_the_next_worker(
    frozen_clock: FrozenClock, fake_aws: FakeAws, job_id: str
) -> None:
    late = variants.claim(job_id)
    frozen_clock.advance(minutes=6)
    current = variants.claim(job_id)
    assert late is not None
    assert current is not None

    variants.finish(late, RenderResult("image/jpeg", 1, 1, []), "0" * 64)
    assert get_job_row(fake_aws, job_id)["status"] == "processing"
    variants.finish(current, RenderResult("image/jpeg", 2, 2, []), "1" * 64)
    assert get_job_row(fake_aws, job_id)["status"] == "completed"
    (file,) = fake_aws.find_rows("main", record_type="file")
    assert json.loads(file["current"])["sha256"] == "1" * 64


@pytest.mark.parametrize(("seconds", "sent"), [(59, 0), (60, 1)])
def test_job_that_is_pending_for_a_minute_is_sent_again(
    frozen_clock: FrozenClock, fake_aws: FakeAws, job_id: str, seconds: int, sent: int
) -> None:
    frozen_clock.advance(seconds=seconds)
    fake_aws.run_task("send-pending-jobs")

    assert len(fake_aws.receive_messages("images")) == sent


def test_job_that_was_sent_again_is_completed(frozen_clock: FrozenClock, fake_aws: FakeAws, job_id: str) -> None:
    frozen_clock.advance(seconds=61)
    fake_aws.run_task("send-pending-jobs")

    assert fake_aws.run_workers() == 1
    assert get_job_row(fake_aws, job_id)["status"] == "completed"


def test_pending_job_is_not_sent_again_in_every_run(frozen_clock: FrozenClock, fake_aws: FakeAws, job_id: str) -> None:
    frozen_clock.advance(seconds=61)
    for _ in range(3):
        fake_aws.run_task("send-pending-jobs")
        frozen_clock.advance(seconds=60)
    assert len(fake_aws.receive_messages("images")) == 1
    frozen_clock.advance(minutes=5)
    fake_aws.run_task("send-pending-jobs")
    assert len(fake_aws.receive_messages("images")) == 1


def test_job_of_a_dead_worker_is_sent_again(frozen_clock: FrozenClock, fake_aws: FakeAws, job_id: str) -> None:
    assert variants.claim(job_id) is not None
    frozen_clock.advance(minutes=5, seconds=59)
    fake_aws.run_task("send-pending-jobs")
    assert fake_aws.receive_messages("images") == []
    frozen_clock.advance(seconds=1)
    fake_aws.run_task("send-pending-jobs")

    assert fake_aws.run_workers() == 1
    assert get_job_row(fake_aws, job_id)["status"] == "completed"


def test_completed_job_is_not_sent_again(frozen_clock: FrozenClock, fake_aws: FakeAws, job_id: str) -> None:
    fake_aws.deliver_messages("imageproc", job_message(job_id))
    frozen_clock.advance(days=1)
    fake_aws.run_task("send-pending-jobs")

    assert fake_aws.receive_messages("images") == []


def test_unknown_task_is_not_found(fake_aws: FakeAws) -> None:
    with pytest.raises(NotFound):
        fake_aws.run_task("clean-everything")
