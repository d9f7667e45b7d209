"""Kinds of tokens. Each starts with its kind, and only the routes for that kind accept it."""

import re
from enum import StrEnum

from holdall.iam.model import InvalidToken, SessionCredentials
from holdall.platform import ids


class TokenKind(StrEnum):
    """The purpose of a token. The value is the start of its text: an access token is a JWT, which starts as all JWTs do."""

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
    COMPANION = "hu"
    SHARE = "hs"


_LOOKUP_ID_PATTERNS = {
    TokenKind.PROJECT_INVITATION: f"{ids.PROJECT_ID_PATTERN}-{ids.ID_PATTERN}",
    TokenKind.COMPANION: f"{ids.PROJECT_ID_PATTERN}-{ids.ID_PATTERN}-[sk]{ids.ID_PATTERN}",
}


def format_token(kind: TokenKind, lookup_id: str, secret: str) -> str:
    """Return a token of the form `{kind}_{lookup_id}_{secret}`. The lookup ID leads to its record, the secret proves it."""
    return f"{kind}_{lookup_id}_{secret}"


def parse(kind: TokenKind, text: str) -> tuple[str, str]:
    """Return the lookup ID and the secret of a token. Raises InvalidToken for any other text."""
    lookup_id = _LOOKUP_ID_PATTERNS.get(kind, ids.ID_PATTERN)
    match = re.fullmatch(f"{kind}_({lookup_id})_({ids.ID_PATTERN})", text)
    if match is None:
        raise InvalidToken
    return match[1], match[2]


def matches(kind: TokenKind, text: str) -> bool:
    """Return whether a text has the form of a token of this kind."""
    try:
        parse(kind, text)
    except InvalidToken:
        return False
    return True


def format_session_cookie(user_id: str, session_id: str, secret: str) -> str:
    return f"{TokenKind.COOKIE}_{user_id}_{session_id}_{secret}"


def is_session_cookie(text: str) -> bool:
    """Return whether a cookie claims to be that of a session."""
    return text.startswith(f"{TokenKind.COOKIE}_")


def parse_session_cookie(text: str) -> SessionCredentials:
    """Return the content of a session cookie. Raises InvalidToken."""
    part = f"({ids.ID_PATTERN})"
    match = re.fullmatch(f"{TokenKind.COOKIE}_{part}_{part}_{part}", text)
    if match is None:
        raise InvalidToken
    return SessionCredentials(*match.groups())


def derive_csrf_token(session_secret: str) -> str:
    """Return the CSRF token of a session cookie. It is derived from the secret, so it is not stored, and reveals nothing."""
    return f"{TokenKind.CSRF}_{ids.sha256_hex(f'csrf {session_secret}')}"
