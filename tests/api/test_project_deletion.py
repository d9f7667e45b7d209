"""Deleting a project: it is gone from every route, and for 30 days it may come back."""

from typing import Any

import pytest

from holdall.projects.service import projects
from tests.api import books, members, people
from tests.api.callers import caller, place
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud, announce, photo
from tests.api.conftest import Clock
from tests.api.faults import meanwhile
from tests.house.routes import Route, routes

TEXT = {"filename": "notes.txt", "contentType": "text/plain"}
IN_PROJECT = [(route, name) for route in routes() if route.door for name in route.door.of]
OPEN = {"POST /api/v1/projects/{projectId}/restore"}


def delete(client: Client, project: dict[str, Any], query: str = "") -> Answer:
    return client.delete(f"/projects/{project['id']}{query}")


def restore(client: Client, project: dict[str, Any]) -> Answer:
    return client.post(f"/projects/{project['id']}/restore")


def listed(client: Client) -> dict[str, str]:
    return {each["id"]: each["status"] for each in client.get("/projects").data()}


def shelves(cloud: Cloud, project: dict[str, Any]) -> set[str]:
    return {key.partition("/")[0] for key in cloud.keys("variants", project["id"])}


def row(cloud: Cloud, project: dict[str, Any]) -> dict[str, Any]:
    (found,) = cloud.rows("main", pk=f"PROJECT#{project['id']}", sk="PROJECT")
    return found


@pytest.fixture
def photo_id(client: Client, cloud: Cloud, project: dict[str, Any]) -> str:
    """A photo that lies under `media/`."""
    made = cloud.upload(client, photo(), projectId=project["id"])
    cloud.draw()
    return str(made["fileId"])


def begin(client: Client, project: dict[str, Any], **said: Any) -> dict[str, Any]:
    announced = announce(b"content", projectId=project["id"], **TEXT, **said)
    begun: dict[str, Any] = client.post("/files/init-upload", announced).created()
    return begun


def ask(client: Client, route: Route, name: str, ids: dict[str, str]) -> Answer:
    """Ask a route about a project, which this parameter leads to."""
    path, value = route.path.format(**ids), ids[name]
    if f"{{{name}}}" in route.path:
        return client.request(route.method, path, {})
    if route.method == "GET":
        return client.get(f"{path}?{name}={value}")
    return client.request(route.method, path, {name: value})


@pytest.mark.parametrize("gone", ["", "?permanent=true"], ids=["soft", "for good"])
def test_it_is_gone_from_every_route(client: Client, cloud: Cloud, project: dict[str, Any], gone: str) -> None:
    program, begun = members.program(client, project["id"]), begin(client, project)
    made = cloud.upload(client, b"x", projectId=project["id"], **TEXT)
    ids = {
        "projectId": project["id"],
        "fileId": made["fileId"],
        "uploadId": begun["uploadId"],
        "key": begun["key"],
        "userId": client.user["id"],
        "keyId": program.id,
        "invitationId": members.invite(client, project["id"], people.new_address())["id"],
    }
    reads = [(route, name) for route, name in IN_PROJECT if route.method == "GET"]
    assert {ask(client, *each, ids).status for each in reads} <= {200, 302}
    delete(client, project, gone).data()

    for route, name in IN_PROJECT:
        if str(route) not in OPEN:
            assert ask(client, route, name, ids).status == 404, (route, name)
            assert ask(program, route, name, ids).status in (401, 404), (route, name)
    assert row(cloud, project)["status"] == ("purging" if gone else "deleted")


def test_a_deleted_project_is_listed_with_the_time(frozen: Clock, client: Client, project: dict[str, Any]) -> None:
    frozen.forward(seconds=5)
    deleted = delete(client, project).data()

    assert (deleted["status"], deleted["deletedAt"]) == ("deleted", deleted["updatedAt"])
    assert deleted["deletedAt"] > project["updatedAt"]
    assert deleted in client.get("/projects").data()


def test_members_see_it_deleted(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    viewer, editor = (members.joined(client, project["id"], cloud, role) for role in ("viewer", "editor"))
    delete(client, project).data()

    for member in (viewer, editor):
        assert listed(member)[project["id"]] == "deleted"
        assert restore(member, project).status == 403
        assert delete(member, project, "?permanent=true").status == 403
        assert delete(member, project).status == 404


def test_only_an_owner_deletes_it(client: Client, stranger: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    editor = members.joined(client, project["id"], cloud, "editor")

    for query in ("", "?permanent=true"):
        assert [delete(each, project, query).status for each in (editor, stranger)] == [403, 404]
        assert delete(members.program(client, project["id"]), project, query).status == 403
    assert restore(stranger, project).status == 404
    assert client.get(f"/projects/{project['id']}").data() == project


def test_twice_is_not_there(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    delete(client, project).data()

    assert delete(client, project).status == 404
    assert delete(client, project, "?permanent=false").status == 404
    assert len(cloud.rows("audit", action="projects.delete")) == 1


def test_a_deletion_leaves_nothing_under_media(
    client: Client, cloud: Cloud, project: dict[str, Any], photo_id: str
) -> None:
    assert shelves(cloud, project) == {"media"}
    delete(client, project).data()
    cloud.work()

    assert shelves(cloud, project) == {"private"}
    assert [each["status"] for each in cloud.rows("main", record_kind="job", kind="relocate-project")] == ["completed"]


def test_a_restored_project_is_as_it_was(
    frozen: Clock, client: Client, cloud: Cloud, project: dict[str, Any], photo_id: str
) -> None:
    before = client.get(f"/files/{photo_id}").data()
    delete(client, project).data()
    cloud.work()
    restored = restore(client, project).data()
    cloud.work()

    assert restored == {**project, "updatedAt": restored["updatedAt"]}
    assert client.get(f"/projects/{project['id']}").data() == restored
    assert client.get(f"/files/{photo_id}").data() == before
    assert shelves(cloud, project) == {"media"}
    assert begin(client, project)["uploadId"]
    books.check(cloud, project["id"])
    told = cloud.rows("main", pk=f"EVENTS#{project['id']}")
    assert {"project.deleted", "project.restored"} <= {each["type"] for each in told}
    assert len(cloud.rows("audit", action="projects.restore")) == 1


def test_a_restored_project_is_not_purged(frozen: Clock, client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    delete(client, project).data()
    restore(client, project).data()
    frozen.forward(days=31)
    cloud.run("purge-projects")
    cloud.work()

    assert row(cloud, project)["status"] == "active"


def test_what_lives_is_not_restored(client: Client, project: dict[str, Any]) -> None:
    refused = restore(client, project)

    assert (refused.status, refused.problem()["code"]) == (409, "wrong_state")


@pytest.mark.parametrize("query", ["", "?permanent=true"])
def test_a_personal_project_is_not_deleted(client: Client, query: str) -> None:
    personal = {"id": people.personal_project(client)}
    refused = delete(client, personal, query)

    assert (refused.status, refused.problem()["code"]) == (409, "personal_project")
    assert listed(client)[personal["id"]] == "active"


def test_an_upload_ends_with_its_project(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    begun = begin(client, project)
    cloud.put(begun, b"content")
    delete(client, project).data()

    for said in ({"uploadId": begun["uploadId"]}, {"key": begun["key"]}):
        assert client.post("/files/commit", said).status == 404
    announced = announce(b"content", projectId=project["id"], **TEXT)
    assert client.post("/files/init-upload", announced).status == 404
    restore(client, project).data()
    assert client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()["version"] == 1


@pytest.mark.parametrize("end", [projects.delete, projects.purge])
def test_nothing_is_begun_while_it_is_deleted(client: Client, cloud: Cloud, project: dict[str, Any], end: Any) -> None:
    with meanwhile("TransactWriteItems", lambda: end(caller(client), place(project["id"]))):
        late = client.post("/files/init-upload", announce(b"content", projectId=project["id"], **TEXT))

    assert late.status in (404, 409)
    assert books.uploads(cloud, project["id"]) == []


def test_what_arrives_in_a_deleted_project_is_there_when_it_comes_back(
    client: Client, cloud: Cloud, project: dict[str, Any]
) -> None:
    announced = announce(photo(), projectId=project["id"], autoCommit=True)
    begun = client.post("/files/init-upload", announced).created()
    delete(client, project).data()
    cloud.work()
    cloud.arrive(begun["key"], cloud.put(begun, photo()))
    cloud.work()
    assert "media" not in shelves(cloud, project)
    books.check(cloud, project["id"])

    restore(client, project).data()
    cloud.work()
    assert client.get(f"/files/{begun['fileId']}").data()["status"] == "ready"
    assert shelves(cloud, project) == {"media"}


def test_who_left_is_no_owner_of_what_comes_back(client: Client, cloud: Cloud, project: dict[str, Any]) -> None:
    owner = members.joined(client, project["id"], cloud, "owner")
    viewer = members.joined(client, project["id"], cloud)
    delete(client, project).data()
    for each in (owner, viewer):
        assert people.leave(each).status == 204
    restore(client, project).data()

    assert members.roles(client, project["id"]) == {client.user["id"]: "owner"}
    assert client.post(f"/projects/{project['id']}/leave").problem()["code"] == "last_owner"
