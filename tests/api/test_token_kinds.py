"""Kinds of token and doors (S2): each opens its own door and no other. Both come from the code, so a new one needs its cell.

A door is where a request shows a token: the Authorization header and the cookie of every operation that wants a caller, the
CSRF token of each that changes something, the header of keys where a scope is asked for, and every field of a body or query
that takes a token.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from holdall.accounts import challenges
from holdall.iam.tokens import TokenKind
from holdall.platform.table import Transaction
from holdall.roles.permissions import get_role_permissions, is_key_scope
from infra.build.openapi import OPENAPI_PATH
from tests.api.conftest import FrozenClock, OverrideSettings
from tests.support import projects, users
from tests.support.aws import FakeAws
from tests.support.client import BASE_PATH, Client, Response
from tests.support.mfa import MfaUser, enable_mfa, receive_email_details
from tests.support.oauth import Browser, FakeProviders, ProviderUser, install_providers
from tests.support.routes import list_routes

_ORIGIN = "https://files.example.test"
_TOKEN_FIELD = re.compile(r"token|state", re.IGNORECASE)
_NEW_PASSWORD = "another long password"
_TABLES = ("main", "credentials", "audit")  # what lives short counts requests, and these are some

# The one door of each kind; by its operation where a field is the door.
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
}


@dataclass(frozen=True)
class TokenLocation:
    """Where a token is shown. `name` is equal for the doors that one kind opens."""

    name: str
    method: str
    path: str
    field: str = ""
    other_fields: tuple[str, ...] = ()  # fields that a body needs as well

    def __str__(self) -> str:
        return self.name if self.field else f"{self.method} {self.path} {self.name}"


def _list_locations() -> list[TokenLocation]:
    document = json.loads(OPENAPI_PATH.read_text())
    found = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            found += _operation_locations(document, method.upper(), path.removeprefix(BASE_PATH), operation)
    return found + [
        TokenLocation("X-Api-Key", route.method, route.path.removeprefix(BASE_PATH))
        for route in list_routes()
        if route.guard and is_key_scope(route.guard.permission)
    ]


def _operation_locations(
    document: dict[str, Any], method: str, path: str, operation: dict[str, Any]
) -> list[TokenLocation]:
    names = {"bearer": "Authorization", "cookie": "cookie", "csrf": "X-CSRF-Token"}
    wanted = {name for each in operation["security"] for name in each if name in names}
    doors = [TokenLocation(names[name], method, path) for name in sorted(wanted)]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = document["components"]["schemas"].get(content.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
    fields = list(schema.get("properties", {}))
    queries = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
    for field in fields + queries:
        if _TOKEN_FIELD.search(field):
            beside = tuple(each for each in fields if each != field and (each in schema["required"] or each == "code"))
            doors.append(TokenLocation(f"{method} {path} {field}", method, path, field, beside))
    return doors


TOKEN_LOCATIONS = _list_locations()
# What the roles of most people do not hold: they are told so once they are in.
PRIVILEGED_ROUTES = {
    f"{route.method} {route.path.removeprefix(BASE_PATH)}"
    for route in list_routes()
    if route.guard
    and route.guard.permission
    and not route.guard.project_from
    and route.guard.permission not in get_role_permissions("user")
}


@dataclass(frozen=True)
class TokenSet:
    """One token of each kind, all of them of one person, and all alive."""

    owner: MfaUser
    browser: Browser  # of a session of its own
    oauth_browser: Browser  # that began a sign-in with a provider
    tokens: dict[TokenKind, str]

    def present(self, location: TokenLocation, token: str) -> Response:
        """Show a token at a door, with all else that it wants."""
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
        # Whoever joins a project is signed in.
        who = self.owner.client if location.name == LOCATION_BY_KIND[TokenKind.PROJECT_INVITATION] else Client()
        return who.post(path, {location.field: token, **{name: values[name] for name in location.other_fields}})

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
    providers = install_providers(monkeypatch, override_settings, fake_aws, EMAIL_VERIFICATION="on")
    browser = Browser()
    said = {"mfaToken": owner.request_mfa_token(), "recoveryCode": owner.recovery_codes[0], "mode": "cookie"}
    csrf = browser.send("POST", "/auth/2fa/verify", said).data()["csrfToken"]
    begun = Browser()
    state_url = begun.get("/auth/oauth/issuer/start").headers["location"]
    back = providers.authorize("issuer", state_url, ProviderUser(users.unique_email()))
    tokens = {
        TokenKind.ACCESS: str(client.access_token),
        TokenKind.REFRESH: client.refresh_token,
        TokenKind.COOKIE: browser.session_cookie,
        TokenKind.CSRF: csrf,
        TokenKind.MFA: owner.request_mfa_token(),
        **_email_tokens(owner, fake_aws),
        TokenKind.ACCOUNT_INVITATION: _account_invitation(invited, fake_aws),
        TokenKind.OAUTH_STATE: back.partition("state=")[2],
        TokenKind.API_KEY: projects.create_api_key_client(client, users.personal_project_id(client)).api_key,
        TokenKind.PROJECT_INVITATION: _project_invitation(owner, other, fake_aws),
    }
    return TokenSet(owner, browser, begun, tokens)


def _email_tokens(owner: MfaUser, fake_aws: FakeAws) -> dict[TokenKind, str]:
    """What comes by letters."""
    fake_aws.receive_messages("mail")
    new, other = users.unique_email(), users.unique_email()
    Client().post("/auth/sign-up", {"email": new, "password": _NEW_PASSWORD})
    (verify,) = receive_email_details(fake_aws, new, "verify")
    Client().post("/auth/forgot-password", {"email": owner.email})
    (reset,) = receive_email_details(fake_aws, owner.email, "reset")
    owner.client.post("/auth/change-email", {"email": other, "password": users.PASSWORD})
    (change,) = receive_email_details(fake_aws, other, "email-change")
    return {TokenKind.EMAIL_VERIFICATION: verify, TokenKind.RESET: reset, TokenKind.EMAIL_CHANGE: change}


def _account_invitation(invited: dict[str, Any], fake_aws: FakeAws) -> str:
    """What will come by a letter when users can be made: of somebody without a password."""
    fake_aws.dynamodb.Table("credentials").delete_item(Key={"pk": f"USER#{invited['id']}", "sk": "PASSWORD"})
    with Transaction() as write:
        return challenges.issue(write, TokenKind.ACCOUNT_INVITATION, invited["id"], user_id=invited["id"])


def _project_invitation(owner: MfaUser, other: Client, fake_aws: FakeAws) -> str:
    """What comes by a letter to somebody who is to join a project of another."""
    return projects.create_invitation_token(other, projects.create_shared_project(other), fake_aws, owner.email)


def all_rows(fake_aws: FakeAws) -> list[str]:
    return [repr(sorted(row.items())) for table in _TABLES for row in fake_aws.find_rows(table)]


def test_every_kind_has_its_door_and_every_door_its_kind(token_set: TokenSet) -> None:
    assert set(LOCATION_BY_KIND) == set(TokenKind) == set(token_set.tokens)
    assert {door.name for door in TOKEN_LOCATIONS} == {name for name in LOCATION_BY_KIND.values() if name}
    assert all(token.startswith(kind.value) for kind, token in token_set.tokens.items())


@pytest.mark.parametrize("kind", TokenKind, ids=lambda kind: kind.name)
def test_a_token_opens_no_door_but_its_own(token_set: TokenSet, fake_aws: FakeAws, kind: TokenKind) -> None:
    before = all_rows(fake_aws)
    for door in (each for each in TOKEN_LOCATIONS if each.name != LOCATION_BY_KIND[kind]):
        answer = token_set.present(door, token_set.tokens[kind])
        assert answer.status in {400, 401, 403, 422}, (str(door), answer.status, answer.text)
        assert token_set.tokens[kind] not in answer.text
    assert all_rows(fake_aws) == before


@pytest.mark.parametrize("kind", TokenKind, ids=lambda kind: kind.name)
def test_a_token_that_calls_itself_another_kind_opens_nothing(
    token_set: TokenSet, fake_aws: FakeAws, kind: TokenKind
) -> None:
    before, rest = all_rows(fake_aws), token_set.tokens[kind].removeprefix(kind.value)
    for door in TOKEN_LOCATIONS:
        other = next(each for each, name in LOCATION_BY_KIND.items() if name == door.name)
        if other is not kind:
            answer = token_set.present(door, other.value + rest)
            assert answer.status in {400, 401, 403, 422}, (str(door), answer.status, answer.text)
    assert all_rows(fake_aws) == before


@pytest.mark.parametrize("door", [door for door in TOKEN_LOCATIONS if door.field], ids=str)
def test_a_token_opens_its_own_door_once(token_set: TokenSet, door: TokenLocation) -> None:
    kind = next(kind for kind, name in LOCATION_BY_KIND.items() if name == door.name)

    assert token_set.present(door, token_set.tokens[kind]).status in {200, 204, 302}
    if kind is not TokenKind.REFRESH:  # whose answer may have been lost, and is given again for ten seconds
        assert token_set.present(door, token_set.tokens[kind]).status == 401


def test_who_may_come_in_comes_in_at_every_door(token_set: TokenSet) -> None:
    """The others are refused for what they are, and not because nobody comes in there."""
    ends = {"POST /auth/logout", "POST /auth/logout-all", "DELETE /auth/sessions/{sessionId}"}
    for door in TOKEN_LOCATIONS:
        kind = next(kind for kind, name in LOCATION_BY_KIND.items() if name == door.name)
        name = f"{door.method} {door.path}"
        # What ends sessions, or has no need of a body, would end the scene: who came so far is told by the others.
        if not door.field and name not in ends | PRIVILEGED_ROUTES and not door.path.startswith("/auth/2fa/"):
            answer = token_set.present(door, token_set.tokens[kind])
            assert answer.status not in {401, 403}, (str(door), answer.status, answer.text)


def test_two_tokens_at_once_are_refused(token_set: TokenSet) -> None:
    both = token_set.browser.send("GET", "/auth/me", authorization=f"Bearer {token_set.tokens[TokenKind.ACCESS]}")

    assert (both.status, both.problem()["code"]) == (400, "ambiguous_credentials")


@pytest.mark.parametrize("origin", [None, "null", "https://evil.test", "https://files.example.test.evil.test"])
def test_a_csrf_token_counts_only_from_a_page_of_ours(token_set: TokenSet, origin: str | None) -> None:
    headers = {"x-csrf-token": token_set.tokens[TokenKind.CSRF], **({"origin": origin} if origin else {})}
    answer = token_set.browser.send("POST", "/auth/logout", None, **headers)

    assert answer.status == 403
    assert token_set.browser.get("/auth/me").status == 200


def test_the_csrf_token_of_another_session_is_worth_nothing(token_set: TokenSet, providers: FakeProviders) -> None:
    other = Browser()
    providers.sign_in(other, ProviderUser(users.unique_email(), subject="3003"))
    csrf = other.get("/auth/me").data()["csrfToken"]

    answer = token_set.browser.send("POST", "/auth/logout", None, origin=_ORIGIN, **{"x-csrf-token": csrf})
    assert (answer.status, answer.problem()["code"]) == (403, "csrf")


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch, override_settings: OverrideSettings, fake_aws: FakeAws) -> FakeProviders:
    return install_providers(monkeypatch, override_settings, fake_aws)
