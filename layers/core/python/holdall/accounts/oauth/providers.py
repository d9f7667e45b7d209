"""Signing in by another's word: OAuth 2.0 and OpenID Connect, the protocol alone, without a record of ours.

A sign-in has two steps. `authorize_url` sends the browser away, with a state, a nonce and a challenge that the caller keeps;
`exchange` asks the provider who came back. Whatever a step asks of a provider, it ends within `patience` seconds.
"""

from holdall.accounts.oauth import github as oauth_github
from holdall.accounts.oauth import openid_connect
from holdall.accounts.oauth.authorization_code import new_code_verifier, s256_code_challenge
from holdall.accounts.oauth.model import Identity, Provider, github, google, oidc
from holdall.accounts.oauth.provider_client import TIMEOUT_SECONDS, ProviderClient

__all__ = [
    "TIMEOUT_SECONDS",
    "Identity",
    "Provider",
    "create_authorization_url",
    "fetch_identity",
    "github",
    "google",
    "new_code_verifier",
    "oidc",
    "s256_code_challenge",
]


def create_authorization_url(
    provider: Provider,
    *,
    redirect_uri: str,
    state: str,
    nonce: str,
    code_challenge: str,
    timeout: float = TIMEOUT_SECONDS,
) -> str:
    """Where the browser goes to sign in. An issuer's document may have to be read for it. Raises Unavailable."""
    talk = ProviderClient(provider, timeout)
    if provider.kind == "github":
        return oauth_github.create_authorization_url(
            talk, redirect_uri=redirect_uri, state=state, code_challenge=code_challenge
        )
    return openid_connect.create_authorization_url(
        talk, redirect_uri=redirect_uri, state=state, nonce=nonce, code_challenge=code_challenge
    )


def fetch_identity(
    provider: Provider,
    *,
    code: str,
    code_verifier: str,
    redirect_uri: str,
    nonce: str,
    iss: str | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> Identity:
    """Who came back with a code. `iss` is what the browser brought along (RFC 9207).

    Raises Unauthenticated (`oauth_failed`) when the provider refuses the code, or when we refuse what it says; and Unavailable
    (`provider_unavailable`) when it does not answer as it should, within `patience` seconds.
    """
    talk = ProviderClient(provider, timeout)
    if provider.kind == "github":
        return oauth_github.fetch_identity(talk, code=code, code_verifier=code_verifier, redirect_uri=redirect_uri)
    return openid_connect.fetch_identity(
        talk, code=code, code_verifier=code_verifier, redirect_uri=redirect_uri, nonce=nonce, iss=iss
    )
