"""The format of companion tokens."""

import re

import pytest

from holdall.companion.model import CompanionToken, EndpointNotFound
from holdall.platform import ids
from holdall.platform.caller import Caller
from tests.support.factories import PROJECT_ID

USER_ID, SESSION_ID, KEY = "1" * 26, "2" * 26, "3" * 26
API_KEY_ID = f"{PROJECT_ID}-{USER_ID}-{KEY}"


def make_caller(*, api_key_id: str | None = None) -> Caller:
    session_id = None if api_key_id else SESSION_ID
    return Caller("192.0.2.7", "tests", "request", USER_ID, session_id, frozenset(), api_key_id=api_key_id)


@pytest.mark.parametrize("api_key_id", [None, API_KEY_ID])
def test_token_is_parsed_as_it_was_written(api_key_id: str | None) -> None:
    token = CompanionToken.create(make_caller(api_key_id=api_key_id), PROJECT_ID)

    assert CompanionToken.parse(str(token)) == token
    assert str(token.api_key_id or token.session_id) == (api_key_id or SESSION_ID)


def test_token_needs_no_escape_in_a_url_and_has_a_secret_of_130_bits() -> None:
    tokens = {str(CompanionToken.create(make_caller(), PROJECT_ID)) for _ in range(100)}

    assert len({token.rpartition("_")[2] for token in tokens}) == 100
    assert all(re.fullmatch(f"hu_{PROJECT_ID}-{USER_ID}-s{SESSION_ID}_{ids.ID_PATTERN}", token) for token in tokens)


def test_digest_depends_on_every_part() -> None:
    token = CompanionToken(PROJECT_ID, USER_ID, SESSION_ID, None, "4" * 26)
    others = [
        CompanionToken("0" * 12, USER_ID, SESSION_ID, None, "4" * 26),
        CompanionToken(PROJECT_ID, "5" * 26, SESSION_ID, None, "4" * 26),
        CompanionToken(PROJECT_ID, USER_ID, "5" * 26, None, "4" * 26),
        CompanionToken(PROJECT_ID, USER_ID, SESSION_ID, None, "5" * 26),
    ]

    assert token.sha256 == ids.sha256_hex(str(token))
    assert len({token.sha256, *(other.sha256 for other in others)}) == 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hu",
        f"hk_{API_KEY_ID}_{'4' * 26}",
        f"hu_{API_KEY_ID}_{'4' * 26}",
        f"hu_{PROJECT_ID}-{USER_ID}-x{KEY}_{'4' * 26}",
        f"hu_{PROJECT_ID}-{USER_ID}-s{KEY}_{'4' * 25}",
        f"hu_{PROJECT_ID}-{USER_ID}-s{KEY}_{'4' * 26}\n",
        f"HU_{PROJECT_ID}-{USER_ID}-s{KEY}_{'4' * 26}",
        f"hu_{PROJECT_ID}-{USER_ID}_{'4' * 26}",
        f"hu_{PROJECT_ID}-{USER_ID}-s{KEY}_{'u' * 26}",
    ],
)
def test_other_text_is_no_token(text: str) -> None:
    with pytest.raises(EndpointNotFound):
        CompanionToken.parse(text)
