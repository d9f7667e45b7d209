"""Accounts: become a user, change what guards the account, leave."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response

from functions.auth.answers import done, entered, pending
from holdall.accounts.model import (
    ChangeEmail,
    ChangePassword,
    MfaRequired,
    OnlyEmail,
    OnlyPassword,
    OnlyToken,
    Pending,
    Profile,
    ResetPassword,
    SignedIn,
    SignedInByCookie,
    SignedUp,
    SignUp,
    VerifyEmail,
)
from holdall.accounts.service import changes, entry
from holdall.caller import Caller, Visitor
from holdall.http import Data, Router, anyone, fresh, signed_in
from holdall.iam.model import User
from holdall.iam.service import users

router = Router()


@router.post("/auth/sign-up", status_code=201, summary="Make an account, or ask the address for proof")
def sign_up(
    visitor: Annotated[Visitor, anyone(limit="sign-in")], new: SignUp
) -> Response[Data[SignedUp] | Data[Pending]]:
    user = entry.sign_up(visitor, new)
    if user is None:
        return pending()
    return Response(status_code=201, content_type="application/json", body=Data(data=SignedUp(user=user)))


@router.post("/auth/verify-email", summary="Answer the challenge of a sign-up")
def verify_email(
    visitor: Annotated[Visitor, anyone(limit="sign-in")], said: VerifyEmail
) -> Response[Data[SignedIn] | Data[SignedInByCookie] | Data[MfaRequired]]:
    return entered(entry.verify_email(visitor, said))


@router.post("/auth/verify-email/resend", status_code=202, summary="Send the link of a sign-up again")
def resend(visitor: Annotated[Visitor, anyone(limit="sign-in")], said: OnlyEmail) -> Response[Data[Pending]]:  # noqa: ARG001
    entry.resend(said.email)
    return pending()


@router.post("/auth/accept-invitation", summary="Take an invitation")
def accept_invitation(
    visitor: Annotated[Visitor, anyone(limit="sign-in")], said: ResetPassword
) -> Response[Data[SignedIn] | Data[SignedInByCookie] | Data[MfaRequired]]:
    return entered(entry.accept_invitation(visitor, said))


@router.post("/auth/forgot-password", status_code=202, summary="Send a link to choose another password")
def forgot_password(visitor: Annotated[Visitor, anyone(limit="sign-in")], said: OnlyEmail) -> Response[Data[Pending]]:
    changes.forget_password(visitor, said.email)
    return pending()


@router.post("/auth/reset-password", status_code=204, summary="Choose another password by a link")
def reset_password(visitor: Annotated[Visitor, anyone(limit="sign-in")], said: ResetPassword) -> Response[None]:
    changes.reset_password(visitor, said)
    return done()


@router.post("/auth/change-password", status_code=204, summary="Choose another password")
def change_password(caller: Annotated[Caller, signed_in()], said: ChangePassword) -> Response[None]:
    changes.change_password(caller, said)
    return done()


@router.post("/auth/change-email", status_code=202, summary="Ask another address for proof")
def change_email(caller: Annotated[Caller, signed_in(limit="create")], said: ChangeEmail) -> Response[Data[Pending]]:
    changes.change_email(caller, said)
    return pending()


@router.post("/auth/confirm-email", status_code=204, summary="Use another address from now on")
def confirm_email(visitor: Annotated[Visitor, anyone(limit="sign-in")], said: OnlyToken) -> Response[None]:
    changes.confirm_email(visitor, said.token)
    return done()


@router.get("/users/me", summary="The caller's profile")
def profile(caller: Annotated[Caller, signed_in()]) -> Data[User]:
    return Data(data=users.myself(caller).user)


@router.put("/users/me", summary="Change the caller's profile")
def change_profile(caller: Annotated[Caller, signed_in()], said: Profile) -> Data[User]:
    return Data(data=users.rename(caller, said.name))


@router.delete("/users/me", status_code=204, summary="Leave")
def leave(caller: Annotated[Caller, fresh()], said: OnlyPassword) -> Response[None]:
    changes.leave(caller, said.password)
    return done()
