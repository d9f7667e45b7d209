"""Kinds of tokens (S2): a token of one kind is accepted only at its own location. Kinds and locations are read from the code.

A location is a place of a token in a request: the Authorization header and the cookie of every operation that requires a
caller, the CSRF token of every operation that changes something, the X-Api-Key header where a scope is required, every field
of a body or a query that contains a token, and the path of an endpoint for Uppy.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from holdall.accounts import challenges
from holdall.accounts.challenges import InvitationPayload
from holdall.iam.tokens import TokenKind
from holdall.platform.table import Transaction
from holdall.roles.permissions import get_role_permissions, is_key_scope
from infra.build.openapi import OPENAPI_PATH
from tests.support import mailbox, projects, users
from tests.support.aws import FakeAws
from tests.support.browser import ORIGIN, Browser
from tests.support.client import BASE_PATH, Client, Response
from tests.support.clock import FrozenClock
from tests.support.companion import Uppy
from tests.support.fixtures import OverrideSettings
from tests.support.mfa import MfaUser, enable_mfa
from tests.support.oauth import FakeProviders, ProviderUser, install_providers
from tests.support.routes import list_routes
from tests.support.shares import create_link
from tests.support.uploads import TEXT_FILE

_ORIGIN = "https://files.example.test"
_TOKEN_FIELD = re.compile(r"token|state", re.IGNORECASE)
_NEW_PASSWORD = "another long password"
_TABLES = ("main", "credentials", "audit")  # without `ephemeral`, because rejected requests are counted there

# The location of each kind. A field is named with its operation.
LOCATION_BY_KIND = {
    TokenKind.ACCESS: "Authorization",
    TokenKind.COOKIE: "cookie",
    TokenKind.CSRF: "X-CSRF-Token",
    TokenKind.REFRESH: "POST /auth/refresh refreshToken",
    TokenKind.MFA: "POST /auth/2fa/verify mfaToken",
    TokenKind.EMAIL_VERIFICATION: "POST /auth/verify-email token",
    TokenKind.RESET: "POST /auth/reset-password token",
    TokenKind.EMAIL_CHANGE: "POST /auth/confirm-email token",
    TokenKind.ACCOUNT_INVITATION: "POST /auth/accept-invitation token",
    TokenKind.OAUTH_STATE: "GET /auth/oauth/{provider}/callback state",
    TokenKind.API_KEY: "X-Api-Key",
    TokenKind.PROJECT_INVITATION: "POST /invitations/accept token",
    TokenKind.COMPANION: "path of an endpoint",
    TokenKind.SHARE: "path of a link",
}


@dataclass(frozen=True)
class TokenLocation:
    """A place of a token in a request. All locations of a kind have the same name."""

    name: str
    method: str
    path: str
    field: str = ""
    other_fields: tuple[str, ...] = ()  # that the body requires

    @property
    def refusals(self) -> set[int]:
        """Return the statuses that refuse a token of another kind."""
        return {404} if self.name.startswith("path") else {400, 401, 403, 422}

    def __str__(self) -> str:
        return self.name if self.field else f"{self.method} {self.path} {self.name}"


def _list_locations() -> list[TokenLocation]:
    document = json.loads(OPENAPI_PATH.read_text())
    found = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            found += _operation_locations(document, method.upper(), path.removeprefix(BASE_PATH), operation)
    found.append(TokenLocation(LOCATION_BY_KIND[TokenKind.COMPANION], "GET", "/u/{token}/s3/params?filename=a.txt"))
    found.append(TokenLocation(LOCATION_BY_KIND[TokenKind.SHARE], "GET", "/s/{token}"))
    return found + [
        TokenLocation("X-Api-Key", route.method, route.path.removeprefix(BASE_PATH))
        for route in list_routes()
        if is_key_scope(route.guard.permission)
    ]


def _operation_locations(
    document: dict[str, Any], method: str, path: str, operation: dict[str, Any]
) -> list[TokenLocation]:
    names = {"bearer": "Authorization", "cookie": "cookie", "csrf": "X-CSRF-Token"}
    wanted = {name for each in operation["security"] for name in each if name in names}
    locations = [TokenLocation(names[name], method, path) for name in sorted(wanted)]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = document["components"]["schemas"].get(content.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
    fields = list(schema.get("properties", {}))
    queries = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
    for field in fields + queries:
        if _TOKEN_FIELD.search(field):
            other_fields = tuple(
                each for each in fields if each != field and (each in schema["required"] or each == "code")
            )
            locations.append(TokenLocation(f"{method} {path} {field}", method, path, field, other_fields))
    return locations


TOKEN_LOCATIONS = _list_locations()
# The role `user` lacks the permission, so even the right token gets 403.
PRIVILEGED_ROUTES = {
    f"{route.method} {route.path.removeprefix(BASE_PATH)}"
    for route in list_routes()
    if route.guard.permission
    and not route.guard.project_from
    and route.guard.permission not in get_role_permissions("user")
}


@dataclass(frozen=True)
class TokenSet:
    """A valid token of each kind, all of one user."""

    owner: MfaUser
    browser: Browser  # with its own session
    oauth_browser: Browser  # that started a sign-in with a provider
    tokens: dict[TokenKind, str]

    def present(self, location: TokenLocation, token: str) -> Response:
        """Send a token at a location, with everything else that the request needs."""
        if location.name.startswith("path"):
            return Client().request(location.method, location.path.format(token=token))
        path = re.sub(r"{(\w+)}", lambda match: self._path_value(match[1]), location.path)
        if location.name == "Authorization":
            return Client(token).request(location.method, path)
        if location.name == "X-Api-Key":
            return Client().request(location.method, path, headers={"x-api-key": token})
        if location.name == "cookie":
            csrf = self.tokens[TokenKind.CSRF]
            return Browser(token).send(location.method, path, None, origin=_ORIGIN, **{"x-csrf-token": csrf})
        if location.name == "X-CSRF-Token":
            return Browser(self.browser.session_cookie).send(
                location.method, path, None, origin=_ORIGIN, **{"x-csrf-token": token}
            )
        if location.method == "GET":
            return Browser(self.oauth_browser.session_cookie).get(
                f"{path}?{urlencode({location.field: token, 'code': 'a-code'})}"
            )
        values = {"password": _NEW_PASSWORD, "code": self.owner.totp_code()}
        # Only a signed-in user can accept an invitation to a project.
        sender = self.owner.client if location.name == LOCATION_BY_KIND[TokenKind.PROJECT_INVITATION] else Client()
        return sender.post(path, {location.field: token, **{name: values[name] for name in location.other_fields}})

    def _path_value(self, name: str) -> str:
        session = self.owner.client.refresh_token.split("_")[1]
        project = users.personal_project_id(self.owner.client)
        known = {"provider": "issuer", "sessionId": session, "projectId": project, "asset": "x"}
        return known.get(name, f"{project}-{'0' * 26}")


@pytest.fixture
def token_set(
    client: Client,
    frozen_clock: FrozenClock,
    fake_aws: FakeAws,
    override_settings: OverrideSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> TokenSet:
    owner = enable_mfa(client)
    frozen_clock.advance(seconds=60)
    invited, other = users.sign_up(), users.create_client()
    file_id = fake_aws.upload(client, b"x", **TEXT_FILE)["fileId"]
    providers = install_providers(monkeypatch, override_settings, fake_aws, EMAIL_VERIFICATION="on")
    browser = Browser()
    request = {"mfaToken": owner.request_mfa_token(), "recoveryCode": owner.recovery_codes[0], "mode": "cookie"}
    csrf = browser.send("POST", "/auth/2fa/verify", request, origin=ORIGIN).data()["csrfToken"]
    oauth_browser = Browser()
    state_url = oauth_browser.get("/auth/oauth/issuer/start").headers["location"]
    callback = providers.authorize("issuer", state_url, ProviderUser(users.unique_email()))
    tokens = {
        TokenKind.ACCESS: str(client.access_token),
        TokenKind.REFRESH: client.refresh_token,
        TokenKind.COOKIE: browser.session_cookie,
        TokenKind.CSRF: csrf,
        TokenKind.MFA: owner.request_mfa_token(),
        **_email_tokens(owner, fake_aws),
        TokenKind.ACCOUNT_INVITATION: _account_invitation(invited, fake_aws),
        TokenKind.OAUTH_STATE: callback.partition("state=")[2],
        TokenKind.API_KEY: projects.create_api_key_client(client, users.personal_project_id(client)).api_key,
        TokenKind.PROJECT_INVITATION: _project_invitation(owner, other, fake_aws),
        TokenKind.COMPANION: Uppy.create(client).token,
        TokenKind.SHARE: create_link(client, file_id).token,
    }
    return TokenSet(owner, browser, oauth_browser, tokens)


def _email_tokens(owner: MfaUser, fake_aws: FakeAws) -> dict[TokenKind, str]:
    """Return the tokens that are sent by email."""
    fake_aws.receive_messages("mail")
    new, other = users.unique_email(), users.unique_email()
    Client().post("/auth/sign-up", {"email": new, "password": _NEW_PASSWORD})
    (verify,) = mailbox.receive_tokens(fake_aws, new, "email-verification")
    Client().post("/auth/forgot-password", {"email": owner.email})
    (reset,) = mailbox.receive_tokens(fake_aws, owner.email, "password-reset")
    owner.client.post("/auth/change-email", {"email": other, "password": users.PASSWORD})
    (change,) = mailbox.receive_tokens(fake_aws, other, "email-change")
    return {TokenKind.EMAIL_VERIFICATION: verify, TokenKind.RESET: reset, TokenKind.EMAIL_CHANGE: change}


def _account_invitation(invited: dict[str, Any], fake_aws: FakeAws) -> str:
    """Return the token of an invitation to an account without a password."""
    fake_aws.dynamodb.Table("credentials").delete_item(Key={"pk": f"USER#{invited['id']}", "sk": "PASSWORD"})
    with Transaction() as tx:
        return challenges.issue(tx, invited["id"], InvitationPayload(invited["id"]))


def _project_invitation(owner: MfaUser, other: Client, fake_aws: FakeAws) -> str:
    """Return the token of an invitation to a project of another user."""
    return projects.create_invitation_token(other, projects.create_shared_project(other), fake_aws, owner.email)


def all_rows(fake_aws: FakeAws) -> list[str]:
    return [repr(sorted(row.items())) for table in _TABLES for row in fake_aws.find_rows(table)]


def test_every_kind_has_a_location_and_every_location_a_kind(token_set: TokenSet) -> None:
    assert set(LOCATION_BY_KIND) == set(TokenKind) == set(token_set.tokens)
    assert {location.name for location in TOKEN_LOCATIONS} == {name for name in LOCATION_BY_KIND.values() if name}
    assert all(token.startswith(kind.value) for kind, token in token_set.tokens.items())


@pytest.mark.parametrize("kind", TokenKind, ids=lambda kind: kind.name)
def test_token_is_rejected_everywhere_but_at_its_own_location(
    token_set: TokenSet, fake_aws: FakeAws, kind: TokenKind
) -> None:
    before = all_rows(fake_aws)
    for location in (each for each in TOKEN_LOCATIONS if each.name != LOCATION_BY_KIND[kind]):
        response = token_set.present(location, token_set.tokens[kind])
        assert response.status in location.refusals, (str(location), response.status, response.text)
        assert token_set.tokens[kind] not in response.text
    assert all_rows(fake_aws) == before


@pytest.mark.parametrize("kind", TokenKind, ids=lambda kind: kind.name)
def test_token_with_the_prefix_of_another_kind_is_rejected(
    token_set: TokenSet, fake_aws: FakeAws, kind: TokenKind
) -> None:
    before, rest = all_rows(fake_aws), token_set.tokens[kind].removeprefix(kind.value)
    for location in TOKEN_LOCATIONS:
        other = next(each for each, name in LOCATION_BY_KIND.items() if name == location.name)
        if other is not kind:
            response = token_set.present(location, other.value + rest)
            assert response.status in location.refusals, (str(location), response.status, response.text)
    assert all_rows(fake_aws) == before


@pytest.mark.parametrize("location", [each for each in TOKEN_LOCATIONS if each.field], ids=str)
def test_token_is_accepted_once_at_its_own_location(token_set: TokenSet, location: TokenLocation) -> None:
    kind = next(kind for kind, name in LOCATION_BY_KIND.items() if name == location.name)

    assert token_set.present(location, token_set.tokens[kind]).status in {200, 204, 302}
    if kind is not TokenKind.REFRESH:  # a lost response is repeated for ten seconds
        assert token_set.present(location, token_set.tokens[kind]).status == 401


def test_right_token_is_accepted_at_every_location(token_set: TokenSet) -> None:
    """The other tests would prove nothing if a location rejected every token."""
    revoking = {"POST /auth/logout", "POST /auth/logout-all", "DELETE /auth/sessions/{sessionId}"}
    for location in TOKEN_LOCATIONS:
        kind = next(kind for kind, name in LOCATION_BY_KIND.items() if name == location.name)
        name = f"{location.method} {location.path}"
        # These routes would revoke the session or disable the second factor.
        if (
            not location.field
            and name not in revoking | PRIVILEGED_ROUTES
            and not location.path.startswith("/auth/2fa/")
        ):
            response = token_set.present(location, token_set.tokens[kind])
            assert response.status not in location.refusals - {400, 422}, (
                str(location),
                response.status,
                response.text,
            )


def test_two_tokens_in_one_request_are_rejected(token_set: TokenSet) -> None:
    both = token_set.browser.send("GET", "/auth/me", authorization=f"Bearer {token_set.tokens[TokenKind.ACCESS]}")

    assert (both.status, both.problem()["code"]) == (400, "ambiguous_credentials")


@pytest.mark.parametrize("origin", [None, "null", "https://evil.test", "https://files.example.test.evil.test"])
def test_csrf_token_needs_an_allowed_origin(token_set: TokenSet, origin: str | None) -> None:
    headers = {"x-csrf-token": token_set.tokens[TokenKind.CSRF], **({"origin": origin} if origin else {})}
    response = token_set.browser.send("POST", "/auth/logout", None, **headers)

    assert response.status == 403
    assert token_set.browser.get("/auth/me").status == 200


def test_csrf_token_of_another_session_is_rejected(token_set: TokenSet, providers: FakeProviders) -> None:
    other = Browser()
    providers.sign_in(other, ProviderUser(users.unique_email(), subject="3003"))
    csrf = other.get("/auth/me").data()["csrfToken"]

    response = token_set.browser.send("POST", "/auth/logout", None, origin=_ORIGIN, **{"x-csrf-token": csrf})
    assert (response.status, response.problem()["code"]) == (403, "csrf")


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch, override_settings: OverrideSettings, fake_aws: FakeAws) -> FakeProviders:
    return install_providers(monkeypatch, override_settings, fake_aws)
