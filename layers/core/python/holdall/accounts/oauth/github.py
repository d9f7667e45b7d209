"""Sign-in with GitHub, which implements OAuth 2.0 and not OpenID Connect. The identity comes from its API.

Without an ID token there is no nonce: the state, PKCE and the client secret bind the code to the browser and to us. GitHub
sends no `iss` (RFC 9207). Each provider has its own redirect URI instead (RFC 9700, section 4.4.2.2).
"""

from dataclasses import dataclass

from holdall.accounts.oauth.model import Identity
from holdall.accounts.oauth.provider import AuthCodeFlow, AuthorizationResponse, Provider
from holdall.accounts.oauth.provider_client import ProviderResponse

_HEADERS = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}


@dataclass(kw_only=True)
class GitHub(Provider):
    """GitHub, or a GitHub Enterprise Server with its own URLs, which do not end in a slash.

    The issuer is the URL of the site, because the IDs of users are unique there.
    """

    scopes = ("read:user", "user:email")
    name: str = "github"
    issuer: str = "https://github.com"
    api_url: str = "https://api.github.com"

    def create_authorization_url(self, flow: AuthCodeFlow) -> str:
        return self._authorization_url(self.client.check_url(f"{self.issuer}/login/oauth/authorize"), flow)

    def fetch_identity(self, flow: AuthCodeFlow, response: AuthorizationResponse) -> Identity:
        self.client.start_step()
        token_endpoint = f"{self.issuer}/login/oauth/access_token"
        token, _ = self._fetch_token(token_endpoint, flow, response.code, "client_secret_post")
        user = self._call_api("user", token)
        user_id = user.get("id")  # a login can be renamed and then taken by another user; an ID cannot
        if user.status != 200 or type(user_id) is not int:
            raise self.client.unavailable("user")
        email, email_verified = self._get_primary_email(token)
        name = user.get_str("name") or user.get_str("login")
        return Identity(self.issuer, str(user_id), email, email_verified, name)

    def _get_primary_email(self, token: str) -> tuple[str | None, bool]:
        """Return the primary address, and whether GitHub has verified it. The `email` of a profile proves nothing."""
        response = self._call_api("user/emails", token)
        if response.status == 404:  # the user did not grant the scope
            return None, False
        if response.status != 200 or not isinstance(response.body, list):
            raise self.client.unavailable("emails")
        for entry in (ProviderResponse(200, each) for each in response.body):
            if entry.get("primary") is True and (email := entry.get_str("email")) is not None:
                return email, entry.get("verified") is True
        return None, False

    def _call_api(self, path: str, token: str) -> ProviderResponse:
        response = self.client.get(f"{self.api_url}/{path}", bearer_token=token, headers=_HEADERS)
        if response.status == 401:
            raise self.client.failed("api")
        return response
