"""Sessions, and the public keys of access tokens."""

from functools import partial
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.auth.responses import SIGN_IN_RESPONSES, SignInResponse, session_response
from holdall.accounts.model import CurrentUserResponse, LoginRequest, RefreshRequest, RefreshResponse, VerifyMfaRequest
from holdall.accounts.service import mfa, sign_in
from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentClient, CurrentUser, public, session
from holdall.http.credentials import check_sign_in_origin
from holdall.http.responses import (
    SET_COOKIE,
    Cursor,
    DataResponse,
    Limit,
    PageResponse,
    clear_session,
    data,
    documented,
    json_response,
    no_content,
    paginate,
)
from holdall.iam.model import Session
from holdall.iam.service import sessions
from holdall.platform.schemas import ResponseModel

router = Router()

SessionId = Annotated[str, Path(alias="sessionId")]


class JsonWebKeySet(ResponseModel):
    """A JSON Web Key Set (RFC 7517, section 5), without our envelope, because verifiers expect none."""

    keys: list[dict[str, str]]


@router.post("/auth/login", guard=public(rate_limit="sign-in"), summary="Sign in", responses=SIGN_IN_RESPONSES)
def login(client: CurrentClient, body: LoginRequest) -> Response[SignInResponse]:
    check_sign_in_origin(client, body.mode)
    return session_response(sign_in.login(client, body))


@router.post(
    "/auth/2fa/verify",
    guard=public(rate_limit="sign-in"),
    summary="Complete a sign-in with a second factor",
    responses=SIGN_IN_RESPONSES,
)
def verify_mfa(client: CurrentClient, body: VerifyMfaRequest) -> Response[SignInResponse]:
    check_sign_in_origin(client, body.mode)
    return session_response(sign_in.verify_mfa(client, body))


@router.post("/auth/refresh", guard=public(rate_limit="refresh"), summary="Refresh the tokens of a session")
def refresh_session(client: CurrentClient, body: RefreshRequest) -> DataResponse[RefreshResponse]:
    return data(sign_in.refresh(client, body.refresh_token))


@router.post(
    "/auth/logout",
    guard=session(),
    summary="Sign out",
    responses={204: documented("The session was revoked and its cookie deleted.", headers=SET_COOKIE)},
)
def logout(caller: CurrentCaller) -> Response[None]:
    sessions.revoke_current_session(caller)
    return clear_session(caller)


@router.post(
    "/auth/logout-all",
    guard=session(),
    summary="Sign out everywhere",
    responses={204: documented("All sessions were revoked.", headers=SET_COOKIE)},
)
def revoke_all_sessions(caller: CurrentCaller) -> Response[None]:
    sessions.revoke_own_sessions(caller)
    return clear_session(caller)


@router.get("/auth/me", guard=session(), summary="Get the current user")
def get_current_user(caller: CurrentCaller, user: CurrentUser) -> DataResponse[CurrentUserResponse]:
    factor = mfa.find_enabled_factor(caller)
    return data(
        CurrentUserResponse(
            **vars(user),
            permissions=sorted(caller.global_permissions),
            mfa_enabled=factor is not None,
            mfa_enabled_at=factor.enabled_at if factor else None,
            csrf_token=caller.csrf_token,
        )
    )


@router.get("/auth/sessions", guard=session(), summary="List own sessions")
def list_sessions(caller: CurrentCaller, limit: Limit = 20, cursor: Cursor = None) -> PageResponse[Session]:
    return paginate(limit, cursor, partial(sessions.list_sessions, caller), "sessions", caller.user_id)


@router.delete("/auth/sessions/<sessionId>", guard=session(), status_code=204, summary="Revoke a session")
def revoke_session(caller: CurrentCaller, session_id: SessionId) -> Response[None]:
    sessions.revoke_session(caller, session_id)
    return no_content()


@router.get("/.well-known/jwks.json", guard=public(), summary="Get the public keys of access tokens")
def get_jwks() -> Response[JsonWebKeySet]:
    keys = JsonWebKeySet(keys=sessions.list_jwks())
    return json_response(keys, headers={"cache-control": "public, max-age=300"})
