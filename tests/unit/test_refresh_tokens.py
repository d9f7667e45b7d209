"""Refresh tokens: only the exact form is accepted, and only the predecessor decrypts a successor (S3)."""

from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from holdall.iam.model import InvalidToken
from holdall.iam.refresh_token import RefreshToken, decrypt_successor, encrypt_successor
from holdall.platform import ids
from tests.support.factories import FROZEN_TIME, make_session

TOKEN_PARTS = st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=26, max_size=26)


@given(TOKEN_PARTS, TOKEN_PARTS, TOKEN_PARTS)
def test_refresh_token_is_parsed_as_it_was_formatted(session_id: str, family: str, rotation: str) -> None:
    token = RefreshToken(session_id, family, rotation)

    assert RefreshToken.parse(str(token)) == token


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hr_",
        f"hk_{'0' * 26}_{'0' * 52}",
        f"hr_{'0' * 25}_{'0' * 52}",
        f"hr_{'0' * 26}_{'0' * 51}",
        f"hr_{'0' * 26}_{'0' * 53}",
        f"hr_{'0' * 26}{'0' * 52}",
        f"hr_{'i' * 26}_{'0' * 52}",
        f"hr_{'A' * 26}_{'0' * 52}",
        f"hr_{'0' * 26}_{'0' * 52}\n",
        f" hr_{'0' * 26}_{'0' * 52}",
        f"HR_{'0' * 26}_{'0' * 52}",
        f"hr_{'0' * 26}_" + "\u0660" * 52,
    ],
)
def test_any_other_string_is_not_a_refresh_token(text: str) -> None:
    with pytest.raises(InvalidToken):
        RefreshToken.parse(text)


@given(TOKEN_PARTS, TOKEN_PARTS)
def test_predecessor_decrypts_its_successor(successor: str, predecessor: str) -> None:
    ciphertext = encrypt_successor(successor, predecessor=predecessor)

    assert successor not in ciphertext
    assert decrypt_successor(ciphertext, predecessor=predecessor) == successor


def test_another_token_does_not_decrypt_it() -> None:
    ciphertext = encrypt_successor(ids.new_secret(), predecessor=ids.new_secret())

    with pytest.raises(InvalidTag):
        decrypt_successor(ciphertext, predecessor=ids.new_secret())


def test_changed_ciphertext_is_not_decrypted() -> None:
    predecessor = ids.new_secret()
    ciphertext = encrypt_successor(ids.new_secret(), predecessor=predecessor)
    changed = ("1" if ciphertext[0] == "0" else "0") + ciphertext[1:]

    with pytest.raises(InvalidTag):
        decrypt_successor(changed, predecessor=predecessor)


@pytest.mark.parametrize(("used_after", "expires_after"), [(0, 7), (7, 14), (23, 30), (29, 30), (365, 30)])
def test_session_expires_a_week_after_its_last_use_or_30_days_after_its_creation(
    used_after: int, expires_after: int
) -> None:
    session = make_session(FROZEN_TIME).used_at(FROZEN_TIME + timedelta(days=used_after))

    assert session.expires_at == FROZEN_TIME + timedelta(days=expires_after)
