"""/auth/login, /auth/refresh, /auth/logout, and the public keys of access tokens."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response

from holdall.accounts import service
from holdall.accounts.model import Login, Refresh, Refreshed, SignedIn
from holdall.caller import Caller, Visitor
from holdall.http import Data, Router, anyone, signed_in
from holdall.iam import service as iam
from holdall.shape import Shown

router = Router()


class KeySet(Shown):
    """A JSON Web Key Set (RFC 7517, section 5), as every verifier reads it: without our envelope."""

    keys: list[dict[str, str]]


@router.post("/auth/login", summary="Begin a session")
def login(visitor: Annotated[Visitor, anyone()], said: Login) -> Data[SignedIn]:
    return Data(data=service.login(visitor, said))


@router.post("/auth/refresh", summary="Go on with a session")
def refresh(visitor: Annotated[Visitor, anyone()], said: Refresh) -> Data[Refreshed]:
    return Data(data=service.refresh(visitor, said.refresh_token))


@router.post("/auth/logout", status_code=204, summary="End this session")
def logout(caller: Annotated[Caller, signed_in()]) -> Response[None]:
    iam.end_session(caller)
    return Response(status_code=204)


@router.post("/auth/logout-all", status_code=204, summary="End all sessions")
def logout_all(caller: Annotated[Caller, signed_in()]) -> Response[None]:
    iam.end_sessions(caller)
    return Response(status_code=204)


@router.get("/.well-known/jwks.json", summary="Public keys of access tokens")
def jwks(visitor: Annotated[Visitor, anyone()]) -> Response[KeySet]:  # noqa: ARG001  # stands for the door
    keys = KeySet(keys=iam.public_jwks())
    return Response(
        status_code=200, content_type="application/json", body=keys, headers={"cache-control": "public, max-age=300"}
    )
