"""Images that can never be drawn: a result with a reason, and nobody else notices."""

import pytest

from tests.stack import pictures
from tests.stack.client import Client
from tests.stack.state import State
from tests.stack.work import finished, new_project, upload


@pytest.mark.parametrize(
    ("content", "content_type", "reason"),
    [
        (pictures.broken(), "image/jpeg", "broken_image"),
        (pictures.bomb(), "image/png", "too_many_pixels"),
        (pictures.drawing(), "image/png", "unsupported_type"),
        (b"", "image/jpeg", "empty_file"),
        (pictures.photo(50), "image/png", "type_mismatch"),
        (b"\xff\xd8\xff" + bytes(5000), "image/jpeg", "broken_image"),
    ],
    ids=["truncated", "bomb", "svg", "empty", "jpeg-called-png", "jpeg-of-zeros"],
)
def test_a_bad_image_is_rejected_with_its_reason_and_the_next_one_is_drawn(
    content: bytes, content_type: str, reason: str, client: Client, state: State
) -> None:
    project_id, good = new_project(client), pictures.photo(51)
    bad = upload(client, content, projectId=project_id, filename="picture.png", contentType=content_type)
    fine = upload(client, good, projectId=project_id)

    rejected, ready = finished(client, bad["fileId"]), finished(client, fine["fileId"])

    assert (rejected["status"], rejected["reason"], rejected["variants"]) == ("rejected", reason, [])
    assert ready["status"] == "ready"
    client.get(f"/files/{rejected['id']}/content").problem(409, "rejected")
    client.get(f"/files/{rejected['id']}/content?variant=thumb").problem(409, "rejected")
    state.settle()
    assert state.dead_letters() == {"Objects": 0, "Images": 0, "Work": 0, "Mail": 0}
    assert {job["status"]: job.get("reason") for job in state.jobs(project_id)} == {"failed": reason, "completed": None}
    assert len(state.variants(project_id)) == 1
    assert state.quota(project_id) == (len(content) + len(good), 2)


def test_a_bad_new_version_takes_nothing_from_the_good_one(client: Client, state: State) -> None:
    project_id, good, bad = new_project(client), pictures.photo(52), pictures.broken()
    file_id = finished(client, upload(client, good, projectId=project_id)["fileId"])["id"]

    upload(client, bad, projectId=project_id, fileId=file_id)
    state.settle()

    file = client.get(f"/files/{file_id}").data()
    assert (file["status"], file["version"]) == ("ready", 1)
    assert [version["status"] for version in state.versions(file_id)] == ["ready", "rejected"]


def test_a_rejected_image_can_be_purged(client: Client, state: State) -> None:
    project_id = new_project(client)
    file_id = finished(client, upload(client, pictures.drawing(), projectId=project_id)["fileId"])["id"]

    assert client.delete(f"/files/{file_id}?permanent=true").status == 202
    state.settle()

    assert (state.originals(project_id), state.quota(project_id)) == ([], (0, 0))
