"""/auth/oauth, /auth/identities: sign in with somebody else's account, and link one."""

from typing import Annotated
from urllib.parse import quote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.shared.cookies import Cookie

from functions.auth.responses import no_content
from holdall.accounts.model import IdentityResponse, LinkIdentityResponse, MfaRequiredResponse
from holdall.accounts.service import oauth
from holdall.http import DataResponse, Router, public, read_session_cookie, recent_session, session, session_cookie
from holdall.platform.caller import Caller, ClientInfo

router = Router()

ProviderName = Annotated[str, Path(alias="provider", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
# A path of ours: one slash, and nothing that a browser reads as another host.
_RELATIVE_PATH_PATTERN = r"^/([\x21-\x2e\x30-\x5b\x5d-\x7e][\x21-\x5b\x5d-\x7e]*)?$"
ReturnTo = Annotated[str, Query(alias="returnTo", max_length=512, pattern=_RELATIVE_PATH_PATTERN)]
CallbackParameter = Annotated[str | None, Query(max_length=4096)]


@router.get("/auth/oauth/<provider>/start", summary="Sign in with a provider")
def start_oauth(
    client: Annotated[ClientInfo, public(rate_limit="sign-in")],  # noqa: ARG001  # stands for the door
    provider: ProviderName,
    return_to: ReturnTo = "/",
) -> Response[None]:
    started = oauth.start(provider, return_to, read_session_cookie(router.current_event))
    return redirect(started.url, _state_cookie(started))


@router.get("/auth/oauth/<provider>/callback", summary="Handle the redirect from a provider")
def handle_oauth_callback(
    # Providers add parameters of their own, to be ignored (RFC 6749, section 4.1.2). An error comes without a code.
    client: Annotated[ClientInfo, public(rate_limit="sign-in", allow_unknown_query=True)],
    provider: ProviderName,
    state: Annotated[str, Query(max_length=512)],
    code: CallbackParameter = None,
    iss: CallbackParameter = None,
) -> Response[None]:
    returned = oauth.handle_callback(
        client, provider, state=state, code=code, iss=iss, cookie=read_session_cookie(router.current_event)
    )
    if isinstance(returned.sign_in, MfaRequiredResponse):
        # Behind "#", which no server is sent.
        return redirect(f"{returned.return_to.partition('#')[0]}#mfaToken={quote(returned.sign_in.mfa_token)}")
    return redirect(returned.return_to, session_cookie(returned.sign_in[0].cookie) if returned.sign_in else None)


@router.get("/auth/identities", summary="List linked identities")
def list_identities(caller: Annotated[Caller, session()]) -> DataResponse[list[IdentityResponse]]:
    return DataResponse(data=oauth.list_identities(caller))


@router.post("/auth/identities/<provider>/link", summary="Link an identity")
def link_identity(
    caller: Annotated[Caller, recent_session()], provider: ProviderName
) -> Response[DataResponse[LinkIdentityResponse]]:
    started = oauth.start(provider, "/", read_session_cookie(router.current_event), caller)
    cookie = _state_cookie(started)
    cookies = [cookie] if cookie else []
    body = DataResponse(data=LinkIdentityResponse(url=started.url))
    return Response(status_code=200, content_type="application/json", body=body, cookies=cookies)


@router.delete("/auth/identities/<provider>", status_code=204, summary="Unlink an identity")
def unlink_identity(caller: Annotated[Caller, recent_session()], provider: ProviderName) -> Response[None]:
    oauth.unlink_identity(caller, provider)
    return no_content()


def _state_cookie(authorization_request: oauth.AuthorizationRequest) -> Cookie | None:
    return session_cookie(authorization_request.cookie, oauth.STATE_TTL) if authorization_request.cookie else None


def redirect(url: str, cookie: Cookie | None = None) -> Response[None]:
    return Response(status_code=302, headers={"location": url}, cookies=[cookie] if cookie else [])
