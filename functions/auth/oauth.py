"""Sign-in with an OAuth provider, and linked identities.

A browser comes here by itself, so what fails there leads back to a page, which makes a sentence of the code.
"""

import re
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.shared.cookies import Cookie

from holdall.accounts.model import IdentityResponse, LinkIdentityResponse, MfaRequiredResponse
from holdall.accounts.service import oauth
from holdall.http.app import BASE_PATH, Router
from holdall.http.auth import CurrentCaller, CurrentClient, public, recent_session, session
from holdall.http.client_info import AsksForPage, asks_for_page
from holdall.http.credentials import SessionCookie, session_cookie
from holdall.http.responses import (
    SET_COOKIE,
    DataResponse,
    data,
    documented,
    json_response,
    no_content,
    redirect,
)
from holdall.iam.model import IssuedCookie
from holdall.platform.errors import HoldallError

router = Router()

ProviderName = Annotated[str, Path(alias="provider", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
# A path with one leading slash, and without a backslash, so that no browser reads it as the URL of another host.
_RELATIVE_PATH_PATTERN = r"^/([\x21-\x2e\x30-\x5b\x5d-\x7e][\x21-\x5b\x5d-\x7e]*)?$"
ReturnTo = Annotated[str, Query(alias="returnTo", max_length=512, pattern=_RELATIVE_PATH_PATTERN)]
State = Annotated[str, Query(max_length=512)]
CallbackParameter = Annotated[str | None, Query(max_length=4096)]
_BROWSER_PATH = re.compile(rf"{BASE_PATH}/auth/oauth/[^/]+/(start|callback)")
_SIGN_IN_PAGE, _SECURITY_PAGE = "/sign-in", "/account/security"
_REDIRECT_HEADERS = {**SET_COOKIE, "Location": {"required": True, "schema": {"type": "string"}}}


def lead_back(event: dict[str, Any], problem: dict[str, Any]) -> Response[Any] | None:
    """Lead a browser to the sign-in if a sign-in that it may not have started fails. The cookie of another one stays."""
    if not _BROWSER_PATH.fullmatch(event.get("rawPath", "")) or not asks_for_page(event.get("headers") or {}):
        return None
    return redirect(_page(_SIGN_IN_PAGE, error=problem["code"]))


@router.get(
    "/auth/oauth/<provider>/start",
    guard=public(rate_limit="sign-in"),
    summary="Sign in with a provider",
    responses={
        302: documented(
            "Redirect to the provider. The cookie binds the callback to this browser.", headers=_REDIRECT_HEADERS
        )
    },
)
def start_oauth(provider: ProviderName, cookie: SessionCookie, return_to: ReturnTo = "/") -> Response[None]:
    authorization_request = oauth.start(provider, return_to, cookie)
    return redirect(authorization_request.url, _state_cookie(authorization_request))


@router.get(
    "/auth/oauth/<provider>/callback",
    # Providers add parameters of their own, which the client must ignore (RFC 6749, section 4.1.2).
    guard=public(rate_limit="sign-in", allow_unknown_query=True),
    summary="Handle the redirect from a provider",
    responses={
        302: documented(
            "Redirect to the requested path, with a session cookie. If the request accepts HTML, as one of a browser does, it "
            "is also the response to an error: a redirect to the page of the sign-in or of the links, with `error`, its code.",
            headers=_REDIRECT_HEADERS,
        )
    },
)
def handle_oauth_callback(
    client: CurrentClient,
    provider: ProviderName,
    cookie: SessionCookie,
    is_page: AsksForPage,
    state: State,
    code: CallbackParameter = None,  # an error response has no code
    iss: CallbackParameter = None,
) -> Response[None]:
    browser = oauth.redeem_state(provider, state, cookie)
    end_of_flow = session_cookie("") if oauth.is_state_cookie(cookie) else None
    try:
        result = oauth.complete(client, browser, code, iss)
    except HoldallError as error:
        if not is_page:
            raise
        if browser.links:
            return redirect(_page(_SECURITY_PAGE, error=error.code), end_of_flow)
        return redirect(_page(_SIGN_IN_PAGE, error=error.code, next=browser.return_to), end_of_flow)
    if isinstance(result, MfaRequiredResponse):
        # In the fragment, because browsers do not send it to any server.
        return redirect(f"{browser.return_to.partition('#')[0]}#mfaToken={quote(result.mfa_token)}")
    issued = result[0] if result else None
    return redirect(
        browser.return_to, session_cookie(issued.cookie) if isinstance(issued, IssuedCookie) else end_of_flow
    )


@router.get("/auth/identities", guard=session(), summary="List linked identities")
def list_identities(caller: CurrentCaller) -> DataResponse[list[IdentityResponse]]:
    return data(oauth.list_identities(caller))


@router.post(
    "/auth/identities/<provider>/link",
    guard=recent_session(),
    summary="Link an identity",
    responses={
        200: documented(
            "The authorization URL. Send the browser there; if a cookie is set, the callback needs it.",
            DataResponse[LinkIdentityResponse],
            headers=SET_COOKIE,
        )
    },
)
def link_identity(
    caller: CurrentCaller, provider: ProviderName, cookie: SessionCookie
) -> Response[DataResponse[LinkIdentityResponse]]:
    authorization_request = oauth.start(provider, _page(_SECURITY_PAGE, linked=provider), cookie, caller)
    state_cookie = _state_cookie(authorization_request)
    body = data(LinkIdentityResponse(url=authorization_request.url))
    return json_response(body, cookies=[state_cookie] if state_cookie else [])


@router.delete("/auth/identities/<provider>", guard=recent_session(), status_code=204, summary="Unlink an identity")
def unlink_identity(caller: CurrentCaller, provider: ProviderName) -> Response[None]:
    oauth.unlink_identity(caller, provider)
    return no_content()


def _page(path: str, **query: str) -> str:
    return f"{path}?{urlencode(query)}"


def _state_cookie(authorization_request: oauth.AuthorizationRequest) -> Cookie | None:
    return session_cookie(authorization_request.cookie, oauth.STATE_TTL) if authorization_request.cookie else None
