"""/auth/2fa: the second factor, on and off."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response

from functions.auth.answers import done
from holdall.accounts.model import FactorSetup, OnlyCode, RecoveryCodes
from holdall.accounts.service import factors
from holdall.caller import Caller
from holdall.http import Data, Router, fresh

router = Router()


@router.post("/auth/2fa/setup", summary="A seed for an authenticator")
def set_up(caller: Annotated[Caller, fresh()]) -> Data[FactorSetup]:
    return Data(data=factors.set_up(caller))


@router.post("/auth/2fa/enable", summary="Turn the second factor on, by a first code")
def enable(caller: Annotated[Caller, fresh()], said: OnlyCode) -> Data[RecoveryCodes]:
    return Data(data=factors.enable(caller, said.code))


@router.post("/auth/2fa/disable", status_code=204, summary="Turn the second factor off")
def disable(caller: Annotated[Caller, fresh()]) -> Response[None]:
    factors.disable(caller)
    return done()


@router.post("/auth/2fa/recovery-codes", summary="New recovery codes; the old ones are void")
def renew(caller: Annotated[Caller, fresh()]) -> Data[RecoveryCodes]:
    return Data(data=factors.renew_codes(caller))
