"""Versions and the trash on the deployed stack, with the permissions of its functions and the versions of its bucket."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support import image_samples as images
from tests.support.e2e.actions import create_project, upload_file, wait_for, wait_until_processed
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, request_url

_FIRST, _SECOND = b"The first content.", b"The second one."


def test_version_is_restored_without_a_copy_and_its_original_lives_as_long_as_it(
    client: Client, aws_state: AwsState
) -> None:
    project_id = create_project(client)
    file_id = upload_versions(client, project_id, _FIRST, _SECOND)
    assert download(client, f"/files/{file_id}/download") == _SECOND

    restored = client.post(f"/files/{file_id}/versions/1/restore").data()

    assert (restored["number"], restored["restoredFrom"], restored["current"]) == (3, 1, True)
    assert list_numbers(client, file_id) == [3, 2, 1]
    assert download(client, f"/files/{file_id}/content") == _FIRST
    assert aws_state.recorded_quota(project_id) == (len(_FIRST + _SECOND), 2)
    assert len(aws_state.originals(project_id)) == 2

    for number in (1, 2):  # the first one owns the original that the third one shares
        wait_for_job(client, client.delete(f"/files/{file_id}/versions/{number}").data()["jobId"])

    assert list_numbers(client, file_id) == [3]
    assert download(client, f"/files/{file_id}/versions/3/download") == _FIRST
    assert aws_state.recorded_quota(project_id) == (len(_FIRST), 1)
    assert len(aws_state.originals(project_id)) == 1
    client.delete(f"/files/{file_id}/versions/3").problem(409, "only_version")


def test_old_versions_go_when_a_new_one_arrives(client: Client, aws_state: AwsState) -> None:
    project_id = create_project(client, keepVersions=2)

    file_id = upload_versions(client, project_id, _FIRST, _SECOND, b"The third.")

    wait_for(lambda: list_numbers(client, file_id) == [3, 2] and len(aws_state.originals(project_id)) == 2)
    wait_for(lambda: aws_state.recorded_quota(project_id) == (len(_SECOND + b"The third."), 2))


def test_file_in_the_trash_has_nothing_under_media_until_it_is_restored(client: Client, aws_state: AwsState) -> None:
    project_id = create_project(client, visibility="public")
    photo = images.make_noise_photo(81)
    file = wait_until_processed(client, upload_file(client, photo, projectId=project_id)["fileId"])
    (variant,) = file["variants"]
    assert request_url(variant["url"]).status == 200

    client.delete(f"/files/{file['id']}").data()

    wait_for(lambda: [key.partition("/")[0] for key in aws_state.variants(project_id)] == ["private"])
    assert [each["id"] for each in client.get(f"/trash?projectId={project_id}").data()] == [file["id"]]
    client.get(f"/files/{file['id']}/content").problem(409, "wrong_state")

    client.post(f"/files/{file['id']}/restore").data()

    wait_for(lambda: request_url(variant["url"]).status == 200)
    assert download(client, f"/files/{file['id']}/content") == photo
    assert client.get(f"/trash?projectId={project_id}").data() == []


def test_files_are_deleted_restored_and_purged_together(client: Client, aws_state: AwsState) -> None:
    project_id = create_project(client)
    file_ids = [upload_text(client, project_id, content)["fileId"] for content in (_FIRST, _SECOND)]

    def change(action: str) -> Any:
        return client.post("/files/bulk", {"ids": [*file_ids, f"{project_id}-unknown"], "action": action}).data()

    for action, in_trash in (("delete", file_ids), ("restore", []), ("delete", file_ids)):
        results = change(action)
        assert [each["status"] for each in results] == ["done", "done", "failed"]
        assert results[2]["code"] == "not_found"
        assert {each["id"] for each in client.get(f"/trash?projectId={project_id}").data()} == set(in_trash)
    for result in change("purge")[:2]:
        wait_for_job(client, result["jobId"])

    assert aws_state.originals(project_id) == []
    assert aws_state.recorded_quota(project_id) == (0, 0)


def test_trash_is_emptied_when_its_time_is_over(client: Client, aws_state: AwsState) -> None:
    project_id = create_project(client, retentionDays=7)
    due, kept = (upload_text(client, project_id, content)["fileId"] for content in (_FIRST, _SECOND))
    for file_id in (due, kept):
        client.delete(f"/files/{file_id}").data()
    set_time_in_trash(aws_state, due, timedelta(days=7, minutes=1))
    set_time_in_trash(aws_state, kept, timedelta(days=6, hours=23))

    aws_state.invoke("maintenance", {"task": "empty-trash"})

    wait_for(lambda: aws_state.rows(f"FILE#{due}") == [])
    assert [each["id"] for each in client.get(f"/trash?projectId={project_id}").data()] == [kept]
    assert aws_state.recorded_quota(project_id) == (len(_SECOND), 1)
    assert len(aws_state.originals(project_id)) == 1


def upload_text(client: Client, project_id: str, content: bytes, **overrides: Any) -> Any:
    overrides = {"filename": "notes.txt", "contentType": "text/plain", **overrides}
    return upload_file(client, content, projectId=project_id, **overrides)


def upload_versions(client: Client, project_id: str, first: bytes, *others: bytes) -> str:
    """Upload a file and other versions of it, and return its ID."""
    file_id: str = upload_text(client, project_id, first)["fileId"]
    for content in others:
        upload_text(client, project_id, content, fileId=file_id)
    return file_id


def list_numbers(client: Client, file_id: str) -> list[int]:
    return [version["number"] for version in client.get(f"/files/{file_id}/versions").data()]


def download(client: Client, path: str) -> bytes:
    redirect = client.get(path)
    assert redirect.status == 302, redirect.content
    response = request_url(redirect.headers["location"])
    assert (response.status, response.headers["content-disposition"].partition(";")[0]) == (200, "attachment")
    return response.content


def wait_for_job(client: Client, job_id: str) -> None:
    wait_for(lambda: client.get(f"/jobs/{job_id}").data()["status"] == "completed")


def set_time_in_trash(aws_state: AwsState, file_id: str, age: timedelta) -> None:
    """Move the deletion of a file in the trash into the past."""
    deleted_at = datetime.now(UTC) - age
    aws_state.update_row(
        f"FILE#{file_id}",
        "FILE",
        deleted_at=deleted_at.strftime("%Y-%m-%dT%H:%M:%S.%f+0000"),
        gsi1sk=f"{deleted_at.isoformat(timespec='milliseconds')}#{file_id.rpartition('-')[2]}",
    )
