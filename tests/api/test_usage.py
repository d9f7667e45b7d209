"""Usage of a project: in total, by kind, and of its variants."""

from typing import Any

import pytest

from holdall.platform.table import Transaction
from holdall.projects.service import projects
from holdall.quotas import service as quotas
from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.fixtures import OverrideSettings
from tests.support.image_samples import make_photo

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


def get_usage(client: Client, project_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = client.get(f"/projects/{project_id}/usage").data()
    return shown


def list_amounts(usage: dict[str, Any]) -> tuple[int, ...]:
    """Return bytes and files in total and of open uploads, images and files, then bytes and count of variants."""
    kinds = usage["byKind"]
    amounts = [usage, usage["openUploads"], kinds["image"], kinds["file"]]
    return (
        *(each[name] for each in amounts for name in ("bytes", "files")),
        usage["variants"]["bytes"],
        usage["variants"]["count"],
    )


def test_new_project_has_no_usage(client: Client, project: dict[str, Any]) -> None:
    assert get_usage(client, project["id"]) == {
        "bytes": 0,
        "files": 0,
        "openUploads": {"bytes": 0, "files": 0},
        "variants": {"bytes": 0, "count": 0},
        "byKind": {"image": {"bytes": 0, "files": 0}, "file": {"bytes": 0, "files": 0}},
        "quota": {"maxBytes": 100 * 1024**3, "maxFiles": 1_000_000, "maxFileBytes": 5 * 1024**3},
        "maxQuota": {"maxBytes": 10 * 1024**4, "maxFiles": 10_000_000, "maxFileBytes": 5 * 1024**3},
    }


def test_usage_has_the_lower_of_both_limits(client: Client, override_settings: OverrideSettings) -> None:
    settings = {"quota": {"maxBytes": 100, "maxFiles": 10, "maxFileBytes": 50}}
    project = client.post("/projects", {"name": "x", "settings": settings}).created()["id"]
    override_settings(MAX_FILES="5", MAX_BYTES="1000")

    usage = get_usage(client, project)
    assert usage["quota"] == {"maxBytes": 100, "maxFiles": 5, "maxFileBytes": 50}
    assert (usage["maxQuota"]["maxBytes"], usage["maxQuota"]["maxFiles"]) == (1000, 5)


def test_open_upload_has_no_kind_until_it_is_committed(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    upload = client.post(
        "/files/init-upload", make_upload_request(b"1234567", projectId=project["id"], **TEXT_FILE)
    ).created()
    assert list_amounts(get_usage(client, project["id"])) == (7, 1, 7, 1, 0, 0, 0, 0, 0, 0)

    fake_aws.put_object(upload, b"1234567")
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    assert list_amounts(get_usage(client, project["id"])) == (7, 1, 0, 0, 0, 0, 7, 1, 0, 0)

    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    assert list_amounts(get_usage(client, project["id"])) == (7, 1, 0, 0, 0, 0, 7, 1, 0, 0)


def test_each_version_and_each_variant_counts(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    sizes = [len(make_photo()), len(make_photo(color="red"))]
    file = fake_aws.upload(client, make_photo(), projectId=project["id"])
    fake_aws.upload(client, make_photo(color="red"), projectId=project["id"], fileId=file["fileId"])
    fake_aws.upload(client, b"123", projectId=project["id"], **TEXT_FILE)
    assert list_amounts(get_usage(client, project["id"])) == (sum(sizes) + 3, 3, 0, 0, sum(sizes), 2, 3, 1, 0, 0)

    fake_aws.render_images()
    assert list_amounts(get_usage(client, project["id"]))[-2:] == (14, 2)
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_image_that_is_none_counts_as_a_file(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    fake_aws.upload(client, b"no image", projectId=project["id"])
    fake_aws.run_workers()

    assert list_amounts(get_usage(client, project["id"])) == (8, 1, 0, 0, 0, 0, 8, 1, 0, 0)
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_variant_counts_when_it_is_rendered(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    file = fake_aws.upload(client, make_photo(), projectId=project["id"])
    fake_aws.render_images()
    (row,) = fake_aws.find_rows("main", pk=f"PROJECT#{project['id']}", sk="PROJECT")
    fake_aws.update_row(f"PROJECT#{project['id']}", "PROJECT", settings=row["settings"].replace('"thumb"', '"other"'))
    assert client.get(f"/files/{file['fileId']}/content?variant=other").status == 202
    assert list_amounts(get_usage(client, project["id"]))[-2:] == (7, 1)

    fake_aws.render_images()
    assert list_amounts(get_usage(client, project["id"]))[-2:] == (14, 2)
    invariants.assert_project_consistent(fake_aws, project["id"])


def test_trash_counts_until_it_is_purged(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    file = fake_aws.upload(client, make_photo(), projectId=project["id"])
    fake_aws.run_workers()
    before = list_amounts(get_usage(client, project["id"]))
    client.delete(f"/files/{file['fileId']}").data()
    fake_aws.run_workers()
    assert list_amounts(get_usage(client, project["id"])) == before

    client.delete(f"/files/{file['fileId']}?permanent=true").data()
    fake_aws.run_workers()
    assert list_amounts(get_usage(client, project["id"])) == (0,) * 10
    invariants.assert_project_purged(fake_aws, project["id"])


def test_expired_upload_does_not_count(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    project = users.personal_project_id(client)
    client.post("/files/init-upload", make_upload_request(b"content", **TEXT_FILE)).created()
    frozen_clock.advance(hours=24)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert list_amounts(get_usage(users.sign_in(client.user["email"]), project)) == (0,) * 10


def test_shards_are_added_up(client: Client, fake_aws: FakeAws) -> None:
    project = users.personal_project_id(client)
    for number in range(20):
        fake_aws.upload(client, b"x" * number, **TEXT_FILE)

    assert len(invariants.usage_shards(fake_aws, project)) > 3
    assert list_amounts(get_usage(client, project)) == (190, 20, 0, 0, 0, 0, 190, 20, 0, 0)
    assert quotas.get_breakdown(project).images == 0
    invariants.assert_project_consistent(fake_aws, project)


def test_counters_are_deleted_with_their_project(client: Client, fake_aws: FakeAws) -> None:
    project = users.personal_project_id(client)
    for number in range(20):
        fake_aws.upload(client, b"x" * number, **TEXT_FILE)
    with Transaction() as tx:
        quotas.delete(tx, project)

    assert invariants.usage_shards(fake_aws, project) == []
    assert fake_aws.find_rows("main", record_type="quota") == []


@pytest.mark.parametrize("role", ["viewer", "stranger"])
def test_members_can_read_the_usage(
    client: Client, stranger: Client, fake_aws: FakeAws, project: dict[str, Any], role: str
) -> None:
    if role == "viewer":
        fake_aws.dynamodb.Table("main").put_item(Item=_membership(fake_aws, project["id"], client, stranger))

    assert stranger.get(f"/projects/{project['id']}/usage").status == (200 if role == "viewer" else 404)


def test_usage_of_a_deleted_project_is_not_found(client: Client, project: dict[str, Any]) -> None:
    client.delete(f"/projects/{project['id']}").data()

    assert client.get(f"/projects/{project['id']}/usage").status == 404
    assert projects.get_or_none(project["id"]) is not None


def _membership(fake_aws: FakeAws, project_id: str, owner: Client, viewer: Client) -> dict[str, Any]:
    (row,) = fake_aws.find_rows("main", pk=f"PROJECT#{project_id}", sk=f"MEMBER#{owner.user['id']}")
    ours = {key: str(value).replace(owner.user["id"], viewer.user["id"]) for key, value in row.items()}
    return {**ours, "role": "viewer"}
