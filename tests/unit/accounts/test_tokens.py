"""Tokens (S2): each says by its beginning what it is, and only its exact form is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall import ids
from holdall.errors import Unauthenticated
from holdall.iam import tokens
from holdall.iam.tokens import TokenKind

LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
PLACE, SECRET = "0" * 26, "1" * 26
KINDS = st.sampled_from(TokenKind)
SHORT = st.sampled_from([kind for kind in TokenKind if kind is not TokenKind.ACCESS])
PARTS = st.text(LETTERS, min_size=26, max_size=26)
PROJECT = "2" * 12
# Where the row of each kind lies: most stand alone, two lie in a project, and a key's place tells who made it.
PLACES = dict.fromkeys(TokenKind, PLACE) | {
    TokenKind.JOIN: f"{PROJECT}-{PLACE}",
    TokenKind.KEY: f"{PROJECT}-{PLACE}-{PLACE}",
}
FORM = r"h[a-z]_([0-9a-z]{11,13}-)?([0-9a-z]{25,27}-)?[0-9a-z]{20,27}_[0-9a-z]{20,27}\n?"


def right_place(kind: TokenKind, place: str) -> bool:
    """The same rule, written by parts."""
    project, *rest = place.split("-")
    if kind is TokenKind.JOIN:
        return ids.is_project_id(project) and len(rest) == 1 and ids.is_id(rest[0])
    return ids.is_key_id(place) if kind is TokenKind.KEY else ids.is_id(place)


@given(kind=SHORT, part=PARTS, secret=PARTS)
def test_what_was_written_is_read(kind: TokenKind, part: str, secret: str) -> None:
    place = PLACES[kind].replace(PLACE, part)
    text = tokens.write(kind, place, secret)

    assert tokens.read(kind, text) == (place, secret)
    assert tokens.is_one(kind, text)


@given(kind=SHORT, other=KINDS)
def test_a_token_is_of_one_kind(kind: TokenKind, other: TokenKind) -> None:
    assert tokens.is_one(other, tokens.write(kind, PLACES[kind], SECRET)) == (other is kind)


@pytest.mark.parametrize("kind", [kind for kind in TokenKind if kind is not TokenKind.ACCESS])
def test_a_kind_has_its_place_and_no_other(kind: TokenKind) -> None:
    for place in set(PLACES.values()) | {"", PROJECT, f"{PLACE}-{PROJECT}", f"{PROJECT}-", f"{PLACES[kind]}-{PLACE}"}:
        assert tokens.is_one(kind, tokens.write(kind, place, SECRET)) == (place == PLACES[kind]), place


@given(kind=KINDS, text=st.text(max_size=80) | st.from_regex(FORM))
def test_any_other_text_is_no_token(kind: TokenKind, text: str) -> None:
    parts = text.split("_")
    right = len(parts) == 3 and parts[0] == kind and right_place(kind, parts[1]) and ids.is_id(parts[2])
    if right:
        assert tokens.read(kind, text) == (parts[1], parts[2])
    else:
        with pytest.raises(Unauthenticated) as failure:
            tokens.read(kind, text)
        assert failure.value.code == "invalid_token"


@pytest.mark.parametrize("end", ["\n", " ", "_", "_0", "\x00", "=", "É"])
def test_nothing_may_follow(end: str) -> None:
    assert not tokens.is_one(TokenKind.RESET, tokens.write(TokenKind.RESET, PLACE, SECRET) + end)


def test_no_kind_begins_as_another() -> None:
    values = [kind.value for kind in TokenKind]

    assert not [one for one in values for other in values if one != other and other.startswith(one)]


def test_a_csrf_token_follows_from_the_cookies_secret_and_tells_nothing_of_it() -> None:
    first, second = (tokens.csrf_of(secret) for secret in ("0" * 26, "1" * 26))

    assert first == tokens.csrf_of("0" * 26)
    assert first != second
    assert first.startswith("hx_")
    assert "0" * 26 not in first
    # What is stored of the secret is its digest: whoever reads the table learns no CSRF token by it.
    assert ids.digest("0" * 26) not in first
