"""Accounts: become a user, change what guards the account, leave."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response

from functions.auth.responses import accepted, no_content, session_response
from holdall.accounts.model import (
    AcceptedResponse,
    ChangeEmailRequest,
    ChangePasswordRequest,
    CookieSessionResponse,
    EmailRequest,
    MfaRequiredResponse,
    PasswordRequest,
    ResetPasswordRequest,
    SignUpRequest,
    SignUpResponse,
    TokenRequest,
    TokenResponse,
    UpdateProfileRequest,
    VerifyEmailRequest,
)
from holdall.accounts.service import security, sign_in
from holdall.http import DataResponse, Router, public, recent_session, session
from holdall.iam.model import User
from holdall.iam.service import users
from holdall.platform.caller import Caller, ClientInfo

router = Router()


@router.post("/auth/sign-up", status_code=201, summary="Sign up")
def sign_up(
    client: Annotated[ClientInfo, public(rate_limit="sign-in")], body: SignUpRequest
) -> Response[DataResponse[SignUpResponse] | DataResponse[AcceptedResponse]]:
    user = sign_in.sign_up(client, body)
    if user is None:
        return accepted()
    return Response(status_code=201, content_type="application/json", body=DataResponse(data=SignUpResponse(user=user)))


@router.post("/auth/verify-email", summary="Verify an email address")
def verify_email(
    client: Annotated[ClientInfo, public(rate_limit="sign-in")], body: VerifyEmailRequest
) -> Response[DataResponse[TokenResponse] | DataResponse[CookieSessionResponse] | DataResponse[MfaRequiredResponse]]:
    return session_response(sign_in.verify_email(client, body))


@router.post("/auth/verify-email/resend", status_code=202, summary="Resend the verification email")
def resend_verification_email(
    client: Annotated[ClientInfo, public(rate_limit="sign-in")], body: EmailRequest
) -> Response[DataResponse[AcceptedResponse]]:
    sign_in.resend_verification(body.email)
    return accepted()


@router.post("/auth/accept-invitation", summary="Accept an account invitation")
def accept_account_invitation(
    client: Annotated[ClientInfo, public(rate_limit="sign-in")], body: ResetPasswordRequest
) -> Response[DataResponse[TokenResponse] | DataResponse[CookieSessionResponse] | DataResponse[MfaRequiredResponse]]:
    return session_response(sign_in.accept_invitation(client, body))


@router.post("/auth/forgot-password", status_code=202, summary="Request a password reset")
def request_password_reset(
    client: Annotated[ClientInfo, public(rate_limit="sign-in")], body: EmailRequest
) -> Response[DataResponse[AcceptedResponse]]:
    security.request_password_reset(client, body.email)
    return accepted()


@router.post("/auth/reset-password", status_code=204, summary="Reset a password")
def reset_password(
    client: Annotated[ClientInfo, public(rate_limit="sign-in")], body: ResetPasswordRequest
) -> Response[None]:
    security.reset_password(client, body)
    return no_content()


@router.post("/auth/change-password", status_code=204, summary="Change the password")
def change_password(caller: Annotated[Caller, session()], body: ChangePasswordRequest) -> Response[None]:
    security.change_password(caller, body)
    return no_content()


@router.post("/auth/change-email", status_code=202, summary="Request a change of the email address")
def change_email(
    caller: Annotated[Caller, session(rate_limit="create")], body: ChangeEmailRequest
) -> Response[DataResponse[AcceptedResponse]]:
    security.change_email(caller, body)
    return accepted()


@router.post("/auth/confirm-email", status_code=204, summary="Confirm the new email address")
def confirm_email(client: Annotated[ClientInfo, public(rate_limit="sign-in")], body: TokenRequest) -> Response[None]:
    security.confirm_email(client, body.token)
    return no_content()


@router.get("/users/me", summary="Get the caller's profile")
def get_profile(caller: Annotated[Caller, session()]) -> DataResponse[User]:
    return DataResponse(data=users.current_account(caller).user)


@router.put("/users/me", summary="Update the caller's profile")
def update_profile(caller: Annotated[Caller, session()], body: UpdateProfileRequest) -> DataResponse[User]:
    return DataResponse(data=users.rename(caller, body.name))


@router.delete("/users/me", status_code=204, summary="Delete own account")
def delete_own_account(caller: Annotated[Caller, recent_session()], body: PasswordRequest) -> Response[None]:
    security.delete_own_account(caller, body.password)
    return no_content()
