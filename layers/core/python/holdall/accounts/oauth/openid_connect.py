"""Signing in with an OpenID Connect issuer (Core 1.0, section 3.1; Discovery 1.0, section 4)."""

import time
from dataclasses import dataclass
from typing import Any, Final

from holdall.accounts.oauth import authorization_code
from holdall.accounts.oauth import id_token as oauth_id_token
from holdall.accounts.oauth.model import Identity, oauth_failed, provider_unavailable
from holdall.accounts.oauth.provider_client import ProviderClient, ProviderResponse
from holdall.platform import ids

_CACHE_TTL: Final = 3600.0  # seconds that a document is believed in without being seen again


@dataclass(frozen=True)
class IssuerMetadata:
    """What an issuer tells of itself, as far as we ask."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    auth_method: authorization_code.ClientAuthMethod
    iss_parameter_supported: bool  # in its answer to the browser (RFC 9207)
    fetched_at: float


_metadata_cache: dict[str, IssuerMetadata] = {}


def get_metadata(provider_client: ProviderClient) -> IssuerMetadata:
    """What the issuer tells of itself, read once an hour. Raises Unavailable."""
    known = _metadata_cache.get(provider_client.provider.issuer)
    if known is None or time.monotonic() - known.fetched_at > _CACHE_TTL:
        known = _metadata_cache[provider_client.provider.issuer] = _fetch_metadata(provider_client)
    return known


def create_authorization_url(
    provider_client: ProviderClient, *, redirect_uri: str, state: str, nonce: str, code_challenge: str
) -> str:
    """Where the browser goes. Raises Unavailable."""
    return authorization_code.create_authorization_url(
        get_metadata(provider_client).authorization_endpoint,
        provider_client.provider,
        redirect_uri=redirect_uri,
        state=state,
        code_challenge=code_challenge,
        nonce=nonce,
    )


def fetch_identity(
    provider_client: ProviderClient, *, code: str, code_verifier: str, redirect_uri: str, nonce: str, iss: str | None
) -> Identity:
    """Who came back with a code. Raises Unauthenticated, Unavailable."""
    metadata = get_metadata(provider_client)
    # A code of another issuer must not even be shown to this one (RFC 9207, section 2.4).
    if (iss is None and metadata.iss_parameter_supported) or (
        iss is not None and iss != provider_client.provider.issuer
    ):
        raise oauth_failed(provider_client.provider, "iss")
    access_token, answer = authorization_code.fetch_token(
        provider_client,
        metadata.token_endpoint,
        code=code,
        code_verifier=code_verifier,
        redirect_uri=redirect_uri,
        auth_method=metadata.auth_method,
    )
    id_token = answer.get_str("id_token")
    if id_token is None:
        raise provider_unavailable(provider_client.provider, "no_id_token")
    claims = oauth_id_token.verify(
        provider_client, id_token, jwks_uri=metadata.jwks_uri, nonce=nonce, access_token=access_token
    )
    profile = ProviderResponse(200, claims)
    if profile.get_str("email") is None and metadata.userinfo_endpoint is not None:
        profile = _fetch_userinfo(provider_client, metadata.userinfo_endpoint, access_token, claims["sub"])
    return Identity(
        issuer=provider_client.provider.issuer,
        subject=claims["sub"],
        email=profile.get_str("email"),
        # Of the same document as the address, and no text or number that only reminds of the truth.
        email_verified=profile.get_str("email") is not None and profile.get("email_verified") is True,
        name=profile.get_str("name") or profile.get_str("preferred_username"),
    )


def _fetch_userinfo(provider_client: ProviderClient, url: str, access_token: str, subject: str) -> ProviderResponse:
    """What the issuer tells of somebody beside the token, believed only about the same subject (Core 1.0, section 5.3.2)."""
    answer = provider_client.get(url, access_token=access_token)
    if answer.status in (401, 403):
        raise oauth_failed(provider_client.provider, "userinfo")
    if answer.status != 200:
        raise provider_unavailable(provider_client.provider, "userinfo")
    said = answer.get_str("sub")
    if said is None or not said.isascii() or not ids.constant_time_equal(said, subject):
        raise oauth_failed(provider_client.provider, "userinfo.subject")
    return answer


def _fetch_metadata(provider_client: ProviderClient) -> IssuerMetadata:
    issuer = provider_client.provider.issuer
    answer = provider_client.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if answer.status != 200 or answer.get("issuer") != issuer:
        raise provider_unavailable(provider_client.provider, "discovery")
    userinfo = answer.get("userinfo_endpoint")
    return IssuerMetadata(
        authorization_endpoint=provider_client.check_url(answer.get("authorization_endpoint")),
        token_endpoint=provider_client.check_url(answer.get("token_endpoint")),
        jwks_uri=provider_client.check_url(answer.get("jwks_uri")),
        userinfo_endpoint=None if userinfo is None else provider_client.check_url(userinfo),
        auth_method=_select_auth_method(provider_client, answer.get("token_endpoint_auth_methods_supported")),
        iss_parameter_supported=answer.get("authorization_response_iss_parameter_supported") is True,
        fetched_at=time.monotonic(),
    )


def _select_auth_method(provider_client: ProviderClient, supported: Any) -> authorization_code.ClientAuthMethod:
    """How we say who we are; by default in a header (Discovery 1.0, section 3)."""
    if supported is None or (isinstance(supported, list) and "client_secret_basic" in supported):
        return "client_secret_basic"
    if isinstance(supported, list) and "client_secret_post" in supported:
        return "client_secret_post"
    raise provider_unavailable(provider_client.provider, "discovery.method")
