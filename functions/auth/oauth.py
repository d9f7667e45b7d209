"""Sign-in with an OAuth provider, and linked identities."""

from typing import Annotated
from urllib.parse import quote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.shared.cookies import Cookie

from holdall.accounts.model import IdentityResponse, LinkIdentityResponse, MfaRequiredResponse
from holdall.accounts.service import oauth
from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentClient, public, recent_session, session
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

router = Router()

ProviderName = Annotated[str, Path(alias="provider", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
# A path with one leading slash, and without a backslash, so that no browser reads it as the URL of another host.
_RELATIVE_PATH_PATTERN = r"^/([\x21-\x2e\x30-\x5b\x5d-\x7e][\x21-\x5b\x5d-\x7e]*)?$"
ReturnTo = Annotated[str, Query(alias="returnTo", max_length=512, pattern=_RELATIVE_PATH_PATTERN)]
State = Annotated[str, Query(max_length=512)]
CallbackParameter = Annotated[str | None, Query(max_length=4096)]
_REDIRECT_HEADERS = {**SET_COOKIE, "Location": {"required": True, "schema": {"type": "string"}}}


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
    responses={302: documented("Redirect to the requested path, with a session cookie.", headers=_REDIRECT_HEADERS)},
)
def handle_oauth_callback(
    client: CurrentClient,
    provider: ProviderName,
    cookie: SessionCookie,
    state: State,
    code: CallbackParameter = None,  # an error response has no code
    iss: CallbackParameter = None,
) -> Response[None]:
    result = oauth.handle_callback(client, provider, state=state, code=code, iss=iss, cookie=cookie)
    if isinstance(result.sign_in, MfaRequiredResponse):
        # In the fragment, because browsers do not send it to any server.
        return redirect(f"{result.return_to.partition('#')[0]}#mfaToken={quote(result.sign_in.mfa_token)}")
    issued = result.sign_in[0] if result.sign_in else None
    return redirect(result.return_to, session_cookie(issued.cookie) if isinstance(issued, IssuedCookie) else None)


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
    authorization_request = oauth.start(provider, "/", cookie, caller)
    state_cookie = _state_cookie(authorization_request)
    body = data(LinkIdentityResponse(url=authorization_request.url))
    return json_response(body, cookies=[state_cookie] if state_cookie else [])


@router.delete("/auth/identities/<provider>", guard=recent_session(), status_code=204, summary="Unlink an identity")
def unlink_identity(caller: CurrentCaller, provider: ProviderName) -> Response[None]:
    oauth.unlink_identity(caller, provider)
    return no_content()


def _state_cookie(authorization_request: oauth.AuthorizationRequest) -> Cookie | None:
    return session_cookie(authorization_request.cookie, oauth.STATE_TTL) if authorization_request.cookie else None
