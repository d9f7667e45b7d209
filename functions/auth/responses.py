"""The response to a sign-in. It is not in `holdall.http`, so that no other function loads the passwords of `accounts`."""

from aws_lambda_powertools.event_handler import Response

from holdall.accounts.model import CookieSessionResponse, MfaRequiredResponse, TokenResponse
from holdall.accounts.service.sign_in import SignInResult
from holdall.http.credentials import session_cookie
from holdall.http.responses import SET_COOKIE, DataResponse, data, documented, json_response
from holdall.iam.model import IssuedCookie

SignInResponse = DataResponse[TokenResponse] | DataResponse[CookieSessionResponse] | DataResponse[MfaRequiredResponse]
SIGN_IN_RESPONSES = {
    200: documented(
        "Signed in with tokens or a session cookie, or a second factor is required.", SignInResponse, headers=SET_COOKIE
    )
}


def session_response(result: SignInResult | MfaRequiredResponse) -> Response[SignInResponse]:
    """Return the tokens of a new session, or its cookie, or the request for a second factor."""
    if isinstance(result, MfaRequiredResponse):
        return json_response(data(result))
    issued, user = result
    if isinstance(issued, IssuedCookie):
        body = data(CookieSessionResponse(csrf_token=issued.csrf_token, user=user))
        return json_response(body, cookies=[session_cookie(issued.cookie)])
    tokens = TokenResponse(
        access_token=issued.access_token, expires_in=issued.expires_in, refresh_token=issued.refresh_token, user=user
    )
    return json_response(data(tokens))
