"""Two-factor authentication."""

from aws_lambda_powertools.event_handler import Response

from holdall.accounts.model import RecoveryCodesResponse, TotpCodeRequest, TotpSetupResponse
from holdall.accounts.service import mfa
from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, recent_session
from holdall.http.responses import DataResponse, data, no_content

router = Router()


@router.post("/auth/2fa/setup", guard=recent_session(), summary="Set up two-factor authentication")
def set_up_mfa(caller: CurrentCaller) -> DataResponse[TotpSetupResponse]:
    return data(mfa.set_up(caller))


@router.post("/auth/2fa/enable", guard=recent_session(), summary="Enable two-factor authentication")
def enable_mfa(caller: CurrentCaller, body: TotpCodeRequest) -> DataResponse[RecoveryCodesResponse]:
    return data(mfa.enable(caller, body.code))


@router.post("/auth/2fa/disable", guard=recent_session(), status_code=204, summary="Disable two-factor authentication")
def disable_mfa(caller: CurrentCaller) -> Response[None]:
    mfa.disable(caller)
    return no_content()


@router.post("/auth/2fa/recovery-codes", guard=recent_session(), summary="Regenerate recovery codes")
def regenerate_recovery_codes(caller: CurrentCaller) -> DataResponse[RecoveryCodesResponse]:
    return data(mfa.regenerate_codes(caller))
