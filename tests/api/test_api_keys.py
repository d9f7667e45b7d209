"""API keys as owners see them (Z5): made once, shown once, with scopes and an end, and never more than a digest kept."""

import json
from dataclasses import replace
from typing import Any

import pytest

from holdall import ids
from holdall.caller import Once
from holdall.keys import service, store
from holdall.keys.model import NewKey
from holdall.projects.service import projects
from holdall.table import Reading, Transaction
from tests.api import people
from tests.api.callers import caller, membership, place
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock
from tests.api.faults import meanwhile
from tests.api.members import NEW_KEY, bring, joined, listed, make, program, shared
from tests.api.members import code as refused

EVERYTHING = ("main", "credentials", "audit", "ephemeral")


def enable(client: Client, room: str, key_id: str, *, enabled: bool) -> Answer:
    return client.request("PATCH", f"/projects/{room}/keys/{key_id}", {"enabled": enabled})


def test_a_key_is_shown_once_and_kept_as_a_digest(client: Client, cloud: Cloud, room: str) -> None:
    made = make(client, room, scopes=["files.write", "files.read"]).created()
    key = made.pop("key")
    secret = key.rpartition("_")[2]

    assert key == f"hk_{made['id']}_{secret}"
    assert made["id"].startswith(f"{room}-{client.user['id']}-")
    assert ids.is_key_id(made["id"])
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
    assert listed(client, room) == [made]
    (row,) = cloud.rows("main", record_kind="key")
    assert row["digest"] == ids.digest(secret)
    assert secret not in str([cloud.rows(table) for table in EVERYTHING])
    assert row["digest"] not in client.get(f"/projects/{room}/keys").text
    (told,) = cloud.rows("audit", action="keys.create")
    assert (told["actor"], told["target"], told["outcome"]) == (client.user["id"], made["id"], "success")
    assert told.get("key") is None


def test_keys_come_newest_first_in_pages(client: Client, room: str, frozen: Clock) -> None:
    made: list[str] = []
    for _ in range(5):
        frozen.forward(seconds=1)
        made.insert(0, make(client, room).created()["id"])

    path = f"/projects/{room}/keys?limit=2"
    first = client.get(path).json()
    second = client.get(f"{path}&cursor={first['pagination']['next']}").json()
    third = client.get(f"{path}&cursor={second['pagination']['next']}").json()
    back = client.get(f"{path}&cursor={third['pagination']['prev']}").json()
    pages = [[each["id"] for each in page["data"]] for page in (first, second, third, back)]
    assert pages == [made[:2], made[2:4], made[4:], made[2:4]]


def test_a_page_shows_keys_of_sixty_makers(client: Client, room: str) -> None:
    made = make(client, room).created()["id"]
    with Reading() as read:
        found = store.key(read, made)
    assert found.value is not None
    with Transaction() as write:
        for maker_id in (ids.new_id() for _ in range(59)):
            store.add(write, replace(found.value, id=ids.new_key_id(room, maker_id), created_by=maker_id))

    shown = client.get(f"/projects/{room}/keys?limit=100").data()
    assert len(shown) == 60
    assert [each["id"] for each in shown if each["enabled"]] == [made]


def test_a_repetition_makes_no_second_key_and_shows_no_secret(client: Client, cloud: Cloud, room: str) -> None:
    once = {"idempotency-key": "key"}
    made = client.post(f"/projects/{room}/keys", NEW_KEY, headers=once).created()
    again = client.post(f"/projects/{room}/keys", NEW_KEY, headers=once)

    assert refused(again) == (409, "already_done")
    assert again.problem()["id"] == made["id"]
    assert made["key"].rpartition("_")[2] not in again.text
    assert len(cloud.rows("main", record_kind="key")) == len(cloud.rows("audit", action="keys.create")) == 1
    other = client.post(f"/projects/{room}/keys", {**NEW_KEY, "name": "Other"}, headers=once)
    assert refused(other) == (422, "idempotency_key_reused")
    assert made["key"].rpartition("_")[2] not in str(cloud.rows("ephemeral"))


def test_of_two_twins_one_makes_the_key(client: Client, cloud: Cloud, room: str) -> None:
    path = f"/api/v1/projects/{room}/keys"
    once = Once(ids.digest(f"{client.user['id']} {path} key"), ids.digest(json.dumps(NEW_KEY)))
    twin = replace(caller(client), once=once)
    new = NewKey(name="Robot", scopes=["files.read"])
    own = membership(room, client.user["id"])
    with meanwhile("TransactWriteItems", lambda: service.create(twin, place(room), own, new)) as faster:
        slower = client.post(f"/projects/{room}/keys", NEW_KEY, headers={"idempotency-key": "key"})

    assert refused(slower) == (409, "already_done")
    assert slower.problem()["id"] == faster[0].id  # type: ignore[attr-defined]
    assert len(listed(client, room)) == 1


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_owners_alone_have_to_do_with_keys(client: Client, cloud: Cloud, room: str, role: str) -> None:
    other = joined(client, room, cloud, role)
    key = program(client, room)

    assert make(other, room).status == 403
    assert other.get(f"/projects/{room}/keys").status == 403
    assert enable(other, room, key.id, enabled=False).status == 403
    assert other.delete(f"/projects/{room}/keys/{key.id}").status == 403


def test_a_superuser_who_is_no_member_makes_no_key_and_ends_any(client: Client, cloud: Cloud, room: str) -> None:
    root, key = people.superuser(), program(client, room)

    assert refused(make(root, room)) == (409, "not_a_member")
    assert enable(root, room, key.id, enabled=False).data()["enabled"] is False
    assert key.get(f"/projects/{room}").status == 401
    assert root.delete(f"/projects/{room}/keys/{key.id}").status == 204
    assert len(cloud.rows("audit", action="projects.any", actor=root.user["id"], target=room)) == 3


def test_a_key_is_switched_off_and_on_with_the_next_request(client: Client, cloud: Cloud, room: str) -> None:
    key = program(client, room)
    for enabled, status in ((False, 401), (False, 401), (True, 200), (True, 200)):
        assert enable(client, room, key.id, enabled=enabled).data()["enabled"] is enabled
        assert key.get(f"/projects/{room}").status == status
        assert listed(client, room)[0]["enabled"] is enabled

    assert [len(cloud.rows("audit", action=f"keys.{each}", target=key.id)) for each in ("enable", "disable")] == [2, 2]


def test_a_key_that_is_removed_counts_no_more(client: Client, cloud: Cloud, room: str) -> None:
    key, other = program(client, room), program(client, room)

    assert client.delete(f"/projects/{room}/keys/{key.id}").status == 204
    assert refused(key.get(f"/projects/{room}")) == (401, "invalid_token")
    assert other.get(f"/projects/{room}").status == 200
    assert [each["id"] for each in listed(client, room)] == [other.id]
    assert client.delete(f"/projects/{room}/keys/{key.id}").status == 404
    assert enable(client, room, key.id, enabled=True).status == 404
    assert len(cloud.rows("audit", action="keys.delete", target=key.id)) == 1


def test_what_is_removed_in_this_moment_is_not_switched_on(client: Client, cloud: Cloud, room: str) -> None:
    key = program(client, room)
    with meanwhile("TransactWriteItems", lambda: service.remove(caller(client), place(room), key.id)):
        assert enable(client, room, key.id, enabled=True).status == 404

    assert cloud.rows("main", record_kind="key") == []


@pytest.mark.parametrize("put_away", [projects.delete, projects.purge])
def test_no_key_is_made_in_the_moment_of_a_deletion(client: Client, cloud: Cloud, room: str, put_away: Any) -> None:
    """It would outlive the purge, as nobody looks for it again."""
    with meanwhile("TransactWriteItems", lambda: put_away(caller(client), place(room))):
        assert refused(make(client, room)) == (409, "project_changed")

    assert cloud.rows("main", record_kind="key") == []


KEY = f"{'0' * 12}-{'0' * 26}-{'0' * 26}"


@pytest.mark.parametrize(
    "bad", ["x", KEY, KEY[:-1], KEY + "0", KEY.upper() + "Z", "x" * 129, "x" * 3000, "%00", "..", "'--"]
)
def test_what_is_no_key_is_not_there(client: Client, room: str, bad: str) -> None:
    assert refused(client.delete(f"/projects/{room}/keys/{bad}")) == (404, "not_found")
    assert refused(enable(client, room, bad, enabled=True)) == (404, "not_found")


def test_a_key_of_another_project_is_not_there(client: Client, room: str) -> None:
    key = program(client, shared(client))

    assert client.delete(f"/projects/{room}/keys/{key.id}").status == 404
    assert enable(client, room, key.id, enabled=False).status == 404
    assert key.get("/files").status == 200


def test_keys_of_makers_who_are_gone_are_shown_as_off(client: Client, cloud: Cloud, room: str) -> None:
    left, back, disabled, weaker = (joined(client, room, cloud, "owner") for _ in range(4))
    keys = {name: program(who, room).id for name, who in zip("lbdw", (left, back, disabled, weaker), strict=True)}
    keys["m"] = program(client, room).id
    for somebody in (left, back):
        somebody.post(f"/projects/{room}/leave")
    bring(client, room, cloud, back, "owner")
    cloud.change(f"USER#{disabled.user['id']}", "USER", status="disabled")
    client.request("PATCH", f"/projects/{room}/members/{weaker.user['id']}", {"role": "viewer"}).data()

    shown = {each["id"]: each["enabled"] for each in listed(client, room)}
    assert {name: shown[key_id] for name, key_id in keys.items()} == {
        "l": False,
        "b": False,
        "d": False,
        "w": True,
        "m": True,
    }
    for name in "lbd":
        assert refused(enable(client, room, keys[name], enabled=True)) == (409, "maker_left"), name
        assert enable(client, room, keys[name], enabled=False).data()["enabled"] is False
    assert {row["id"] for row in cloud.rows("main", record_kind="key", enabled=True)} == {keys["w"], keys["m"]}
