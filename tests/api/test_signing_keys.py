"""Signing keys (S1): one at first use, published before it signs, and known for as long as its tokens may live."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from boto3.dynamodb.conditions import Key
from cryptography.hazmat.primitives.asymmetric import ec

from functions.auth.handler import handler
from holdall.iam import signing_keys
from holdall.iam.store import public_keys as store
from holdall.platform import parameters
from holdall.platform.config import settings
from holdall.platform.errors import ServiceUnavailable
from tests.api.conftest import FrozenClock, OverrideSettings
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.faults import inject_faults

_prefixes = (f"/holdall/keys-{number}" for number in count(1))


def clear_key_cache() -> None:
    """As in a process that begins."""
    signing_keys._get_private_key.cache_clear()
    signing_keys._keys.clear()
    signing_keys._loaded_at = float("-inf")


@pytest.fixture(autouse=True)
def _without_signing_keys(fake_aws: FakeAws, override_settings: OverrideSettings) -> Iterator[None]:
    """An installation that nobody has signed in to; what was there is there again afterwards."""
    table = fake_aws.dynamodb.Table("main")
    kept = _key_rows(table)
    override_settings(PARAMETER_PREFIX=next(_prefixes))
    _replace_key_rows(table, [])
    clear_key_cache()
    yield
    _replace_key_rows(table, kept)
    clear_key_cache()


def _key_rows(table: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.query(KeyConditionExpression=Key("pk").eq("JWKS"))["Items"]
    return found


def _replace_key_rows(table: Any, rows: list[dict[str, Any]]) -> None:
    for row in _key_rows(table):
        table.delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
    for row in rows:
        table.put_item(Item=row)


def run_command(**overrides: Any) -> dict[str, Any]:
    """What an operator does with the rights of AWS."""
    return handler(overrides, SimpleNamespace(aws_request_id="aws"))


def rotate_keys() -> str:
    return str(run_command(command="rotate-keys")["kid"])


def list_published_kids() -> list[str]:
    return sorted(key["kid"] for key in Client().get("/.well-known/jwks.json").json()["keys"])


def get_kid(token: str | None) -> str:
    return str(jwt.get_unverified_header(token or "")["kid"])


def issue_and_get_kid() -> str:
    return get_kid(users.create_client().access_token)


def race_key_creation(monkeypatch: pytest.MonkeyPatch, other: Callable[[], object]) -> None:
    """While a process makes a key, another one does the same from beginning to end."""
    make = signing_keys._generate_private_key_pem

    def late() -> str:
        monkeypatch.setattr(signing_keys, "_generate_private_key_pem", make)
        clear_key_cache()
        other()
        clear_key_cache()
        return make()

    monkeypatch.setattr(signing_keys, "_generate_private_key_pem", late)


def test_the_first_use_makes_one_key(fake_aws: FakeAws) -> None:
    assert list_published_kids() == []
    first, second = users.create_client(), users.create_client()

    assert list_published_kids() == [get_kid(first.access_token)] == [get_kid(second.access_token)]
    assert first.get("/auth/me").status == 200


def test_a_private_half_is_a_secret_and_no_row(fake_aws: FakeAws) -> None:
    users.create_client()

    prefix = settings().parameter_prefix
    (kept,) = fake_aws.ssm.get_parameters_by_path(Path=prefix)["Parameters"]
    assert (kept["Name"], kept["Type"]) == (f"{prefix}/signing-key-1", "SecureString")
    assert "PRIVATE" not in str(fake_aws.find_rows("main"))
    (key,) = Client().get("/.well-known/jwks.json").json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert (key["alg"], key["crv"], key["use"]) == ("ES256", "P-256", "sig")


def test_two_cold_starts_at_once_make_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    others: list[Client] = []
    race_key_creation(monkeypatch, lambda: others.append(users.create_client()))
    mine = users.create_client()

    assert list_published_kids() == [get_kid(mine.access_token)] == [get_kid(others[0].access_token)]
    for client in (mine, others[0]):
        clear_key_cache()
        assert client.get("/auth/me").status == 200


def test_the_public_half_is_there_before_anything_is_signed(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    encode, seen = jwt.encode, []

    def looking(*args: Any, **more: Any) -> str:
        seen.append([row["sk"] for row in fake_aws.find_rows("main", pk="JWKS")])
        return encode(*args, **more)

    monkeypatch.setattr(jwt, "encode", looking)
    signed_by = issue_and_get_kid()
    assert seen == [[signed_by]]


def test_nothing_is_signed_when_the_public_half_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    email = users.sign_up()["email"]

    def silent(_: Any) -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(store, "publish_key", silent)
        answer = Client().post("/auth/login", {"email": email, "password": users.PASSWORD})
        assert (answer.status, list_published_kids()) == (503, [])
    clear_key_cache()
    assert [get_kid(users.sign_in(email).access_token)] == list_published_kids()


def test_the_next_key_is_published_now_and_signs_in_ten_minutes(frozen_clock: FrozenClock) -> None:
    old = issue_and_get_kid()
    new = rotate_keys()

    assert list_published_kids() == sorted([old, new])
    frozen_clock.advance(minutes=9, seconds=59)
    assert issue_and_get_kid() == old
    frozen_clock.advance(seconds=1)
    assert issue_and_get_kid() == new


def test_another_process_that_signs_sees_the_next_key_within_the_notice(frozen_clock: FrozenClock) -> None:
    old = issue_and_get_kid()
    mine = dict(signing_keys._keys)
    new = rotate_keys()
    signing_keys._keys.clear()
    signing_keys._keys.update(mine)
    frozen_clock.advance(minutes=10)

    assert issue_and_get_kid() == old
    signing_keys._loaded_at = time.monotonic() - 301  # half of the notice
    assert issue_and_get_kid() == new


def test_tokens_of_the_old_key_are_known_for_an_hour(frozen_clock: FrozenClock) -> None:
    users.create_client()
    rotate_keys()
    frozen_clock.advance(minutes=9, seconds=59)
    last = users.create_client()  # the last token that the old key signs
    frozen_clock.advance(seconds=1)
    new = users.create_client()
    clear_key_cache()

    assert get_kid(last.access_token) != get_kid(new.access_token)
    assert last.get("/auth/me").status == new.get("/auth/me").status == 200
    frozen_clock.advance(minutes=60)
    assert rotate_keys() not in (get_kid(last.access_token), get_kid(new.access_token))
    assert get_kid(last.access_token) in list_published_kids()  # a rotation in the hour takes nothing away


def test_an_hour_later_the_old_key_is_forgotten_by_the_next_rotation(frozen_clock: FrozenClock) -> None:
    old = users.create_client()
    second = rotate_keys()
    frozen_clock.advance(minutes=70, seconds=1)
    third = rotate_keys()

    assert list_published_kids() == sorted([second, third])
    assert parameters.get("signing-key-1") is None
    assert parameters.get("signing-key-2") is not None
    assert old.get("/auth/me").status == 401
    assert issue_and_get_kid() == second


def test_twice_within_the_notice_makes_one_key(frozen_clock: FrozenClock) -> None:
    old = issue_and_get_kid()
    first = rotate_keys()
    frozen_clock.advance(minutes=9)
    clear_key_cache()

    assert rotate_keys() == first
    assert list_published_kids() == sorted([old, first])


def test_two_rotations_at_once_make_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    old = issue_and_get_kid()
    others: list[str] = []
    race_key_creation(monkeypatch, lambda: others.append(rotate_keys()))

    assert [rotate_keys()] == others
    assert list_published_kids() == sorted([old, *others])


def test_a_rotation_before_the_first_use_makes_a_key_that_signs_at_once() -> None:
    assert rotate_keys() == issue_and_get_kid()


def test_a_rotation_that_was_stopped_half_way_is_done_by_the_next(
    frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue_and_get_kid()
    second = rotate_keys()
    frozen_clock.advance(minutes=71)

    def silent(_: str) -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(store, "delete_key", silent)
        with pytest.raises(ServiceUnavailable):
            rotate_keys()
    clear_key_cache()
    third = rotate_keys()

    assert list_published_kids() == sorted([second, third])
    assert parameters.get("signing-key-1") is None


def token_of_unknown_key(client: Client) -> str:
    """A token as ours, of a key that nobody published."""
    claims = jwt.decode(client.access_token or "", options={"verify_signature": False})
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": "strange", "typ": "at+jwt"})


def test_an_unknown_key_is_looked_for_once_a_minute_at_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    client = users.create_client()
    token = token_of_unknown_key(client)
    signing_keys._loaded_at = time.monotonic() - 61
    with inject_faults(monkeypatch) as faults:
        for _ in range(5):
            assert Client(token).get("/auth/me").status == 401
        assert client.get("/auth/me").status == 200

    assert faults.calls.count("dynamodb.Query") == 1


def test_a_known_key_is_never_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    client = users.create_client()
    signing_keys._loaded_at = float("-inf")
    with inject_faults(monkeypatch) as faults:
        assert client.get("/auth/me").status == 200

    assert "dynamodb.Query" not in faults.calls


def test_the_first_key_is_known_to_who_looked_a_moment_before_it_was_made() -> None:
    client = users.create_client()
    signing_keys._keys.clear()  # as another process, which found nothing just now
    signing_keys._loaded_at = time.monotonic()

    assert client.get("/auth/me").status == 200


def test_clients_may_keep_the_keys_for_less_than_the_notice() -> None:
    users.create_client()
    answer = Client().get("/.well-known/jwks.json")

    assert answer.headers["cache-control"] == "public, max-age=300"
    assert timedelta(seconds=300) < signing_keys.PUBLISH_LEAD_TIME
