"""Encryption of seeds (S5): for one owner, with a key that is created once and is not in the database."""

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
    """Return a store without a key, in a process that has read no key."""
    values = dict(parameter_store.values)
    parameter_store.values.clear()
    parameter_store.reads = 0
    encryption._cipher.cache_clear()
    yield parameter_store
    parameter_store.values = values
    encryption._cipher.cache_clear()


def flip_bit(ciphertext: str, position: int) -> str:
    content = bytearray(base64.b64decode(ciphertext.removeprefix("v1.")))
    content[position % len(content)] ^= 1
    return "v1." + base64.b64encode(content).decode()


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_owner_decrypts_what_was_encrypted(text: str, owner: str) -> None:
    assert encryption.decrypt(encryption.encrypt(text, owner), owner) == text


def test_ciphertext_has_a_version_and_does_not_contain_the_seed() -> None:
    ciphertext = encryption.encrypt(SEED, OWNER)

    assert ciphertext.startswith("v1.")
    assert len(base64.b64decode(ciphertext.removeprefix("v1."), validate=True)) == 12 + len(SEED) + 16
    assert SEED not in ciphertext
    assert SEED.encode() not in base64.b64decode(ciphertext.removeprefix("v1."))


def test_each_ciphertext_has_its_own_nonce() -> None:
    ciphertexts = {encryption.encrypt(SEED, OWNER) for _ in range(100)}
    nonces = {base64.b64decode(ciphertext.removeprefix("v1."))[:12] for ciphertext in ciphertexts}

    assert len(nonces) == 100


def test_ciphertext_of_one_user_is_rejected_for_another() -> None:
    with pytest.raises(ValueError, match="not encrypted for this owner"):
        encryption.decrypt(encryption.encrypt(SEED, OWNER), OTHER_OWNER)


@given(st.integers(0, 59))
def test_modified_ciphertext_is_rejected(position: int) -> None:
    with pytest.raises(ValueError, match="not encrypted for this owner"):
        encryption.decrypt(flip_bit(encryption.encrypt(SEED, OWNER), position), OWNER)


@pytest.mark.parametrize(
    "ciphertext",
    ["", "v1", "v1.", "v1.AAAA", "v1.====", "v1.é", f"v1.{'A' * 80}", "v2.AAAA", SEED, "\ud800", "v1.\ud800"],
)
def test_other_text_is_not_a_ciphertext(ciphertext: str) -> None:
    with pytest.raises(ValueError, match=r"not encrypted for this owner|Unknown format"):
        encryption.decrypt(ciphertext, OWNER)


def test_ciphertext_of_another_version_is_rejected() -> None:
    ciphertext = encryption.encrypt(SEED, OWNER)

    with pytest.raises(ValueError, match="Unknown format"):
        encryption.decrypt(ciphertext.replace("v1.", "v2."), OWNER)


def test_key_is_created_at_first_use_and_read_once_per_process(empty_parameter_store: FakeParameterStore) -> None:
    ciphertexts = [encryption.encrypt(SEED, OWNER) for _ in range(3)]

    assert {encryption.decrypt(each, OWNER) for each in ciphertexts} == {SEED}
    assert list(empty_parameter_store.values) == ["totp-key"]
    assert len(base64.b64decode(empty_parameter_store.values["totp-key"], validate=True)) == 32
    assert empty_parameter_store.reads == 1


def test_processes_that_create_a_key_at_once_use_the_same(
    empty_parameter_store: FakeParameterStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ciphertext = encryption.encrypt(SEED, OWNER)
    encryption._cipher.cache_clear()
    # The other process created the key between the read and the write of this one.
    monkeypatch.setattr(parameters, "get", lambda name: None)

    assert encryption.decrypt(ciphertext, OWNER) == SEED


def test_another_key_decrypts_nothing(empty_parameter_store: FakeParameterStore) -> None:
    ciphertext = encryption.encrypt(SEED, OWNER)
    empty_parameter_store.values["totp-key"] = base64.b64encode(ids.new_bytes(32)).decode()
    encryption._cipher.cache_clear()

    with pytest.raises(ValueError, match="not encrypted for this owner"):
        encryption.decrypt(ciphertext, OWNER)


@pytest.mark.parametrize("length", [1, 16, 24, 31, 33, 64])
def test_key_of_another_length_is_rejected(empty_parameter_store: FakeParameterStore, length: int) -> None:
    empty_parameter_store.values["totp-key"] = base64.b64encode(bytes(length)).decode()

    with pytest.raises(ValueError, match="is not 32 bytes long"):
        encryption.encrypt(SEED, OWNER)


def test_outage_of_the_parameter_store_is_not_cached(
    empty_parameter_store: FakeParameterStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> str | None:
        raise ServiceUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(parameters, "get", fail)
        with pytest.raises(ServiceUnavailable):
            encryption.encrypt(SEED, OWNER)

    assert encryption.decrypt(encryption.encrypt(SEED, OWNER), OWNER) == SEED
