"""Dead letters (E2): messages that failed five times end their jobs, and no dead letter is handled twice."""

import json
from typing import Any

import pytest

from holdall.files import purge
from holdall.jobs import service as jobs
from holdall.jobs.model import JobState, RenderImage, RunJob
from holdall.maintenance import dead_letters
from holdall.platform import storage
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.messaging import JobQueueName
from holdall.platform.table import Transaction
from holdall.variants import service as variants
from infra.constructs.queues import MAX_RECEIVE_COUNT
from tests.support import users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.image_samples import make_photo
from tests.support.jobs import get_job, list_job_ids, retry_job
from tests.support.log import CapturedLog
from tests.support.uploads import init_upload
from tests.support.variants import get_file, variant_statuses


def fail_always(*_: Any, **__: Any) -> Any:
    raise RuntimeError


def be_unavailable(*_: Any, **__: Any) -> Any:
    raise ServiceUnavailable


def send_to_dead_letters(fake_aws: FakeAws, queue: JobQueueName, body: str) -> None:
    fake_aws.sqs.send_message(QueueUrl=fake_aws.queues[f"{queue}-dead-letters"], MessageBody=body)


def deliver_until_dead(fake_aws: FakeAws, queue: JobQueueName, message: str) -> None:
    """Deliver a message that always fails, and move it to the dead-letter queue, as SQS does."""
    for _ in range(MAX_RECEIVE_COUNT):
        worker = "imageproc" if queue == "images" else "maintenance"
        assert fake_aws.deliver_messages(worker, message) != NO_FAILURES
    send_to_dead_letters(fake_aws, queue, message)


def dead_letter_count(fake_aws: FakeAws) -> int:
    """Return the number of dead letters, with those that are invisible."""
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return sum(
        int(fake_aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"][name])
        for queue, url in fake_aws.queues.items()
        if queue.endswith("dead-letters")
        for name in names
    )


def upload_photo(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> tuple[str, str]:
    """Return the ID of a photo and the message of its job."""
    file_id = fake_aws.upload(client, make_photo(), projectId=project["id"])["fileId"]
    (message,) = fake_aws.receive_messages("images")
    return file_id, message


def log_lines(log: CapturedLog, message: str) -> list[dict[str, Any]]:
    return [line for line in log.lines if line["message"] == message]


def test_image_whose_message_failed_five_times_fails_and_can_be_retried(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch, log: CapturedLog
) -> None:
    file_id, message = upload_photo(client, fake_aws, project)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "download", fail_always)
        deliver_until_dead(fake_aws, "images", message)
    fake_aws.run_task("end-dead-jobs")

    job = get_job(client, RenderImage.from_json(message).job_id)
    assert (job["status"], job["reason"]) == ("failed", "dead_letter")
    file = get_file(client, file_id)
    assert (file["status"], file["reason"]) == ("ready", "dead_letter")
    assert variant_statuses(client, file_id) == {"thumb": "failed"}
    (line,) = log_lines(log, "dead_letter.job_failed")
    assert (line["level"], line["queue"], line["job_id"]) == ("ERROR", "images", job["id"])
    assert dead_letter_count(fake_aws) == 0

    retry_job(client, job["id"]).data()
    fake_aws.run_workers()
    file = get_file(client, file_id)
    assert (file["status"], file["reason"], variant_statuses(client, file_id)) == ("ready", None, {"thumb": "ready"})


def test_hash_whose_message_failed_five_times_fails(
    client: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = init_upload(client, b"content", sha256=None)
    fake_aws.put_object(upload, b"content")
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    (message,) = fake_aws.receive_messages("work")
    monkeypatch.setattr(storage, "sha256_of", fail_always)
    deliver_until_dead(fake_aws, "work", message)
    fake_aws.run_task("end-dead-jobs")

    job = get_job(client, RunJob.from_json(message).job_id)
    assert (job["status"], job["reason"]) == ("failed", "dead_letter")
    file = get_file(client, upload["fileId"])
    assert (file["status"], file["sha256"], file["reason"]) == ("ready", None, "dead_letter")


def test_purge_whose_message_failed_five_times_is_kept_for_the_operator(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.delete(f"/files/{photo_id}?permanent=true").data()
    (message,) = fake_aws.receive_messages("work")
    with monkeypatch.context() as patch:
        patch.setattr(purge, "list_versions", fail_always)
        deliver_until_dead(fake_aws, "work", message)
    fake_aws.run_task("end-dead-jobs")

    job_id = RunJob.from_json(message).job_id
    (row,) = fake_aws.find_rows("main", pk=f"JOB#{job_id}")
    assert (row["status"], row["reason"], "ttl" in row) == ("failed", "dead_letter", False)
    fake_aws.run_task("retry-jobs")
    fake_aws.run_workers()
    assert get_job(client, job_id)["status"] == "completed"


def test_job_that_waits_for_an_unavailable_service_stays_open(
    client: Client,
    fake_aws: FakeAws,
    project: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    frozen_clock: FrozenClock,
) -> None:
    """S3 may be down for longer than SQS delivers a message."""
    file_id, message = upload_photo(client, fake_aws, project)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "download", be_unavailable)
        deliver_until_dead(fake_aws, "images", message)
    fake_aws.run_task("end-dead-jobs")
    assert get_job(client, RenderImage.from_json(message).job_id)["status"] == "pending"
    assert dead_letter_count(fake_aws) == 0

    frozen_clock.advance(minutes=15, seconds=1)
    fake_aws.run_task("send-pending-jobs")
    assert fake_aws.run_workers() == 1
    owner = users.sign_in(client.user["email"])
    assert variant_statuses(owner, file_id) == {"thumb": "ready"}


@pytest.mark.parametrize("queue", ["images", "work"])
def test_dead_letter_of_an_ended_or_unknown_job_changes_nothing(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str, queue: JobQueueName
) -> None:
    (job_id,) = list_job_ids(client, project["id"])
    before = get_job(client, job_id)
    message_type = RenderImage if queue == "images" else RunJob
    for each in (job_id, f"{project['id']}-{'0' * 26}", "no-job"):
        send_to_dead_letters(fake_aws, queue, message_type(each).to_json())
    fake_aws.run_task("end-dead-jobs")

    assert get_job(client, job_id) == before
    assert dead_letter_count(fake_aws) == 0


def test_job_that_another_worker_runs_is_left_to_it(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    _, message = upload_photo(client, fake_aws, project)
    job_id = RenderImage.from_json(message).job_id
    assert variants.claim(job_id) is not None
    send_to_dead_letters(fake_aws, "images", message)
    fake_aws.run_task("end-dead-jobs")

    assert get_job(client, job_id)["status"] == "processing"


def test_worker_that_died_five_times_has_failed_the_job(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], frozen_clock: FrozenClock
) -> None:
    """It released nothing, so only its lease tells."""
    _, message = upload_photo(client, fake_aws, project)
    job_id = RenderImage.from_json(message).job_id
    assert variants.claim(job_id) is not None
    frozen_clock.advance(minutes=6)
    send_to_dead_letters(fake_aws, "images", message)
    fake_aws.run_task("end-dead-jobs")

    assert get_job(client, job_id)["reason"] == "dead_letter"


def test_message_of_an_earlier_wait_does_not_end_the_job(client: Client, fake_aws: FakeAws) -> None:
    with Transaction() as tx:
        job = jobs.start_for_project(tx, "sync-project", users.personal_project_id(client))
    fake_aws.receive_messages("work")
    claimed = jobs.claim(job.id, dead_letters._LEASE)
    assert claimed is not None
    jobs.reschedule(claimed, JobState(checks=1))
    waiting = jobs.claim(job.id, dead_letters._LEASE, checks=1)
    assert waiting is not None
    with pytest.raises(RuntimeError), jobs.releasing_on_error(waiting):
        fail_always()
    send_to_dead_letters(fake_aws, "work", RunJob(job.id, checks=0).to_json())
    fake_aws.run_task("end-dead-jobs")
    assert get_job(client, job.id)["status"] == "pending"

    send_to_dead_letters(fake_aws, "work", RunJob(job.id, checks=1).to_json())
    fake_aws.run_task("end-dead-jobs")
    assert get_job(client, job.id)["reason"] == "dead_letter"


@pytest.mark.parametrize("body", ["no JSON", "[]", '{"type": "unknown"}'])
@pytest.mark.parametrize("queue", ["images", "work"])
def test_message_of_unknown_shape_is_logged_and_deleted(
    fake_aws: FakeAws, log: CapturedLog, queue: JobQueueName, body: str
) -> None:
    send_to_dead_letters(fake_aws, queue, body)
    fake_aws.run_task("end-dead-jobs")

    (line,) = log_lines(log, "dead_letter.without_job")
    assert (line["level"], line["queue"], line["body"]) == ("ERROR", queue, body)
    assert dead_letter_count(fake_aws) == 0


def test_message_without_a_job_is_logged_so_that_it_can_be_sent_again(fake_aws: FakeAws, log: CapturedLog) -> None:
    body = json.dumps({"type": "end-upload", "upload_id": f"0123456789ab-{'0' * 26}"})
    send_to_dead_letters(fake_aws, "work", body)
    fake_aws.run_task("end-dead-jobs")

    (line,) = log_lines(log, "dead_letter.without_job")
    assert line["body"] == body


def test_dead_letter_comes_back_if_a_service_is_unavailable(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, message = upload_photo(client, fake_aws, project)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "download", fail_always)
        deliver_until_dead(fake_aws, "images", message)
    with monkeypatch.context() as patch:
        patch.setattr(dead_letters, "give_up", be_unavailable)
        fake_aws.run_task("end-dead-jobs")

    assert get_job(client, RenderImage.from_json(message).job_id)["status"] == "pending"
    assert dead_letter_count(fake_aws) == 1


def test_dead_letter_whose_job_cannot_be_ended_does_not_come_back(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch, log: CapturedLog
) -> None:
    _, message = upload_photo(client, fake_aws, project)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "download", fail_always)
        deliver_until_dead(fake_aws, "images", message)
    with monkeypatch.context() as patch:
        patch.setattr(dead_letters, "give_up", fail_always)
        fake_aws.run_task("end-dead-jobs")

    assert get_job(client, RenderImage.from_json(message).job_id)["status"] == "pending"
    assert dead_letter_count(fake_aws) == 0
    (line,) = log_lines(log, "dead_letter.failed")
    assert line["level"] == "ERROR"


def test_all_dead_letters_are_taken_in_one_run(fake_aws: FakeAws, log: CapturedLog) -> None:
    for number in range(25):
        send_to_dead_letters(fake_aws, "work", str(number))
    fake_aws.run_task("end-dead-jobs")

    assert sorted(int(line["body"]) for line in log_lines(log, "dead_letter.without_job")) == list(range(25))


def test_two_dead_letters_of_a_job_end_it_once(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, message = upload_photo(client, fake_aws, project)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "download", fail_always)
        deliver_until_dead(fake_aws, "images", message)
    send_to_dead_letters(fake_aws, "images", message)
    fake_aws.run_task("end-dead-jobs")

    job = get_job(client, RenderImage.from_json(message).job_id)
    assert (job["status"], job["attempts"]) == ("failed", MAX_RECEIVE_COUNT + 1)
