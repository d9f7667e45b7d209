"""What callers show: an access token, the cookie of a browser, or an API key. One of them, never two."""

import re
from datetime import timedelta

from aws_lambda_powertools.shared.cookies import Cookie, SameSite
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from holdall.api_keys import service as api_keys
from holdall.api_keys.service import ApiKeyCredentials as KeyClaims
from holdall.iam.model import SESSION_MAX_AGE, SessionCredentials
from holdall.iam.service import sessions
from holdall.platform import ids
from holdall.platform.config import settings
from holdall.platform.errors import BadRequest, Forbidden, Unauthenticated

_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SESSION_COOKIE = "__Host-session"


def read_credentials(event: APIGatewayProxyEventV2) -> SessionCredentials | KeyClaims:
    """Who is asking, by their own word. Raises Unauthenticated, and Malformed for two words at once."""
    authorization, cookie, key = (
        event.headers.get("authorization"),
        read_session_cookie(event),
        event.headers.get("x-api-key"),
    )
    if cookie and not sessions.is_session_cookie(cookie):
        cookie = None  # it binds a sign-in that was begun with a provider to this browser, and says nobody's name
    if sum(shown is not None for shown in (authorization, cookie, key)) > 1:
        raise BadRequest("Send exactly one of: access token, session cookie, API key.", code="ambiguous_credentials")
    if key is not None:
        return api_keys.parse_credentials(key.strip())
    if cookie:
        return sessions.parse_session_cookie(cookie)
    match = _BEARER.fullmatch(authorization.strip()) if authorization else None
    if match is None:
        raise Unauthenticated
    return sessions.verify_access_token(match.group(1))


def verify_csrf(event: APIGatewayProxyEventV2, claims: SessionCredentials) -> None:
    """Refuse a change that a browser was led into by another site: a cookie comes by itself, so it needs its CSRF token
    and our own Origin beside it (OWASP CSRF prevention cheat sheet). Raises Forbidden.
    """
    if claims.secret is None or event.http_method in _SAFE_METHODS:
        return
    origin = event.headers.get("origin")
    if origin is not None and origin not in {settings().public_url, *settings().allowed_origins.split(",")}:
        raise Forbidden("Requests from this origin are not allowed.", code="origin_not_allowed")
    given = event.headers.get("x-csrf-token") or ""
    if origin is None or not ids.constant_time_equal(given, sessions.derive_csrf_token(claims.secret)):
        raise Forbidden(
            "Send the session's CSRF token in the X-CSRF-Token header, with an allowed Origin.", code="csrf"
        )


def read_session_cookie(event: APIGatewayProxyEventV2) -> str | None:
    """The value of our cookie. The gateway gives cookies as a list, the emulator as a header: both are read."""
    pairs = ";".join([*event.cookies, event.headers.get("cookie") or ""]).split(";")
    values = (value for name, _, value in (pair.strip().partition("=") for pair in pairs) if name == SESSION_COOKIE)
    return next(values, None) or None


def session_cookie(value: str, max_age: timedelta = SESSION_MAX_AGE) -> Cookie:
    """Our one cookie, to be set; an empty value ends it. Lax, as a browser comes back from a provider by a link."""
    age = int(max_age.total_seconds()) if value else 0
    return Cookie(
        SESSION_COOKIE, value, path="/", secure=True, http_only=True, max_age=age, same_site=SameSite.LAX_MODE
    )
