"""Signing in with GitHub, which speaks OAuth 2.0 and no OpenID Connect: its API tells who somebody is.

There is no ID token and so no nonce: state, PKCE and the secret of the client bind the code to the browser and to us. GitHub
names itself in no answer (RFC 9207); against mix-up each provider has a callback of its own (RFC 9700, section 4.4.2.2).
"""

from typing import Any, Final

from holdall.accounts.oauth import authorization_code
from holdall.accounts.oauth.model import Identity, oauth_failed, provider_unavailable
from holdall.accounts.oauth.provider_client import ProviderClient, ProviderResponse

_HEADERS: Final = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}


def create_authorization_url(
    provider_client: ProviderClient, *, redirect_uri: str, state: str, code_challenge: str
) -> str:
    """Where the browser goes. Raises Unavailable for a site that may not be asked."""
    return authorization_code.create_authorization_url(
        provider_client.check_url(f"{provider_client.provider.issuer}/login/oauth/authorize"),
        provider_client.provider,
        redirect_uri=redirect_uri,
        state=state,
        code_challenge=code_challenge,
        nonce=None,
    )


def fetch_identity(provider_client: ProviderClient, *, code: str, code_verifier: str, redirect_uri: str) -> Identity:
    """Who came back with a code. Raises Unauthenticated, Unavailable."""
    token, _ = authorization_code.fetch_token(
        provider_client,
        f"{provider_client.provider.issuer}/login/oauth/access_token",
        code=code,
        code_verifier=code_verifier,
        redirect_uri=redirect_uri,
        auth_method="client_secret_post",
    )
    user = _call_api(provider_client, "user", token)
    number = user.get("id")  # names change hands at GitHub, numbers do not
    if user.status != 200 or type(number) is not int:
        raise provider_unavailable(provider_client.provider, "user")
    email, verified = _get_primary_email(provider_client, token)
    return Identity(
        issuer=provider_client.provider.issuer,
        subject=str(number),
        email=email,
        email_verified=verified,
        name=user.get_str("name") or user.get_str("login"),
    )


def _get_primary_email(provider_client: ProviderClient, token: str) -> tuple[str | None, bool]:
    """The primary address, and whether GitHub verified it. The `email` of a profile is what somebody shows, and no proof."""
    answer = _call_api(provider_client, "user/emails", token)
    if answer.status == 404:  # so GitHub says that the scope was not granted
        return None, False
    if answer.status != 200 or not isinstance(answer.body, list):
        raise provider_unavailable(provider_client.provider, "emails")
    entries: list[Any] = answer.body
    for entry in (ProviderResponse(200, each) for each in entries):
        if entry.get("primary") is True and (email := entry.get_str("email")) is not None:
            return email, entry.get("verified") is True
    return None, False


def _call_api(provider_client: ProviderClient, path: str, token: str) -> ProviderResponse:
    answer = provider_client.get(f"{provider_client.provider.api_url}/{path}", access_token=token, headers=_HEADERS)
    if answer.status == 401:
        raise oauth_failed(provider_client.provider, "api")
    return answer
