"""Tokens (S2): each starts with its kind, and has one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.iam import tokens
from holdall.iam.model import InvalidToken
from holdall.iam.tokens import TokenKind
from holdall.platform import ids

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LOOKUP_ID, SECRET = "0" * 26, "1" * 26
KINDS = st.sampled_from(TokenKind)
OPAQUE_KINDS = st.sampled_from([kind for kind in TokenKind if kind is not TokenKind.ACCESS])
TOKEN_PARTS = st.text(ALPHABET, min_size=26, max_size=26)
PROJECT_ID = "2" * 12
# The record of an invitation is in a project. `tokens` does not parse API keys: see `test_api_key_ids`.
LOOKUP_IDS = dict.fromkeys(TokenKind, LOOKUP_ID) | {
    TokenKind.PROJECT_INVITATION: f"{PROJECT_ID}-{LOOKUP_ID}",
    TokenKind.COMPANION: f"{PROJECT_ID}-{LOOKUP_ID}-s{LOOKUP_ID}",
}
TOKEN_PATTERN = r"h[a-z]_([0-9a-z]{11,13}-)?([0-9a-z]{25,27}-)?[ks]?[0-9a-z]{20,27}_[0-9a-z]{20,27}\n?"


def is_valid_lookup_id(kind: TokenKind, lookup_id: str) -> bool:
    project, *rest = lookup_id.split("-")
    if kind is TokenKind.PROJECT_INVITATION:
        return ids.is_project_id(project) and len(rest) == 1 and ids.is_id(rest[0])
    if kind is TokenKind.COMPANION:
        has_parts = ids.is_project_id(project) and len(rest) == 2
        return has_parts and ids.is_id(rest[0]) and rest[1][:1] in ("s", "k") and ids.is_id(rest[1][1:])
    return ids.is_id(lookup_id)


@given(kind=OPAQUE_KINDS, part=TOKEN_PARTS, secret=TOKEN_PARTS)
def test_formatted_token_is_parsed(kind: TokenKind, part: str, secret: str) -> None:
    lookup_id = LOOKUP_IDS[kind].replace(LOOKUP_ID, part)
    text = tokens.format_token(kind, lookup_id, secret)

    assert tokens.parse(kind, text) == (lookup_id, secret)
    assert tokens.matches(kind, text)


@given(kind=OPAQUE_KINDS, other=KINDS)
def test_token_has_one_kind(kind: TokenKind, other: TokenKind) -> None:
    assert tokens.matches(other, tokens.format_token(kind, LOOKUP_IDS[kind], SECRET)) == (other is kind)


@pytest.mark.parametrize("kind", [kind for kind in TokenKind if kind is not TokenKind.ACCESS])
def test_kind_has_one_form_of_lookup_id(kind: TokenKind) -> None:
    for lookup_id in set(LOOKUP_IDS.values()) | {
        "",
        PROJECT_ID,
        f"{LOOKUP_ID}-{PROJECT_ID}",
        f"{PROJECT_ID}-",
        f"{LOOKUP_IDS[kind]}-{LOOKUP_ID}",
    }:
        assert tokens.matches(kind, tokens.format_token(kind, lookup_id, SECRET)) == (lookup_id == LOOKUP_IDS[kind]), (
            lookup_id
        )


@given(kind=KINDS, text=st.text(max_size=80) | st.from_regex(TOKEN_PATTERN))
def test_other_text_is_not_a_token(kind: TokenKind, text: str) -> None:
    parts = text.split("_")
    is_token = len(parts) == 3 and parts[0] == kind and is_valid_lookup_id(kind, parts[1]) and ids.is_id(parts[2])
    if is_token:
        assert tokens.parse(kind, text) == (parts[1], parts[2])
    else:
        with pytest.raises(InvalidToken) as caught:
            tokens.parse(kind, text)
        assert caught.value.code == "invalid_token"


@pytest.mark.parametrize("suffix", ["\n", " ", "_", "_0", "\x00", "=", "É"])
def test_token_with_a_suffix_is_rejected(suffix: str) -> None:
    assert not tokens.matches(TokenKind.RESET, tokens.format_token(TokenKind.RESET, LOOKUP_ID, SECRET) + suffix)


def test_no_kind_is_a_prefix_of_another() -> None:
    values = [kind.value for kind in TokenKind]

    assert not [one for one in values for other in values if one != other and other.startswith(one)]


def test_csrf_token_is_derived_from_the_secret_of_the_cookie_and_does_not_reveal_it() -> None:
    first, second = (tokens.derive_csrf_token(secret) for secret in ("0" * 26, "1" * 26))

    assert first == tokens.derive_csrf_token("0" * 26)
    assert first != second
    assert first.startswith("hx_")
    assert "0" * 26 not in first
    # The digest of the secret is stored, so a reader of the table must not find the CSRF token there.
    assert ids.sha256_hex("0" * 26) not in first
