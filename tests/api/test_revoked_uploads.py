"""A right that is revoked ends the uploads that it began, whether they commit themselves or not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from holdall.projects.service import projects
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import interleave
from tests.support.projects import ApiKeyClient, create_api_key_client, create_member
from tests.support.uploads import init_upload


@dataclass(frozen=True)
class Revocation:
    """The owner of a project, the superuser, and the editor or the API key of the editor that began an upload."""

    owner: Client
    superuser: Client
    editor: Client
    project_id: str
    key_id: str
    clock: FrozenClock

    def change_role(self, role: str) -> None:
        self.owner.request(
            "PATCH", f"/projects/{self.project_id}/members/{self.editor.user['id']}", {"role": role}
        ).data()

    def remove_member(self) -> None:
        assert self.owner.delete(f"/projects/{self.project_id}/members/{self.editor.user['id']}").status == 204

    def disable_user(self) -> None:
        self.superuser.request("PATCH", f"/users/{self.editor.user['id']}", {"status": "disabled"}).data()

    def delete_user(self) -> None:
        assert users.delete_account(self.editor).status == 204

    def delete_project(self) -> None:
        self.owner.delete(f"/projects/{self.project_id}").data()

    def disable_key(self) -> None:
        self.owner.request("PATCH", f"/projects/{self.project_id}/keys/{self.key_id}", {"enabled": False}).data()

    def delete_key(self) -> None:
        assert self.owner.delete(f"/projects/{self.project_id}/keys/{self.key_id}").status == 204

    def expire_key(self) -> None:
        self.clock.advance(minutes=5)


def create_editor_key(owner: Client, project_id: str, editor: Client, expires_at: str | None = None) -> ApiKeyClient:
    """Create an API key of an editor, who was an owner when creating it."""
    member = f"/projects/{project_id}/members/{editor.user['id']}"
    owner.request("PATCH", member, {"role": "owner"}).data()
    key = create_api_key_client(editor, project_id, "files.write", expiresAt=expires_at)
    owner.request("PATCH", member, {"role": "editor"}).data()
    return key


OF_MEMBERS: dict[str, Callable[[Revocation], None]] = {
    "member removed": Revocation.remove_member,
    "role lowered": lambda revocation: revocation.change_role("viewer"),
    "user disabled": Revocation.disable_user,
    "account deleted": Revocation.delete_user,
    "project deleted": Revocation.delete_project,
}
OF_KEYS: dict[str, Callable[[Revocation], None]] = {
    "key disabled": Revocation.disable_key,
    "key deleted": Revocation.delete_key,
    "key expired": Revocation.expire_key,
}


UPLOADS = [
    *(pytest.param(False, revoke, id=name) for name, revoke in OF_MEMBERS.items()),
    *(pytest.param(True, revoke, id=f"{name}, by key") for name, revoke in {**OF_MEMBERS, **OF_KEYS}.items()),
]


@pytest.mark.parametrize("auto_commit", [True, False])
@pytest.mark.parametrize(("by_key", "revoke"), UPLOADS)
def test_upload_ends_with_the_right_of_the_caller_who_began_it(
    client: Client,
    superuser: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
    shared_project: str,
    *,
    by_key: bool,
    revoke: Callable[[Revocation], None],
    auto_commit: bool,
) -> None:
    editor = create_member(client, shared_project, fake_aws, "editor")
    key_expires_at = (frozen_clock.time + timedelta(minutes=5)).isoformat()
    key = create_editor_key(client, shared_project, editor, key_expires_at)
    upload = init_upload(key if by_key else editor, projectId=shared_project, autoCommit=auto_commit)
    revoke(Revocation(client, superuser, editor, shared_project, key.key_id, frozen_clock))
    fake_aws.run_workers()
    version_id = fake_aws.put_object(upload, b"content")

    for _ in range(2):  # events are repeated
        assert fake_aws.notify_object_created(upload["key"], version_id) == NO_FAILURES
    fake_aws.run_workers()
    assert invariants.stored_versions(fake_aws, shared_project) == []
    assert fake_aws.list_version_ids(upload["key"]) == []
    assert invariants.quota_usage(fake_aws, shared_project) == (0, 0)
    invariants.assert_project_consistent(fake_aws, shared_project)


@pytest.mark.parametrize("by_key", [False, True])
def test_upload_of_a_member_who_may_still_write_commits_itself(
    client: Client, fake_aws: FakeAws, shared_project: str, *, by_key: bool
) -> None:
    editor = create_member(client, shared_project, fake_aws, "editor")
    uploader = create_editor_key(client, shared_project, editor) if by_key else editor
    upload = init_upload(uploader, projectId=shared_project, autoCommit=True)
    client.request("PATCH", f"/projects/{shared_project}/members/{editor.user['id']}", {"role": "owner"}).data()
    fake_aws.notify_object_created(upload["key"], fake_aws.put_object(upload, b"content"))

    assert client.get(f"/files/{upload['fileId']}").data()["version"] == 1


def test_upload_of_a_superuser_in_any_project_commits_itself_until_the_role_is_revoked(
    client: Client, superuser: Client, fake_aws: FakeAws
) -> None:
    helper = users.create_superuser()
    project_id = users.personal_project_id(client)
    first, second = (init_upload(helper, projectId=project_id, autoCommit=True) for _ in range(2))
    fake_aws.notify_object_created(first["key"], fake_aws.put_object(first, b"content"))
    assert superuser.delete(f"/users/{helper.user['id']}/roles/superuser").status == 204
    fake_aws.notify_object_created(second["key"], fake_aws.put_object(second, b"content"))
    fake_aws.run_workers()

    assert [each["id"] for each in client.get("/files").data()] == [first["fileId"]]
    assert fake_aws.list_version_ids(second["key"]) == []
    invariants.assert_project_consistent(fake_aws, project_id)


def test_project_that_is_deleted_during_a_commit_gets_no_version(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    upload = init_upload(client, projectId=project["id"])
    fake_aws.put_object(upload, b"content")

    def delete() -> None:
        projects.soft_delete(make_caller(client), get_project(project["id"]))

    with interleave("TransactWriteItems", delete):
        assert client.post("/files/commit", {"uploadId": upload["uploadId"]}).status == 404
    fake_aws.run_workers()

    assert invariants.stored_versions(fake_aws, project["id"]) == []
    assert fake_aws.list_version_ids(upload["key"]) == []
    invariants.assert_project_consistent(fake_aws, project["id"])
