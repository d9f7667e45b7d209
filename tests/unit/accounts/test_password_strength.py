"""Passwords that an attacker tries first (A1): the commonest, those of the address, those that a finger draws."""

import base64
import hashlib
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.accounts import password_strength
from holdall.accounts.model import check_password_strength
from holdall.accounts.password_strength import is_weak
from holdall.platform.errors import ValidationFailed

COMMON_PASSWORDS_FILE = Path(password_strength.__file__).with_name("common_passwords.txt")
COMMON_PASSWORDS = COMMON_PASSWORDS_FILE.read_text(encoding="ascii").splitlines()
EMAIL = "ada.lovelace@analytical-engine.example"


def test_the_list_holds_the_3000_commonest_and_nothing_that_its_length_refuses() -> None:
    assert len(COMMON_PASSWORDS) >= 3000
    assert min(map(len, COMMON_PASSWORDS)) == 8
    assert sorted(set(COMMON_PASSWORDS)) == COMMON_PASSWORDS
    assert all(entry == unicodedata.normalize("NFKC", entry.casefold()) for entry in COMMON_PASSWORDS)


def test_the_list_says_where_it_comes_from() -> None:
    told = COMMON_PASSWORDS_FILE.with_suffix(".licence.md").read_text()

    assert "zxcvbn" in told
    assert "Permission is hereby granted" in told


@pytest.mark.parametrize(
    "password",
    [
        *("password", "iloveyou", "sunshine", "princess", "football", "baseball", "trustno1", "superman", "whatever"),
        *("password1", "passw0rd", "password123", "letmein1", "changeme", "welcome1", "starwars"),
        *("jennifer", "michelle", "elizabeth", "nicholas", "benjamin", "something", "mountain", "business", "december"),
    ],
)
def test_a_common_password_is_weak(password: str) -> None:
    assert is_weak(password, EMAIL)


@given(st.sampled_from(COMMON_PASSWORDS), st.lists(st.booleans(), min_size=64, max_size=64))
def test_capital_letters_change_nothing(password: str, capitals: list[bool]) -> None:
    typed = "".join(sign.upper() if capital else sign for sign, capital in zip(password, capitals, strict=False))

    assert is_weak(typed, EMAIL)


def to_fullwidth(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) for sign in text)


def test_neither_do_wide_letters_and_ligatures() -> None:
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
def test_a_password_made_of_the_address_is_weak(password: str) -> None:
    assert is_weak(password, EMAIL)


@pytest.mark.parametrize(
    ("password", "address"),
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
def test_the_address_is_known_in_each_of_its_forms(password: str, address: str) -> None:
    assert is_weak(password, address)


EMAIL_LOCAL_PARTS = st.text("abcdefghijklmnopqrstuvwxyzäß", min_size=8, max_size=30)


@given(EMAIL_LOCAL_PARTS, st.text("0123456789", max_size=8), st.sampled_from(["{word}{digits}", "{digits}{word}"]))
def test_digits_around_the_address_hide_nothing(local: str, digits: str, order: str) -> None:
    for word in (local, local[::-1]):
        assert is_weak(order.format(word=word, digits=digits), f"{local}@host.example")


@pytest.mark.parametrize(
    "password",
    [
        *("aaaaaaaa", "        ", "!!!!!!!!", "漢漢漢漢漢漢漢漢", "😀" * 8, "e\u0301" * 8, "x" * 128, "aaaAAAaaa"),
        *("abcdefgh", "hgfedcba", "stuvwxyz", "uvwxyzab", "12345678", "23456789", "34567890", "78901234", "98765432"),
        *("qwertyui", "QWERTYUIOP", "poiuytrewq", "asdfghjkl;", "zxcvbnm,", "qwertzui", "azertyui", "!@#$%^&*"),
        *("1qaz2wsx", "1QAZ2wsx", "!QAZ@WSX", "zaq1xsw2", "1qazxsw2", "qazwsxedc", "2wsx3edc", "1q2w3e4r", "q1w2e3r4"),
        *(
            "abcd1234",
            "1234abcd",
            "qwer1234",
            "123qweasd",
            "qweasdzxc",
            "aaabbbccc",
            "aaaa1111",
            "12341234",
            "abc12345",
        ),
        *("qwertyqwerty", "asdfasdfasdf", "123456qwerty", "a1b2c3d4e5", "abcdefghijklmnopqrstuvwxyz", "0123456789" * 2),
    ],
)
def test_what_a_finger_draws_is_weak(password: str) -> None:
    assert is_weak(password, EMAIL)


@given(st.characters(), st.integers(8, 128))
def test_one_character_is_weak_however_often(character: str, times: int) -> None:
    # Some characters fall apart into several under NFKC; such a password is then a repeated word.
    one = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", character).casefold())

    assert is_weak(character * times, EMAIL) or len(set(one)) > 1


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
def test_another_password_is_taken(password: str) -> None:
    assert not is_weak(password, EMAIL)


@pytest.mark.parametrize("address", ["ada@host.example", "a@b.example", "abc@de.example"])
def test_a_short_name_forbids_nothing(address: str) -> None:
    assert not is_weak("badadatrap", address)


@pytest.mark.parametrize("length", [8, 12, 20])
def test_what_a_generator_of_passwords_makes_is_taken(length: int) -> None:
    made = [base64.b32encode(hashlib.sha256(bytes([number])).digest()).decode()[:length] for number in range(256)]

    assert [password for password in made if is_weak(password, EMAIL)] == []


@given(st.text(st.characters(), max_size=128), st.text(st.characters(), max_size=254))
def test_any_text_is_judged(password: str, address: str) -> None:
    assert is_weak(password, address) in (True, False)


@pytest.mark.parametrize("password", ["a" * 128, "ab" * 64, "\ufdfa" * 128, "1qaz2wsx" * 16, "lovelace" * 16])
def test_the_worst_password_takes_milliseconds(password: str) -> None:
    address = ".".join(["lovelace"] * 7) + "@" + ".".join(["analytical"] * 17) + ".example"
    is_weak(password, address)  # reads the list

    begin = time.perf_counter()
    is_weak(password, address)
    assert time.perf_counter() - begin < 0.1


def test_a_weak_password_is_refused_at_its_field() -> None:
    with pytest.raises(ValidationFailed) as failure:
        check_password_strength("Password1", EMAIL)

    assert (failure.value.code, failure.value.pointer) == ("password_too_weak", "/password")
    check_password_strength("correct horse battery", EMAIL)
