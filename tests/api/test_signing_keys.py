"""Signing keys (S1): the first use creates one, it is published before it signs, and until its last token has expired."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from holdall.iam import signing_keys
from holdall.iam.store import public_keys as store
from holdall.platform import parameters
from holdall.platform.config import settings
from holdall.platform.errors import ServiceUnavailable
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import inject_faults
from tests.support.fixtures import OverrideSettings
from tests.support.iam import load_handler

_prefixes = (f"/holdall/keys-{number}" for number in count(1))


def clear_key_cache() -> None:
    """Make this process know no keys, as after a cold start."""
    signing_keys._get_private_key.cache_clear()
    signing_keys._cache.keys.clear()
    signing_keys._cache.loaded_at = float("-inf")


@pytest.fixture(autouse=True)
def _without_signing_keys(fake_aws: FakeAws, override_settings: OverrideSettings) -> Iterator[None]:
    """Start without a key, as in a new installation."""
    override_settings(PARAMETER_PREFIX=next(_prefixes))
    for row in fake_aws.find_rows("main", pk="JWKS"):
        fake_aws.dynamodb.Table("main").delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
    clear_key_cache()
    yield
    clear_key_cache()


def run_command(**overrides: Any) -> dict[str, Any]:
    """Invoke the function as an operator does."""
    response: dict[str, Any] = load_handler("auth")(overrides, SimpleNamespace(aws_request_id="aws"))
    return response


def rotate_keys() -> str:
    return str(run_command(command="rotate-keys")["kid"])


def list_published_kids() -> list[str]:
    return sorted(key["kid"] for key in Client().get("/.well-known/jwks.json").json()["keys"])


def get_kid(token: str | None) -> str:
    return str(jwt.get_unverified_header(token or "")["kid"])


def issue_and_get_kid() -> str:
    return get_kid(users.create_client().access_token)


def race_key_creation(monkeypatch: pytest.MonkeyPatch, other: Callable[[], object]) -> None:
    """Let another process create a key while this one does."""
    generate = signing_keys._generate_private_key_pem

    def generate_late() -> str:
        monkeypatch.setattr(signing_keys, "_generate_private_key_pem", generate)
        clear_key_cache()
        other()
        clear_key_cache()
        return generate()

    monkeypatch.setattr(signing_keys, "_generate_private_key_pem", generate_late)


def test_first_use_creates_one_key(fake_aws: FakeAws) -> None:
    assert list_published_kids() == []
    first, second = users.create_client(), users.create_client()

    assert list_published_kids() == [get_kid(first.access_token)] == [get_kid(second.access_token)]
    assert first.get("/auth/me").status == 200


def test_private_key_is_a_parameter_and_not_a_record(fake_aws: FakeAws) -> None:
    users.create_client()

    prefix = settings().parameter_prefix
    (parameter,) = fake_aws.ssm.get_parameters_by_path(Path=prefix)["Parameters"]
    assert (parameter["Name"], parameter["Type"]) == (f"{prefix}/signing-key-1", "SecureString")
    assert "PRIVATE" not in str(fake_aws.find_rows("main"))
    (key,) = Client().get("/.well-known/jwks.json").json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert (key["alg"], key["crv"], key["use"]) == ("ES256", "P-256", "sig")


def test_two_cold_starts_at_once_create_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    others: list[Client] = []
    race_key_creation(monkeypatch, lambda: others.append(users.create_client()))
    own = users.create_client()

    assert list_published_kids() == [get_kid(own.access_token)] == [get_kid(others[0].access_token)]
    for client in (own, others[0]):
        clear_key_cache()
        assert client.get("/auth/me").status == 200


def test_public_key_is_published_before_a_token_is_signed(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    encode, published = jwt.encode, []

    def record(*args: Any, **kwargs: Any) -> str:
        published.append([row["sk"] for row in fake_aws.find_rows("main", pk="JWKS")])
        return encode(*args, **kwargs)

    monkeypatch.setattr(jwt, "encode", record)
    kid = issue_and_get_kid()
    assert published == [[kid]]


def test_no_token_is_signed_if_the_public_key_cannot_be_published(monkeypatch: pytest.MonkeyPatch) -> None:
    email = users.sign_up()["email"]

    def fail(*_: object) -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(store, "publish_key", fail)
        response = Client().post("/auth/login", {"email": email, "password": users.PASSWORD})
        assert (response.status, list_published_kids()) == (503, [])
    clear_key_cache()
    assert [get_kid(users.sign_in(email).access_token)] == list_published_kids()


def test_next_key_is_published_at_once_and_signs_after_ten_minutes(frozen_clock: FrozenClock) -> None:
    old = issue_and_get_kid()
    new = rotate_keys()

    assert list_published_kids() == sorted([old, new])
    frozen_clock.advance(minutes=9, seconds=59)
    assert issue_and_get_kid() == old
    frozen_clock.advance(seconds=1)
    assert issue_and_get_kid() == new


def test_other_processes_load_the_next_key_before_it_signs(frozen_clock: FrozenClock) -> None:
    old = issue_and_get_kid()
    known = dict(signing_keys._cache.keys)
    new = rotate_keys()
    signing_keys._cache.keys = known
    frozen_clock.advance(minutes=10)

    assert issue_and_get_kid() == old
    signing_keys._cache.loaded_at = time.monotonic() - 301  # half of the lead time
    assert issue_and_get_kid() == new


def test_tokens_of_the_old_key_are_valid_for_an_hour(frozen_clock: FrozenClock) -> None:
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
    assert get_kid(last.access_token) in list_published_kids()  # a rotation within the hour does not delete it


def test_next_rotation_after_an_hour_deletes_the_old_key(frozen_clock: FrozenClock) -> None:
    old = users.create_client()
    second = rotate_keys()
    frozen_clock.advance(minutes=70, seconds=1)
    third = rotate_keys()

    assert list_published_kids() == sorted([second, third])
    assert parameters.get("signing-key-1") is None
    assert parameters.get("signing-key-2") is not None
    assert old.get("/auth/me").status == 401
    assert issue_and_get_kid() == second


def test_daily_task_rotates_once_in_thirty_days(frozen_clock: FrozenClock) -> None:
    issue_and_get_kid()
    numbers = []
    for _ in range(65):
        frozen_clock.advance(days=1)
        numbers.append(run_command(task="rotate-keys")["done"])
        clear_key_cache()

    assert [day for day, number in enumerate(numbers, 1) if number] == [30, 61]  # a new key signs ten minutes later
    assert len(list_published_kids()) == 2


def test_lost_call_of_the_daily_task_is_made_up_the_next_day(frozen_clock: FrozenClock) -> None:
    issue_and_get_kid()
    frozen_clock.advance(days=31)

    assert run_command(task="rotate-keys") == {"done": 1}
    assert run_command(task="rotate-keys") == {"done": 0}


def test_two_rotations_within_ten_minutes_create_one_key(frozen_clock: FrozenClock) -> None:
    old = issue_and_get_kid()
    first = rotate_keys()
    frozen_clock.advance(minutes=9)
    clear_key_cache()

    assert rotate_keys() == first
    assert list_published_kids() == sorted([old, first])


def test_two_rotations_at_once_create_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    old = issue_and_get_kid()
    others: list[str] = []
    race_key_creation(monkeypatch, lambda: others.append(rotate_keys()))

    assert [rotate_keys()] == others
    assert list_published_kids() == sorted([old, *others])


def test_rotation_before_the_first_use_creates_a_key_that_signs_at_once() -> None:
    assert rotate_keys() == issue_and_get_kid()


def test_next_rotation_completes_an_interrupted_one(frozen_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> None:
    issue_and_get_kid()
    second = rotate_keys()
    frozen_clock.advance(minutes=71)

    def fail(*_: object) -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(store, "delete_key", fail)
        with pytest.raises(ServiceUnavailable):
            rotate_keys()
    clear_key_cache()
    third = rotate_keys()

    assert list_published_kids() == sorted([second, third])
    assert parameters.get("signing-key-1") is None


def token_of_unknown_key(client: Client) -> str:
    """Return a token that is signed with a key that is not published."""
    claims = jwt.decode(client.access_token or "", options={"verify_signature": False})
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": "unknown", "typ": "at+jwt"})


def test_unknown_key_causes_at_most_one_read_per_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    client = users.create_client()
    token = token_of_unknown_key(client)
    signing_keys._cache.loaded_at = time.monotonic() - 61
    with inject_faults(monkeypatch) as faults:
        for _ in range(5):
            assert Client(token).get("/auth/me").status == 401
        assert client.get("/auth/me").status == 200

    assert faults.calls.count("dynamodb.Query") == 1


def test_known_key_causes_no_read(monkeypatch: pytest.MonkeyPatch) -> None:
    client = users.create_client()
    signing_keys._cache.loaded_at = float("-inf")
    with inject_faults(monkeypatch) as faults:
        assert client.get("/auth/me").status == 200

    assert "dynamodb.Query" not in faults.calls


def test_first_key_is_found_by_a_process_that_found_none_a_moment_ago() -> None:
    client = users.create_client()
    signing_keys._cache.keys.clear()  # as in a process that found no key a moment ago
    signing_keys._cache.loaded_at = time.monotonic()

    assert client.get("/auth/me").status == 200


def test_clients_cache_the_keys_for_less_than_the_lead_time() -> None:
    users.create_client()
    response = Client().get("/.well-known/jwks.json")

    assert response.headers["cache-control"] == "public, max-age=300"
    assert timedelta(seconds=300) < signing_keys.PUBLISH_LEAD_TIME
