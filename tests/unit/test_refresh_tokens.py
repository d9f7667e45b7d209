"""Refresh tokens: one form, and a successor that only its predecessor opens (S3)."""

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from holdall import ids
from holdall.errors import Unauthenticated
from holdall.iam.model import IDLE, LONGEST, expiry
from holdall.iam.refresh_token import RefreshToken, seal, unseal
from tests.unit.makers import MOMENT

PARTS = st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=26, max_size=26)


@given(PARTS, PARTS, PARTS)
def test_a_token_is_read_as_it_was_written(session_id: str, family: str, rotation: str) -> None:
    token = RefreshToken(session_id, family, rotation)

    assert RefreshToken.read(str(token)) == token


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
        RefreshToken.read(text)
    assert failure.value.code == "invalid_token"


@given(PARTS, PARTS)
def test_the_successor_is_opened_by_its_predecessor(successor: str, predecessor: str) -> None:
    sealed = seal(successor, under=predecessor)

    assert successor not in sealed
    assert unseal(sealed, under=predecessor) == successor


def test_nobody_else_opens_it() -> None:
    sealed = seal(ids.new_secret(), under=ids.new_secret())

    with pytest.raises(InvalidTag):
        unseal(sealed, under=ids.new_secret())


def test_a_seal_that_was_touched_does_not_open() -> None:
    predecessor = ids.new_secret()
    sealed = seal(ids.new_secret(), under=predecessor)
    touched = ("1" if sealed[0] == "0" else "0") + sealed[1:]

    with pytest.raises(InvalidTag):
        unseal(touched, under=predecessor)


def test_a_session_ends_a_week_after_its_last_use_and_a_month_after_its_birth() -> None:
    assert expiry(MOMENT, MOMENT) == MOMENT + IDLE
    assert expiry(MOMENT, MOMENT + IDLE) == MOMENT + 2 * IDLE
    assert expiry(MOMENT, MOMENT + LONGEST) == MOMENT + LONGEST
    assert (IDLE.days, LONGEST.days) == (7, 30)
