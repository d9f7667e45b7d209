"""Credentials: an access token, the session cookie of a browser, or an API key. A request has exactly one of them."""

import re
from datetime import timedelta
from typing import Annotated, cast

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.shared.cookies import Cookie, SameSite
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from holdall.api_keys.model import ApiKeyCredentials
from holdall.iam.model import SESSION_MAX_AGE, SessionCredentials, SessionMode
from holdall.iam.service import sessions
from holdall.platform import ids
from holdall.platform.caller import ClientInfo
from holdall.platform.config import settings
from holdall.platform.errors import BadRequest, Forbidden, Unauthenticated

_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SESSION_COOKIE = "__Host-session"


class AmbiguousCredentials(BadRequest):
    """The request has more than one kind of credentials."""

    code, detail = "ambiguous_credentials", "Send exactly one of: access token, session cookie, API key."


class OriginNotAllowed(Forbidden):
    """The page that sent the request belongs to another site, or is not known where it has to be."""

    code, detail = "origin_not_allowed", "Requests from this origin are not allowed."


class InvalidCsrfToken(Forbidden):
    """The CSRF token or the Origin is missing, or the token is that of another session."""

    code, detail = "csrf", "Send the session's CSRF token in the X-CSRF-Token header, with an allowed Origin."


def read_credentials(event: APIGatewayProxyEventV2) -> SessionCredentials | ApiKeyCredentials:
    """Return the credentials of a request. The session or the key may have ended since they were issued.

    Raises Unauthenticated and AmbiguousCredentials.
    """
    authorization, api_key = event.headers.get("authorization"), event.headers.get("x-api-key")
    cookie = read_session_cookie(event)
    if cookie and not sessions.is_session_cookie(cookie):
        cookie = None  # before a sign-in, the cookie binds the OAuth state to the browser and authenticates no one
    if sum(each is not None for each in (authorization, cookie, api_key)) > 1:
        raise AmbiguousCredentials
    if api_key is not None:
        return ApiKeyCredentials.parse(api_key.strip())
    if cookie:
        return sessions.parse_session_cookie(cookie)
    match = _BEARER.fullmatch(authorization.strip()) if authorization else None
    if match is None:
        raise Unauthenticated
    return sessions.verify_access_token(match.group(1))


def verify_csrf(event: APIGatewayProxyEventV2, credentials: SessionCredentials) -> None:
    """Check that a page of an allowed origin sent a change that is authenticated by the cookie (OWASP, Cross-Site Request
    Forgery Prevention Cheat Sheet). A browser sends the cookie by itself, but neither the token nor another Origin.

    Raises OriginNotAllowed and InvalidCsrfToken.
    """
    if credentials.secret is None or event.http_method in _SAFE_METHODS:
        return
    origin = event.headers.get("origin")
    if origin is not None and not _is_allowed(origin):
        raise OriginNotAllowed
    token = event.headers.get("x-csrf-token") or ""
    if origin is None or not ids.constant_time_equal(token, sessions.derive_csrf_token(credentials.secret)):
        raise InvalidCsrfToken


def check_sign_in_origin(client: ClientInfo, mode: SessionMode) -> None:
    """Check that a page of an allowed origin asks for a session cookie, so that no other page signs a user in.

    OWASP, Cross-Site Request Forgery Prevention Cheat Sheet, "Login CSRF". Raises OriginNotAllowed.
    """
    if mode == "cookie" and not _is_allowed(client.origin):
        raise OriginNotAllowed


def _is_allowed(origin: str | None) -> bool:
    return origin in {settings().public_url, *settings().allowed_origins}


def read_session_cookie(event: APIGatewayProxyEventV2) -> str | None:
    """Return the value of the session cookie. API Gateway passes cookies as a list, the emulator as a header."""
    pairs = ";".join([*event.cookies, event.headers.get("cookie") or ""]).split(";")
    values = (value for name, _, value in (pair.strip().partition("=") for pair in pairs) if name == SESSION_COOKIE)
    return next(values, None) or None


def _read_request_cookie(request: Request) -> str | None:
    return read_session_cookie(cast("APIGatewayProxyEventV2", request.resolved_event))


SessionCookie = Annotated[str | None, Depends(_read_request_cookie)]  # a parameter of a route


def session_cookie(value: str, max_age: timedelta = SESSION_MAX_AGE) -> Cookie:
    """Return the session cookie. An empty value deletes it. It is Lax, because a provider redirects the browser back here."""
    seconds = int(max_age.total_seconds()) if value else 0
    return Cookie(
        SESSION_COOKIE, value, path="/", secure=True, http_only=True, max_age=seconds, same_site=SameSite.LAX_MODE
    )
