"""Changing a project: what is said becomes so, what is not said stays, and nothing is lost."""

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
    "variants": [{"name": "thumb", "width": 20, "height": 10, "fit": "cover", "format": "avif", "quality": 50}],
}
OTHER_SETTINGS: dict[str, Any] = {
    "visibility": "private",
    "quota": {"maxBytes": 7, "maxFiles": None, "maxFileBytes": None},
    "allowedTypes": ["text/plain", "image/png"],
    "variants": [],
}


@pytest.fixture
def made(client: Client) -> dict[str, Any]:
    """A project that has decided everything."""
    said: dict[str, Any] = client.post("/projects", {"name": "Holiday", "settings": SETTINGS}).created()
    return said


def put_project(client: Client, project: dict[str, Any], payload: Any, **kwargs: Any) -> Response:
    return client.request("PUT", f"/projects/{project['id']}", payload, **kwargs)


def read_project(client: Client, project: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/projects/{project['id']}").data()
    return found


def test_a_name_is_changed_alone(frozen_clock: FrozenClock, client: Client, made: dict[str, Any]) -> None:
    frozen_clock.advance(seconds=5)
    changed = put_project(client, made, {"name": "  Winter "}).data()

    assert changed == {**made, "name": "Winter", "updatedAt": changed["updatedAt"]}
    assert changed["updatedAt"] > made["updatedAt"]
    assert read_project(client, made) == changed


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_changed_alone(client: Client, made: dict[str, Any], name: str) -> None:
    changed = put_project(client, made, {"settings": {name: OTHER_SETTINGS[name]}}).data()

    assert changed["settings"] == {**SETTINGS, name: OTHER_SETTINGS[name]}
    assert changed["name"] == made["name"]
    assert read_project(client, made) == changed


def test_a_quota_is_said_whole(client: Client, made: dict[str, Any]) -> None:
    changed = put_project(client, made, {"settings": {"quota": {"maxFiles": 9}}}).data()

    assert changed["settings"]["quota"] == {"maxBytes": None, "maxFiles": 9, "maxFileBytes": None}


@pytest.mark.parametrize("said", [{}, {"settings": {}}])
def test_who_says_nothing_changes_nothing(client: Client, made: dict[str, Any], said: dict[str, Any]) -> None:
    changed = put_project(client, made, said).data()

    assert changed == {**made, "updatedAt": changed["updatedAt"]}


def test_all_at_once(client: Client, made: dict[str, Any]) -> None:
    changed = put_project(client, made, {"name": "Winter", "settings": OTHER_SETTINGS}).data()

    assert (changed["name"], changed["settings"]) == ("Winter", OTHER_SETTINGS)


@pytest.mark.parametrize(
    ("said", "pointer"),
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
def test_what_means_nothing_is_pointed_at(client: Client, made: dict[str, Any], said: Any, pointer: str) -> None:
    refused = put_project(client, made, {"name": "Winter", **said})

    assert refused.status == 422
    assert pointer in [error["pointer"] for error in refused.problem()["errors"]]
    assert read_project(client, made) == made


def test_twenty_variants_are_taken(client: Client, made: dict[str, Any]) -> None:
    variants = [{"name": f"v{number}", "width": 1} for number in range(20)]

    assert len(put_project(client, made, {"settings": {"variants": variants}}).data()["settings"]["variants"]) == 20


@pytest.mark.parametrize(
    ("name", "variable"),
    [("maxBytes", "MAX_BYTES"), ("maxFiles", "MAX_FILES"), ("maxFileBytes", "MAX_FILE_BYTES")],
)
def test_a_quota_goes_up_to_the_installations(
    client: Client, override_settings: OverrideSettings, made: dict[str, Any], name: str, variable: str
) -> None:
    override_settings(**{variable: "100"})

    assert put_project(client, made, {"settings": {"quota": {name: 100}}}).status == 200
    refused = put_project(client, made, {"name": "Winter", "settings": {"quota": {name: 101}}})
    assert refused.status == 422
    (error,) = refused.problem()["errors"]
    assert (error["code"], error["pointer"]) == ("above_installation_limit", f"/settings/quota/{name}")
    assert read_project(client, made)["name"] == made["name"]


def test_a_change_is_audited_and_told(client: Client, fake_aws: FakeAws, made: dict[str, Any]) -> None:
    put_project(client, made, {"name": "Winter"}).data()

    (row,) = fake_aws.find_rows("audit", action="projects.update")
    assert (row["actor"], row["target"]) == (client.user["id"], made["id"])
    assert len(fake_aws.find_rows("main", pk=f"EVENTS#{made['id']}", type="project.updated")) == 1


def test_a_name_moves_no_variant(client: Client, fake_aws: FakeAws, made: dict[str, Any]) -> None:
    put_project(client, made, {"name": "Winter", "settings": {"visibility": "public"}}).data()

    assert fake_aws.find_rows("main", record_type="job") == []


def test_of_two_who_change_at_once_neither_loses(client: Client, fake_aws: FakeAws, made: dict[str, Any]) -> None:
    faster = UpdateProjectRequest.model_validate({"settings": {"allowedTypes": ["text/plain"]}})
    with interleave(
        "TransactWriteItems", lambda: projects.update(make_caller(client), get_project(made["id"]), faster)
    ):
        changed = put_project(client, made, {"name": "Winter", "settings": {"visibility": "private"}}).data()

    assert changed["settings"] == {**SETTINGS, "visibility": "private", "allowedTypes": ["text/plain"]}
    assert read_project(client, made) == changed
    assert len(fake_aws.find_rows("main", record_type="job", kind="relocate-project")) == 1
    assert len(fake_aws.find_rows("audit", action="projects.update")) == 2


def test_who_turns_it_private_second_moves_nothing_twice(
    client: Client, fake_aws: FakeAws, made: dict[str, Any]
) -> None:
    private_project_id = {"settings": {"visibility": "private"}}
    faster = UpdateProjectRequest.model_validate(private_project_id)
    with interleave(
        "TransactWriteItems", lambda: projects.update(make_caller(client), get_project(made["id"]), faster)
    ):
        put_project(client, made, private_project_id).data()

    assert len(fake_aws.find_rows("main", record_type="job", kind="relocate-project")) == 1


@pytest.mark.parametrize("end", [projects.delete, projects.purge])
def test_what_is_deleted_meanwhile_is_not_changed(
    client: Client, fake_aws: FakeAws, made: dict[str, Any], end: Any
) -> None:
    with interleave("TransactWriteItems", lambda: end(make_caller(client), get_project(made["id"]))):
        late = put_project(client, made, {"name": "Winter"})

    assert late.status == 404
    (row,) = fake_aws.find_rows("main", pk=f"PROJECT#{made['id']}", sk="PROJECT")
    assert (row["name"], row["status"]) == ("Holiday", "deleted" if end is projects.delete else "purging")


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_an_owner_changes_it(
    client: Client, stranger: Client, fake_aws: FakeAws, made: dict[str, Any], role: str
) -> None:
    member = members.create_member(client, made["id"], fake_aws, role)

    assert put_project(member, made, {"name": "Winter"}).status == 403
    assert put_project(stranger, made, {"name": "Winter"}).status == 404
    assert read_project(client, made) == made


def test_no_key_changes_it(client: Client, made: dict[str, Any]) -> None:
    program = members.create_api_key_client(client, made["id"])

    assert put_project(program, made, {"name": "Winter"}).status == 403
    assert read_project(program, made) == made


def test_another_owner_changes_it(client: Client, fake_aws: FakeAws, made: dict[str, Any]) -> None:
    owner = members.create_member(client, made["id"], fake_aws, "owner")

    assert put_project(owner, made, {"name": "Winter"}).data()["name"] == "Winter"
    assert read_project(client, made)["name"] == "Winter"
