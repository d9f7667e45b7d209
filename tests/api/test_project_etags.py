"""The entity tag of a project, with which a client changes only what it has read."""

from typing import Any

import pytest

from holdall.projects.model import UpdateProjectRequest
from holdall.projects.service import projects
from tests.support.callers import get_project, make_caller
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.faults import interleave


@pytest.fixture
def project(client: Client) -> dict[str, Any]:
    created: dict[str, Any] = client.post("/projects", {"name": "Holiday"}).created()
    return created


def update(client: Client, project: dict[str, Any], name: str, **headers: str) -> Response:
    return client.request("PATCH", f"/projects/{project['id']}", {"name": name}, headers=headers)


def etag_of(client: Client, project: dict[str, Any]) -> str:
    return client.get(f"/projects/{project['id']}").headers["etag"]


def test_etag_changes_with_the_project(frozen_clock: FrozenClock, client: Client, project: dict[str, Any]) -> None:
    first = etag_of(client, project)
    assert first == etag_of(client, project)
    frozen_clock.advance(seconds=0.001)
    updated = update(client, project, "Winter")

    assert updated.headers["etag"] == etag_of(client, project) != first


@pytest.mark.parametrize("form", ["{tag}", '"0", {tag}', "*"])
def test_matching_tag_updates_the_project(client: Client, project: dict[str, Any], form: str) -> None:
    tag = etag_of(client, project)

    assert update(client, project, "Winter", **{"if-match": form.format(tag=tag)}).data()["name"] == "Winter"


@pytest.mark.parametrize("form", ["W/{tag}", '"999"', "x", ""])
def test_other_tag_changes_nothing(client: Client, project: dict[str, Any], form: str) -> None:
    refused = update(client, project, "Winter", **{"if-match": form.format(tag=etag_of(client, project))})

    assert (refused.status, refused.problem()["code"]) == (412, "precondition_failed")
    assert client.get(f"/projects/{project['id']}").data()["name"] == "Holiday"


def test_of_two_updates_with_one_tag_the_second_is_refused(client: Client, project: dict[str, Any]) -> None:
    tag = etag_of(client, project)
    faster = UpdateProjectRequest(name="Faster")

    with interleave(
        "TransactWriteItems", lambda: projects.update(make_caller(client), get_project(project["id"]), faster)
    ):
        slower = update(client, project, "Slower", **{"if-match": tag})
    assert slower.status == 412
    assert client.get(f"/projects/{project['id']}").data()["name"] == "Faster"


def test_stranger_learns_no_tag(client: Client, stranger: Client, project: dict[str, Any]) -> None:
    assert update(stranger, project, "Mine", **{"if-match": etag_of(client, project)}).status == 404
    assert "etag" not in stranger.get(f"/projects/{project['id']}").headers
