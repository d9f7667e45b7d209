"""Providers in place of the network, and a browser that goes to them and comes back, with the one cookie that we set."""

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import urllib3

from holdall import clock
from holdall.accounts import oauth_id_token, oauth_oidc
from tests.api import people
from tests.api.client import Answer, event_of, handler_of
from tests.api.cloud import Cloud
from tests.api.conftest import Installed
from tests.unit.accounts.oauth_issuer import CLAIMS, URL, Issuer, signed

_SITE, _API = "https://github.com", "https://api.github.com"
_ORIGIN = {"origin": "https://files.example.test"}
CONFIGURED = [{"name": "issuer", "kind": "oidc", "issuer": URL}, {"name": "github", "kind": "github"}]


@dataclass(frozen=True)
class Person:
    """Somebody as providers know them."""

    email: str | None
    subject: str = "1001"
    verified: bool = True
    name: str | None = "Ada"


@dataclass
class Browser:
    """A browser: what our cookie says in it, and the attributes with which it was set last."""

    cookie: str = ""
    attributes: set[str] = field(default_factory=set)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {"user-agent": "tests", "content-type": "application/json", **headers}
        if self.cookie:
            sent["cookie"] = f"__Host-session={self.cookie}"
        event = event_of(method, path, sent, None if body is None else json.dumps(body).encode())
        answer = handler_of(event["rawPath"])(event, SimpleNamespace(aws_request_id="aws", function_name="test"))
        for line in answer.get("cookies") or []:
            name, _, rest = line.partition("=")
            value, *attributes = rest.split("; ")
            assert name == "__Host-session"
            self.cookie, self.attributes = value, set(attributes)
        return Answer(answer["statusCode"], answer["headers"], answer.get("body") or "")

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def change(self, method: str, path: str, body: Any = None) -> Answer:
        """Change something as a page of ours does, by the cookie and what goes with it."""
        csrf = self.get("/auth/me").data()["csrfToken"]
        return self.ask(method, path, body, **_ORIGIN, **{"x-csrf-token": csrf})


class Providers(Issuer):
    """An OpenID Connect issuer and a GitHub. Whoever goes there is the person that a test says."""

    def authorize(self, name: str, url: str, person: Person) -> str:
        """Where the provider sends the browser that came with this address: the callback, with a code."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        now = int(clock.now().timestamp())
        if name == "github":
            self.answers |= {
                f"{_SITE}/login/oauth/access_token": {"access_token": "gho_1", "token_type": "bearer", "scope": ""},
                f"{_API}/user": {"id": int(person.subject), "login": "ada", "name": person.name},
                f"{_API}/user/emails": [{"email": person.email, "primary": True, "verified": person.verified}],
            }
        else:
            who = {"sub": person.subject, "email": person.email, "email_verified": person.verified}
            times = {"iat": now, "exp": now + 300, "nonce": asked["nonce"], "name": person.name}
            self.gives(signed(CLAIMS | who | times))
            self.answers["/userinfo"] = {"sub": person.subject}
        query = urlencode({"code": "a-code", "state": asked["state"]})
        return f"/auth/oauth/{name}/callback?{query}"

    def sign_in(self, browser: Browser, person: Person, name: str = "issuer", to: str = "/") -> Answer:
        """Go to a provider, agree, and come back."""
        started = browser.get(f"/auth/oauth/{name}/start?{urlencode({'returnTo': to})}")
        assert started.status == 302, started.text
        return browser.get(self.authorize(name, started.headers["location"], person))

    def document_is_gone(self) -> None:
        """Nothing answers, and nothing is remembered of what did."""
        self.answers = {}
        oauth_oidc._documents.clear()

    def link(self, browser: Browser, person: Person, name: str = "issuer") -> Answer:
        """Link an identity to the account of the browser's session."""
        url = browser.change("POST", f"/auth/identities/{name}/link").data()["url"]
        return browser.get(self.authorize(name, url, person))


def install(patch: pytest.MonkeyPatch, installed: Installed, cloud: Cloud, **more: str) -> Providers:
    """Put the providers there, and configure them as an operator does."""
    there = Providers()
    patch.setattr(urllib3.PoolManager, "request", there.answer)
    patch.setattr(oauth_oidc, "_documents", {})
    patch.setattr(oauth_id_token, "_published", {})
    secret = json.dumps({"clientId": "us", "clientSecret": "canary-of-the-client-secret"})
    for each in CONFIGURED:
        name = f"/holdall/test/oauth-{each['name']}"
        cloud.ssm.put_parameter(Name=name, Value=secret, Type="SecureString", Overwrite=True)
    installed(OAUTH_PROVIDERS=json.dumps(CONFIGURED), **more)
    return there


def signed_in(email: str) -> Browser:
    """A browser whose person has signed in by a password."""
    browser = Browser()
    said = {"email": email, "password": people.PASSWORD, "mode": "cookie"}
    browser.ask("POST", "/auth/login", said).data()
    return browser


def names(browser: Browser) -> list[str]:
    """The providers that are linked."""
    return [each["provider"] for each in browser.get("/auth/identities").data()]


def refused(answer: Answer) -> tuple[int, str]:
    """How an answer says no."""
    return answer.status, answer.problem()["code"]


def identities(cloud: Cloud) -> list[dict[str, Any]]:
    """All rows of identities, of either table."""
    unique = [row for row in cloud.rows("main", record_kind="unique") if "#identity#" in row["pk"]]
    return unique + cloud.rows("credentials", record_kind="identity")
