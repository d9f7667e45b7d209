"""Sessions: begin, go on, see and end them; and the public keys of access tokens."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.auth.responses import no_content, session_response
from holdall.accounts.model import (
    CookieSessionResponse,
    CurrentUserResponse,
    LoginRequest,
    MfaRequiredResponse,
    RefreshRequest,
    RefreshResponse,
    TokenResponse,
    VerifyMfaRequest,
)
from holdall.accounts.service import sign_in
from holdall.http import Cursor, CursorCodec, DataResponse, Limit, PageResponse, Router, public, session, session_cookie
from holdall.iam.model import Session
from holdall.iam.service import sessions, users
from holdall.platform.caller import Caller, ClientInfo
from holdall.platform.schemas import ResponseModel

router = Router()

SessionId = Annotated[str, Path(alias="sessionId")]


class JsonWebKeySet(ResponseModel):
    """A JSON Web Key Set (RFC 7517, section 5), as every verifier reads it: without our envelope."""

    keys: list[dict[str, str]]


@router.post("/auth/login", summary="Sign in")
def login(
    client: Annotated[ClientInfo, public(rate_limit="sign-in")], body: LoginRequest
) -> Response[DataResponse[TokenResponse] | DataResponse[CookieSessionResponse] | DataResponse[MfaRequiredResponse]]:
    return session_response(sign_in.login(client, body))


@router.post("/auth/2fa/verify", summary="Complete a sign-in with a second factor")
def verify_mfa(
    client: Annotated[ClientInfo, public(rate_limit="sign-in")], body: VerifyMfaRequest
) -> Response[DataResponse[TokenResponse] | DataResponse[CookieSessionResponse] | DataResponse[MfaRequiredResponse]]:
    return session_response(sign_in.verify_mfa(client, body))


@router.post("/auth/refresh", summary="Refresh the tokens of a session")
def refresh_session(
    client: Annotated[ClientInfo, public(rate_limit="refresh")], body: RefreshRequest
) -> DataResponse[RefreshResponse]:
    return DataResponse(data=sign_in.refresh(client, body.refresh_token))


@router.post("/auth/logout", status_code=204, summary="Sign out")
def logout(caller: Annotated[Caller, session()]) -> Response[None]:
    sessions.revoke_session(caller)
    return clear_session(caller)


@router.post("/auth/logout-all", status_code=204, summary="Sign out everywhere")
def revoke_all_sessions(caller: Annotated[Caller, session()]) -> Response[None]:
    sessions.revoke_own_sessions(caller)
    return clear_session(caller)


@router.get("/auth/me", summary="Get the current user")
def get_current_user(caller: Annotated[Caller, session()]) -> DataResponse[CurrentUserResponse]:
    user = users.current_account(caller).user
    return DataResponse(data=CurrentUserResponse(**vars(user), csrf_token=caller.csrf_token))


@router.get("/auth/sessions", summary="List sessions")
def list_sessions(
    caller: Annotated[Caller, session()], limit: Limit = 20, cursor: Cursor = None
) -> PageResponse[Session]:
    cursors = CursorCodec("sessions", caller.user_id)
    return cursors.respond(sessions.list_sessions(caller, cursors.decode(limit, cursor)), limit)


@router.delete("/auth/sessions/<sessionId>", status_code=204, summary="Revoke a session")
def revoke_session(caller: Annotated[Caller, session()], session_id: SessionId) -> Response[None]:
    sessions.revoke_session(caller, session_id)
    return no_content()


@router.get("/.well-known/jwks.json", summary="Get the public keys of access tokens")
def get_jwks(client: Annotated[ClientInfo, public()]) -> Response[JsonWebKeySet]:  # noqa: ARG001  # stands for the door
    keys = JsonWebKeySet(keys=sessions.list_jwks())
    return Response(
        status_code=200, content_type="application/json", body=keys, headers={"cache-control": "public, max-age=300"}
    )


def clear_session(caller: Caller) -> Response[None]:
    return Response(status_code=204, cookies=[session_cookie("")] if caller.csrf_token else [])
