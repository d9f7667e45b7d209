"""Passwords that an attacker tries first (A1): common ones, and those that are derived from the email address."""

import base64
import hashlib
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.accounts import password_strength
from holdall.accounts.model import PasswordTooWeak, check_password_strength
from holdall.accounts.password_strength import is_weak

COMMON_PASSWORDS_FILE = Path(password_strength.__file__).with_name("common_passwords.txt")
COMMON_PASSWORDS = COMMON_PASSWORDS_FILE.read_text(encoding="ascii").splitlines()
EMAIL = "ada.lovelace@analytical-engine.example"


def test_list_has_at_least_3000_common_passwords_of_an_accepted_length() -> None:
    assert len(COMMON_PASSWORDS) >= 3000
    assert min(map(len, COMMON_PASSWORDS)) == 8
    assert sorted(set(COMMON_PASSWORDS)) == COMMON_PASSWORDS
    assert all(entry == unicodedata.normalize("NFKC", entry.casefold()) for entry in COMMON_PASSWORDS)


def test_list_names_its_source_and_licence() -> None:
    text = COMMON_PASSWORDS_FILE.with_suffix(".licence.md").read_text()

    assert "zxcvbn" in text
    assert "Permission is hereby granted" in text


@pytest.mark.parametrize(
    "password",
    [
        *("password", "iloveyou", "sunshine", "princess", "football", "baseball", "trustno1", "superman", "whatever"),
        *("password1", "passw0rd", "password123", "letmein1", "changeme", "welcome1", "starwars"),
        *("jennifer", "michelle", "elizabeth", "nicholas", "benjamin", "something", "mountain", "business", "december"),
    ],
)
def test_common_password_is_weak(password: str) -> None:
    assert is_weak(password, EMAIL)


@given(st.sampled_from(COMMON_PASSWORDS), st.lists(st.booleans(), min_size=64, max_size=64))
def test_common_password_in_capitals_is_weak(password: str, capitals: list[bool]) -> None:
    typed = "".join(
        character.upper() if capital else character for character, capital in zip(password, capitals, strict=False)
    )

    assert is_weak(typed, EMAIL)


def to_fullwidth(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


def test_common_password_with_compatibility_characters_is_weak() -> None:
    assert is_weak(to_fullwidth("password"), EMAIL)
    assert is_weak("o\N{LATIN SMALL LIGATURE FFI}cials", EMAIL)


@pytest.mark.parametrize(
    "password",
    [
        *("ada.lovelace", "adalovelace", "ada lovelace", "lovelace", "lovelace ada", "ADA.LOVELACE", "AdaLovelace1815"),
        *(
            "lovelace1",
            "1lovelace",
            "lovelace19851210",
            "lovelace!",
            "lovelace-2030!",
            "xlovelacex",
            "lovelacelovelace",
        ),
        *("ecalevol", "ecalevolada", "ecalevol.ada", "1815ecalevol", "lovelaceecalevol"),
        *("analytical-engine", "analytical-engine.example", "Analytical-Engine1", "elpmaxe.enigne-lacitylana"),
        *("ada.lovelace@analytical-engine.example", "lovelace@analytical-engine.example"),
        *(to_fullwidth("lovelace1"), "lovelace\u0661\u0669\u0668\u0665"),
    ],
)
def test_password_derived_from_the_address_is_weak(password: str) -> None:
    assert is_weak(password, EMAIL)


@pytest.mark.parametrize(
    ("password", "email"),
    [
        ("münchen-2030", "jo@münchen.example"),
        ("münchen-2030", "jo@xn--mnchen-3ya.example"),
        ("straßenbahn", "strassenbahn@host.example"),
        ("lovelace+files", "lovelace+files@host.example"),
        ("lovelace1", "lovelace+files@host.example"),
        ("lovelace1", "LoveLace@host.example"),
        ("a@b.example", "a@b.example"),
    ],
)
def test_address_is_recognized_in_each_of_its_forms(password: str, email: str) -> None:
    assert is_weak(password, email)


LOCAL_PARTS = st.text("abcdefghijklmnopqrstuvwxyzäß", min_size=8, max_size=30)


@given(LOCAL_PARTS, st.text("0123456789", max_size=8), st.sampled_from(["{word}{digits}", "{digits}{word}"]))
def test_digits_beside_the_address_do_not_help(local: str, digits: str, order: str) -> None:
    for word in (local, local[::-1]):
        assert is_weak(order.format(word=word, digits=digits), f"{local}@host.example")


@pytest.mark.parametrize(
    "password",
    [
        *("correct horse battery", "holdall-local-only", "lovelace and much more", "my mother's piano", "Tr0ub4dor&3"),
        *(
            "wGk7-pX2m",
            "x7!KpQ4z",
            "pass\nword\x00",
            "漢字は難しい",
            "grüße aus wien",
            "a" * 40 + "wGk7pX2mQz",
            "poet queen",
        ),
        *("analytical mind", "engine of wonder", "dada loves lace"),
    ],
)
def test_other_password_is_accepted(password: str) -> None:
    assert not is_weak(password, EMAIL)


@pytest.mark.parametrize("email", ["ada@host.example", "a@b.example", "abc@de.example"])
def test_short_parts_of_the_address_are_ignored(email: str) -> None:
    assert not is_weak("badadatrap", email)


@pytest.mark.parametrize("length", [8, 12, 20])
def test_generated_passwords_are_accepted(length: int) -> None:
    generated = [base64.b32encode(hashlib.sha256(bytes([number])).digest()).decode()[:length] for number in range(256)]

    assert [password for password in generated if is_weak(password, EMAIL)] == []


@given(st.text(st.characters(), max_size=128), st.text(st.characters(), max_size=254))
def test_any_text_has_a_strength(password: str, email: str) -> None:
    assert is_weak(password, email) in (True, False)


@pytest.mark.parametrize("password", ["a" * 128, "ab" * 64, "\ufdfa" * 128, "1qaz2wsx" * 16, "lovelace" * 16])
def test_longest_password_is_checked_in_milliseconds(password: str) -> None:
    email = ".".join(["lovelace"] * 7) + "@" + ".".join(["analytical"] * 17) + ".example"
    is_weak(password, email)  # loads the list

    started_at = time.perf_counter()
    is_weak(password, email)
    assert time.perf_counter() - started_at < 0.1


def test_weak_password_is_reported_with_its_pointer() -> None:
    with pytest.raises(PasswordTooWeak) as caught:
        check_password_strength("Password1", EMAIL)

    assert (caught.value.code, caught.value.pointer) == ("password_too_weak", "/password")
    check_password_strength("correct horse battery", EMAIL)
