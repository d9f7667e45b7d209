"""Signing in by another's word: OAuth 2.0 and OpenID Connect, the protocol alone, without a record of ours.

A sign-in has two steps. `authorize_url` sends the browser away, with a state, a nonce and a challenge that the caller keeps;
`exchange` asks the provider who came back. Whatever a step asks of a provider, it ends within `patience` seconds.
"""

from holdall.accounts import oauth_github, oauth_oidc
from holdall.accounts.oauth_code import challenge, new_verifier
from holdall.accounts.oauth_http import PATIENCE, Conversation
from holdall.accounts.oauth_model import Identity, Provider, github, google, oidc

__all__ = [
    "PATIENCE",
    "Identity",
    "Provider",
    "authorize_url",
    "challenge",
    "exchange",
    "github",
    "google",
    "new_verifier",
    "oidc",
]


def authorize_url(
    provider: Provider,
    *,
    redirect_uri: str,
    state: str,
    nonce: str,
    code_challenge: str,
    patience: float = PATIENCE,
) -> str:
    """Where the browser goes to sign in. An issuer's document may have to be read for it. Raises Unavailable."""
    talk = Conversation(provider, patience)
    if provider.kind == "github":
        return oauth_github.authorize_url(talk, redirect_uri=redirect_uri, state=state, code_challenge=code_challenge)
    return oauth_oidc.authorize_url(
        talk, redirect_uri=redirect_uri, state=state, nonce=nonce, code_challenge=code_challenge
    )


def exchange(
    provider: Provider,
    *,
    code: str,
    verifier: str,
    redirect_uri: str,
    nonce: str,
    iss: str | None = None,
    patience: float = PATIENCE,
) -> Identity:
    """Who came back with a code. `iss` is what the browser brought along (RFC 9207).

    Raises Unauthenticated (`oauth_failed`) when the provider refuses the code, or when we refuse what it says; and Unavailable
    (`provider_unavailable`) when it does not answer as it should, within `patience` seconds.
    """
    talk = Conversation(provider, patience)
    if provider.kind == "github":
        return oauth_github.exchange(talk, code=code, verifier=verifier, redirect_uri=redirect_uri)
    return oauth_oidc.exchange(talk, code=code, verifier=verifier, redirect_uri=redirect_uri, nonce=nonce, iss=iss)
