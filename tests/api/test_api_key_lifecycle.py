"""What ends an API key, with effect on the next request (Z5): its expiry, its creator and its project."""

from collections.abc import Callable
from typing import Any

import pytest

from holdall.api_keys import service as api_keys
from holdall.last_use import service as last_use
from holdall.platform import ids
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.faults import inject_faults, interleave
from tests.support.projects import (
    ApiKeyClient,
    add_member,
    create_api_key_client,
    create_member,
    create_shared_project,
    get_member_roles,
)

INVALID_TOKEN = (401, "invalid_token")


@pytest.fixture
def creator(client: Client, fake_aws: FakeAws, shared_project: str) -> Client:
    """Sign in as another owner of the project."""
    return create_member(client, shared_project, fake_aws, "owner")


def status_and_code(response: Response) -> tuple[int, str]:
    return (response.status, "") if response.status < 400 else (response.status, response.problem()["code"])


def find_last_uses(fake_aws: FakeAws, key_client: ApiKeyClient) -> list[str]:
    return [row["used_at"] for row in fake_aws.find_rows("main", pk=f"SEEN#{key_client.key_id}")]


def test_key_gives_access_to_its_project(client: Client, shared_project: str) -> None:
    key = create_api_key_client(client, shared_project)

    assert key.get(f"/projects/{shared_project}").data()["id"] == shared_project
    assert key.get(f"/files?projectId={shared_project}").status == 200


def test_expired_key_is_rejected(client: Client, shared_project: str, frozen_clock: FrozenClock) -> None:
    key = create_api_key_client(
        client, shared_project, expiresAt=frozen_clock.time.replace(year=frozen_clock.time.year + 1).isoformat()
    )
    others = create_api_key_client(client, shared_project)
    frozen_clock.advance(days=365, seconds=-1)
    assert status_and_code(key.get("/files")) == (200, "")
    frozen_clock.advance(days=1)

    assert status_and_code(key.get("/files")) == INVALID_TOKEN
    assert status_and_code(others.get("/files")) == (200, "")


def test_key_expires_at_the_exact_time(client: Client, shared_project: str, frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(hours=1)
    key = create_api_key_client(
        users.sign_in(client.user["email"]),
        shared_project,
        expiresAt=frozen_clock.time.replace(microsecond=0, year=2099).isoformat(),
    )
    frozen_clock.time = frozen_clock.time.replace(microsecond=0, year=2099)

    assert status_and_code(key.get("/files")) == INVALID_TOKEN


def malformed_keys(key_client: ApiKeyClient, other_client: ApiKeyClient) -> dict[str, str]:
    kind, id_, secret = key_client.api_key.split("_")
    project, creator, own = id_.split("-")
    return {
        "another secret": f"{kind}_{id_}_{'0' * 26}",
        "the secret of another key": f"{kind}_{id_}_{other_client.secret}",
        "the id of another key": f"{kind}_{other_client.key_id}_{secret}",
        "another creator": f"{kind}_{project}-{'0' * 26}-{own}_{secret}",
        "another project": f"{kind}_{'0' * 12}-{creator}-{own}_{secret}",
        "the project of another key": f"{kind}_{other_client.key_id[:12]}-{creator}-{own}_{secret}",
        "no project": f"{kind}_{creator}-{own}_{secret}",
        "no creator": f"{kind}_{project}-{own}_{secret}",
        "another kind": f"hj_{id_}_{secret}",
        "no kind": f"{id_}_{secret}",
        "a digest": f"{kind}_{id_}_{ids.sha256_hex(secret)}",
        "shorter": key_client.api_key[:-1],
        "longer": f"{key_client.api_key}0",
        "upper": key_client.api_key.upper(),
        "twice": f"{key_client.api_key},{key_client.api_key}",
        "two lines": f"{key_client.api_key}\n{key_client.api_key}",
        "with a scheme": f"Bearer {key_client.api_key}",
        "another alphabet": f"{kind}_{id_}_{'é' * 26}",
        "nothing": "",
        "blanks": "   ",
        "zero": "\x00",
        "long": "x" * 5000,
    }


def test_any_other_string_is_not_a_key(client: Client, shared_project: str, subtests: pytest.Subtests) -> None:
    key, other = (
        create_api_key_client(client, shared_project),
        create_api_key_client(client, create_shared_project(client)),
    )
    for what, text in malformed_keys(key, other).items():
        with subtests.test(what=what):
            response = ApiKeyClient(api_key=text).get("/files")
            assert status_and_code(response) == INVALID_TOKEN
            assert response.headers["www-authenticate"] == "Bearer"
            assert "ratelimit" not in response.headers  # only the holder of the secret uses up the limit of a key
    assert status_and_code(ApiKeyClient(api_key=f" {key.api_key} ").get("/files")) == (200, "")


def test_secrets_are_compared_in_constant_time(
    client: Client, shared_project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, compared = create_api_key_client(client, shared_project), []
    constant_time_equal = ids.constant_time_equal

    def record(a: str, b: str) -> bool:
        compared.append({a, b})
        return constant_time_equal(a, b)

    monkeypatch.setattr(ids, "constant_time_equal", record)
    key.get("/files")
    ApiKeyClient(api_key=f"hk_{key.key_id}_{'0' * 26}").get("/files")

    assert {ids.sha256_hex(key.secret)} in compared
    assert {ids.sha256_hex(key.secret), ids.sha256_hex("0" * 26)} in compared


CREATOR_REMOVALS: dict[str, Callable[[Client, Client, FakeAws, str], Any]] = {
    "removed": lambda owner, creator, _, shared_project: owner.delete(
        f"/projects/{shared_project}/members/{creator.user['id']}"
    ),
    "left": lambda owner, creator, _, shared_project: creator.post(f"/projects/{shared_project}/leave"),
    "disabled": lambda owner, creator, fake_aws, _: fake_aws.update_row(
        f"USER#{creator.user['id']}", "USER", status="disabled"
    ),
    "deleted": lambda owner, creator, *_: users.delete_account(creator),
}


@pytest.mark.parametrize("end", CREATOR_REMOVALS)
def test_key_ends_with_its_creator(
    client: Client, fake_aws: FakeAws, shared_project: str, creator: Client, end: str
) -> None:
    key, other = create_api_key_client(creator, shared_project), create_api_key_client(client, shared_project)
    assert status_and_code(key.get("/files")) == (200, "")
    CREATOR_REMOVALS[end](client, creator, fake_aws, shared_project)

    assert status_and_code(key.get("/files")) == INVALID_TOKEN
    assert status_and_code(key.post("/files/init-upload", {})) == INVALID_TOKEN
    assert status_and_code(other.get("/files")) == (200, "")


def test_key_is_valid_again_when_its_creator_is_enabled(
    client: Client, fake_aws: FakeAws, shared_project: str, creator: Client
) -> None:
    key = create_api_key_client(creator, shared_project)
    for status, expected in (("disabled", INVALID_TOKEN), ("active", (200, "")), ("deleted", INVALID_TOKEN)):
        fake_aws.update_row(f"USER#{creator.user['id']}", "USER", status=status)
        assert status_and_code(key.get("/files")) == expected


@pytest.mark.parametrize("end", ["removed", "left"])
def test_key_stays_invalid_when_its_creator_joins_again(
    client: Client, fake_aws: FakeAws, shared_project: str, creator: Client, end: str
) -> None:
    key = create_api_key_client(creator, shared_project)
    CREATOR_REMOVALS[end](client, creator, fake_aws, shared_project)
    add_member(client, shared_project, fake_aws, creator, "owner")

    assert status_and_code(key.get("/files")) == INVALID_TOKEN
    assert status_and_code(create_api_key_client(creator, shared_project).get("/files")) == (200, "")


def test_permissions_of_a_key_follow_the_role_of_its_creator(
    client: Client, fake_aws: FakeAws, shared_project: str, creator: Client
) -> None:
    key = create_api_key_client(creator, shared_project)
    file_id = fake_aws.upload(client, b"x", projectId=shared_project, contentType="text/plain")["fileId"]
    path = f"/projects/{shared_project}/members/{creator.user['id']}"
    for role, may_write, may_purge in (("editor", True, False), ("viewer", False, False), ("owner", True, True)):
        client.request("PATCH", path, {"role": role}).data()
        assert status_and_code(key.get(f"/files/{file_id}")) == (200, "")
        response = key.post("/files/init-upload", {"filename": "a", "size": 1, "contentType": "text/plain"})
        assert response.status == (201 if may_write else 403), role
        assert key.delete(f"/files/{file_id}?permanent=true").status == (202 if may_purge else 403), role


def test_permissions_of_a_key_shrink_when_its_creator_transfers_ownership(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    other, key = (
        create_member(client, shared_project, fake_aws, "editor"),
        create_api_key_client(client, shared_project),
    )
    client.post(f"/projects/{shared_project}/transfer", {"userId": other.user["id"]}).data()
    file_id = fake_aws.upload(other, b"x", projectId=shared_project, contentType="text/plain")["fileId"]

    assert get_member_roles(other, shared_project)[client.user["id"]] == "editor"
    assert key.delete(f"/files/{file_id}?permanent=true").status == 403
    assert key.delete(f"/files/{file_id}").status == 200


def test_key_of_a_deleted_project_finds_nothing_until_it_is_restored(client: Client, shared_project: str) -> None:
    key = create_api_key_client(client, shared_project)
    client.delete(f"/projects/{shared_project}").data()
    for path in (
        f"/projects/{shared_project}",
        "/files",
        f"/files?projectId={shared_project}",
        f"/files/{shared_project}-{'0' * 26}",
    ):
        assert status_and_code(key.get(path)) == (404, "not_found")
    assert status_and_code(key.post(f"/projects/{shared_project}/restore")) == (403, "forbidden")
    assert status_and_code(key.delete(f"/projects/{shared_project}?permanent=true")) == (403, "forbidden")
    client.post(f"/projects/{shared_project}/restore").data()

    assert status_and_code(key.get("/files")) == (200, "")


def test_purge_deletes_the_keys_of_a_project(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    key = create_api_key_client(client, shared_project)
    assert client.delete(f"/projects/{shared_project}?permanent=true").status == 202
    assert status_and_code(key.get("/files")) == (404, "not_found")
    fake_aws.run_workers()

    assert status_and_code(key.get("/files")) == INVALID_TOKEN
    assert fake_aws.find_rows("main", record_type="api-key") == []
    assert find_last_uses(fake_aws, key) == []


def test_last_use_is_updated_at_most_once_a_minute(
    client: Client, fake_aws: FakeAws, shared_project: str, frozen_clock: FrozenClock
) -> None:
    key = create_api_key_client(client, shared_project)
    assert find_last_uses(fake_aws, key) == []
    times = []
    for seconds in (0, 30, 30, 1, 60, 1):
        frozen_clock.advance(seconds=seconds)
        key.get("/files").data()
        times += find_last_uses(fake_aws, key)

    assert len(set(times)) == 3
    assert times == [times[0]] * 3 + [times[3]] * 2 + [times[5]]
    (listed,) = users.sign_in(client.user["email"]).get(f"/projects/{shared_project}/keys").data()
    assert listed["lastUsedAt"] == frozen_clock.time.isoformat().replace("+00:00", "Z")


def test_key_that_is_deleted_while_it_is_used_leaves_no_row(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    key, project = create_api_key_client(client, shared_project), get_project(shared_project)
    with interleave("TransactWriteItems", lambda: api_keys.delete(make_caller(client), project, key.key_id)):
        key.get("/files")

    assert find_last_uses(fake_aws, key) == []


def test_concurrent_requests_update_the_last_use_once(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, shared_project: str
) -> None:
    key = create_api_key_client(client, shared_project)

    def use_later() -> None:
        frozen_clock.advance(seconds=1)
        last_use.update(key.key_id, None)

    with interleave("TransactWriteItems", use_later):
        key.get(f"/projects/{shared_project}").data()
    (used_at,) = find_last_uses(fake_aws, key)
    assert used_at.startswith(frozen_clock.time.strftime("%Y-%m-%dT%H:%M:%S"))


def test_wrong_secret_does_not_update_the_last_use(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    key = create_api_key_client(client, shared_project)
    ApiKeyClient(api_key=f"hk_{key.key_id}_{'0' * 26}").get("/files")

    assert find_last_uses(fake_aws, key) == []


def test_response_does_not_depend_on_the_update_of_the_last_use(
    client: Client, fake_aws: FakeAws, shared_project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = create_api_key_client(client, shared_project)
    for mode in ("refused", "throttled"):
        with inject_faults(monkeypatch, 1, mode) as faults:  # the second call updates the last use
            assert key.get("/files").status == 200
            assert faults.calls[1] == "dynamodb.TransactWriteItems"
    assert find_last_uses(fake_aws, key) == []
    key.get("/files").data()
    assert find_last_uses(fake_aws, key)


def test_key_is_rejected_while_the_table_does_not_respond(
    client: Client, shared_project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = create_api_key_client(client, shared_project)
    with inject_faults(monkeypatch, -1, "refused", "dynamodb"):
        response = key.get("/files")

    assert status_and_code(response) == (503, "unavailable")
