"""Sealed seeds (S5): readable for one owner under one key, which is made once and lies outside of the database."""

import base64
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall import ids, secrets
from holdall.accounts import sealing
from holdall.errors import Unavailable

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
OWNER, STRANGER = "0" * 26, "1" * 26


class Kept:
    """The store of secrets, as far as these rules see it."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.reads = 0

    def read(self, name: str) -> str | None:
        self.reads += 1
        return self.values.get(name)

    def write_once(self, name: str, value: str) -> str:
        return self.values.setdefault(name, value)


@pytest.fixture(autouse=True, scope="module")
def kept() -> Iterator[Kept]:
    store = Kept()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "read", store.read)
        patch.setattr(secrets, "write_once", store.write_once)
        sealing._cipher.cache_clear()
        yield store
    sealing._cipher.cache_clear()


@pytest.fixture
def another(kept: Kept) -> Iterator[Kept]:
    """A process that has read no key yet, before a store that has none."""
    values = dict(kept.values)
    kept.values.clear()
    kept.reads = 0
    sealing._cipher.cache_clear()
    yield kept
    kept.values = values
    sealing._cipher.cache_clear()


def changed(sealed: str, position: int) -> str:
    closed = bytearray(base64.b64decode(sealed.removeprefix("v1.")))
    closed[position % len(closed)] ^= 1
    return "v1." + base64.b64encode(closed).decode()


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_what_is_sealed_is_read_by_its_owner(text: str, owner: str) -> None:
    assert sealing.unseal(sealing.seal(text, owner), owner) == text


def test_a_seal_says_its_kind_and_nothing_else() -> None:
    sealed = sealing.seal(SEED, OWNER)

    assert sealed.startswith("v1.")
    assert len(base64.b64decode(sealed.removeprefix("v1."), validate=True)) == 12 + len(SEED) + 16
    assert SEED not in sealed
    assert SEED.encode() not in base64.b64decode(sealed.removeprefix("v1."))


def test_each_seal_has_a_nonce_of_its_own() -> None:
    seals = {sealing.seal(SEED, OWNER) for _ in range(100)}
    nonces = {base64.b64decode(sealed.removeprefix("v1."))[:12] for sealed in seals}

    assert len(nonces) == 100


def test_the_seed_of_one_user_is_none_of_another() -> None:
    with pytest.raises(ValueError, match="not sealed for this owner"):
        sealing.unseal(sealing.seal(SEED, OWNER), STRANGER)


@given(st.integers(0, 59))
def test_a_seal_that_was_touched_does_not_open(position: int) -> None:
    with pytest.raises(ValueError, match="not sealed for this owner"):
        sealing.unseal(changed(sealing.seal(SEED, OWNER), position), OWNER)


@pytest.mark.parametrize(
    "sealed",
    ["", "v1", "v1.", "v1.AAAA", "v1.====", "v1.é", f"v1.{'A' * 80}", "v2.AAAA", SEED, "\ud800", "v1.\ud800"],
)
def test_another_text_is_no_seal(sealed: str) -> None:
    with pytest.raises(ValueError, match=r"not sealed for this owner|no seal of a kind"):
        sealing.unseal(sealed, OWNER)


def test_a_seal_of_another_kind_is_not_tried() -> None:
    sealed = sealing.seal(SEED, OWNER)

    with pytest.raises(ValueError, match="no seal of a kind"):
        sealing.unseal(sealed.replace("v1.", "v2."), OWNER)


def test_the_key_is_made_at_first_use_and_read_once_per_process(another: Kept) -> None:
    sealed = [sealing.seal(SEED, OWNER) for _ in range(3)]

    assert {sealing.unseal(each, OWNER) for each in sealed} == {SEED}
    assert list(another.values) == ["totp-key"]
    assert len(base64.b64decode(another.values["totp-key"], validate=True)) == 32
    assert another.reads == 1


def test_of_two_keys_made_at_once_both_processes_use_one(another: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = sealing.seal(SEED, OWNER)
    sealing._cipher.cache_clear()
    # The other process was slower than our read, and faster than our put.
    monkeypatch.setattr(secrets, "read", lambda name: None)

    assert sealing.unseal(sealed, OWNER) == SEED


def test_another_key_opens_nothing(another: Kept) -> None:
    sealed = sealing.seal(SEED, OWNER)
    another.values["totp-key"] = base64.b64encode(ids.new_bytes(32)).decode()
    sealing._cipher.cache_clear()

    with pytest.raises(ValueError, match="not sealed for this owner"):
        sealing.unseal(sealed, OWNER)


@pytest.mark.parametrize("length", [1, 16, 24, 31, 33, 64])
def test_a_key_of_another_length_seals_nothing(another: Kept, length: int) -> None:
    another.values["totp-key"] = base64.b64encode(bytes(length)).decode()

    with pytest.raises(ValueError, match="does not hold 32 bytes"):
        sealing.seal(SEED, OWNER)


def test_an_outage_is_not_remembered(another: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(name: str) -> str | None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(secrets, "read", away)
        with pytest.raises(Unavailable):
            sealing.seal(SEED, OWNER)

    assert sealing.unseal(sealing.seal(SEED, OWNER), OWNER) == SEED
