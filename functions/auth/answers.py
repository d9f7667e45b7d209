"""What the routes of accounts answer."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from holdall.accounts.model import MfaRequired, Pending, SignedIn, SignedInByCookie
from holdall.accounts.service.entry import Entered
from holdall.http import Data, session_cookie


def entered(result: Entered | MfaRequired) -> Response[Data[SignedIn] | Data[SignedInByCookie] | Data[MfaRequired]]:
    """The session that was begun, as tokens or as a cookie; or what is still asked for."""
    if isinstance(result, MfaRequired):
        return Response(status_code=200, content_type="application/json", body=Data(data=result))
    opened, user = result
    if opened.cookie:
        by_cookie = Data(data=SignedInByCookie(csrf_token=opened.csrf, user=user))
        cookies = [session_cookie(opened.cookie)]
        return Response(status_code=200, content_type="application/json", body=by_cookie, cookies=cookies)
    signed_in = SignedIn(
        access_token=opened.access, expires_in=opened.expires_in, refresh_token=opened.refresh, user=user
    )
    return Response(status_code=200, content_type="application/json", body=Data(data=signed_in))


def pending() -> Response[Any]:
    """A letter is on its way, if there is anybody to get it."""
    return Response(status_code=202, content_type="application/json", body=Data(data=Pending()))


def done() -> Response[None]:
    """Nothing more to say."""
    return Response(status_code=204)
