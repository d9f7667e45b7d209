"""Sign-in with an OpenID Connect issuer (Core 1.0, section 3.1; Discovery 1.0, section 4)."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from holdall.accounts.oauth.id_token import JwksClient, verify_id_token
from holdall.accounts.oauth.model import Identity
from holdall.accounts.oauth.provider import AuthCodeFlow, AuthorizationResponse, ClientAuthMethod, Provider
from holdall.accounts.oauth.provider_client import ProviderResponse
from holdall.platform import clock

CACHE_TTL = 3600.0  # seconds


@dataclass(frozen=True)
class IssuerMetadata:
    """The part of the discovery document that a sign-in needs."""

    authorization_endpoint: str
    token_endpoint: str
    auth_method: ClientAuthMethod
    iss_parameter_supported: bool  # RFC 9207
    jwks: JwksClient
    fetched_at: float


@dataclass(kw_only=True)
class OpenIDConnect(Provider):
    """An OpenID Connect issuer. `issuer_aliases` are other values of `iss` in its ID tokens."""

    scopes = ("openid", "email", "profile")
    issuer_aliases: tuple[str, ...] = ()
    _metadata: IssuerMetadata | None = field(default=None, init=False, repr=False)

    def create_authorization_url(self, flow: AuthCodeFlow) -> str:
        self.client.start_step()
        return self._authorization_url(self._get_metadata().authorization_endpoint, flow, nonce=flow.nonce)

    def fetch_identity(self, flow: AuthCodeFlow, response: AuthorizationResponse) -> Identity:
        self.client.start_step()
        metadata = self._get_metadata()
        # A code of another issuer must not be sent to this one (RFC 9207, section 2.4).
        if response.iss != self.issuer and (response.iss is not None or metadata.iss_parameter_supported):
            raise self.client.failed("iss")
        token, token_response = self._fetch_token(metadata.token_endpoint, flow, response.code, metadata.auth_method)
        id_token = token_response.get_str("id_token")
        if id_token is None:
            raise self.client.unavailable("no_id_token")
        claims = verify_id_token(
            id_token,
            metadata.jwks,
            client_id=self.client_id,
            issuers=[self.issuer, *self.issuer_aliases],
            nonce=flow.nonce,
            access_token=token,
        )
        profile = ProviderResponse(200, claims)
        email = profile.get_str("email")
        return Identity(
            issuer=self.issuer,
            subject=claims["sub"],
            email=email,
            email_verified=email is not None and claims.get("email_verified") is True,
            name=profile.get_str("name") or profile.get_str("preferred_username"),
            authenticated_at=_parse_auth_time(claims.get("auth_time")),
        )

    def _get_metadata(self) -> IssuerMetadata:
        """Return the metadata, which is cached for an hour. Raises ProviderUnavailable."""
        if self._metadata is None or time.monotonic() - self._metadata.fetched_at > CACHE_TTL:
            self._metadata = self._fetch_metadata()
        return self._metadata

    def _fetch_metadata(self) -> IssuerMetadata:
        document = self.client.get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.status != 200 or document.get("issuer") != self.issuer:
            raise self.client.unavailable("discovery")
        return IssuerMetadata(
            authorization_endpoint=self.client.check_url(document.get("authorization_endpoint")),
            token_endpoint=self.client.check_url(document.get("token_endpoint")),
            auth_method=self._select_auth_method(document.get("token_endpoint_auth_methods_supported")),
            iss_parameter_supported=document.get("authorization_response_iss_parameter_supported") is True,
            jwks=JwksClient(self.client, self.client.check_url(document.get("jwks_uri"))),
            fetched_at=time.monotonic(),
        )

    def _select_auth_method(self, supported: Any) -> ClientAuthMethod:
        """Return how we authenticate at the token endpoint; the default is a header (Discovery 1.0, section 3)."""
        if supported is None or (isinstance(supported, list) and "client_secret_basic" in supported):
            return "client_secret_basic"
        if isinstance(supported, list) and "client_secret_post" in supported:
            return "client_secret_post"
        raise self.client.unavailable("discovery.method")


def _parse_auth_time(seconds: object) -> datetime | None:
    """Return the time of a claim `auth_time` (OpenID Connect Core 1.0, section 2), or None if it is none of the past."""
    if type(seconds) is not int or not 0 <= seconds <= clock.real_now().timestamp():
        return None
    return datetime.fromtimestamp(seconds, UTC)
