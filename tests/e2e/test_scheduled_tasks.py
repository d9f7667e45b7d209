"""Scheduled tasks on the deployed stack, with the permissions of their function."""

from datetime import UTC, datetime, timedelta

from tests.support import image_samples as images
from tests.support.e2e.actions import (
    create_project,
    create_superuser,
    init_upload,
    upload_file,
    wait_for,
    wait_until_processed,
)
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Server, create_client
from tests.support.e2e.mailbox import Mailbox


def test_project_is_purged_30_days_after_its_deletion(client: Client, aws_state: AwsState) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(47)
    wait_until_processed(client, upload_file(client, photo, projectId=project_id)["fileId"])
    init_upload(client, photo, projectId=project_id)
    client.delete(f"/projects/{project_id}").data()
    aws_state.invoke("maintenance", {"task": "purge-projects"})
    aws_state.wait_until_queues_empty()
    assert len(aws_state.originals(project_id)) == len(aws_state.variants(project_id)) == 1

    aws_state.update_row(
        f"PROJECT#{project_id}", "PROJECT", gsi2sk=f"{_timestamp_ago(timedelta(days=31))}#{project_id}"
    )
    aws_state.invoke("maintenance", {"task": "purge-projects"})

    wait_for(lambda: aws_state.rows(f"PROJECT#{project_id}") == [])
    assert (aws_state.originals(project_id), aws_state.variants(project_id)) == ([], [])


def test_unsent_invitation_is_sent_with_a_new_token(
    client: Client, api_gateway: Server, mailbox: Mailbox, aws_state: AwsState
) -> None:
    project_id, other = create_project(client), create_client(api_gateway)
    client.post(f"/projects/{project_id}/invitations", {"email": other.email, "role": "viewer"}).data()
    lost_token = mailbox.wait_for_token(other.email)
    (row,) = [row for row in aws_state.rows(f"PROJECT#{project_id}") if row["sk"].startswith("INVITATION#")]
    unsent = {"gsi1pk": "INVITATIONS#unsent", "gsi1sk": f"{_timestamp_ago(timedelta(minutes=1))}#{row['id']}"}
    aws_state.update_row(row["pk"], row["sk"], **unsent)

    aws_state.invoke("maintenance", {"task": "send-pending-invitations"})

    token = mailbox.wait_for_token(other.email, count=2)
    other.post("/invitations/accept", {"token": lost_token}).problem(401, "invalid_token")
    other.post("/invitations/accept", {"token": token}).data()
    assert other.get(f"/projects/{project_id}").status == 200


def test_schedules_run_their_tasks_by_themselves(api_gateway: Server, aws_state: AwsState) -> None:
    superuser = create_superuser(api_gateway, aws_state)

    def have_run() -> bool:
        tasks = {task["name"]: task for task in superuser.get("/admin/tasks").data()}
        runs = [tasks[name]["lastRun"] for name in ("send-pending-jobs", "send-pending-invitations", "expire-uploads")]
        return all(run and run["status"] == "completed" for run in runs)

    wait_for(have_run, timeout=90)  # each is called every minute


def test_task_runs_on_request(api_gateway: Server, aws_state: AwsState) -> None:
    superuser = create_superuser(api_gateway, aws_state)
    job_id = superuser.post("/admin/tasks/purge-projects/run").data()["jobId"]

    def has_ended() -> bool:
        task = next(each for each in superuser.get("/admin/tasks").data() if each["name"] == "purge-projects")
        return bool(task["lastRequest"]["jobId"] == job_id and task["lastRequest"]["status"] == "completed")

    wait_for(has_ended)


def _timestamp_ago(age: timedelta) -> str:
    """Return a time in the past in the form of sort keys."""
    return (datetime.now(UTC) - age).isoformat(timespec="milliseconds")
