"""What callers show: an access token, the cookie of a browser, or an API key. One of them, never two."""

import re
from datetime import timedelta

from aws_lambda_powertools.shared.cookies import Cookie, SameSite
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from holdall import ids
from holdall.config import settings
from holdall.errors import Forbidden, Malformed, Unauthenticated
from holdall.iam.model import LONGEST, Claims
from holdall.iam.service import sessions
from holdall.keys import service as keys
from holdall.keys.service import Claims as KeyClaims

_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
COOKIE = "__Host-session"


def claims_of(event: APIGatewayProxyEventV2) -> Claims | KeyClaims:
    """Who is asking, by their own word. Raises Unauthenticated, and Malformed for two words at once."""
    authorization, cookie, key = event.headers.get("authorization"), cookie_in(event), event.headers.get("x-api-key")
    if cookie and not sessions.is_cookie(cookie):
        cookie = None  # it binds a sign-in that was begun with a provider to this browser, and says nobody's name
    if sum(shown is not None for shown in (authorization, cookie, key)) > 1:
        raise Malformed(
            "ambiguous_credentials", "Send an access token, the session's cookie or an API key, and only one."
        )
    if key is not None:
        return keys.claims_of(key.strip())
    if cookie:
        return sessions.claims_of_cookie(cookie)
    match = _BEARER.fullmatch(authorization.strip()) if authorization else None
    if match is None:
        raise Unauthenticated
    return sessions.claims_of(match.group(1))


def check_same_site(event: APIGatewayProxyEventV2, claims: Claims) -> None:
    """Refuse a change that a browser was led into by another site: a cookie comes by itself, so it needs its CSRF token
    and our own Origin beside it (OWASP CSRF prevention cheat sheet). Raises Forbidden.
    """
    if claims.secret is None or event.http_method in _SAFE:
        return
    origin = event.headers.get("origin")
    if origin is not None and origin not in {settings().public_url, *settings().allowed_origins.split(",")}:
        raise Forbidden("foreign_origin", "This request comes from another site.")
    given = event.headers.get("x-csrf-token") or ""
    if origin is None or not ids.same(given, sessions.csrf_of(claims.secret)):
        raise Forbidden("csrf", "Send the CSRF token of this session in X-CSRF-Token, from a page of ours.")


def cookie_in(event: APIGatewayProxyEventV2) -> str | None:
    """The value of our cookie. The gateway gives cookies as a list, the emulator as a header: both are read."""
    pairs = ";".join([*event.cookies, event.headers.get("cookie") or ""]).split(";")
    values = (value for name, _, value in (pair.strip().partition("=") for pair in pairs) if name == COOKIE)
    return next(values, None) or None


def session_cookie(value: str, lasting: timedelta = LONGEST) -> Cookie:
    """Our one cookie, to be set; an empty value ends it. Lax, as a browser comes back from a provider by a link."""
    age = int(lasting.total_seconds()) if value else 0
    return Cookie(COOKIE, value, path="/", secure=True, http_only=True, max_age=age, same_site=SameSite.LAX_MODE)
