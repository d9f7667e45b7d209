"""Uploads to a link: a new file or a new version, with the rights and the quota of who shared."""

from typing import Any

import pytest

from tests.support import invariants, projects
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.shares import Link, create_link, list_uses
from tests.support.uploads import TEXT_FILE, init_upload


@pytest.fixture
def project_id(client: Client) -> str:
    return projects.create_shared_project(client)


@pytest.fixture
def file_id(client: Client, project_id: str, fake_aws: FakeAws) -> str:
    return str(fake_aws.upload(client, b"content", projectId=project_id, **TEXT_FILE)["fileId"])


@pytest.fixture
def link(client: Client, file_id: str) -> Link:
    return create_link(client, file_id, permission="write")


def list_files(client: Client, project_id: str) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = client.get(f"/files?projectId={project_id}&sort=name").data()
    return files


def test_upload_creates_a_file_in_the_project(client: Client, project_id: str, link: Link, fake_aws: FakeAws) -> None:
    uploaded = link.upload(fake_aws, b"a gift", filename="gift.txt")

    assert uploaded == {"name": "gift.txt", "size": 6, "version": 1}
    gift, _ = list_files(client, project_id)
    assert (gift["name"], gift["version"], gift["createdBy"]) == ("gift.txt", 1, client.user["id"])


def test_upload_adds_a_version_to_the_shared_file(
    client: Client, project_id: str, link: Link, fake_aws: FakeAws
) -> None:
    uploaded = link.upload(fake_aws, b"better content", filename="other.txt", newVersion=True)

    assert uploaded == {"name": "notes.txt", "size": 14, "version": 2}
    (file,) = list_files(client, project_id)
    assert (file["name"], file["version"], file["size"]) == ("notes.txt", 2, 14)
    assert link.see().data()["size"] == 14


def test_version_of_another_kind_is_refused(link: Link) -> None:
    refused = link.init_upload(filename="photo.jpg", contentType="image/jpeg", newVersion=True)

    assert refused.problem()["code"] == "kind_mismatch"


def test_share_for_reading_accepts_no_upload(client: Client, file_id: str, fake_aws: FakeAws) -> None:
    reader = create_link(client, file_id)
    responses = [reader.init_upload(), reader.commit("x" * 26)]

    assert [(each.status, each.problem()["code"]) for each in responses] == [(403, "read_only_share")] * 2


def test_share_commits_only_its_own_uploads(client: Client, file_id: str, link: Link, fake_aws: FakeAws) -> None:
    of_member = init_upload(client, projectId=file_id.partition("-")[0])
    fake_aws.put_object(of_member, b"content")
    other = create_link(client, file_id, permission="write")
    of_other = other.init_upload().created()
    fake_aws.put_object(of_other, b"content")

    assert [link.commit(each["uploadId"]).status for each in (of_member, of_other)] == [404, 404]
    assert other.commit(of_other["uploadId"]).status == 200


def test_repeated_commit_returns_the_same_and_is_one_use(
    client: Client, file_id: str, link: Link, fake_aws: FakeAws
) -> None:
    upload = link.init_upload().created()
    fake_aws.put_object(upload, b"content")
    committed = [link.commit(upload["uploadId"]).data() for _ in range(2)]

    assert committed[0] == committed[1]
    assert len(client.get(f"/files/{file_id}/shares/{link.share_id}/uses").data()) == 1


def test_repeated_init_with_an_idempotency_key_starts_one_upload(link: Link, client: Client, file_id: str) -> None:
    headers = {"idempotency-key": "once"}
    first, second = (link.init_upload(headers=headers).created() for _ in range(2))
    other = create_link(client, file_id, permission="write").init_upload(headers=headers).created()

    assert first["uploadId"] == second["uploadId"] != other["uploadId"]


def test_upload_is_within_the_quota_of_the_project(client: Client, project_id: str, link: Link) -> None:
    client.request("PATCH", f"/projects/{project_id}", {"settings": {"quota": {"maxBytes": 10}}}).data()

    assert link.init_upload(b"four").problem()["code"] == "quota_exceeded"
    assert link.init_upload(b"it").status == 201


def test_strangers_use_up_nothing_that_the_open_uploads_of_the_creator_may_reserve(
    client: Client, project_id: str, link: Link, fake_aws: FakeAws, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_OPEN_BYTES_PER_USER="100")
    link.init_upload(b"six by").created()

    assert link.init_upload(b"fives").problem()["code"] == "too_much_open"  # a tenth for each share
    init_upload(client, size=100)
    link.init_upload(b"four").created()
    invariants.assert_project_consistent(fake_aws, project_id)


def test_type_that_the_project_refuses_is_refused(client: Client, project_id: str, link: Link) -> None:
    client.request("PATCH", f"/projects/{project_id}", {"settings": {"allowedTypes": ["image/*"]}}).data()

    assert link.init_upload().problem()["code"] == "type_not_allowed"


def test_revoked_share_commits_nothing_that_it_began(
    client: Client, file_id: str, project_id: str, link: Link, fake_aws: FakeAws
) -> None:
    upload = link.init_upload().created()
    version_id = fake_aws.put_object(upload, b"content")
    client.delete(f"/files/{file_id}/shares/{link.share_id}")
    committed = link.commit(upload["uploadId"]).status
    fake_aws.notify_object_created(upload["key"], version_id)

    assert committed == 404
    assert len(list_files(client, project_id)) == 1


def test_creator_who_may_not_write_any_more_ends_uploads(
    client: Client, project_id: str, file_id: str, fake_aws: FakeAws
) -> None:
    editor = projects.create_member(client, project_id, fake_aws, "editor")
    link = create_link(editor, file_id, permission="write")
    upload = link.init_upload().created()
    fake_aws.put_object(upload, b"content")
    projects.change_member_role(client, project_id, editor.user["id"], "viewer").data()

    assert link.init_upload().status == 404
    assert link.commit(upload["uploadId"]).status == 404


def test_audit_log_names_the_share_and_not_its_creator(link: Link, client: Client, fake_aws: FakeAws) -> None:
    link.upload(fake_aws)

    entries = [row for row in fake_aws.find_rows("audit") if row.get("share_id")]
    assert sorted(row["action"] for row in entries) == ["uploads.commit", "uploads.init"]
    assert {(row["actor"], row["share_id"], row["client_ip"]) for row in entries} == {
        ("anonymous", link.share_id, "192.0.2.7")
    }


def test_commit_that_is_repeated_leaves_the_use_as_it_was(
    client: Client, file_id: str, link: Link, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    upload = link.init_upload().created()
    fake_aws.put_object(upload, b"content")
    link.commit(upload["uploadId"]).data()
    uses = list_uses(client, file_id, link)
    frozen_clock.advance(minutes=1)

    assert link.commit(upload["uploadId"]).status == 200
    assert (len(uses), list_uses(client, file_id, link)) == (1, uses)


@pytest.mark.parametrize(
    "fields",
    [
        {"filename": ""},
        {"filename": "/.."},
        {"size": -1},
        {"size": 5 * 1024**3 + 1},
        {"contentType": "nonsense"},
        {"sha256": "x"},
        {"fileId": "x"},
        {"projectId": "x"},
        {"autoCommit": True},
        {"newVersion": "yes"},
    ],
    ids=str,
)
def test_upload_that_makes_no_sense_is_refused(link: Link, fields: dict[str, Any]) -> None:
    assert link.init_upload(**fields).status == 422


def test_revocation_aborts_the_uploads_of_the_share_and_releases_their_quota(
    client: Client, file_id: str, project_id: str, link: Link, fake_aws: FakeAws
) -> None:
    other = create_link(client, file_id, permission="write").init_upload(b"other").created()
    uploads = [link.init_upload(b"a gift").created() for _ in range(2)]
    fake_aws.put_object(uploads[0], b"a gift")
    client.delete(f"/files/{file_id}/shares/{link.share_id}")
    held = invariants.quota_usage(fake_aws, project_id)
    fake_aws.run_workers()

    assert held == (7 + 5 + 2 * 6, 4)
    assert invariants.quota_usage(fake_aws, project_id) == (7 + 5, 2)
    states = {row["id"]: row["state"] for row in invariants.upload_rows(fake_aws, project_id)}
    assert [states[each["uploadId"]] for each in (other, *uploads)] == ["open", "aborted", "aborted"]
    assert fake_aws.list_version_ids(uploads[0]["key"]) == []
    invariants.assert_project_consistent(fake_aws, project_id)
