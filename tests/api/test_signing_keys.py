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
from holdall import secrets
from holdall.config import settings
from holdall.errors import Unavailable
from holdall.iam import signing_keys
from holdall.iam.store import public_keys as store
from tests.api import people
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock, Installed
from tests.api.faults import injected

_prefixes = (f"/holdall/keys-{number}" for number in count(1))


def begin() -> None:
    """As in a process that begins."""
    signing_keys._private.cache_clear()
    signing_keys._known.clear()
    signing_keys._loaded_at = float("-inf")


@pytest.fixture(autouse=True)
def _without_keys(cloud: Cloud, installed: Installed) -> Iterator[None]:
    """An installation that nobody has signed in to; what was there is there again afterwards."""
    table = cloud.dynamodb.Table("main")
    kept = _rows(table)
    installed(PARAMETER_PREFIX=next(_prefixes))
    _replace(table, [])
    begin()
    yield
    _replace(table, kept)
    begin()


def _rows(table: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.query(KeyConditionExpression=Key("pk").eq("JWKS"))["Items"]
    return found


def _replace(table: Any, rows: list[dict[str, Any]]) -> None:
    for row in _rows(table):
        table.delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
    for row in rows:
        table.put_item(Item=row)


def command(**said: Any) -> dict[str, Any]:
    """What an operator does with the rights of AWS."""
    return handler(said, SimpleNamespace(aws_request_id="aws"))


def rotate() -> str:
    return str(command(command="rotate-keys")["kid"])


def published() -> list[str]:
    return sorted(key["kid"] for key in Client().get("/.well-known/jwks.json").json()["keys"])


def kid(token: str | None) -> str:
    return str(jwt.get_unverified_header(token or "")["kid"])


def issued() -> str:
    return kid(people.signed_in().token)


def at_once(patch: pytest.MonkeyPatch, other: Callable[[], object]) -> None:
    """While a process makes a key, another one does the same from beginning to end."""
    make = signing_keys._new_key

    def late() -> str:
        patch.setattr(signing_keys, "_new_key", make)
        begin()
        other()
        begin()
        return make()

    patch.setattr(signing_keys, "_new_key", late)


def test_the_first_use_makes_one_key(cloud: Cloud) -> None:
    assert published() == []
    first, second = people.signed_in(), people.signed_in()

    assert published() == [kid(first.token)] == [kid(second.token)]
    assert first.get("/auth/me").status == 200


def test_a_private_half_is_a_secret_and_no_row(cloud: Cloud) -> None:
    people.signed_in()

    prefix = settings().parameter_prefix
    (kept,) = cloud.ssm.get_parameters_by_path(Path=prefix)["Parameters"]
    assert (kept["Name"], kept["Type"]) == (f"{prefix}/signing-key-1", "SecureString")
    assert "PRIVATE" not in str(cloud.rows("main"))
    (key,) = Client().get("/.well-known/jwks.json").json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert (key["alg"], key["crv"], key["use"]) == ("ES256", "P-256", "sig")


def test_two_cold_starts_at_once_make_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    others: list[Client] = []
    at_once(monkeypatch, lambda: others.append(people.signed_in()))
    mine = people.signed_in()

    assert published() == [kid(mine.token)] == [kid(others[0].token)]
    for client in (mine, others[0]):
        begin()
        assert client.get("/auth/me").status == 200


def test_the_public_half_is_there_before_anything_is_signed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    encode, seen = jwt.encode, []

    def looking(*args: Any, **more: Any) -> str:
        seen.append([row["sk"] for row in cloud.rows("main", pk="JWKS")])
        return encode(*args, **more)

    monkeypatch.setattr(jwt, "encode", looking)
    signed_by = issued()
    assert seen == [[signed_by]]


def test_nothing_is_signed_when_the_public_half_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    email = people.sign_up()["email"]

    def silent(_: Any) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(store, "publish_key", silent)
        answer = Client().post("/auth/login", {"email": email, "password": people.PASSWORD})
        assert (answer.status, published()) == (503, [])
    begin()
    assert [kid(people.log_in(email).token)] == published()


def test_the_next_key_is_published_now_and_signs_in_ten_minutes(frozen: Clock) -> None:
    old = issued()
    new = rotate()

    assert published() == sorted([old, new])
    frozen.forward(minutes=9, seconds=59)
    assert issued() == old
    frozen.forward(seconds=1)
    assert issued() == new


def test_another_process_that_signs_sees_the_next_key_within_the_notice(frozen: Clock) -> None:
    old = issued()
    mine = dict(signing_keys._known)
    new = rotate()
    signing_keys._known.clear()
    signing_keys._known.update(mine)
    frozen.forward(minutes=10)

    assert issued() == old
    signing_keys._loaded_at = time.monotonic() - 301  # half of the notice
    assert issued() == new


def test_tokens_of_the_old_key_are_known_for_an_hour(frozen: Clock) -> None:
    people.signed_in()
    rotate()
    frozen.forward(minutes=9, seconds=59)
    last = people.signed_in()  # the last token that the old key signs
    frozen.forward(seconds=1)
    new = people.signed_in()
    begin()

    assert kid(last.token) != kid(new.token)
    assert last.get("/auth/me").status == new.get("/auth/me").status == 200
    frozen.forward(minutes=60)
    assert rotate() not in (kid(last.token), kid(new.token))
    assert kid(last.token) in published()  # a rotation in the hour takes nothing away


def test_an_hour_later_the_old_key_is_forgotten_by_the_next_rotation(frozen: Clock) -> None:
    old = people.signed_in()
    second = rotate()
    frozen.forward(minutes=70, seconds=1)
    third = rotate()

    assert published() == sorted([second, third])
    assert secrets.read("signing-key-1") is None
    assert secrets.read("signing-key-2") is not None
    assert old.get("/auth/me").status == 401
    assert issued() == second


def test_twice_within_the_notice_makes_one_key(frozen: Clock) -> None:
    old = issued()
    first = rotate()
    frozen.forward(minutes=9)
    begin()

    assert rotate() == first
    assert published() == sorted([old, first])


def test_two_rotations_at_once_make_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    old = issued()
    others: list[str] = []
    at_once(monkeypatch, lambda: others.append(rotate()))

    assert [rotate()] == others
    assert published() == sorted([old, *others])


def test_a_rotation_before_the_first_use_makes_a_key_that_signs_at_once() -> None:
    assert rotate() == issued()


def test_a_rotation_that_was_stopped_half_way_is_done_by_the_next(
    frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued()
    second = rotate()
    frozen.forward(minutes=71)

    def silent(_: str) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(store, "withdraw_key", silent)
        with pytest.raises(Unavailable):
            rotate()
    begin()
    third = rotate()

    assert published() == sorted([second, third])
    assert secrets.read("signing-key-1") is None


def strange(client: Client) -> str:
    """A token as ours, of a key that nobody published."""
    claims = jwt.decode(client.token or "", options={"verify_signature": False})
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": "strange", "typ": "at+jwt"})


def test_an_unknown_key_is_looked_for_once_a_minute_at_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    client = people.signed_in()
    token = strange(client)
    signing_keys._loaded_at = time.monotonic() - 61
    with injected(monkeypatch) as faults:
        for _ in range(5):
            assert Client(token).get("/auth/me").status == 401
        assert client.get("/auth/me").status == 200

    assert faults.calls.count("dynamodb.Query") == 1


def test_a_known_key_is_never_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    client = people.signed_in()
    signing_keys._loaded_at = float("-inf")
    with injected(monkeypatch) as faults:
        assert client.get("/auth/me").status == 200

    assert "dynamodb.Query" not in faults.calls


def test_the_first_key_is_known_to_who_looked_a_moment_before_it_was_made() -> None:
    client = people.signed_in()
    signing_keys._known.clear()  # as another process, which found nothing just now
    signing_keys._loaded_at = time.monotonic()

    assert client.get("/auth/me").status == 200


def test_clients_may_keep_the_keys_for_less_than_the_notice() -> None:
    people.signed_in()
    answer = Client().get("/.well-known/jwks.json")

    assert answer.headers["cache-control"] == "public, max-age=300"
    assert timedelta(seconds=300) < signing_keys.NOTICE
