"""The authorization code grant (RFC 6749, section 4.1) with proof of possession (PKCE, RFC 7636)."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import quote_plus, urlencode

from holdall.accounts.oauth.model import Provider, oauth_failed, provider_unavailable
from holdall.accounts.oauth.provider_client import ProviderClient, ProviderResponse
from holdall.platform import ids

ClientAuthMethod = Literal["client_secret_basic", "client_secret_post"]
_CODE_PATTERN: Final = re.compile(
    r"[\x20-\x7e]{1,4096}"
)  # RFC 6749, appendix A.11; anybody may say anything at a callback
# What a provider says when it is us whom it does not know, in the words of RFC 6749, section 5.2, and of GitHub. Nobody who
# signs in can help that, and trying again with another code would not either.
_CLIENT_ERRORS: Final = frozenset(
    {
        "incorrect_client_credentials",
        "invalid_client",
        "invalid_scope",
        "redirect_uri_mismatch",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)


def new_code_verifier() -> str:
    """A code verifier: 260 random bits in 52 characters (RFC 7636, section 4.1)."""
    return ids.new_secret() + ids.new_secret()


def s256_code_challenge(code_verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def create_authorization_url(
    endpoint: str, provider: Provider, *, redirect_uri: str, state: str, code_challenge: str, nonce: str | None
) -> str:
    """Where the browser goes to ask for a code (RFC 6749, section 4.1.1; the nonce is OpenID Connect's)."""
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(provider.scopes),
        "state": state,
        "code_challenge": code_challenge,
        "code_challenge_method": "S256",
    }
    if nonce is not None:
        asked["nonce"] = nonce
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"


def fetch_token(
    provider_client: ProviderClient,
    endpoint: str,
    *,
    code: str,
    code_verifier: str,
    redirect_uri: str,
    auth_method: ClientAuthMethod,
) -> tuple[str, ProviderResponse]:
    """The access token for a code, and all that came with it (RFC 6749, section 4.1.3; RFC 7636, section 4.5).

    Raises Unauthenticated for a code that the provider refuses, and Unavailable.
    """
    if not _CODE_PATTERN.fullmatch(code):
        raise oauth_failed(provider_client.provider, "code")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": code_verifier,
    }
    ours, headers = _client_authentication(provider_client.provider, auth_method)
    answer = provider_client.post(endpoint, urlencode(form | dict(ours)).encode(), headers)
    error = answer.get_str("error")  # GitHub says so with status 200
    if error in _CLIENT_ERRORS:
        raise provider_unavailable(provider_client.provider, f"token.{error}")
    if error is not None or answer.status in (400, 401, 403):
        raise oauth_failed(provider_client.provider, "code")
    token, kind = answer.get_str("access_token"), answer.get_str("token_type")
    if answer.status != 200 or token is None or kind is None or kind.lower() != "bearer":
        raise provider_unavailable(provider_client.provider, "token")
    return token, answer


def _client_authentication(
    provider: Provider, auth_method: ClientAuthMethod
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Who we are, as part of the form and as headers. In a header each half is form-encoded first (RFC 6749, section 2.3.1)."""
    if auth_method == "client_secret_post":
        return {"client_id": provider.client_id, "client_secret": provider.client_secret}, {}
    pair = f"{quote_plus(provider.client_id)}:{quote_plus(provider.client_secret)}"
    return {}, {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
