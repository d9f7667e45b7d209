"""Signing in with GitHub, which speaks OAuth 2.0 and no OpenID Connect: its API tells who somebody is.

There is no ID token and so no nonce: state, PKCE and the secret of the client bind the code to the browser and to us. GitHub
names itself in no answer (RFC 9207); against mix-up each provider has a callback of its own (RFC 9700, section 4.4.2.2).
"""

from typing import Any, Final

from holdall.accounts import oauth_code
from holdall.accounts.oauth_http import Answer, Conversation
from holdall.accounts.oauth_model import Identity, refused, silent

_HEADERS: Final = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}


def authorize_url(talk: Conversation, *, redirect_uri: str, state: str, code_challenge: str) -> str:
    """Where the browser goes. Raises Unavailable for a site that may not be asked."""
    return oauth_code.request_url(
        talk.address(f"{talk.provider.issuer}/login/oauth/authorize"),
        talk.provider,
        redirect_uri=redirect_uri,
        state=state,
        code_challenge=code_challenge,
        nonce=None,
    )


def exchange(talk: Conversation, *, code: str, verifier: str, redirect_uri: str) -> Identity:
    """Who came back with a code. Raises Unauthenticated, Unavailable."""
    token, _ = oauth_code.redeem(
        talk,
        f"{talk.provider.issuer}/login/oauth/access_token",
        code=code,
        verifier=verifier,
        redirect_uri=redirect_uri,
        method="client_secret_post",
    )
    user = _told(talk, "user", token)
    number = user.part("id")  # names change hands at GitHub, numbers do not
    if user.status != 200 or type(number) is not int:
        raise silent(talk.provider, "user")
    email, verified = _primary(talk, token)
    return Identity(
        issuer=talk.provider.issuer,
        subject=str(number),
        email=email,
        email_verified=verified,
        name=user.text("name") or user.text("login"),
    )


def _primary(talk: Conversation, token: str) -> tuple[str | None, bool]:
    """The primary address, and whether GitHub verified it. The `email` of a profile is what somebody shows, and no proof."""
    answer = _told(talk, "user/emails", token)
    if answer.status == 404:  # so GitHub says that the scope was not granted
        return None, False
    if answer.status != 200 or not isinstance(answer.body, list):
        raise silent(talk.provider, "emails")
    entries: list[Any] = answer.body
    for entry in (Answer(200, each) for each in entries):
        if entry.part("primary") is True and (email := entry.text("email")) is not None:
            return email, entry.part("verified") is True
    return None, False


def _told(talk: Conversation, path: str, token: str) -> Answer:
    answer = talk.get(f"{talk.provider.api}/{path}", bearer=token, headers=_HEADERS)
    if answer.status == 401:
        raise refused(talk.provider, "api")
    return answer
