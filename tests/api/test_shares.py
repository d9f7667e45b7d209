"""Shares, as those who share see them: created once, listed, bounded, revoked, purged with their file."""

from datetime import timedelta

import pytest

from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.shares import create_link, list_shares, list_uses, request_share
from tests.support.uploads import TEXT_FILE

PASSWORD = "open sesame please"


@pytest.fixture
def file_id(client: Client, fake_aws: FakeAws) -> str:
    return str(fake_aws.upload(client, b"content", **TEXT_FILE)["fileId"])


def test_new_share_has_its_token_and_its_url_once(client: Client, file_id: str) -> None:
    created = request_share(client, file_id, maxDownloads=3, password=PASSWORD).created()

    token, url = created.pop("token"), created.pop("url")
    assert url == f"https://files.example.test/s/{token}"
    assert created == {
        "id": created["id"],
        "fileId": file_id,
        "permission": "read",
        "status": "active",
        "expiresAt": None,
        "hasPassword": True,
        "maxDownloads": 3,
        "downloads": 0,
        "createdBy": client.user["id"],
        "createdAt": created["createdAt"],
    }
    assert list_shares(client, file_id) == [created]


def test_token_has_130_random_bits_and_only_its_digest_is_stored(
    client: Client, file_id: str, fake_aws: FakeAws
) -> None:
    links = [create_link(client, file_id, password=PASSWORD) for _ in range(2)]

    assert all(len(link.token.removeprefix("hs_")) == 26 for link in links)
    assert links[0].token != links[1].token
    stored = str([fake_aws.find_rows(table) for table in ("main", "audit", "ephemeral")])
    assert links[0].token not in stored
    assert links[0].token.removeprefix("hs_") not in stored
    assert PASSWORD not in stored
    assert "$argon2id$" in stored


def test_repeated_request_with_an_idempotency_key_makes_one_share_and_shows_no_token(
    client: Client, file_id: str
) -> None:
    headers = {"idempotency-key": "once"}
    share_id = request_share(client, file_id, headers=headers).created()["id"]
    repeated = request_share(client, file_id, headers=headers)

    assert (repeated.status, repeated.json()["code"], repeated.json()["id"]) == (409, "already_done", share_id)
    assert request_share(client, file_id, headers=headers, maxDownloads=1).status == 422
    assert [each["id"] for each in list_shares(client, file_id)] == [share_id]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"permission": "admin"}, "/permission"),
        ({"maxDownloads": 0}, "/maxDownloads"),
        ({"maxDownloads": 1_000_001}, "/maxDownloads"),
        ({"password": "short"}, "/password"),
        ({"password": ""}, "/password"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "/expiresAt"),
        ({"expiresAt": 4_000_000_000}, "/expiresAt"),
    ],
)
def test_share_that_makes_no_sense_is_refused(
    client: Client, file_id: str, fields: dict[str, object], pointer: str
) -> None:
    problem = request_share(client, file_id, **fields).problem()

    assert (problem["status"], [each["pointer"] for each in problem["errors"]]) == (422, [pointer])


def test_expiry_that_is_now_is_refused(client: Client, file_id: str, frozen_clock: FrozenClock) -> None:
    assert request_share(client, file_id, expiresAt=frozen_clock.time.isoformat()).status == 422


def test_file_in_the_trash_cannot_be_shared(client: Client, file_id: str) -> None:
    client.delete(f"/files/{file_id}").data()

    assert request_share(client, file_id).problem()["code"] == "wrong_state"


def test_file_has_100_shares_and_one_that_is_deleted_makes_room(client: Client, file_id: str) -> None:
    links = [create_link(client, file_id) for _ in range(100)]
    refused = request_share(client, file_id)
    client.delete(f"/files/{file_id}/shares/{links[0].share_id}")

    assert (refused.status, refused.problem()["code"]) == (409, "too_many_shares")
    assert request_share(client, file_id).status == 201
    assert request_share(client, file_id).status == 409


def test_shares_are_listed_newest_first_page_by_page(client: Client, file_id: str) -> None:
    share_ids = [create_link(client, file_id).share_id for _ in range(3)]
    first = client.get(f"/files/{file_id}/shares?limit=2").json()
    second = client.get(f"/files/{file_id}/shares?limit=2&cursor={first['pagination']['next']}").json()

    assert [each["id"] for each in first["data"] + second["data"]] == share_ids[::-1]
    assert not second["pagination"]["hasNext"]


def test_list_tells_why_a_share_is_not_active(client: Client, file_id: str, frozen_clock: FrozenClock) -> None:
    create_link(client, file_id, expiresAt=(frozen_clock.time + timedelta(seconds=9)).isoformat())
    create_link(client, file_id, maxDownloads=1).download().data()
    create_link(client, file_id)
    frozen_clock.advance(seconds=9)
    statuses = [each["status"] for each in list_shares(client, file_id)]
    client.delete(f"/files/{file_id}").data()

    assert statuses == ["active", "used_up", "expired"]
    assert [each["status"] for each in list_shares(client, file_id)] == ["inactive", "used_up", "expired"]


def test_revoked_share_is_gone_at_once(client: Client, file_id: str) -> None:
    link = create_link(client, file_id)
    assert link.download().status == 200
    revoked = client.delete(f"/files/{file_id}/shares/{link.share_id}")

    assert revoked.status == 204
    assert [link.see().status, link.download().status] == [404, 404]
    assert client.delete(f"/files/{file_id}/shares/{link.share_id}").status == 404
    assert list_shares(client, file_id) == []


def test_share_of_another_file_is_not_found(client: Client, file_id: str, fake_aws: FakeAws) -> None:
    link = create_link(client, file_id)
    other = fake_aws.upload(client, b"other", **TEXT_FILE)["fileId"]

    assert client.delete(f"/files/{other}/shares/{link.share_id}").status == 404
    assert client.get(f"/files/{other}/shares/{link.share_id}/uses").status == 404
    assert client.delete(f"/files/{file_id}/shares/nonsense").status == 404
    assert link.see().status == 200


def test_uses_tell_time_network_user_agent_and_bytes(
    client: Client, file_id: str, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    link = create_link(client, file_id, permission="write")
    link.download(headers={"user-agent": "curl/8"}, source="2001:db8::1").data()
    frozen_clock.advance(seconds=1)
    link.upload(fake_aws, b"more content", newVersion=True)
    times = [frozen_clock.time, frozen_clock.time - timedelta(seconds=1)]

    stamps = [time.isoformat().replace("+00:00", "Z") for time in times]
    upload = {"action": "upload", "version": 2, "bytes": 12, "network": "192.0.2.7", "userAgent": "tests"}
    download = {"action": "download", "version": 1, "bytes": 7, "network": "2001:db8::/64", "userAgent": "curl/8"}
    assert list_uses(client, file_id, link) == [{"usedAt": stamps[0], **upload}, {"usedAt": stamps[1], **download}]


def test_uses_are_kept_for_90_days(client: Client, file_id: str, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    link = create_link(client, file_id)
    link.download().data()
    (row,) = fake_aws.find_rows("main", record_type="share-use")
    created_at = frozen_clock.time
    frozen_clock.advance(seconds=90 * 86400 + 1)
    shown = users.sign_in(client.user["email"]).get(f"/files/{file_id}/shares/{link.share_id}/uses").data()

    assert int(row["ttl"]) == int((created_at + timedelta(days=90)).timestamp())
    assert shown == []


def test_shares_of_a_purged_file_are_deleted(client: Client, file_id: str, fake_aws: FakeAws) -> None:
    link = create_link(client, file_id, password=PASSWORD)
    client.delete(f"/files/{file_id}?permanent=true").data()
    at_once = link.see().status
    fake_aws.run_workers()

    assert at_once == 404
    assert [
        row for row in fake_aws.find_rows("main") if row["record_type"] in ("share", "share-token", "share-count")
    ] == []
    assert link.see().status == 404


def test_sharing_and_revoking_are_audited(client: Client, file_id: str, fake_aws: FakeAws) -> None:
    link = create_link(client, file_id)
    client.delete(f"/files/{file_id}/shares/{link.share_id}")

    entries = [row for row in fake_aws.find_rows("audit") if row["target"] == link.share_id]
    assert sorted(row["action"] for row in entries) == ["shares.create", "shares.delete"]
