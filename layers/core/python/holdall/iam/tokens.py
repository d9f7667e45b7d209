"""Kinds of token. Each opens its own door and no other, and says by its beginning what it is."""

import re
from enum import StrEnum

from holdall import ids
from holdall.iam.model import invalid_token


class TokenKind(StrEnum):
    """What a token is for; the value is how its text begins. An access token is a JWT and begins as those do."""

    ACCESS = "eyJ"
    REFRESH = "hr"
    COOKIE = "hc"
    CSRF = "hx"
    MFA = "hm"
    VERIFY = "hv"
    RESET = "hp"
    EMAIL_CHANGE = "he"
    INVITATION = "hi"
    STATE = "ho"
    KEY = "hk"
    JOIN = "hj"


_LETTER = "[0-9a-hjkmnp-tv-z]"
_ALONE, _PROJECT = f"{_LETTER}{{26}}", f"{_LETTER}{{12}}"
_FORM = re.compile(f"([a-z]{{2}})_([0-9a-z-]+)_({_ALONE})")
# Where the row of a token lies, as its text says it; of those that are not here, under an id that stands alone.
_PLACES = {
    TokenKind.JOIN: re.compile(f"{_PROJECT}-{_ALONE}"),
    TokenKind.KEY: re.compile(f"{_PROJECT}-{_ALONE}-{_ALONE}"),
}
_PLACE = re.compile(_ALONE)


def write(kind: TokenKind, place: str, secret: str) -> str:
    """The text of a token: what it is, where its row lies, and what proves it."""
    return f"{kind}_{place}_{secret}"


def read(kind: TokenKind, text: str) -> tuple[str, str]:
    """The place and the secret of a token of this kind. Raises Unauthenticated for any other text."""
    if not is_one(kind, text):
        raise invalid_token()
    _, place, secret = text.split("_")
    return place, secret


def is_one(kind: TokenKind, text: str) -> bool:
    """Whether this is written like a token of this kind."""
    match = _FORM.fullmatch(text)
    return match is not None and match.group(1) == kind and bool(_PLACES.get(kind, _PLACE).fullmatch(match.group(2)))


def csrf_of(cookie_secret: str) -> str:
    """The CSRF token of a cookie: it follows from the secret, so nothing is kept, and tells nothing of it."""
    return f"{TokenKind.CSRF}_{ids.digest(f'csrf {cookie_secret}')}"
