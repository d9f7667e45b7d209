"""Recovery codes (S5): long enough for a plain digest, and recognized in many spellings."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.accounts import recovery_codes
from holdall.platform import ids

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
CODE_PATTERN = re.compile(f"[{ALPHABET}]{{5}}(-[{ALPHABET}]{{5}}){{4}}")
CODES = st.lists(st.text(ALPHABET, min_size=5, max_size=5), min_size=5, max_size=5).map("-".join)


def test_ten_codes_are_different() -> None:
    codes = recovery_codes.new_codes()

    assert len(set(codes)) == 10
    assert all(CODE_PATTERN.fullmatch(code) for code in codes)


def test_code_has_more_than_112_random_bits() -> None:
    characters = recovery_codes.normalize(recovery_codes.new_codes()[0])

    assert len(characters) * 5 == 125
    assert len(ALPHABET) == 2**5


def test_codes_are_generated_by_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "new_secret", lambda: "0123456789abcdefghjkmnpqrs")

    assert recovery_codes.new_codes() == ["01234-56789-abcde-fghjk-mnpqr"] * 10


@given(CODES, CODES)
def test_different_codes_have_different_digests(one: str, other: str) -> None:
    assert (recovery_codes.sha256_hex(one) == recovery_codes.sha256_hex(other)) == (one == other)


@given(CODES)
def test_digest_has_64_hexadecimal_digits(code: str) -> None:
    assert re.fullmatch("[0-9a-f]{64}", recovery_codes.sha256_hex(code))


@pytest.mark.parametrize(
    "typed",
    [
        "01234-56789-ABCDE-FGHJK-MNPQR",
        "o1234-56789-abcde-fghjk-mnpqr",
        "O1234-56789-abcde-fghjk-mnpqr",
        "0i234-56789-abcde-fghjk-mnpqr",
        "0L234-56789-abcde-fghjk-mnpqr",
        "0123456789abcdefghjkmnpqr",
        " 01234 56789 abcde fghjk mnpqr\r\n",
        "01234\N{EN DASH}56789\N{EM DASH}abcde\N{HYPHEN}fghjk\N{MINUS SIGN}mnpqr",
        "01234_56789.abcde/fghjk,mnpqr",
        "".join(chr(ord(character) + 0xFEE0) for character in "01234-56789-abcde-fghjk-mnpqr"),  # full width
        "\ufeff01234-56789-abcde-\u200bfghjk-mnpqr\x00",
    ],
)
def test_code_is_recognized_however_it_is_typed(typed: str) -> None:
    assert recovery_codes.normalize(typed) == "0123456789abcdefghjkmnpqr"
    assert recovery_codes.sha256_hex(typed) == recovery_codes.sha256_hex("01234-56789-abcde-fghjk-mnpqr")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "01234-56789-abcde-fghjk-mnpq",
        "01234-56789-abcde-fghjk-mnpqrs",
        "01234-56789-abcde-fghjk-mnpqu",
        "01234-56789-abcde-fghjk-mnprq",
        "01234-56789-abcde-fghjk-mnpqré",
    ],
)
def test_other_code_is_not_recognized(typed: str) -> None:
    assert recovery_codes.sha256_hex(typed) != recovery_codes.sha256_hex("01234-56789-abcde-fghjk-mnpqr")


@given(st.text(st.characters(), max_size=60))
def test_any_text_has_a_digest(text: str) -> None:
    assert len(recovery_codes.sha256_hex(text)) == 64
