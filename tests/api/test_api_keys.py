"""API keys as owners manage them (Z5): create, list, enable, disable and delete."""

import json
from dataclasses import replace
from typing import Any

import pytest

from holdall.api_keys import service, store
from holdall.api_keys.model import ApiKeyId, ApiKeyNotFound, CreateApiKeyRequest
from holdall.platform import ids
from holdall.platform.caller import IdempotencyKey
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.service import projects
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.callers import get_membership_or_none, get_project, make_caller
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.faults import interleave
from tests.support.projects import (
    NEW_KEY,
    add_member,
    create_api_key_client,
    create_member,
    create_shared_project,
    list_api_keys,
    request_api_key,
    status_and_code,
)

TABLES = ("main", "credentials", "audit", "ephemeral")


def set_enabled(client: Client, project_id: str, key_id: str, *, enabled: bool) -> Response:
    return client.request("PATCH", f"/projects/{project_id}/keys/{key_id}", {"enabled": enabled})


def test_secret_is_shown_only_at_creation_and_stored_as_a_digest(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    created = request_api_key(client, shared_project, scopes=["files.write", "files.read"]).created()
    key = created.pop("key")
    secret = key.rpartition("_")[2]

    assert key == f"hk_{created['id']}_{secret}"
    assert ApiKeyId.parse(created["id"], shared_project).creator_id == client.user["id"]
    assert len(secret) == 26  # 130 bits
    assert created == {
        "id": created["id"],
        "name": "Robot",
        "scopes": ["files.read", "files.write"],
        "enabled": True,
        "createdBy": client.user["id"],
        "createdAt": created["createdAt"],
        "expiresAt": None,
        "lastUsedAt": None,
    }
    assert list_api_keys(client, shared_project) == [created]
    (row,) = fake_aws.find_rows("main", record_type="api-key")
    assert row["secret_sha256"] == ids.sha256_hex(secret)
    assert secret not in str([fake_aws.find_rows(table) for table in TABLES])
    assert row["secret_sha256"] not in client.get(f"/projects/{shared_project}/keys").text
    (entry,) = fake_aws.find_rows("audit", action="api_keys.create")
    assert (entry["actor"], entry["target"], entry["outcome"]) == (client.user["id"], created["id"], "success")
    assert entry.get("api_key_id") is None


def test_keys_are_listed_in_pages_with_the_newest_first(
    client: Client, shared_project: str, frozen_clock: FrozenClock
) -> None:
    created: list[str] = []
    for _ in range(5):
        frozen_clock.advance(seconds=1)
        created.insert(0, request_api_key(client, shared_project).created()["id"])

    path = f"/projects/{shared_project}/keys?limit=2"
    first = client.get(path).json()
    second = client.get(f"{path}&cursor={first['pagination']['next']}").json()
    third = client.get(f"{path}&cursor={second['pagination']['next']}").json()
    back = client.get(f"{path}&cursor={third['pagination']['prev']}").json()
    pages = [[each["id"] for each in page["data"]] for page in (first, second, third, back)]
    assert pages == [created[:2], created[2:4], created[4:], created[2:4]]


def test_page_contains_keys_of_sixty_creators(client: Client, shared_project: str) -> None:
    created = request_api_key(client, shared_project).created()["id"]
    with BatchGet() as batch:
        key = store.get(batch, ApiKeyId.parse(created, shared_project))
    with Transaction() as tx:
        for creator_id in (ids.new_id() for _ in range(59)):
            key_id = ApiKeyId(shared_project, creator_id, ids.new_id())
            store.put(tx, key_id, replace(key.require(ApiKeyNotFound), id=str(key_id), created_by=creator_id))

    keys = client.get(f"/projects/{shared_project}/keys?limit=100").data()
    assert len(keys) == 60
    assert [each["id"] for each in keys if each["enabled"]] == [created]


def test_duplicate_request_creates_one_key_and_shows_no_secret(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    headers = {"idempotency-key": "key"}
    created = client.post(f"/projects/{shared_project}/keys", NEW_KEY, headers=headers).created()
    duplicate = client.post(f"/projects/{shared_project}/keys", NEW_KEY, headers=headers)

    assert status_and_code(duplicate) == (409, "already_done")
    assert duplicate.problem()["id"] == created["id"]
    assert created["key"].rpartition("_")[2] not in duplicate.text
    assert (
        len(fake_aws.find_rows("main", record_type="api-key"))
        == len(fake_aws.find_rows("audit", action="api_keys.create"))
        == 1
    )
    other = client.post(f"/projects/{shared_project}/keys", {**NEW_KEY, "name": "Other"}, headers=headers)
    assert status_and_code(other) == (422, "idempotency_key_reused")
    assert created["key"].rpartition("_")[2] not in str(fake_aws.find_rows("ephemeral"))


def test_duplicate_requests_at_once_create_one_key(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    path = f"/api/v1/projects/{shared_project}/keys"
    idempotency_key = IdempotencyKey.create(client.user["id"], path, "key", json.dumps(NEW_KEY))
    caller = replace(make_caller(client), idempotency_key=idempotency_key)
    request = CreateApiKeyRequest(name="Robot", scopes=["files.read"])
    membership = get_membership_or_none(shared_project, client.user["id"])
    with interleave(
        "TransactWriteItems", lambda: service.create(caller, get_project(shared_project), membership, request)
    ) as faster:
        slower = client.post(f"/projects/{shared_project}/keys", NEW_KEY, headers={"idempotency-key": "key"})

    assert status_and_code(slower) == (409, "already_done")
    assert slower.problem()["id"] == faster[0].id  # type: ignore[attr-defined]
    assert len(list_api_keys(client, shared_project)) == 1


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_owners_manage_keys(client: Client, fake_aws: FakeAws, shared_project: str, role: str) -> None:
    other = create_member(client, shared_project, fake_aws, role)
    key = create_api_key_client(client, shared_project)

    assert request_api_key(other, shared_project).status == 403
    assert other.get(f"/projects/{shared_project}/keys").status == 403
    assert set_enabled(other, shared_project, key.key_id, enabled=False).status == 403
    assert other.delete(f"/projects/{shared_project}/keys/{key.key_id}").status == 403


def test_superuser_who_is_not_a_member_cannot_create_keys_but_can_disable_and_delete_them(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    superuser, key = users.create_superuser(), create_api_key_client(client, shared_project)

    assert status_and_code(request_api_key(superuser, shared_project)) == (409, "not_a_member")
    assert set_enabled(superuser, shared_project, key.key_id, enabled=False).data()["enabled"] is False
    assert key.get(f"/projects/{shared_project}").status == 401
    assert superuser.delete(f"/projects/{shared_project}/keys/{key.key_id}").status == 204
    assert (
        len(
            fake_aws.find_rows(
                "audit", action="projects.access_as_superuser", actor=superuser.user["id"], target=shared_project
            )
        )
        == 3
    )


def test_disabling_and_enabling_a_key_take_effect_on_the_next_request(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    key = create_api_key_client(client, shared_project)
    for enabled, status in ((False, 401), (False, 401), (True, 200), (True, 200)):
        assert set_enabled(client, shared_project, key.key_id, enabled=enabled).data()["enabled"] is enabled
        assert key.get(f"/projects/{shared_project}").status == status
        assert list_api_keys(client, shared_project)[0]["enabled"] is enabled

    assert [
        len(fake_aws.find_rows("audit", action=f"api_keys.{each}", target=key.key_id)) for each in ("enable", "disable")
    ] == [2, 2]


def test_deleted_key_is_rejected(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    key, other = create_api_key_client(client, shared_project), create_api_key_client(client, shared_project)

    assert client.delete(f"/projects/{shared_project}/keys/{key.key_id}").status == 204
    assert status_and_code(key.get(f"/projects/{shared_project}")) == (401, "invalid_token")
    assert other.get(f"/projects/{shared_project}").status == 200
    assert [each["id"] for each in list_api_keys(client, shared_project)] == [other.key_id]
    assert client.delete(f"/projects/{shared_project}/keys/{key.key_id}").status == 404
    assert set_enabled(client, shared_project, key.key_id, enabled=True).status == 404
    assert len(fake_aws.find_rows("audit", action="api_keys.delete", target=key.key_id)) == 1


def test_key_is_not_enabled_while_it_is_deleted(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    key = create_api_key_client(client, shared_project)
    with interleave(
        "TransactWriteItems", lambda: service.delete(make_caller(client), get_project(shared_project), key.key_id)
    ):
        assert set_enabled(client, shared_project, key.key_id, enabled=True).status == 404

    assert fake_aws.find_rows("main", record_type="api-key") == []


@pytest.mark.parametrize("remove", [projects.delete, projects.purge])
def test_key_is_not_created_while_its_project_is_deleted(
    client: Client, fake_aws: FakeAws, shared_project: str, remove: Any
) -> None:
    """It would remain forever, because the purge deletes only the keys that it finds."""
    with interleave("TransactWriteItems", lambda: remove(make_caller(client), get_project(shared_project))):
        assert status_and_code(request_api_key(client, shared_project)) == (409, "project_changed")

    assert fake_aws.find_rows("main", record_type="api-key") == []


ABSENT_KEY_ID = f"{'0' * 12}-{'0' * 26}-{'0' * 26}"


@pytest.mark.parametrize(
    "key_id",
    [
        "x",
        ABSENT_KEY_ID,
        ABSENT_KEY_ID[:-1],
        ABSENT_KEY_ID + "0",
        ABSENT_KEY_ID.upper() + "Z",
        "x" * 129,
        "x" * 3000,
        "%00",
        "..",
        "'--",
    ],
)
def test_malformed_key_id_is_not_found(client: Client, shared_project: str, key_id: str) -> None:
    assert status_and_code(client.delete(f"/projects/{shared_project}/keys/{key_id}")) == (404, "not_found")
    assert status_and_code(set_enabled(client, shared_project, key_id, enabled=True)) == (404, "not_found")


def test_key_of_another_project_is_not_found(client: Client, shared_project: str) -> None:
    key = create_api_key_client(client, create_shared_project(client))

    assert client.delete(f"/projects/{shared_project}/keys/{key.key_id}").status == 404
    assert set_enabled(client, shared_project, key.key_id, enabled=False).status == 404
    assert key.get("/files").status == 200


def test_keys_of_creators_who_left_are_shown_as_disabled(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    left, returned, disabled, demoted = (create_member(client, shared_project, fake_aws, "owner") for _ in range(4))
    keys = {
        name: create_api_key_client(creator, shared_project).key_id
        for name, creator in {
            "left": left,
            "returned": returned,
            "disabled": disabled,
            "demoted": demoted,
            "active": client,
        }.items()
    }
    for member in (left, returned):
        member.post(f"/projects/{shared_project}/leave")
    add_member(client, shared_project, fake_aws, returned, "owner")
    fake_aws.update_row(f"USER#{disabled.user['id']}", "USER", status="disabled")
    client.request("PATCH", f"/projects/{shared_project}/members/{demoted.user['id']}", {"role": "viewer"}).data()

    enabled = {each["id"]: each["enabled"] for each in list_api_keys(client, shared_project)}
    assert {name: enabled[key_id] for name, key_id in keys.items()} == {
        "left": False,
        "returned": False,
        "disabled": False,
        "demoted": True,
        "active": True,
    }
    for name in ("left", "returned", "disabled"):
        assert status_and_code(set_enabled(client, shared_project, keys[name], enabled=True)) == (
            409,
            "creator_left",
        ), name
        assert set_enabled(client, shared_project, keys[name], enabled=False).data()["enabled"] is False
    assert {row["id"] for row in fake_aws.find_rows("main", record_type="api-key", enabled=True)} == {
        keys["demoted"],
        keys["active"],
    }
