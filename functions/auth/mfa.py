"""/auth/2fa: the second factor, on and off."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response

from functions.auth.responses import no_content
from holdall.accounts.model import RecoveryCodesResponse, TotpCodeRequest, TotpSetupResponse
from holdall.accounts.service import mfa
from holdall.http import DataResponse, Router, recent_session
from holdall.platform.caller import Caller

router = Router()


@router.post("/auth/2fa/setup", summary="Set up two-factor authentication")
def set_up_mfa(caller: Annotated[Caller, recent_session()]) -> DataResponse[TotpSetupResponse]:
    return DataResponse(data=mfa.set_up(caller))


@router.post("/auth/2fa/enable", summary="Enable two-factor authentication")
def enable_mfa(
    caller: Annotated[Caller, recent_session()], body: TotpCodeRequest
) -> DataResponse[RecoveryCodesResponse]:
    return DataResponse(data=mfa.enable(caller, body.code))


@router.post("/auth/2fa/disable", status_code=204, summary="Disable two-factor authentication")
def disable_mfa(caller: Annotated[Caller, recent_session()]) -> Response[None]:
    mfa.disable(caller)
    return no_content()


@router.post("/auth/2fa/recovery-codes", summary="Regenerate recovery codes")
def regenerate_recovery_codes(caller: Annotated[Caller, recent_session()]) -> DataResponse[RecoveryCodesResponse]:
    return DataResponse(data=mfa.regenerate_codes(caller))
