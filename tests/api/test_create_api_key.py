"""Requests to create an API key (Z3, Z5): scopes, expiry and name."""

from typing import Any

import pytest

from holdall.api_keys import service
from holdall.api_keys.model import CreateApiKeyRequest, ScopeNotHeld
from holdall.roles.permissions import PERMISSIONS
from tests.support.aws import FakeAws
from tests.support.callers import get_membership_or_none, get_project, make_caller
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.projects import NEW_KEY, create_member, list_api_keys, request_api_key, status_and_code


@pytest.mark.parametrize("scope", sorted(PERMISSIONS))
def test_key_can_have_exactly_the_scopes_of_the_table(client: Client, shared_project: str, scope: str) -> None:
    response = request_api_key(client, shared_project, scopes=[scope])
    if PERMISSIONS[scope].is_key_scope:
        assert response.created()["scopes"] == [scope]
    else:
        assert status_and_code(response) == (422, "unknown_scope")
        assert [each["pointer"] for each in response.problem()["errors"]] == ["/scopes/0"]
        assert list_api_keys(client, shared_project) == []


@pytest.mark.parametrize(
    ("scopes", "pointer"),
    [
        (["files.read", "files.fly"], "/scopes/1"),
        (["FILES.READ"], "/scopes/0"),
        (["files.*"], "/scopes/0"),
        ([""], "/scopes/0"),
        (["files.read", "files.read"], "/scopes"),
        ([], "/scopes"),
        (["files.read"] * 51, "/scopes"),
        ("files.read", "/scopes"),
        (None, "/scopes"),
    ],
)
def test_invalid_scope_is_reported_with_its_pointer(
    client: Client, shared_project: str, scopes: Any, pointer: str
) -> None:
    response = request_api_key(client, shared_project, scopes=scopes)

    assert response.status == 422
    assert [each["pointer"] for each in response.problem()["errors"]] == [pointer]
    assert list_api_keys(client, shared_project) == []


def test_key_cannot_have_more_permissions_than_its_creator(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    """The guard of the route requires an owner. This test calls the service."""
    editor = create_member(client, shared_project, fake_aws, "editor")
    request = CreateApiKeyRequest(name="Robot", scopes=["files.read", "files.purge"])
    with pytest.raises(ScopeNotHeld):
        service.create(
            make_caller(editor),
            get_project(shared_project),
            get_membership_or_none(shared_project, editor.user["id"]),
            request,
        )

    (entry,) = fake_aws.find_rows("audit", action="api_keys.create")
    assert (entry["actor"], entry["target"], entry["outcome"]) == (editor.user["id"], shared_project, "denied")
    assert list_api_keys(client, shared_project) == []


@pytest.mark.parametrize(
    "expires_at",
    [
        "2020-01-01T00:00:00Z",
        "2030-01-01T00:00:00",
        "2030-01-01",
        "2030-13-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "1893456000",
        1893456000,
        1893456000.5,
        True,
        "",
        "tomorrow",
        [],
    ],
)
def test_expiry_is_a_time_in_the_future(client: Client, shared_project: str, expires_at: Any) -> None:
    response = request_api_key(client, shared_project, expiresAt=expires_at)

    assert response.status == 422
    assert [each["pointer"] for each in response.problem()["errors"]] == ["/expiresAt"]
    assert list_api_keys(client, shared_project) == []


def test_present_time_is_not_in_the_future(client: Client, shared_project: str, frozen_clock: FrozenClock) -> None:
    now = frozen_clock.time.isoformat()

    assert request_api_key(client, shared_project, expiresAt=now).status == 422


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2099-01-01T00:00:00Z", "2099-01-01T00:00:00Z"),
        ("2099-01-01T05:30:00+05:30", "2099-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        (None, None),
    ],
)
def test_expiry_is_shown_in_utc(client: Client, shared_project: str, given: str | None, shown: str | None) -> None:
    assert request_api_key(client, shared_project, expiresAt=given).created()["expiresAt"] == shown
    assert list_api_keys(client, shared_project)[0]["expiresAt"] == shown


def test_name_is_one_line(client: Client, shared_project: str) -> None:
    for name in ("", " ", "two\nlines", "x" * 101, None, 7):
        assert request_api_key(client, shared_project, name=name).status == 422


@pytest.mark.parametrize("field", ["id", "key", "enabled", "createdBy", "secretSha256", "membershipId", "lastUsedAt"])
def test_read_only_fields_are_rejected(client: Client, shared_project: str, field: str) -> None:
    (error,) = request_api_key(client, shared_project, **{field: "x"}).problem()["errors"]

    assert (error["pointer"], error["code"]) == (f"/{field}", "unknown_field")


def test_project_has_fifty_api_keys_at_most(client: Client, shared_project: str) -> None:
    keys = [request_api_key(client, shared_project).created() for _ in range(49)]
    headers = {"idempotency-key": "last"}
    last = client.post(f"/projects/{shared_project}/keys", NEW_KEY, headers=headers)
    assert last.status == 201

    refused = request_api_key(client, shared_project)
    assert (refused.status, refused.problem()["code"]) == (409, "too_many_api_keys")
    duplicate = client.post(f"/projects/{shared_project}/keys", NEW_KEY, headers=headers)
    assert duplicate.problem()["code"] == "already_done"
    client.request("PATCH", f"/projects/{shared_project}/keys/{keys[0]['id']}", {"enabled": False}).data()
    assert request_api_key(client, shared_project).status == 409
    for _ in range(2):  # the second time there is nothing to delete
        client.delete(f"/projects/{shared_project}/keys/{keys[0]['id']}")
    request_api_key(client, shared_project).created()
    assert request_api_key(client, shared_project).status == 409
