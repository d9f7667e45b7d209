"""Sessions: begin, go on, see and end them; and the public keys of access tokens."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.auth.answers import done, entered
from holdall.accounts.model import Login, Me, MfaRequired, Refresh, Refreshed, SecondFactor, SignedIn, SignedInByCookie
from holdall.accounts.service import entry
from holdall.caller import Caller, Visitor
from holdall.http import Cursor, Cursors, Data, Limit, Listed, Router, anyone, session_cookie, signed_in
from holdall.iam.model import Device
from holdall.iam.service import sessions, users
from holdall.shape import Shown

router = Router()

SessionId = Annotated[str, Path(alias="sessionId")]


class KeySet(Shown):
    """A JSON Web Key Set (RFC 7517, section 5), as every verifier reads it: without our envelope."""

    keys: list[dict[str, str]]


@router.post("/auth/login", summary="Begin a session")
def login(
    visitor: Annotated[Visitor, anyone(limit="sign-in")], said: Login
) -> Response[Data[SignedIn] | Data[SignedInByCookie] | Data[MfaRequired]]:
    return entered(entry.login(visitor, said))


@router.post("/auth/2fa/verify", summary="Finish a login by the second factor")
def second_factor(
    visitor: Annotated[Visitor, anyone(limit="sign-in")], said: SecondFactor
) -> Response[Data[SignedIn] | Data[SignedInByCookie] | Data[MfaRequired]]:
    return entered(entry.second_factor(visitor, said))


@router.post("/auth/refresh", summary="Go on with a session")
def refresh(visitor: Annotated[Visitor, anyone(limit="refresh")], said: Refresh) -> Data[Refreshed]:
    return Data(data=entry.refresh(visitor, said.refresh_token))


@router.post("/auth/logout", status_code=204, summary="End this session")
def logout(caller: Annotated[Caller, signed_in()]) -> Response[None]:
    sessions.end_session(caller)
    return _goodbye(caller)


@router.post("/auth/logout-all", status_code=204, summary="End all sessions")
def logout_all(caller: Annotated[Caller, signed_in()]) -> Response[None]:
    sessions.end_sessions(caller)
    return _goodbye(caller)


@router.get("/auth/me", summary="Who is signed in")
def me(caller: Annotated[Caller, signed_in()]) -> Data[Me]:
    user = users.myself(caller).user
    return Data(data=Me(**vars(user), csrf_token=caller.csrf))


@router.get("/auth/sessions", summary="The caller's devices")
def devices(caller: Annotated[Caller, signed_in()], limit: Limit = 20, cursor: Cursor = None) -> Listed[Device]:
    cursors = Cursors("sessions", caller.user_id)
    return cursors.answer(sessions.sessions(caller, cursors.request(limit, cursor)), limit)


@router.delete("/auth/sessions/<sessionId>", status_code=204, summary="End the session of a device")
def end(caller: Annotated[Caller, signed_in()], session_id: SessionId) -> Response[None]:
    sessions.end_session(caller, session_id)
    return done()


@router.get("/.well-known/jwks.json", summary="Public keys of access tokens")
def jwks(visitor: Annotated[Visitor, anyone()]) -> Response[KeySet]:  # noqa: ARG001  # stands for the door
    keys = KeySet(keys=sessions.public_jwks())
    return Response(
        status_code=200, content_type="application/json", body=keys, headers={"cache-control": "public, max-age=300"}
    )


def _goodbye(caller: Caller) -> Response[None]:
    return Response(status_code=204, cookies=[session_cookie("")] if caller.csrf else [])
