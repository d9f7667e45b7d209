"""Images that cannot be rendered: each is kept with a reason, and other images are not affected."""

import pytest

from tests.support import image_samples as images
from tests.support.e2e.actions import create_project, upload_file, wait_until_processed
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, request_url


@pytest.mark.parametrize(
    ("content", "content_type", "reason"),
    [
        (images.make_truncated_jpeg(), "image/jpeg", "broken_image"),
        (images.make_decompression_bomb(), "image/png", "too_many_pixels"),
        (images.make_svg_with_script(), "image/png", "unsupported_type"),
        (b"", "image/jpeg", "empty_file"),
        (b"\xff\xd8\xff" + bytes(5000), "image/jpeg", "broken_image"),
    ],
    ids=["truncated", "bomb", "svg", "empty", "jpeg-of-zeros"],
)
def test_bad_image_is_kept_with_a_reason_and_the_next_image_is_rendered(
    content: bytes, content_type: str, reason: str, client: Client, aws_state: AwsState
) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(51)
    bad = upload_file(client, content, projectId=project_id, filename="picture.png", contentType=content_type)
    good = upload_file(client, photo, projectId=project_id)

    kept, ready = wait_until_processed(client, bad["fileId"]), wait_until_processed(client, good["fileId"])

    assert (kept["status"], kept["reason"]) == ("ready", reason)
    assert {each["status"] for each in kept["variants"]} <= {"failed"}
    assert (ready["status"], ready["reason"]) == ("ready", None)
    assert request_url(client.get(f"/files/{kept['id']}/content").headers["location"]).content == content
    aws_state.wait_until_queues_empty()
    assert aws_state.dead_letter_counts() == {"Objects": 0, "Images": 0, "Work": 0, "Mail": 0}
    assert {job["status"]: job.get("reason") for job in aws_state.jobs(project_id)} == {
        "failed": reason,
        "completed": None,
    }
    assert len(aws_state.variants(project_id)) == 1
    assert aws_state.recorded_quota(project_id) == (len(content) + len(photo), 2)


def test_bad_new_version_is_current_without_variants(client: Client, aws_state: AwsState) -> None:
    project_id, good, bad = create_project(client), images.make_noise_photo(52), images.make_truncated_jpeg()
    file_id = wait_until_processed(client, upload_file(client, good, projectId=project_id)["fileId"])["id"]

    upload_file(client, bad, projectId=project_id, fileId=file_id)
    aws_state.wait_until_queues_empty()

    file = client.get(f"/files/{file_id}").data()
    assert (file["status"], file["version"], file["reason"]) == ("ready", 2, "broken_image")
    assert [version["status"] for version in aws_state.versions(file_id)] == ["ready", "ready"]


def test_bad_image_can_be_purged(client: Client, aws_state: AwsState) -> None:
    project_id = create_project(client)
    svg = upload_file(client, images.make_svg_with_script(), projectId=project_id)
    file_id = wait_until_processed(client, svg["fileId"])["id"]

    assert client.delete(f"/files/{file_id}?permanent=true").status == 202
    aws_state.wait_until_queues_empty()

    assert (aws_state.originals(project_id), aws_state.recorded_quota(project_id)) == ([], (0, 0))
