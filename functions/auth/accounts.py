"""Sign-up, email addresses, passwords, and the caller's profile."""

from aws_lambda_powertools.event_handler import Response

from functions.auth.responses import SIGN_IN_RESPONSES, SignInResponse, session_response
from holdall.accounts.model import (
    AcceptedResponse,
    ChangeEmailRequest,
    ChangePasswordRequest,
    EmailRequest,
    PasswordRequest,
    ResetPasswordRequest,
    SignUpRequest,
    SignUpResponse,
    TokenRequest,
    UpdateProfileRequest,
    VerifyEmailRequest,
)
from holdall.accounts.service import security
from holdall.accounts.service import sign_up as service
from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentClient, CurrentUser, public, recent_session, session
from holdall.http.credentials import check_sign_in_origin
from holdall.http.responses import DataResponse, accepted, data, documented, json_response, no_content
from holdall.iam.model import User
from holdall.iam.service import users

router = Router()

_PUBLIC = public(rate_limit="sign-in")


@router.post(
    "/auth/sign-up",
    guard=_PUBLIC,
    summary="Sign up",
    responses={
        201: documented("The account, if email verification is off.", DataResponse[SignUpResponse]),
        202: documented(
            "An email is on its way, whether or not the address is registered.", DataResponse[AcceptedResponse]
        ),
    },
)
def sign_up(
    client: CurrentClient, body: SignUpRequest
) -> Response[DataResponse[SignUpResponse] | DataResponse[AcceptedResponse]]:
    user = service.sign_up(client, body)
    return json_response(data(SignUpResponse(user=user)), 201) if user else accepted(data(AcceptedResponse()))


@router.post("/auth/verify-email", guard=_PUBLIC, summary="Verify an email address", responses=SIGN_IN_RESPONSES)
def verify_email(client: CurrentClient, body: VerifyEmailRequest) -> Response[SignInResponse]:
    check_sign_in_origin(client, body.mode)
    return session_response(service.verify_email(client, body))


@router.post("/auth/verify-email/resend", guard=_PUBLIC, status_code=202, summary="Resend the verification email")
def resend_verification_email(body: EmailRequest) -> Response[DataResponse[AcceptedResponse]]:
    service.resend_verification(body.email)
    return accepted(data(AcceptedResponse()))


@router.post(
    "/auth/accept-invitation", guard=_PUBLIC, summary="Accept an account invitation", responses=SIGN_IN_RESPONSES
)
def accept_account_invitation(client: CurrentClient, body: ResetPasswordRequest) -> Response[SignInResponse]:
    return session_response(service.accept_invitation(client, body))


@router.post("/auth/forgot-password", guard=_PUBLIC, status_code=202, summary="Request a password reset")
def request_password_reset(client: CurrentClient, body: EmailRequest) -> Response[DataResponse[AcceptedResponse]]:
    security.request_password_reset(client, body.email)
    return accepted(data(AcceptedResponse()))


@router.post("/auth/reset-password", guard=_PUBLIC, status_code=204, summary="Reset a password")
def reset_password(client: CurrentClient, body: ResetPasswordRequest) -> Response[None]:
    security.reset_password(client, body)
    return no_content()


@router.post("/auth/change-password", guard=session(), status_code=204, summary="Change the password")
def change_password(caller: CurrentCaller, body: ChangePasswordRequest) -> Response[None]:
    security.change_password(caller, body)
    return no_content()


@router.post(
    "/auth/change-email",
    guard=session(rate_limit="create"),
    status_code=202,
    summary="Request a change of the email address",
)
def change_email(caller: CurrentCaller, body: ChangeEmailRequest) -> Response[DataResponse[AcceptedResponse]]:
    security.change_email(caller, body)
    return accepted(data(AcceptedResponse()))


@router.post("/auth/confirm-email", guard=_PUBLIC, status_code=204, summary="Confirm the new email address")
def confirm_email(client: CurrentClient, body: TokenRequest) -> Response[None]:
    security.confirm_email(client, body.token)
    return no_content()


@router.get("/users/me", guard=session(), summary="Get own profile")
def get_profile(user: CurrentUser) -> DataResponse[User]:
    return data(user)


@router.patch("/users/me", guard=session(), put_alias=True, summary="Update own profile")
def update_profile(caller: CurrentCaller, user: CurrentUser, body: UpdateProfileRequest) -> DataResponse[User]:
    return data(users.rename(caller, user, body.name))


@router.delete("/users/me", guard=recent_session(), status_code=204, summary="Delete own account")
def delete_own_account(caller: CurrentCaller, body: PasswordRequest) -> Response[None]:
    security.delete_own_account(caller, body.password)
    return no_content()
