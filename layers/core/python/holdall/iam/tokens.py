"""Kinds of token. Each opens its own door and no other, and says by its beginning what it is."""

import re
from enum import StrEnum

from holdall.iam.model import invalid_token
from holdall.platform import ids


class TokenKind(StrEnum):
    """What a token is for; the value is how its text begins. An access token is a JWT and begins as those do."""

    ACCESS = "eyJ"
    REFRESH = "hr"
    COOKIE = "hc"
    CSRF = "hx"
    MFA = "hm"
    EMAIL_VERIFICATION = "hv"
    RESET = "hp"
    EMAIL_CHANGE = "he"
    ACCOUNT_INVITATION = "hi"
    OAUTH_STATE = "ho"
    API_KEY = "hk"
    PROJECT_INVITATION = "hj"


_CHARACTER = "[0-9a-hjkmnp-tv-z]"
_ID, _PROJECT_ID = f"{_CHARACTER}{{26}}", f"{_CHARACTER}{{12}}"
_TOKEN_PATTERN = re.compile(f"([a-z]{{2}})_([0-9a-z-]+)_({_ID})")
# Where the row of a token lies, as its text says it; of those that are not here, under an id that stands alone.
_LOOKUP_ID_PATTERNS = {
    TokenKind.PROJECT_INVITATION: re.compile(f"{_PROJECT_ID}-{_ID}"),
    TokenKind.API_KEY: re.compile(f"{_PROJECT_ID}-{_ID}-{_ID}"),
}
_DEFAULT_LOOKUP_ID_PATTERN = re.compile(_ID)


def format_token(kind: TokenKind, lookup_id: str, secret: str) -> str:
    """The text of a token: what it is, where its row lies, and what proves it."""
    return f"{kind}_{lookup_id}_{secret}"


def parse(kind: TokenKind, text: str) -> tuple[str, str]:
    """The place and the secret of a token of this kind. Raises Unauthenticated for any other text."""
    if not matches(kind, text):
        raise invalid_token()
    _, place, secret = text.split("_")
    return place, secret


def matches(kind: TokenKind, text: str) -> bool:
    """Whether this is written like a token of this kind."""
    match = _TOKEN_PATTERN.fullmatch(text)
    return (
        match is not None
        and match.group(1) == kind
        and bool(_LOOKUP_ID_PATTERNS.get(kind, _DEFAULT_LOOKUP_ID_PATTERN).fullmatch(match.group(2)))
    )


def derive_csrf_token(session_secret: str) -> str:
    """The CSRF token of a cookie: it follows from the secret, so nothing is kept, and tells nothing of it."""
    return f"{TokenKind.CSRF}_{ids.sha256_hex(f'csrf {session_secret}')}"
