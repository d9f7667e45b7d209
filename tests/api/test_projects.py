"""Creation and reading of projects."""

from typing import Any

import pytest

from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.fixtures import OverrideSettings


def test_owner_reads_a_new_project(client: Client) -> None:
    project = client.post("/projects", {"name": "Holiday photos"}).created()

    assert (project["slug"], project["personal"], project["status"]) == ("holiday-photos", False, "active")
    assert client.get(f"/projects/{project['id']}").data() == project
    assert project in client.get("/projects").data()


def test_foreign_project_looks_like_a_missing_one(client: Client, stranger: Client) -> None:
    project = client.post("/projects", {"name": "Private"}).created()

    foreign = stranger.get(f"/projects/{project['id']}")
    absent = stranger.get("/projects/000000000000")

    assert foreign.status == 404
    assert foreign.problem() == absent.problem()
    assert project["id"] not in str(stranger.get("/projects").data())


def test_settings_are_returned_as_they_were_set(client: Client) -> None:
    variants = [
        {"name": "thumb", "width": 20, "height": 10, "fit": "cover", "format": "avif", "quality": 50, "animated": False}
    ]
    settings = {
        "visibility": "public",
        "quota": {"maxBytes": 1000, "maxFiles": 2, "maxFileBytes": 500},
        "allowedTypes": ["image/*"],
        "variants": variants,
        "retentionDays": 30,
        "keepVersions": 5,
        "storage": "s3",
    }
    project = client.post("/projects", {"name": "x", "settings": settings}).created()

    assert project["settings"] == settings
    assert client.get(f"/projects/{project['id']}").data()["settings"] == settings


def test_project_without_settings_has_the_defaults(client: Client) -> None:
    settings = client.post("/projects", {"name": "x"}).created()["settings"]

    assert (settings["visibility"], settings["allowedTypes"]) == ("private", ["*/*"])
    assert (settings["retentionDays"], settings["keepVersions"]) == (None, None)
    assert [spec["name"] for spec in settings["variants"]] == ["thumbnail", "small", "large"]


def test_project_names_need_not_be_unique(client: Client) -> None:
    first, second = (client.post("/projects", {"name": "Same"}).created() for _ in range(2))

    assert first["id"] != second["id"]
    assert first["slug"] == second["slug"]


@pytest.mark.parametrize(
    ("settings", "pointer"),
    [
        ({"visibility": "secret"}, "/settings/visibility"),
        ({"quota": {"maxBytes": -1}}, "/settings/quota/maxBytes"),
        ({"allowedTypes": []}, "/settings/allowedTypes"),
        ({"allowedTypes": ["image"]}, "/settings/allowedTypes/0"),
        ({"variants": [{"name": "X", "width": 1}]}, "/settings/variants/0/name"),
        ({"variants": [{"name": "x"}]}, "/settings/variants/0"),
        ({"variants": [{"name": "x", "width": 1}, {"name": "x", "width": 2}]}, "/settings/variants"),
        ({"variants": [{"name": f"v{number}", "width": 1} for number in range(21)]}, "/settings/variants"),
        ({"colour": "teal"}, "/settings/colour"),
        (None, "/settings"),
    ],
)
def test_invalid_setting_is_reported_with_its_pointer(client: Client, settings: Any, pointer: str) -> None:
    response = client.post("/projects", {"name": "x", "settings": settings})

    assert response.status == 422
    assert pointer in [error["pointer"] for error in response.problem()["errors"]]


@pytest.mark.parametrize(
    ("name", "variable"),
    [("maxBytes", "MAX_BYTES"), ("maxFiles", "MAX_FILES"), ("maxFileBytes", "MAX_FILE_BYTES")],
)
def test_quota_above_the_limit_of_the_installation_is_rejected(
    client: Client, override_settings: OverrideSettings, name: str, variable: str
) -> None:
    override_settings(**{variable: "100"})

    client.post("/projects", {"name": "x", "settings": {"quota": {name: 100}}}).created()
    response = client.post("/projects", {"name": "x", "settings": {"quota": {name: 101}}})
    assert response.status == 422
    (error,) = response.problem()["errors"]
    assert (error["code"], error["pointer"]) == ("above_installation_limit", f"/settings/quota/{name}")


@pytest.mark.parametrize("read_only", ["id", "slug", "personal", "status", "createdAt"])
def test_read_only_field_is_rejected(client: Client, read_only: str) -> None:
    response = client.post("/projects", {"name": "x", read_only: "y"})

    assert [error["code"] for error in response.problem()["errors"]] == ["unknown_field"]


def test_name_with_a_line_break_is_rejected(client: Client) -> None:
    (error,) = client.post("/projects", {"name": "two\nlines"}).problem()["errors"]

    assert error["pointer"] == "/name"


def test_deleted_project_is_not_found(client: Client, fake_aws: FakeAws) -> None:
    project = client.post("/projects", {"name": "x"}).created()
    fake_aws.update_row(f"PROJECT#{project['id']}", "PROJECT", status="deleted")

    assert client.get(f"/projects/{project['id']}").status == 404
    assert client.get(f"/files?projectId={project['id']}").status == 404


@pytest.mark.parametrize(
    ("role", "actions"), [("viewer", "read"), ("editor", "read write"), ("owner", "read write purge")]
)
def test_role_grants_exactly_its_permissions(
    client: Client, stranger: Client, fake_aws: FakeAws, role: str, actions: str
) -> None:
    project = client.post("/projects", {"name": "x"}).created()["id"]
    (mine,) = fake_aws.find_rows("main", pk=f"PROJECT#{project}", sk=f"MEMBER#{client.user['id']}")
    fake_aws.dynamodb.Table("main").put_item(Item={**mine, "sk": f"MEMBER#{stranger.user['id']}", "role": role})
    one, other = (
        fake_aws.upload(client, b"x", projectId=project, contentType="text/plain")["fileId"] for _ in range(2)
    )

    body = {"projectId": project, "filename": "a", "size": 1, "contentType": "text/plain"}
    responses = {
        "read": (200, stranger.get(f"/files/{one}")),
        "write": (201, stranger.post("/files/init-upload", body)),
        "write, too": (200, stranger.delete(f"/files/{one}")),
        "purge": (202, stranger.delete(f"/files/{other}?permanent=true")),
    }
    for action, (status, response) in responses.items():
        assert response.status == (status if action.partition(",")[0] in actions.split() else 403), action
