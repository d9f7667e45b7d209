"""Sealed seeds (S5): readable for one owner under one key, which is made once and lies outside of the database."""

import base64
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.accounts import encryption
from holdall.platform import ids, parameters
from holdall.platform.errors import ServiceUnavailable

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
OWNER, OTHER_OWNER = "0" * 26, "1" * 26


class FakeParameterStore:
    """The store of secrets, as far as these rules see it."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.reads = 0

    def get(self, name: str) -> str | None:
        self.reads += 1
        return self.values.get(name)

    def create_if_absent(self, name: str, value: str) -> str:
        return self.values.setdefault(name, value)


@pytest.fixture(autouse=True, scope="module")
def parameter_store() -> Iterator[FakeParameterStore]:
    store = FakeParameterStore()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parameters, "get", store.get)
        patch.setattr(parameters, "create_if_absent", store.create_if_absent)
        encryption._cipher.cache_clear()
        yield store
    encryption._cipher.cache_clear()


@pytest.fixture
def empty_parameter_store(parameter_store: FakeParameterStore) -> Iterator[FakeParameterStore]:
    """A process that has read no key yet, before a store that has none."""
    values = dict(parameter_store.values)
    parameter_store.values.clear()
    parameter_store.reads = 0
    encryption._cipher.cache_clear()
    yield parameter_store
    parameter_store.values = values
    encryption._cipher.cache_clear()


def flip_bit(ciphertext: str, position: int) -> str:
    closed = bytearray(base64.b64decode(ciphertext.removeprefix("v1.")))
    closed[position % len(closed)] ^= 1
    return "v1." + base64.b64encode(closed).decode()


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_what_is_sealed_is_read_by_its_owner(text: str, owner: str) -> None:
    assert encryption.decrypt(encryption.encrypt(text, owner), owner) == text


def test_a_seal_says_its_kind_and_nothing_else() -> None:
    sealed = encryption.encrypt(SEED, OWNER)

    assert sealed.startswith("v1.")
    assert len(base64.b64decode(sealed.removeprefix("v1."), validate=True)) == 12 + len(SEED) + 16
    assert SEED not in sealed
    assert SEED.encode() not in base64.b64decode(sealed.removeprefix("v1."))


def test_each_seal_has_a_nonce_of_its_own() -> None:
    seals = {encryption.encrypt(SEED, OWNER) for _ in range(100)}
    nonces = {base64.b64decode(sealed.removeprefix("v1."))[:12] for sealed in seals}

    assert len(nonces) == 100


def test_the_seed_of_one_user_is_none_of_another() -> None:
    with pytest.raises(ValueError, match="not sealed for this owner"):
        encryption.decrypt(encryption.encrypt(SEED, OWNER), OTHER_OWNER)


@given(st.integers(0, 59))
def test_a_seal_that_was_touched_does_not_open(position: int) -> None:
    with pytest.raises(ValueError, match="not sealed for this owner"):
        encryption.decrypt(flip_bit(encryption.encrypt(SEED, OWNER), position), OWNER)


@pytest.mark.parametrize(
    "sealed",
    ["", "v1", "v1.", "v1.AAAA", "v1.====", "v1.é", f"v1.{'A' * 80}", "v2.AAAA", SEED, "\ud800", "v1.\ud800"],
)
def test_another_text_is_no_seal(sealed: str) -> None:
    with pytest.raises(ValueError, match=r"not sealed for this owner|no seal of a kind"):
        encryption.decrypt(sealed, OWNER)


def test_a_seal_of_another_kind_is_not_tried() -> None:
    sealed = encryption.encrypt(SEED, OWNER)

    with pytest.raises(ValueError, match="no seal of a kind"):
        encryption.decrypt(sealed.replace("v1.", "v2."), OWNER)


def test_the_key_is_made_at_first_use_and_read_once_per_process(empty_parameter_store: FakeParameterStore) -> None:
    sealed = [encryption.encrypt(SEED, OWNER) for _ in range(3)]

    assert {encryption.decrypt(each, OWNER) for each in sealed} == {SEED}
    assert list(empty_parameter_store.values) == ["totp-key"]
    assert len(base64.b64decode(empty_parameter_store.values["totp-key"], validate=True)) == 32
    assert empty_parameter_store.reads == 1


def test_of_two_keys_made_at_once_both_processes_use_one(
    empty_parameter_store: FakeParameterStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = encryption.encrypt(SEED, OWNER)
    encryption._cipher.cache_clear()
    # The other process was slower than our read, and faster than our put.
    monkeypatch.setattr(parameters, "get", lambda name: None)

    assert encryption.decrypt(sealed, OWNER) == SEED


def test_another_key_opens_nothing(empty_parameter_store: FakeParameterStore) -> None:
    sealed = encryption.encrypt(SEED, OWNER)
    empty_parameter_store.values["totp-key"] = base64.b64encode(ids.new_bytes(32)).decode()
    encryption._cipher.cache_clear()

    with pytest.raises(ValueError, match="not sealed for this owner"):
        encryption.decrypt(sealed, OWNER)


@pytest.mark.parametrize("length", [1, 16, 24, 31, 33, 64])
def test_a_key_of_another_length_seals_nothing(empty_parameter_store: FakeParameterStore, length: int) -> None:
    empty_parameter_store.values["totp-key"] = base64.b64encode(bytes(length)).decode()

    with pytest.raises(ValueError, match="does not hold 32 bytes"):
        encryption.encrypt(SEED, OWNER)


def test_an_outage_is_not_remembered(
    empty_parameter_store: FakeParameterStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(name: str) -> str | None:
        raise ServiceUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(parameters, "get", away)
        with pytest.raises(ServiceUnavailable):
            encryption.encrypt(SEED, OWNER)

    assert encryption.decrypt(encryption.encrypt(SEED, OWNER), OWNER) == SEED
