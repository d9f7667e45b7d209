"""The versions of a file: their list, their content, and the restoration of an older one."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdall.files import trash, versions
from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client, Response
from tests.support.faults import interleave
from tests.support.image_samples import make_photo
from tests.support.variants import create_public_project, get_file, run_until_drained, variant_statuses
from tests.support.world import World

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


@pytest.fixture
def file_id(world: World, client: Client, fake_aws: FakeAws) -> str:
    """Return the ID of a text file with three versions."""

    def create() -> str:
        created = str(fake_aws.upload(client, b"one", **TEXT_FILE)["fileId"])
        for content in (b"two!", b"three"):
            fake_aws.upload(client, content, fileId=created, **TEXT_FILE)
        return created

    return world.step("three versions", create)


@pytest.fixture
def image_id(client: Client, fake_aws: FakeAws) -> str:
    """Return the ID of a photo in a public project with two rendered versions."""
    project_id = create_public_project(client)
    created = str(fake_aws.upload(client, make_photo(), projectId=project_id)["fileId"])
    fake_aws.render_images()
    fake_aws.upload(client, make_photo(color="red"), fileId=created)
    fake_aws.render_images()
    return created


def path(file_id: str, number: int, action: str = "") -> str:
    return f"/files/{file_id}/versions/{number}{action}"


def restore(client: Client, file_id: str, number: int, **options: Any) -> Response:
    return client.post(path(file_id, number, "/restore"), **options)


def status_and_code(response: Response) -> tuple[int, str]:
    return response.status, response.problem()["code"]


def test_versions_are_listed_newest_first_in_pages(client: Client, file_id: str) -> None:
    first = client.get(f"/files/{file_id}/versions?limit=2")
    second = client.get(f"/files/{file_id}/versions?limit=2&cursor={first.json()['pagination']['next']}")

    assert [(each["number"], each["current"], each["size"]) for each in first.data()] == [(3, True, 5), (2, False, 4)]
    assert [(each["number"], each["current"], each["size"]) for each in second.data()] == [(1, False, 3)]
    assert second.json()["pagination"]["next"] is None
    back = client.get(f"/files/{file_id}/versions?limit=2&cursor={second.json()['pagination']['prev']}")
    assert back.data() == first.data()


def test_version_is_the_one_of_the_list(client: Client, file_id: str) -> None:
    for version in client.get(f"/files/{file_id}/versions").data():
        assert client.get(path(file_id, version["number"])).data() == version


def test_each_version_is_downloaded_as_an_attachment_with_a_pinned_object(
    client: Client, fake_aws: FakeAws, file_id: str
) -> None:
    rows = invariants.stored_versions(fake_aws, users.personal_project_id(client))
    for row in rows:
        location = urlsplit(client.get(path(file_id, row["number"], "/download")).headers["location"])
        query = parse_qs(location.query)
        assert location.path.endswith(row["key"])
        assert query["versionId"] == [row["s3_version_id"]]
        assert query["response-content-disposition"][0].startswith('attachment; filename="notes.txt"')
        assert query["response-content-type"] == ["text/plain"]
    assert len({row["s3_version_id"] for row in rows}) == 3


@pytest.mark.parametrize("number", [0, 4, 99_999_999])
def test_version_that_does_not_exist_is_not_found(client: Client, file_id: str, number: int) -> None:
    responses = [
        client.get(path(file_id, number)),
        client.get(path(file_id, number, "/download")),
        restore(client, file_id, number),
        client.delete(path(file_id, number)),
    ]
    assert {response.status for response in responses} == {422 if number == 0 else 404}


def test_restored_version_is_a_new_one_that_the_file_shows(client: Client, fake_aws: FakeAws, file_id: str) -> None:
    project_id = users.personal_project_id(client)
    before = invariants.quota_usage(fake_aws, project_id), client.get(f"/projects/{project_id}/usage").data()
    restored = restore(client, file_id, 1).created()

    assert (restored["number"], restored["restoredFrom"], restored["current"]) == (4, 1, True)
    file = get_file(client, file_id)
    assert (file["version"], file["size"], file["sha256"]) == (4, 3, client.get(path(file_id, 1)).data()["sha256"])
    assert (
        client.get(f"/files/{file_id}/content")
        .headers["location"]
        .split("?")[0]
        .endswith(urlsplit(client.get(path(file_id, 1, "/download")).headers["location"]).path)
    )
    assert before == (
        invariants.quota_usage(fake_aws, project_id),
        client.get(f"/projects/{project_id}/usage").data(),
    )
    invariants.assert_project_consistent(fake_aws, project_id)
    (row,) = fake_aws.find_rows("audit", action="versions.restore")
    assert row["actor"] == client.user["id"]
    assert len(fake_aws.find_rows("main", record_type="event", type="version.restored")) == 1


def test_restored_image_is_ready_at_once_and_its_variants_are_rendered_anew(
    client: Client, fake_aws: FakeAws, image_id: str
) -> None:
    before = get_file(client, image_id)
    first = client.get(path(image_id, 1)).data()
    restore(client, image_id, 1).created()
    file = get_file(client, image_id)

    assert (file["status"], file["version"], file["sha256"]) == ("ready", 3, first["sha256"])
    assert variant_statuses(client, image_id) == {"thumb": "processing"}
    assert file["variants"][0]["url"] != before["variants"][0]["url"]
    fake_aws.render_images()
    assert variant_statuses(client, image_id) == {"thumb": "ready"}
    keys = fake_aws.list_keys("variants", file["projectId"])
    assert len(keys) == 3
    assert all(key.startswith("media/") for key in keys)
    invariants.assert_project_consistent(fake_aws, file["projectId"])


def test_restored_image_gets_the_variants_of_the_settings_of_now(
    client: Client, fake_aws: FakeAws, image_id: str
) -> None:
    project_id = get_file(client, image_id)["projectId"]
    client.request(
        "PATCH", f"/projects/{project_id}", {"settings": {"variants": [{"name": "wide", "width": 9}]}}
    ).data()
    restore(client, image_id, 1).created()
    fake_aws.render_images()

    assert variant_statuses(client, image_id) == {"wide": "ready"}


def test_restored_version_can_be_restored_again(client: Client, fake_aws: FakeAws, file_id: str) -> None:
    restore(client, file_id, 1).created()
    restore(client, file_id, 2).created()
    again = restore(client, file_id, 4).created()

    assert (again["number"], again["restoredFrom"], again["size"]) == (6, 4, 3)
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_content_that_the_file_shows_is_not_restored(client: Client, file_id: str) -> None:
    assert status_and_code(restore(client, file_id, 3)) == (409, "wrong_state")
    restore(client, file_id, 1).created()
    assert status_and_code(restore(client, file_id, 1)) == (409, "wrong_state")
    assert len(client.get(f"/files/{file_id}/versions").data()) == 4


def test_duplicate_request_gets_the_same_version(client: Client, file_id: str) -> None:
    first, second = (restore(client, file_id, 1, headers={"idempotency-key": "once"}).created() for _ in range(2))

    assert first == second
    assert len(client.get(f"/files/{file_id}/versions").data()) == 4


def test_only_a_version_with_checked_bytes_is_restored(client: Client, fake_aws: FakeAws, file_id: str) -> None:
    for checksum in (None, "0" * 64):
        upload = client.post(
            "/files/init-upload",
            {"filename": "notes.txt", "contentType": "text/plain", "size": 4, "fileId": file_id},
        ).created()
        fake_aws.put_object(upload, b"four")
        body = {"uploadId": upload["uploadId"], "checksum": checksum}
        client.post("/files/commit", {name: value for name, value in body.items() if value}).data()
    assert status_and_code(restore(client, file_id, 4)) == (409, "wrong_state")
    fake_aws.run_workers()

    assert status_and_code(restore(client, file_id, 5)) == (409, "rejected")
    assert status_and_code(client.get(path(file_id, 5, "/download"))) == (409, "rejected")


def test_versions_of_a_file_in_the_trash_are_listed_only(client: Client, file_id: str) -> None:
    client.delete(f"/files/{file_id}").data()

    assert len(client.get(f"/files/{file_id}/versions").data()) == 3
    for response in (
        client.get(path(file_id, 1, "/download")),
        restore(client, file_id, 1),
        client.delete(path(file_id, 1)),
    ):
        assert status_and_code(response) == (409, "wrong_state")


def test_versions_of_a_purged_file_are_not_found(client: Client, file_id: str) -> None:
    client.delete(f"/files/{file_id}?permanent=true").data()

    for response in (
        client.get(f"/files/{file_id}/versions"),
        client.get(path(file_id, 1)),
        client.get(path(file_id, 1, "/download")),
        restore(client, file_id, 1),
        client.delete(path(file_id, 1)),
    ):
        assert response.status == 404


def test_purge_of_a_file_with_a_restored_version_releases_each_original_once(
    client: Client, fake_aws: FakeAws, image_id: str
) -> None:
    project_id = get_file(client, image_id)["projectId"]
    restore(client, image_id, 1).created()
    fake_aws.render_images()
    client.delete(f"/files/{image_id}?permanent=true").data()
    fake_aws.run_workers()

    invariants.assert_project_purged(fake_aws, project_id)
    assert fake_aws.find_rows("main", record_type="restored-version") == []


def test_recount_finds_no_drift_after_restorations(client: Client, fake_aws: FakeAws, file_id: str) -> None:
    restore(client, file_id, 1).created()
    client.delete(path(file_id, 1)).data()
    fake_aws.run_workers()
    fake_aws.run_task("recount")
    fake_aws.run_workers()

    (row,) = fake_aws.find_rows("main", record_type="recount-report")
    assert '"drift_count":0' in row["content"]


def test_making_a_project_private_moves_the_variants_of_a_restored_version(
    client: Client, fake_aws: FakeAws, image_id: str
) -> None:
    project_id = get_file(client, image_id)["projectId"]
    restore(client, image_id, 1).created()
    fake_aws.render_images()
    client.request("PATCH", f"/projects/{project_id}", {"settings": {"visibility": "private"}}).data()
    # The job of the project looks into the bucket before the job of the file has moved anything.
    for _ in range(3):
        for message in fake_aws.receive_messages("work")[::-1]:
            fake_aws.deliver_messages("maintenance", message)
    run_until_drained(fake_aws)

    assert all(key.startswith("private/") for key in fake_aws.list_keys("variants", project_id))
    invariants.assert_project_consistent(fake_aws, project_id)


def _delete_first(client: Client, file_id: str) -> object:
    return versions.delete(make_caller(client), file_id, 1)


def _restore_first(client: Client, file_id: str) -> object:
    project = get_project(get_file(client, file_id)["projectId"])
    return versions.restore(make_caller(client), project, file_id, 1)


FASTER: dict[str, tuple[Callable[[Client, str], object], int]] = {
    "trash": (lambda client, file_id: trash.trash(make_caller(client), file_id), 409),
    "purge": (lambda client, file_id: trash.purge(make_caller(client), file_id), 404),
    "deletion of the version": (_delete_first, 404),
    "restoration of the version": (_restore_first, 409),
}


@pytest.mark.parametrize("name", FASTER)
def test_restoration_during_another_change_has_one_of_the_two_results(
    client: Client, fake_aws: FakeAws, image_id: str, name: str
) -> None:
    faster, expected = FASTER[name]
    project_id = get_file(client, image_id)["projectId"]
    with interleave("TransactWriteItems", lambda: faster(client, image_id)):
        response = restore(client, image_id, 1)
    run_until_drained(fake_aws)

    assert response.status == expected
    if name == "purge":
        invariants.assert_project_purged(fake_aws, project_id)
    else:
        invariants.assert_project_consistent(fake_aws, project_id)
