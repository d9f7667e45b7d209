"""Jobs that fail on the deployed stack: their project sees them and retries them, and dead letters end them."""

from typing import Any

import pytest

from infra.local.e2e_environment import E2EEnvironment
from tests.support import image_samples as images
from tests.support.e2e.actions import (
    create_project,
    create_superuser,
    upload_file,
    wait_for,
    wait_until_processed,
)
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server
from tests.support.e2e.failures import action_denied, one_receive


def list_jobs(client: Client, project_id: str, status: str) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = client.get(f"/jobs?projectId={project_id}&status={status}").data()
    return jobs


def test_job_that_failed_is_seen_and_retried(client: Client, api_gateway: Server, aws_state: AwsState) -> None:
    project_id, content = create_project(client), images.make_truncated_jpeg()
    file = wait_until_processed(client, upload_file(client, content, projectId=project_id)["fileId"])
    wait_for(lambda: len(list_jobs(client, project_id, "failed")) == 1)
    (job,) = list_jobs(client, project_id, "failed")
    assert (job["kind"], job["fileId"], job["version"]) == ("render", file["id"], 1)
    assert (job["reason"], job["attempts"], job["bytes"]) == ("broken_image", 1, len(content))
    assert 0 <= job["durationMs"] < 60_000
    superuser = create_superuser(api_gateway, aws_state)
    page = superuser.get("/admin/jobs?failed=true&limit=100").data()
    (counted,) = [each["jobs"] for each in page if each["projectId"] == project_id]
    assert counted == {"pending": 0, "processing": 0, "completed": 0, "failed": 1}

    assert client.post(f"/jobs/{job['id']}/retry").status == 202
    wait_for(lambda: client.get(f"/jobs/{job['id']}").data()["attempts"] == 2)
    wait_for(lambda: len(list_jobs(client, project_id, "failed")) == 1)
    assert {each["status"] for each in client.get(f"/files/{file['id']}").data()["variants"]} == {"failed"}
    client.post(f"/jobs/{job['id']}/retry", **{"Idempotency-Key": "again"}).data()


@pytest.mark.serial
def test_dead_letter_fails_its_job_which_succeeds_when_it_is_retried(
    client: Client, deployment: E2EEnvironment, aws_state: AwsState
) -> None:
    project_id = create_project(client)
    aws_state.wait_until_queues_empty()
    with action_denied(deployment, "Imageproc", "s3:GetObjectVersion"), one_receive(deployment, "Images"):
        file_id = upload_file(client, images.make_noise_photo(72), projectId=project_id)["fileId"]
        wait_for(lambda: aws_state.dead_letter_counts()["Images"] == 1 or _has_ended(client, project_id))
        aws_state.invoke("maintenance", {"task": "end-dead-jobs"})
        wait_for(lambda: _has_ended(client, project_id))
    (job,) = list_jobs(client, project_id, "failed")
    file = client.get(f"/files/{file_id}").data()
    assert (job["reason"], file["status"], file["reason"]) == ("dead_letter", "ready", "dead_letter")
    assert {each["status"] for each in file["variants"]} == {"failed"}
    assert aws_state.dead_letter_counts()["Images"] == 0

    client.post(f"/jobs/{job['id']}/retry").data()
    wait_for(lambda: bool(list_jobs(client, project_id, "completed")))
    file = client.get(f"/files/{file_id}").data()
    assert (file["reason"], {each["status"] for each in file["variants"]}) == (None, {"ready"})
    assert len(aws_state.variants(project_id)) == len(file["variants"])


@pytest.mark.serial
def test_dead_letter_that_names_no_job_is_deleted(aws_state: AwsState) -> None:
    for queue in ("Images", "Work"):
        aws_state.sqs.send_message(QueueUrl=aws_state.outputs[f"{queue}DeadLetterQueue"], MessageBody="no JSON")

    aws_state.invoke("maintenance", {"task": "end-dead-jobs"})

    wait_for(lambda: not any(aws_state.dead_letter_counts().values()))


def _has_ended(client: Client, project_id: str) -> bool:
    """Return whether the only job has failed. The schedule may be faster than the test."""
    return len(list_jobs(client, project_id, "failed")) == 1
