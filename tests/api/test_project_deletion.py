"""Deletion of a project: no route finds it, and for 30 days it can be restored."""

from typing import Any

import pytest

from holdall.projects.service import projects
from tests.support import invariants, users
from tests.support import projects as members
from tests.support.aws import FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.faults import interleave
from tests.support.jobs import create_failed_job
from tests.support.projects import delete_project, list_project_statuses, restore_project
from tests.support.routes import Route, list_routes
from tests.support.shares import create_link
from tests.support.uploads import TEXT_FILE, init_upload
from tests.support.variants import variant_prefixes

PROJECT_ROUTE_PARAMETERS = [(route, name) for route in list_routes() for name in route.guard.project_from]
ALLOWED_WHEN_DELETED = {"POST /api/v1/projects/{projectId}/restore"}


def get_project_row(fake_aws: FakeAws, project: dict[str, Any]) -> dict[str, Any]:
    (found,) = fake_aws.find_rows("main", pk=f"PROJECT#{project['id']}", sk="PROJECT")
    return found


def send_request(client: Client, route: Route, name: str, ids: dict[str, Any]) -> Response:
    """Send a request that names a project by this parameter."""
    path, value = route.path.format(**ids), ids[name]
    if f"{{{name}}}" in route.path:
        return client.request(route.method, path, {})
    if route.guard.file_body:  # whose body is the file
        return client.request(route.method, f"{path}?{name}={value}")
    if route.method == "GET":
        return client.get(f"{path}?{name}={value}")
    return client.request(route.method, path, {name: value})


@pytest.mark.parametrize("query", ["", "?permanent=true"], ids=["soft", "permanent"])
def test_deleted_project_is_not_found_on_any_route(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], query: str
) -> None:
    program = members.create_api_key_client(client, project["id"])
    upload = init_upload(client, projectId=project["id"], multipart=True)
    file = fake_aws.upload(client, b"x", projectId=project["id"], **TEXT_FILE)
    ids = {
        "projectId": project["id"],
        "fileId": file["fileId"],
        "number": "1",
        "ids": [file["fileId"]],
        "jobId": create_failed_job(client, fake_aws, project["id"]),
        "shareId": create_link(client, file["fileId"]).share_id,
        "uploadId": upload["uploadId"],
        "key": upload["key"],
        "userId": client.user["id"],
        "keyId": program.key_id,
        "invitationId": members.create_invitation(client, project["id"], users.unique_email())["id"],
    }
    reads = [(route, name) for route, name in PROJECT_ROUTE_PARAMETERS if route.method == "GET"]
    assert {send_request(client, *each, ids).status for each in reads} <= {200, 302}
    delete_project(client, project, query).data()

    for route, name in PROJECT_ROUTE_PARAMETERS:
        if str(route) not in ALLOWED_WHEN_DELETED:
            assert send_request(client, route, name, ids).status == 404, (route, name)
            assert send_request(program, route, name, ids).status in (401, 404), (route, name)
    assert get_project_row(fake_aws, project)["status"] == ("purging" if query else "deleted")


def test_deleted_project_is_listed_with_its_time(
    frozen_clock: FrozenClock, client: Client, project: dict[str, Any]
) -> None:
    frozen_clock.advance(seconds=5)
    deleted = delete_project(client, project).data()

    assert (deleted["status"], deleted["deletedAt"]) == ("deleted", deleted["updatedAt"])
    assert deleted["deletedAt"] > project["updatedAt"]
    assert deleted in client.get("/projects").data()


def test_members_see_that_a_project_is_deleted(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    viewer, editor = (members.create_member(client, project["id"], fake_aws, role) for role in ("viewer", "editor"))
    delete_project(client, project).data()

    for member in (viewer, editor):
        assert list_project_statuses(member)[project["id"]] == "deleted"
        assert restore_project(member, project).status == 403
        assert delete_project(member, project, "?permanent=true").status == 403
        assert delete_project(member, project).status == 404


def test_only_owners_delete_a_project(
    client: Client, stranger: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    editor = members.create_member(client, project["id"], fake_aws, "editor")

    for query in ("", "?permanent=true"):
        assert [delete_project(each, project, query).status for each in (editor, stranger)] == [403, 404]
        assert delete_project(members.create_api_key_client(client, project["id"]), project, query).status == 403
    assert restore_project(stranger, project).status == 404
    assert client.get(f"/projects/{project['id']}").data() == project


def test_second_deletion_is_not_found(client: Client, fake_aws: FakeAws, project: dict[str, Any]) -> None:
    delete_project(client, project).data()

    assert delete_project(client, project).status == 404
    assert delete_project(client, project, "?permanent=false").status == 404
    assert len(fake_aws.find_rows("audit", action="projects.delete")) == 1


def test_deletion_leaves_no_public_variants(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str
) -> None:
    assert set(variant_prefixes(fake_aws, project["id"])) == {"media"}
    delete_project(client, project).data()
    fake_aws.run_workers()

    assert set(variant_prefixes(fake_aws, project["id"])) == {"private"}
    assert [each["status"] for each in fake_aws.find_rows("main", record_type="job", kind="relocate-project")] == [
        "completed"
    ]


def test_restored_project_is_unchanged(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project: dict[str, Any], photo_id: str
) -> None:
    before = client.get(f"/files/{photo_id}").data()
    delete_project(client, project).data()
    fake_aws.run_workers()
    restored = restore_project(client, project).data()
    fake_aws.run_workers()

    assert restored == {**project, "updatedAt": restored["updatedAt"]}
    assert client.get(f"/projects/{project['id']}").data() == restored
    assert client.get(f"/files/{photo_id}").data() == before
    assert set(variant_prefixes(fake_aws, project["id"])) == {"media"}
    assert init_upload(client, projectId=project["id"])["uploadId"]
    invariants.assert_project_consistent(fake_aws, project["id"])
    events = fake_aws.find_rows("main", pk=f"EVENTS#{project['id']}")
    assert {"project.deleted", "project.restored"} <= {each["type"] for each in events}
    assert len(fake_aws.find_rows("audit", action="projects.restore")) == 1


def test_restored_project_is_not_purged(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    delete_project(client, project).data()
    restore_project(client, project).data()
    frozen_clock.advance(days=31)
    fake_aws.run_task("purge-projects")
    fake_aws.run_workers()

    assert get_project_row(fake_aws, project)["status"] == "active"


def test_active_project_cannot_be_restored(client: Client, project: dict[str, Any]) -> None:
    response = restore_project(client, project)

    assert (response.status, response.problem()["code"]) == (409, "wrong_state")


@pytest.mark.parametrize("query", ["", "?permanent=true"])
def test_personal_project_cannot_be_deleted(client: Client, query: str) -> None:
    personal = {"id": users.personal_project_id(client)}
    response = delete_project(client, personal, query)

    assert (response.status, response.problem()["code"]) == (409, "personal_project")
    assert list_project_statuses(client)[personal["id"]] == "active"


def test_upload_of_a_deleted_project_cannot_be_committed(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    upload = init_upload(client, projectId=project["id"])
    fake_aws.put_object(upload, b"content")
    delete_project(client, project).data()

    for body in ({"uploadId": upload["uploadId"]}, {"key": upload["key"]}):
        assert client.post("/files/commit", body).status == 404
    body = make_upload_request(b"content", projectId=project["id"], **TEXT_FILE)
    assert client.post("/files/init-upload", body).status == 404
    restore_project(client, project).data()
    assert client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()["version"] == 1


@pytest.mark.parametrize("delete", [projects.delete, projects.purge])
def test_upload_cannot_start_while_its_project_is_deleted(
    client: Client, fake_aws: FakeAws, project: dict[str, Any], delete: Any
) -> None:
    with interleave("TransactWriteItems", lambda: delete(make_caller(client), get_project(project["id"]))):
        late = client.post("/files/init-upload", make_upload_request(b"content", projectId=project["id"], **TEXT_FILE))

    assert late.status in (404, 409)
    assert invariants.upload_rows(fake_aws, project["id"]) == []


def test_deleted_users_are_no_members_of_a_restored_project(
    client: Client, fake_aws: FakeAws, project: dict[str, Any]
) -> None:
    owner = members.create_member(client, project["id"], fake_aws, "owner")
    viewer = members.create_member(client, project["id"], fake_aws)
    delete_project(client, project).data()
    for each in (owner, viewer):
        assert users.delete_account(each).status == 204
    restore_project(client, project).data()

    assert members.get_member_roles(client, project["id"]) == {client.user["id"]: "owner"}
    assert client.post(f"/projects/{project['id']}/leave").problem()["code"] == "last_owner"
