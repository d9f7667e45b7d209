"""Partial updates of projects."""

from typing import Any

import pytest

from holdall.projects.model import UpdateProjectRequest
from holdall.projects.service import projects
from tests.support import projects as members
from tests.support.aws import FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.faults import interleave
from tests.support.fixtures import OverrideSettings

SETTINGS: dict[str, Any] = {
    "visibility": "public",
    "quota": {"maxBytes": 1000, "maxFiles": 2, "maxFileBytes": 500},
    "allowedTypes": ["image/*"],
    "variants": [
        {"name": "thumb", "width": 20, "height": 10, "fit": "cover", "format": "avif", "quality": 50, "animated": False}
    ],
    "retentionDays": 30,
    "keepVersions": 5,
    "storage": "s3",
}
OTHER_SETTINGS: dict[str, Any] = {
    "visibility": "private",
    "quota": {"maxBytes": 7, "maxFiles": None, "maxFileBytes": None},
    "allowedTypes": ["text/plain", "image/png"],
    "variants": [],
    "retentionDays": None,
    "keepVersions": None,
    "storage": "s3",  # the only value without an edge store
}


@pytest.fixture
def configured(client: Client) -> dict[str, Any]:
    """Return a project with a value for every setting."""
    project: dict[str, Any] = client.post("/projects", {"name": "Holiday", "settings": SETTINGS}).created()
    return project


def put_project(client: Client, project: dict[str, Any], body: Any, **kwargs: Any) -> Response:
    return client.request("PUT", f"/projects/{project['id']}", body, **kwargs)


def read_project(client: Client, project: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/projects/{project['id']}").data()
    return found


def test_name_is_updated_alone(frozen_clock: FrozenClock, client: Client, configured: dict[str, Any]) -> None:
    frozen_clock.advance(seconds=5)
    changed = put_project(client, configured, {"name": "  Winter "}).data()

    assert changed == {**configured, "name": "Winter", "updatedAt": changed["updatedAt"]}
    assert changed["updatedAt"] > configured["updatedAt"]
    assert read_project(client, configured) == changed


@pytest.mark.parametrize("name", SETTINGS)
def test_setting_is_updated_alone(client: Client, configured: dict[str, Any], name: str) -> None:
    changed = put_project(client, configured, {"settings": {name: OTHER_SETTINGS[name]}}).data()

    assert changed["settings"] == {**SETTINGS, name: OTHER_SETTINGS[name]}
    assert changed["name"] == configured["name"]
    assert read_project(client, configured) == changed


def test_quota_is_replaced_as_a_whole(client: Client, configured: dict[str, Any]) -> None:
    changed = put_project(client, configured, {"settings": {"quota": {"maxFiles": 9}}}).data()

    assert changed["settings"]["quota"] == {"maxBytes": None, "maxFiles": 9, "maxFileBytes": None}


@pytest.mark.parametrize("body", [{}, {"settings": {}}])
def test_empty_update_changes_nothing(client: Client, configured: dict[str, Any], body: dict[str, Any]) -> None:
    changed = put_project(client, configured, body).data()

    assert changed == {**configured, "updatedAt": changed["updatedAt"]}


def test_everything_is_updated_at_once(client: Client, configured: dict[str, Any]) -> None:
    changed = put_project(client, configured, {"name": "Winter", "settings": OTHER_SETTINGS}).data()

    assert (changed["name"], changed["settings"]) == ("Winter", OTHER_SETTINGS)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"name": None}, "/name"),
        ({"slug": "x"}, "/slug"),
        ({"personal": True}, "/personal"),
        ({"status": "deleted"}, "/status"),
        ({"settings": None}, "/settings"),
        ({"settings": {"colour": "teal"}}, "/settings/colour"),
        ({"settings": {"visibility": None}}, "/settings/visibility"),
        ({"settings": {"visibility": "secret"}}, "/settings/visibility"),
        ({"settings": {"quota": None}}, "/settings/quota"),
        ({"settings": {"quota": {"maxBytes": -1}}}, "/settings/quota/maxBytes"),
        ({"settings": {"quota": {"bytes": 1}}}, "/settings/quota/bytes"),
        ({"settings": {"allowedTypes": None}}, "/settings/allowedTypes"),
        ({"settings": {"allowedTypes": []}}, "/settings/allowedTypes"),
        ({"settings": {"retentionDays": 0}}, "/settings/retentionDays"),
        ({"settings": {"retentionDays": 3651}}, "/settings/retentionDays"),
        ({"settings": {"keepVersions": 0}}, "/settings/keepVersions"),
        ({"settings": {"keepVersions": 1001}}, "/settings/keepVersions"),
        ({"settings": {"variants": None}}, "/settings/variants"),
        ({"settings": {"variants": [None]}}, "/settings/variants/0"),
        ({"settings": {"variants": [{"name": "x"}]}}, "/settings/variants/0"),
        ({"settings": {"variants": [{"name": "x", "width": 0}]}}, "/settings/variants/0/width"),
        ({"settings": {"variants": [{"name": "x", "width": 4097}]}}, "/settings/variants/0/width"),
        ({"settings": {"variants": [{"name": "x", "height": 9, "fit": "cover"}]}}, "/settings/variants/0"),
        ({"settings": {"variants": [{"name": "x", "width": 1}, {"name": "x", "width": 2}]}}, "/settings/variants"),
        ({"settings": {"variants": [{"name": f"v{n}", "width": 1} for n in range(21)]}}, "/settings/variants"),
    ],
)
def test_invalid_update_is_reported_with_its_pointer(
    client: Client, configured: dict[str, Any], body: Any, pointer: str
) -> None:
    response = put_project(client, configured, {"name": "Winter", **body})

    assert response.status == 422
    assert pointer in [error["pointer"] for error in response.problem()["errors"]]
    assert read_project(client, configured) == configured


def test_twenty_variants_are_allowed(client: Client, configured: dict[str, Any]) -> None:
    variants = [{"name": f"v{number}", "width": 1} for number in range(20)]

    assert (
        len(put_project(client, configured, {"settings": {"variants": variants}}).data()["settings"]["variants"]) == 20
    )


@pytest.mark.parametrize(
    ("name", "variable"),
    [("maxBytes", "MAX_BYTES"), ("maxFiles", "MAX_FILES"), ("maxFileBytes", "MAX_FILE_BYTES")],
)
def test_quota_above_the_limit_of_the_installation_is_rejected(
    client: Client, override_settings: OverrideSettings, configured: dict[str, Any], name: str, variable: str
) -> None:
    override_settings(**{variable: "100"})

    assert put_project(client, configured, {"settings": {"quota": {name: 100}}}).status == 200
    response = put_project(client, configured, {"name": "Winter", "settings": {"quota": {name: 101}}})
    assert response.status == 422
    (error,) = response.problem()["errors"]
    assert (error["code"], error["pointer"]) == ("above_installation_limit", f"/settings/quota/{name}")
    assert read_project(client, configured)["name"] == configured["name"]


def test_update_is_audited_and_emits_an_event(client: Client, fake_aws: FakeAws, configured: dict[str, Any]) -> None:
    put_project(client, configured, {"name": "Winter"}).data()

    (row,) = fake_aws.find_rows("audit", action="projects.update")
    assert (row["actor"], row["target"]) == (client.user["id"], configured["id"])
    assert len(fake_aws.find_rows("main", pk=f"EVENTS#{configured['id']}", type="project.updated")) == 1


def test_rename_moves_no_variants(client: Client, fake_aws: FakeAws, configured: dict[str, Any]) -> None:
    put_project(client, configured, {"name": "Winter", "settings": {"visibility": "public"}}).data()

    assert fake_aws.find_rows("main", record_type="job") == []


def test_concurrent_updates_are_merged(client: Client, fake_aws: FakeAws, configured: dict[str, Any]) -> None:
    faster = UpdateProjectRequest.model_validate({"settings": {"allowedTypes": ["text/plain"]}})
    with interleave(
        "TransactWriteItems", lambda: projects.update(make_caller(client), get_project(configured["id"]), faster)
    ):
        changed = put_project(client, configured, {"name": "Winter", "settings": {"visibility": "private"}}).data()

    assert changed["settings"] == {**SETTINGS, "visibility": "private", "allowedTypes": ["text/plain"]}
    assert read_project(client, configured) == changed
    assert len(fake_aws.find_rows("main", record_type="job", kind="relocate-project")) == 1
    assert len(fake_aws.find_rows("audit", action="projects.update")) == 2


def test_concurrent_change_of_visibility_starts_one_job(
    client: Client, fake_aws: FakeAws, configured: dict[str, Any]
) -> None:
    body = {"settings": {"visibility": "private"}}
    faster = UpdateProjectRequest.model_validate(body)
    with interleave(
        "TransactWriteItems", lambda: projects.update(make_caller(client), get_project(configured["id"]), faster)
    ):
        put_project(client, configured, body).data()

    assert len(fake_aws.find_rows("main", record_type="job", kind="relocate-project")) == 1


@pytest.mark.parametrize("delete", [projects.delete, projects.purge])
def test_project_deleted_meanwhile_is_not_updated(
    client: Client, fake_aws: FakeAws, configured: dict[str, Any], delete: Any
) -> None:
    with interleave("TransactWriteItems", lambda: delete(make_caller(client), get_project(configured["id"]))):
        late = put_project(client, configured, {"name": "Winter"})

    assert late.status == 404
    (row,) = fake_aws.find_rows("main", pk=f"PROJECT#{configured['id']}", sk="PROJECT")
    assert (row["name"], row["status"]) == ("Holiday", "deleted" if delete is projects.delete else "purging")


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_owners_update_a_project(
    client: Client, stranger: Client, fake_aws: FakeAws, configured: dict[str, Any], role: str
) -> None:
    member = members.create_member(client, configured["id"], fake_aws, role)

    assert put_project(member, configured, {"name": "Winter"}).status == 403
    assert put_project(stranger, configured, {"name": "Winter"}).status == 404
    assert read_project(client, configured) == configured


def test_api_key_cannot_update_a_project(client: Client, configured: dict[str, Any]) -> None:
    program = members.create_api_key_client(client, configured["id"])

    assert put_project(program, configured, {"name": "Winter"}).status == 403
    assert read_project(program, configured) == configured


def test_every_owner_can_update_a_project(client: Client, fake_aws: FakeAws, configured: dict[str, Any]) -> None:
    owner = members.create_member(client, configured["id"], fake_aws, "owner")

    assert put_project(owner, configured, {"name": "Winter"}).data()["name"] == "Winter"
    assert read_project(client, configured)["name"] == "Winter"
