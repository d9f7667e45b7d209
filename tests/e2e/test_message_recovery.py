"""Messages that are lost or delivered twice."""

from tests.support import image_samples as images
from tests.support.e2e.actions import create_project, upload_file, wait_for, wait_until_processed
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client


def test_job_is_completed_after_its_message_was_lost(client: Client, aws_state: AwsState) -> None:
    project_id = create_project(client)
    file = wait_until_processed(
        client, upload_file(client, images.make_noise_photo(70), projectId=project_id)["fileId"]
    )
    aws_state.wait_until_queues_empty()
    (job,) = aws_state.jobs(project_id)
    aws_state.simulate_lost_message(job["id"])

    aws_state.invoke("maintenance", {"task": "send-pending-jobs"})
    wait_for(lambda: aws_state.jobs(project_id)[0]["status"] == "completed")

    (job,) = aws_state.jobs(project_id)
    assert job["attempt"] == 2
    assert client.get(f"/files/{file['id']}").data()["variants"] == file["variants"]
    assert len(aws_state.variants(project_id)) == 1


def test_repeated_messages_do_not_change_a_completed_job(client: Client, aws_state: AwsState) -> None:
    project_id = create_project(client)
    wait_until_processed(client, upload_file(client, images.make_noise_photo(71), projectId=project_id)["fileId"])
    aws_state.wait_until_queues_empty()
    (before,) = aws_state.jobs(project_id)

    for _ in range(2):
        aws_state.send_render_message(before["id"])
    aws_state.wait_until_queues_empty()

    assert aws_state.jobs(project_id) == [before]
