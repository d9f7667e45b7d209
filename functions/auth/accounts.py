"""/auth/sign-up, /auth/me: become a user, and see who one is."""

from typing import Annotated

from holdall.accounts import service
from holdall.accounts.model import SignedUp, SignUp
from holdall.caller import Caller, Visitor
from holdall.http import Data, Router, anyone, signed_in
from holdall.iam import service as iam
from holdall.iam.model import User

router = Router()


@router.post("/auth/sign-up", status_code=201, summary="Make an account")
def sign_up(visitor: Annotated[Visitor, anyone()], new: SignUp) -> Data[SignedUp]:
    return Data(data=SignedUp(user=service.sign_up(visitor, new)))


@router.get("/auth/me", summary="Who is signed in")
def me(caller: Annotated[Caller, signed_in()]) -> Data[User]:
    return Data(data=iam.profile(caller))
