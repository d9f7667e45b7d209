"""Projects over HTTP: an event goes in, the response and the state come out."""

from typing import Any

import pytest

from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.fixtures import OverrideSettings


def test_a_new_project_is_found_by_its_owner(client: Client) -> None:
    made = client.post("/projects", {"name": "Holiday photos"}).created()

    assert (made["slug"], made["personal"], made["status"]) == ("holiday-photos", False, "active")
    assert client.get(f"/projects/{made['id']}").data() == made
    assert made in client.get("/projects").data()


def test_a_stranger_cannot_tell_a_foreign_project_from_none(client: Client, stranger: Client) -> None:
    made = client.post("/projects", {"name": "Private"}).created()

    foreign = stranger.get(f"/projects/{made['id']}")
    absent = stranger.get("/projects/000000000000")

    assert foreign.status == 404
    assert foreign.problem() == absent.problem()
    assert made["id"] not in str(stranger.get("/projects").data())


def test_settings_come_back_whole(client: Client) -> None:
    variants = [{"name": "thumb", "width": 20, "height": 10, "fit": "cover", "format": "avif", "quality": 50}]
    said = {
        "visibility": "public",
        "quota": {"maxBytes": 1000, "maxFiles": 2, "maxFileBytes": 500},
        "allowedTypes": ["image/*"],
        "variants": variants,
    }
    made = client.post("/projects", {"name": "x", "settings": said}).created()

    assert made["settings"] == said
    assert client.get(f"/projects/{made['id']}").data()["settings"] == said


def test_a_project_without_settings_has_the_usual_ones(client: Client) -> None:
    settings = client.post("/projects", {"name": "x"}).created()["settings"]

    assert (settings["visibility"], settings["allowedTypes"]) == ("private", ["*/*"])
    assert [spec["name"] for spec in settings["variants"]] == ["thumbnail", "small", "large"]


def test_names_need_not_be_unique(client: Client) -> None:
    one, other = (client.post("/projects", {"name": "Same"}).created() for _ in range(2))

    assert one["id"] != other["id"]
    assert one["slug"] == other["slug"]


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
def test_settings_that_mean_nothing_are_pointed_at(client: Client, settings: Any, pointer: str) -> None:
    refused = client.post("/projects", {"name": "x", "settings": settings})

    assert refused.status == 422
    assert pointer in [error["pointer"] for error in refused.problem()["errors"]]


@pytest.mark.parametrize(
    ("name", "variable"),
    [("maxBytes", "MAX_BYTES"), ("maxFiles", "MAX_FILES"), ("maxFileBytes", "MAX_FILE_BYTES")],
)
def test_a_quota_goes_up_to_the_installations(
    client: Client, override_settings: OverrideSettings, name: str, variable: str
) -> None:
    override_settings(**{variable: "100"})

    client.post("/projects", {"name": "x", "settings": {"quota": {name: 100}}}).created()
    refused = client.post("/projects", {"name": "x", "settings": {"quota": {name: 101}}})
    assert refused.status == 422
    (error,) = refused.problem()["errors"]
    assert (error["code"], error["pointer"]) == ("above_installation_limit", f"/settings/quota/{name}")


@pytest.mark.parametrize("read_only", ["id", "slug", "personal", "status", "createdAt"])
def test_what_is_ours_to_say_is_refused(client: Client, read_only: str) -> None:
    refused = client.post("/projects", {"name": "x", read_only: "y"})

    assert [error["code"] for error in refused.problem()["errors"]] == ["unknown_field"]


def test_a_name_is_one_line(client: Client) -> None:
    (error,) = client.post("/projects", {"name": "two\nlines"}).problem()["errors"]

    assert error["pointer"] == "/name"


def test_a_project_that_is_deleted_is_not_there(client: Client, fake_aws: FakeAws) -> None:
    made = client.post("/projects", {"name": "x"}).created()
    fake_aws.update_row(f"PROJECT#{made['id']}", "PROJECT", status="deleted")

    assert client.get(f"/projects/{made['id']}").status == 404
    assert client.get(f"/files?projectId={made['id']}").status == 404


@pytest.mark.parametrize(("role", "may"), [("viewer", "read"), ("editor", "read write"), ("owner", "read write purge")])
def test_a_role_may_what_the_table_says(
    client: Client, stranger: Client, fake_aws: FakeAws, role: str, may: str
) -> None:
    project = client.post("/projects", {"name": "x"}).created()["id"]
    (mine,) = fake_aws.find_rows("main", pk=f"PROJECT#{project}", sk=f"MEMBER#{client.user['id']}")
    # As an owner will invite somebody.
    fake_aws.dynamodb.Table("main").put_item(Item={**mine, "sk": f"MEMBER#{stranger.user['id']}", "role": role})
    one, other = (
        fake_aws.upload(client, b"x", projectId=project, contentType="text/plain")["fileId"] for _ in range(2)
    )

    announced = {"projectId": project, "filename": "a", "size": 1, "contentType": "text/plain"}
    answers = {
        "read": (200, stranger.get(f"/files/{one}")),
        "write": (201, stranger.post("/files/init-upload", announced)),
        "write, too": (200, stranger.delete(f"/files/{one}")),
        "purge": (202, stranger.delete(f"/files/{other}?permanent=true")),
    }
    for deed, (status, answer) in answers.items():
        assert answer.status == (status if deed.partition(",")[0] in may.split() else 403), deed
