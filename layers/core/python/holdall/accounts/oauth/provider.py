"""The authorization code grant (RFC 6749, section 4.1) with PKCE (RFC 7636).

A sign-in takes two steps. The browser is sent to `create_authorization_url`, and comes back with a code, for which
`fetch_identity` asks the provider who signed in. The caller keeps the AuthCodeFlow between the steps.
"""

import base64
import hashlib
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal
from urllib.parse import quote_plus, urlencode

from holdall.accounts.oauth.model import Identity
from holdall.accounts.oauth.provider_client import TIMEOUT_SECONDS, ProviderClient, ProviderResponse
from holdall.platform import ids

ClientAuthMethod = Literal["client_secret_basic", "client_secret_post"]
_CODE_PATTERN = re.compile(r"[\x20-\x7e]{1,4096}")  # RFC 6749, appendix A.11
# Errors of our configuration, in the words of RFC 6749, section 5.2, and of GitHub. The user cannot correct them.
_CLIENT_ERRORS = frozenset(
    {
        "incorrect_client_credentials",
        "invalid_client",
        "invalid_scope",
        "redirect_uri_mismatch",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)


@dataclass(frozen=True)
class AuthCodeFlow:
    """The values that connect the two steps of a sign-in. `state`, `nonce` and `code_verifier` are new for each one."""

    redirect_uri: str
    state: str
    nonce: str
    code_verifier: str

    @property
    def code_challenge(self) -> str:
        """Return the S256 challenge (RFC 7636, section 4.2)."""
        digest = hashlib.sha256(self.code_verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True)
class AuthorizationResponse:
    """The parameters that the browser brings back. `iss` is that of RFC 9207."""

    code: str
    iss: str | None = None


@dataclass(kw_only=True)
class Provider(ABC):
    """A provider, with the client ID that it knows us by."""

    scopes: ClassVar[tuple[str, ...]]
    name: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    timeout: float = TIMEOUT_SECONDS  # of each step

    @cached_property
    def client(self) -> ProviderClient:
        return ProviderClient(self.name, self.issuer, self.timeout)

    @abstractmethod
    def create_authorization_url(self, flow: AuthCodeFlow) -> str:
        """Return the URL for the browser. Raises ProviderUnavailable."""

    @abstractmethod
    def fetch_identity(self, flow: AuthCodeFlow, response: AuthorizationResponse) -> Identity:
        """Return who signed in. Raises OAuthFailed and ProviderUnavailable, within `timeout` seconds."""

    def _authorization_url(self, endpoint: str, flow: AuthCodeFlow, **extra: str) -> str:
        """Return the URL of an authorization request (RFC 6749, section 4.1.1)."""
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": flow.redirect_uri,
            "scope": " ".join(self.scopes),
            "state": flow.state,
            "code_challenge": flow.code_challenge,
            "code_challenge_method": "S256",
            **extra,
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    def _fetch_token(
        self, endpoint: str, flow: AuthCodeFlow, code: str, auth_method: ClientAuthMethod
    ) -> tuple[str, ProviderResponse]:
        """Return the access token for a code, and the whole response (RFC 6749, section 4.1.3; RFC 7636, section 4.5).

        Raises OAuthFailed for a code that the provider refuses, and ProviderUnavailable.
        """
        if not _CODE_PATTERN.fullmatch(code):
            raise self.client.failed("code")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": flow.redirect_uri,
            "code_verifier": flow.code_verifier,
        }
        headers = {}
        if auth_method == "client_secret_post":
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        else:
            headers = {"authorization": self._basic_auth()}
        response = self.client.post(endpoint, urlencode(form).encode(), headers)
        error = response.get_str("error")  # GitHub sends errors with status 200
        if error in _CLIENT_ERRORS:
            raise self.client.unavailable(f"token.{error}")
        if error is not None or response.status in (400, 401, 403):
            raise self.client.failed("code")
        token, token_type = response.get_str("access_token"), response.get_str("token_type")
        if response.status != 200 or token is None or token_type is None or token_type.lower() != "bearer":
            raise self.client.unavailable("token")
        return token, response

    def _basic_auth(self) -> str:
        # Each half is form-encoded before they are joined (RFC 6749, section 2.3.1).
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"


def new_code_verifier() -> str:
    """Return 260 random bits in 52 characters (RFC 7636, section 4.1)."""
    return ids.new_secret() + ids.new_secret()
