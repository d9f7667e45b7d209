"""Refresh tokens: only the exact form is accepted, and only the predecessor decrypts a successor (S3)."""

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from holdall.iam.model import SESSION_IDLE_TIMEOUT, SESSION_MAX_AGE, InvalidToken, expiry
from holdall.iam.refresh_token import RefreshToken, decrypt_successor, encrypt_successor
from holdall.platform import ids
from tests.support.factories import FROZEN_TIME

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


def test_session_expires_a_week_after_its_last_use_or_30_days_after_its_creation() -> None:
    assert expiry(FROZEN_TIME, FROZEN_TIME) == FROZEN_TIME + SESSION_IDLE_TIMEOUT
    assert expiry(FROZEN_TIME, FROZEN_TIME + SESSION_IDLE_TIMEOUT) == FROZEN_TIME + 2 * SESSION_IDLE_TIMEOUT
    assert expiry(FROZEN_TIME, FROZEN_TIME + SESSION_MAX_AGE) == FROZEN_TIME + SESSION_MAX_AGE
    assert (SESSION_IDLE_TIMEOUT.days, SESSION_MAX_AGE.days) == (7, 30)
