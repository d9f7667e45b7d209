"""Providers in place of the network, and a browser with a session cookie."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import urllib3

from holdall.accounts.service import oauth
from holdall.platform import clock
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.browser import ORIGIN, Browser
from tests.support.client import Response
from tests.support.fixtures import OverrideSettings
from tests.support.oidc_issuer import CLAIMS, ISSUER_URL, FakeIssuer, sign_id_token

_GITHUB_SITE, _GITHUB_API = "https://github.com", "https://api.github.com"
PROVIDER_CONFIGS = [{"name": "issuer", "kind": "oidc", "issuer": ISSUER_URL}, {"name": "github", "kind": "github"}]


@dataclass(frozen=True)
class ProviderUser:
    """A user of a provider."""

    email: str | None
    subject: str = "1001"
    email_verified: bool = True
    name: str | None = "Ada"
    authenticated_at: datetime | None = None  # as the issuer says


class FakeProviders(FakeIssuer):
    """An OpenID Connect issuer and GitHub. The test says which user signs in there."""

    def authorize(self, name: str, url: str, user: ProviderUser) -> str:
        """Sign a user in at a provider, and return the callback with a code."""
        parameters = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        now = int(clock.now().timestamp())
        if name == "github":
            self.responses |= {
                f"{_GITHUB_SITE}/login/oauth/access_token": {
                    "access_token": "gho_1",
                    "token_type": "bearer",
                    "scope": "",
                },
                f"{_GITHUB_API}/user": {"id": int(user.subject), "login": "ada", "name": user.name},
                f"{_GITHUB_API}/user/emails": [{"email": user.email, "primary": True, "verified": user.email_verified}],
            }
        else:
            identity: dict[str, Any] = {"sub": user.subject, "email": user.email, "email_verified": user.email_verified}
            auth_time = int(user.authenticated_at.timestamp()) if user.authenticated_at else None
            identity["auth_time"] = auth_time
            times = {"iat": now, "exp": now + 300, "nonce": parameters["nonce"], "name": user.name}
            self.return_id_token(sign_id_token(CLAIMS | identity | times))
        query = urlencode({"code": "a-code", "state": parameters["state"]})
        return f"/auth/oauth/{name}/callback?{query}"

    def sign_in(self, browser: Browser, user: ProviderUser, name: str = "issuer", return_to: str = "/") -> Response:
        """Sign in with a provider, and return the response to the callback."""
        started = browser.get(f"/auth/oauth/{name}/start?{urlencode({'returnTo': return_to})}")
        assert started.status == 302, started.text
        return browser.get(self.authorize(name, started.headers["location"], user))

    def take_offline(self) -> None:
        """Let every URL respond with 404, and clear the caches."""
        self.responses = {}
        oauth._get_provider.cache_clear()

    def link(self, browser: Browser, user: ProviderUser, name: str = "issuer") -> Response:
        """Link an identity to the account of the browser's session."""
        url = browser.send_same_origin("POST", f"/auth/identities/{name}/link").data()["url"]
        return browser.get(self.authorize(name, url, user))


def install_providers(
    monkeypatch: pytest.MonkeyPatch, override_settings: OverrideSettings, fake_aws: FakeAws, **settings: str
) -> FakeProviders:
    """Put the providers in place of the network, and configure them as an operator does."""
    providers = FakeProviders()
    monkeypatch.setattr(urllib3.PoolManager, "request", providers.respond)
    secret = json.dumps({"clientId": "us", "clientSecret": "canary-of-the-client-secret"})
    for each in PROVIDER_CONFIGS:
        name = f"/holdall/test/oauth-{each['name']}"
        fake_aws.ssm.put_parameter(Name=name, Value=secret, Type="SecureString", Overwrite=True)
    override_settings(OAUTH_PROVIDERS=json.dumps(PROVIDER_CONFIGS), **settings)
    return providers


def sign_in_browser(email: str) -> Browser:
    """Return a browser that has signed in with a password."""
    browser = Browser()
    body = {"email": email, "password": users.PASSWORD, "mode": "cookie"}
    browser.send("POST", "/auth/login", body, origin=ORIGIN).data()
    return browser


def linked_providers(browser: Browser) -> list[str]:
    return [each["provider"] for each in browser.get("/auth/identities").data()]


def status_and_code(response: Response) -> tuple[int, str]:
    return response.status, response.problem()["code"]


def identity_rows(fake_aws: FakeAws) -> list[dict[str, Any]]:
    """Return the rows of identities in both tables."""
    unique = [row for row in fake_aws.find_rows("main", record_type="unique") if "#identity#" in row["pk"]]
    return unique + fake_aws.find_rows("credentials", record_type="identity")
