"""What the routes of accounts answer."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from holdall.accounts.model import AcceptedResponse, CookieSessionResponse, MfaRequiredResponse, TokenResponse
from holdall.accounts.service.sign_in import SignInResult
from holdall.http import DataResponse, session_cookie


def session_response(
    result: SignInResult | MfaRequiredResponse,
) -> Response[DataResponse[TokenResponse] | DataResponse[CookieSessionResponse] | DataResponse[MfaRequiredResponse]]:
    """The session that was begun, as tokens or as a cookie; or what is still asked for."""
    if isinstance(result, MfaRequiredResponse):
        return Response(status_code=200, content_type="application/json", body=DataResponse(data=result))
    opened, user = result
    if opened.cookie:
        by_cookie = DataResponse(data=CookieSessionResponse(csrf_token=opened.csrf_token, user=user))
        cookies = [session_cookie(opened.cookie)]
        return Response(status_code=200, content_type="application/json", body=by_cookie, cookies=cookies)
    signed_in = TokenResponse(
        access_token=opened.access_token, expires_in=opened.expires_in, refresh_token=opened.refresh_token, user=user
    )
    return Response(status_code=200, content_type="application/json", body=DataResponse(data=signed_in))


def accepted() -> Response[Any]:
    """A letter is on its way, if there is anybody to get it."""
    return Response(status_code=202, content_type="application/json", body=DataResponse(data=AcceptedResponse()))


def no_content() -> Response[None]:
    """Nothing more to say."""
    return Response(status_code=204)
