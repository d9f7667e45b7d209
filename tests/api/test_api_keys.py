"""API keys as owners see them (Z5): made once, shown once, with scopes and an end, and never more than a digest kept."""

import json
from dataclasses import replace
from typing import Any

import pytest

from holdall.api_keys import service, store
from holdall.api_keys.model import CreateApiKeyRequest
from holdall.platform import ids
from holdall.platform.caller import IdempotencyKey
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.service import projects
from tests.api.conftest import FrozenClock
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.callers import get_membership_or_none, get_project, make_caller
from tests.support.client import Client, Response
from tests.support.faults import interleave
from tests.support.projects import (
    NEW_KEY,
    add_member,
    create_api_key_client,
    create_member,
    create_shared_project,
    list_api_keys,
    request_api_key,
)
from tests.support.projects import status_and_code as refused

TABLES = ("main", "credentials", "audit", "ephemeral")


def set_enabled(client: Client, project_id: str, key_id: str, *, enabled: bool) -> Response:
    return client.request("PATCH", f"/projects/{project_id}/keys/{key_id}", {"enabled": enabled})


def test_a_key_is_shown_once_and_kept_as_a_digest(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    made = request_api_key(client, shared_project, scopes=["files.write", "files.read"]).created()
    key = made.pop("key")
    secret = key.rpartition("_")[2]

    assert key == f"hk_{made['id']}_{secret}"
    assert made["id"].startswith(f"{shared_project}-{client.user['id']}-")
    assert ids.is_api_key_id(made["id"])
    assert len(secret) == 26  # 130 bits
    assert made == {
        "id": made["id"],
        "name": "Robot",
        "scopes": ["files.read", "files.write"],
        "enabled": True,
        "createdBy": client.user["id"],
        "createdAt": made["createdAt"],
        "expiresAt": None,
        "lastUsedAt": None,
    }
    assert list_api_keys(client, shared_project) == [made]
    (row,) = fake_aws.find_rows("main", record_type="api-key")
    assert row["secret_sha256"] == ids.sha256_hex(secret)
    assert secret not in str([fake_aws.find_rows(table) for table in TABLES])
    assert row["secret_sha256"] not in client.get(f"/projects/{shared_project}/keys").text
    (told,) = fake_aws.find_rows("audit", action="api_keys.create")
    assert (told["actor"], told["target"], told["outcome"]) == (client.user["id"], made["id"], "success")
    assert told.get("key") is None


def test_keys_come_newest_first_in_pages(client: Client, shared_project: str, frozen_clock: FrozenClock) -> None:
    made: list[str] = []
    for _ in range(5):
        frozen_clock.advance(seconds=1)
        made.insert(0, request_api_key(client, shared_project).created()["id"])

    path = f"/projects/{shared_project}/keys?limit=2"
    first = client.get(path).json()
    second = client.get(f"{path}&cursor={first['pagination']['next']}").json()
    third = client.get(f"{path}&cursor={second['pagination']['next']}").json()
    back = client.get(f"{path}&cursor={third['pagination']['prev']}").json()
    pages = [[each["id"] for each in page["data"]] for page in (first, second, third, back)]
    assert pages == [made[:2], made[2:4], made[4:], made[2:4]]


def test_a_page_shows_keys_of_sixty_makers(client: Client, shared_project: str) -> None:
    made = request_api_key(client, shared_project).created()["id"]
    with BatchGet() as read:
        found = store.get(read, made)
    assert found.value is not None
    with Transaction() as write:
        for maker_id in (ids.new_id() for _ in range(59)):
            store.put(write, replace(found.value, id=ids.new_api_key_id(shared_project, maker_id), created_by=maker_id))

    shown = client.get(f"/projects/{shared_project}/keys?limit=100").data()
    assert len(shown) == 60
    assert [each["id"] for each in shown if each["enabled"]] == [made]


def test_a_repetition_makes_no_second_key_and_shows_no_secret(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    once = {"idempotency-key": "key"}
    made = client.post(f"/projects/{shared_project}/keys", NEW_KEY, headers=once).created()
    again = client.post(f"/projects/{shared_project}/keys", NEW_KEY, headers=once)

    assert refused(again) == (409, "already_done")
    assert again.problem()["id"] == made["id"]
    assert made["key"].rpartition("_")[2] not in again.text
    assert (
        len(fake_aws.find_rows("main", record_type="api-key"))
        == len(fake_aws.find_rows("audit", action="api_keys.create"))
        == 1
    )
    other = client.post(f"/projects/{shared_project}/keys", {**NEW_KEY, "name": "Other"}, headers=once)
    assert refused(other) == (422, "idempotency_key_reused")
    assert made["key"].rpartition("_")[2] not in str(fake_aws.find_rows("ephemeral"))


def test_of_two_twins_one_makes_the_key(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    path = f"/api/v1/projects/{shared_project}/keys"
    once = IdempotencyKey(ids.sha256_hex(f"{client.user['id']} {path} key"), ids.sha256_hex(json.dumps(NEW_KEY)))
    twin = replace(make_caller(client), idempotency_key=once)
    new = CreateApiKeyRequest(name="Robot", scopes=["files.read"])
    own = get_membership_or_none(shared_project, client.user["id"])
    with interleave(
        "TransactWriteItems", lambda: service.create(twin, get_project(shared_project), own, new)
    ) as faster:
        slower = client.post(f"/projects/{shared_project}/keys", NEW_KEY, headers={"idempotency-key": "key"})

    assert refused(slower) == (409, "already_done")
    assert slower.problem()["id"] == faster[0].id  # type: ignore[attr-defined]
    assert len(list_api_keys(client, shared_project)) == 1


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_owners_alone_have_to_do_with_keys(client: Client, fake_aws: FakeAws, shared_project: str, role: str) -> None:
    other = create_member(client, shared_project, fake_aws, role)
    key = create_api_key_client(client, shared_project)

    assert request_api_key(other, shared_project).status == 403
    assert other.get(f"/projects/{shared_project}/keys").status == 403
    assert set_enabled(other, shared_project, key.key_id, enabled=False).status == 403
    assert other.delete(f"/projects/{shared_project}/keys/{key.key_id}").status == 403


def test_a_superuser_who_is_no_member_makes_no_key_and_ends_any(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    superuser, key = users.create_superuser(), create_api_key_client(client, shared_project)

    assert refused(request_api_key(superuser, shared_project)) == (409, "not_a_member")
    assert set_enabled(superuser, shared_project, key.key_id, enabled=False).data()["enabled"] is False
    assert key.get(f"/projects/{shared_project}").status == 401
    assert superuser.delete(f"/projects/{shared_project}/keys/{key.key_id}").status == 204
    assert (
        len(fake_aws.find_rows("audit", action="projects.any", actor=superuser.user["id"], target=shared_project)) == 3
    )


def test_a_key_is_switched_off_and_on_with_the_next_request(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    key = create_api_key_client(client, shared_project)
    for enabled, status in ((False, 401), (False, 401), (True, 200), (True, 200)):
        assert set_enabled(client, shared_project, key.key_id, enabled=enabled).data()["enabled"] is enabled
        assert key.get(f"/projects/{shared_project}").status == status
        assert list_api_keys(client, shared_project)[0]["enabled"] is enabled

    assert [
        len(fake_aws.find_rows("audit", action=f"keys.{each}", target=key.key_id)) for each in ("enable", "disable")
    ] == [2, 2]


def test_a_key_that_is_removed_counts_no_more(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    key, other = create_api_key_client(client, shared_project), create_api_key_client(client, shared_project)

    assert client.delete(f"/projects/{shared_project}/keys/{key.key_id}").status == 204
    assert refused(key.get(f"/projects/{shared_project}")) == (401, "invalid_token")
    assert other.get(f"/projects/{shared_project}").status == 200
    assert [each["id"] for each in list_api_keys(client, shared_project)] == [other.key_id]
    assert client.delete(f"/projects/{shared_project}/keys/{key.key_id}").status == 404
    assert set_enabled(client, shared_project, key.key_id, enabled=True).status == 404
    assert len(fake_aws.find_rows("audit", action="api_keys.delete", target=key.key_id)) == 1


def test_what_is_removed_in_this_moment_is_not_switched_on(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    key = create_api_key_client(client, shared_project)
    with interleave(
        "TransactWriteItems", lambda: service.delete(make_caller(client), get_project(shared_project), key.key_id)
    ):
        assert set_enabled(client, shared_project, key.key_id, enabled=True).status == 404

    assert fake_aws.find_rows("main", record_type="api-key") == []


@pytest.mark.parametrize("put_away", [projects.delete, projects.purge])
def test_no_key_is_made_in_the_moment_of_a_deletion(
    client: Client, fake_aws: FakeAws, shared_project: str, put_away: Any
) -> None:
    """It would outlive the purge, as nobody looks for it again."""
    with interleave("TransactWriteItems", lambda: put_away(make_caller(client), get_project(shared_project))):
        assert refused(request_api_key(client, shared_project)) == (409, "project_changed")

    assert fake_aws.find_rows("main", record_type="api-key") == []


ABSENT_KEY_ID = f"{'0' * 12}-{'0' * 26}-{'0' * 26}"


@pytest.mark.parametrize(
    "bad",
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
def test_what_is_no_key_is_not_there(client: Client, shared_project: str, bad: str) -> None:
    assert refused(client.delete(f"/projects/{shared_project}/keys/{bad}")) == (404, "not_found")
    assert refused(set_enabled(client, shared_project, bad, enabled=True)) == (404, "not_found")


def test_a_key_of_another_project_is_not_there(client: Client, shared_project: str) -> None:
    key = create_api_key_client(client, create_shared_project(client))

    assert client.delete(f"/projects/{shared_project}/keys/{key.key_id}").status == 404
    assert set_enabled(client, shared_project, key.key_id, enabled=False).status == 404
    assert key.get("/files").status == 200


def test_keys_of_makers_who_are_gone_are_shown_as_off(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    left, back, disabled, weaker = (create_member(client, shared_project, fake_aws, "owner") for _ in range(4))
    keys = {
        name: create_api_key_client(who, shared_project).key_id
        for name, who in zip("lbdw", (left, back, disabled, weaker), strict=True)
    }
    keys["m"] = create_api_key_client(client, shared_project).key_id
    for somebody in (left, back):
        somebody.post(f"/projects/{shared_project}/leave")
    add_member(client, shared_project, fake_aws, back, "owner")
    fake_aws.update_row(f"USER#{disabled.user['id']}", "USER", status="disabled")
    client.request("PATCH", f"/projects/{shared_project}/members/{weaker.user['id']}", {"role": "viewer"}).data()

    shown = {each["id"]: each["enabled"] for each in list_api_keys(client, shared_project)}
    assert {name: shown[key_id] for name, key_id in keys.items()} == {
        "l": False,
        "b": False,
        "d": False,
        "w": True,
        "m": True,
    }
    for name in "lbd":
        assert refused(set_enabled(client, shared_project, keys[name], enabled=True)) == (409, "creator_left"), name
        assert set_enabled(client, shared_project, keys[name], enabled=False).data()["enabled"] is False
    assert {row["id"] for row in fake_aws.find_rows("main", record_type="api-key", enabled=True)} == {
        keys["w"],
        keys["m"],
    }
