"""/auth/oauth, /auth/identities: sign in with somebody else's account, and link one."""

from typing import Annotated
from urllib.parse import quote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.shared.cookies import Cookie

from functions.auth.answers import done
from holdall.accounts.model import IdentityView, LinkStarted, MfaRequired
from holdall.accounts.service import providers
from holdall.caller import Caller, Visitor
from holdall.http import Data, Router, anyone, cookie_in, fresh, session_cookie, signed_in

router = Router()

ProviderName = Annotated[str, Path(alias="provider", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
# A path of ours: one slash, and nothing that a browser reads as another host.
_PATH = r"^/([\x21-\x2e\x30-\x5b\x5d-\x7e][\x21-\x5b\x5d-\x7e]*)?$"
ReturnTo = Annotated[str, Query(alias="returnTo", max_length=512, pattern=_PATH)]
Text = Annotated[str | None, Query(max_length=4096)]


@router.get("/auth/oauth/<provider>/start", summary="Sign in with a provider")
def start(
    visitor: Annotated[Visitor, anyone(limit="sign-in")],  # noqa: ARG001  # stands for the door
    provider: ProviderName,
    return_to: ReturnTo = "/",
) -> Response[None]:
    started = providers.start(provider, return_to, cookie_in(router.current_event))
    return _go(started.url, _binding(started))


@router.get("/auth/oauth/<provider>/callback", summary="Come back from a provider")
def callback(
    # Providers add parameters of their own, to be ignored (RFC 6749, section 4.1.2). An error comes without a code.
    visitor: Annotated[Visitor, anyone(limit="sign-in", any_query=True)],
    provider: ProviderName,
    state: Annotated[str, Query(max_length=512)],
    code: Text = None,
    iss: Text = None,
) -> Response[None]:
    returned = providers.finish(
        visitor, provider, state=state, code=code, iss=iss, cookie=cookie_in(router.current_event)
    )
    if isinstance(returned.entered, MfaRequired):
        # Behind "#", which no server is sent.
        return _go(f"{returned.to.partition('#')[0]}#mfaToken={quote(returned.entered.mfa_token)}")
    return _go(returned.to, session_cookie(returned.entered[0].cookie) if returned.entered else None)


@router.get("/auth/identities", summary="The identities that the caller can sign in with")
def identities(caller: Annotated[Caller, signed_in()]) -> Data[list[IdentityView]]:
    return Data(data=providers.identities(caller))


@router.post("/auth/identities/<provider>/link", summary="Link an identity")
def link(caller: Annotated[Caller, fresh()], provider: ProviderName) -> Response[Data[LinkStarted]]:
    started = providers.start(provider, "/", cookie_in(router.current_event), caller)
    cookie = _binding(started)
    cookies = [cookie] if cookie else []
    body = Data(data=LinkStarted(url=started.url))
    return Response(status_code=200, content_type="application/json", body=body, cookies=cookies)


@router.delete("/auth/identities/<provider>", status_code=204, summary="Forget an identity")
def unlink(caller: Annotated[Caller, fresh()], provider: ProviderName) -> Response[None]:
    providers.unlink(caller, provider)
    return done()


def _binding(started: providers.Started) -> Cookie | None:
    return session_cookie(started.cookie, providers.PATIENCE) if started.cookie else None


def _go(url: str, cookie: Cookie | None = None) -> Response[None]:
    return Response(status_code=302, headers={"location": url}, cookies=[cookie] if cookie else [])
