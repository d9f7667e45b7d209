"""Refresh tokens: one form, and a successor that only its predecessor opens (S3)."""

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from holdall.iam.model import SESSION_IDLE_TIMEOUT, SESSION_MAX_AGE, expiry
from holdall.iam.refresh_token import RefreshToken, decrypt_successor, encrypt_successor
from holdall.platform import ids
from holdall.platform.errors import Unauthenticated
from tests.support.factories import FROZEN_TIME

TOKEN_PARTS = st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=26, max_size=26)


@given(TOKEN_PARTS, TOKEN_PARTS, TOKEN_PARTS)
def test_a_token_is_read_as_it_was_written(session_id: str, family: str, rotation: str) -> None:
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
def test_another_text_is_no_token(text: str) -> None:
    with pytest.raises(Unauthenticated) as failure:
        RefreshToken.parse(text)
    assert failure.value.code == "invalid_token"


@given(TOKEN_PARTS, TOKEN_PARTS)
def test_the_successor_is_opened_by_its_predecessor(successor: str, predecessor: str) -> None:
    sealed = encrypt_successor(successor, predecessor=predecessor)

    assert successor not in sealed
    assert decrypt_successor(sealed, predecessor=predecessor) == successor


def test_nobody_else_opens_it() -> None:
    sealed = encrypt_successor(ids.new_secret(), predecessor=ids.new_secret())

    with pytest.raises(InvalidTag):
        decrypt_successor(sealed, predecessor=ids.new_secret())


def test_a_seal_that_was_touched_does_not_open() -> None:
    predecessor = ids.new_secret()
    sealed = encrypt_successor(ids.new_secret(), predecessor=predecessor)
    touched = ("1" if sealed[0] == "0" else "0") + sealed[1:]

    with pytest.raises(InvalidTag):
        decrypt_successor(touched, predecessor=predecessor)


def test_a_session_ends_a_week_after_its_last_use_and_a_month_after_its_birth() -> None:
    assert expiry(FROZEN_TIME, FROZEN_TIME) == FROZEN_TIME + SESSION_IDLE_TIMEOUT
    assert expiry(FROZEN_TIME, FROZEN_TIME + SESSION_IDLE_TIMEOUT) == FROZEN_TIME + 2 * SESSION_IDLE_TIMEOUT
    assert expiry(FROZEN_TIME, FROZEN_TIME + SESSION_MAX_AGE) == FROZEN_TIME + SESSION_MAX_AGE
    assert (SESSION_IDLE_TIMEOUT.days, SESSION_MAX_AGE.days) == (7, 30)
