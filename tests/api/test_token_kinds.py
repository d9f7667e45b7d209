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
from holdall.roles.permissions import is_scope, of_role
from holdall.table import Transaction
from infra.build.openapi import DOCUMENT
from tests.api import members, people
from tests.api.authenticator import Protected, letters, protect
from tests.api.client import BASE_PATH, Answer, Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock, Installed
from tests.api.provider import Browser, Person, Providers, install
from tests.house.routes import routes

_ORIGIN = "https://files.example.test"
_FIELD = re.compile(r"token|state", re.IGNORECASE)
_NEW_PASSWORD = "another long password"
_TABLES = ("main", "credentials", "audit")  # what lives short counts requests, and these are some

# The one door of each kind; by its operation where a field is the door.
OWN = {
    TokenKind.ACCESS: "Authorization",
    TokenKind.COOKIE: "cookie",
    TokenKind.CSRF: "X-CSRF-Token",
    TokenKind.REFRESH: "POST /auth/refresh refreshToken",
    TokenKind.MFA: "POST /auth/2fa/verify mfaToken",
    TokenKind.VERIFY: "POST /auth/verify-email token",
    TokenKind.RESET: "POST /auth/reset-password token",
    TokenKind.EMAIL_CHANGE: "POST /auth/confirm-email token",
    TokenKind.INVITATION: "POST /auth/accept-invitation token",
    TokenKind.STATE: "GET /auth/oauth/{provider}/callback state",
    TokenKind.KEY: "X-Api-Key",
    TokenKind.JOIN: "POST /invitations/accept token",
}


@dataclass(frozen=True)
class Door:
    """Where a token is shown. `name` is equal for the doors that one kind opens."""

    name: str
    method: str
    path: str
    field: str = ""
    beside: tuple[str, ...] = ()  # fields that a body needs as well

    def __str__(self) -> str:
        return self.name if self.field else f"{self.method} {self.path} {self.name}"


def _doors() -> list[Door]:
    document = json.loads(DOCUMENT.read_text())
    found = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            found += _of(document, method.upper(), path.removeprefix(BASE_PATH), operation)
    return found + [
        Door("X-Api-Key", route.method, route.path.removeprefix(BASE_PATH))
        for route in routes()
        if route.door and is_scope(route.door.permission)
    ]


def _of(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> list[Door]:
    names = {"bearer": "Authorization", "cookie": "cookie", "csrf": "X-CSRF-Token"}
    wanted = {name for each in operation["security"] for name in each if name in names}
    doors = [Door(names[name], method, path) for name in sorted(wanted)]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = document["components"]["schemas"].get(content.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
    fields = list(schema.get("properties", {}))
    queries = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
    for field in fields + queries:
        if _FIELD.search(field):
            beside = tuple(each for each in fields if each != field and (each in schema["required"] or each == "code"))
            doors.append(Door(f"{method} {path} {field}", method, path, field, beside))
    return doors


DOORS = _doors()
# What the roles of most people do not hold: they are told so once they are in.
OF_FEW = {
    f"{route.method} {route.path.removeprefix(BASE_PATH)}"
    for route in routes()
    if route.door and route.door.permission and not route.door.of and route.door.permission not in of_role("user")
}


@dataclass(frozen=True)
class Scene:
    """One token of each kind, all of them of one person, and all alive."""

    owner: Protected
    browser: Browser  # of a session of its own
    begun: Browser  # that began a sign-in with a provider
    tokens: dict[TokenKind, str]

    def show(self, door: Door, token: str) -> Answer:
        """Show a token at a door, with all else that it wants."""
        path = re.sub(r"{(\w+)}", lambda match: self._part(match[1]), door.path)
        if door.name == "Authorization":
            return Client(token).request(door.method, path)
        if door.name == "X-Api-Key":
            return Client().request(door.method, path, headers={"x-api-key": token})
        if door.name == "cookie":
            csrf = self.tokens[TokenKind.CSRF]
            return Browser(token).ask(door.method, path, None, origin=_ORIGIN, **{"x-csrf-token": csrf})
        if door.name == "X-CSRF-Token":
            return Browser(self.browser.cookie).ask(door.method, path, None, origin=_ORIGIN, **{"x-csrf-token": token})
        if door.method == "GET":
            return Browser(self.begun.cookie).get(f"{path}?{urlencode({door.field: token, 'code': 'a-code'})}")
        values = {"password": _NEW_PASSWORD, "code": self.owner.code()}
        # Whoever joins a project is signed in.
        who = self.owner.client if door.name == OWN[TokenKind.JOIN] else Client()
        return who.post(path, {door.field: token, **{name: values[name] for name in door.beside}})

    def _part(self, name: str) -> str:
        session = self.owner.client.refresh_token.split("_")[1]
        project = people.personal_project(self.owner.client)
        known = {"provider": "issuer", "sessionId": session, "projectId": project, "asset": "x"}
        return known.get(name, f"{project}-{'0' * 26}")


@pytest.fixture
def scene(client: Client, frozen: Clock, cloud: Cloud, installed: Installed, monkeypatch: pytest.MonkeyPatch) -> Scene:
    owner = protect(client)
    frozen.forward(seconds=60)
    invited, other = people.sign_up(), people.signed_in()
    providers = install(monkeypatch, installed, cloud, EMAIL_VERIFICATION="on")
    browser = Browser()
    said = {"mfaToken": owner.mfa_token(), "recoveryCode": owner.recovery_codes[0], "mode": "cookie"}
    csrf = browser.ask("POST", "/auth/2fa/verify", said).data()["csrfToken"]
    begun = Browser()
    state_url = begun.get("/auth/oauth/issuer/start").headers["location"]
    back = providers.authorize("issuer", state_url, Person(people.new_address()))
    tokens = {
        TokenKind.ACCESS: str(client.token),
        TokenKind.REFRESH: client.refresh_token,
        TokenKind.COOKIE: browser.cookie,
        TokenKind.CSRF: csrf,
        TokenKind.MFA: owner.mfa_token(),
        **_mailed(owner, cloud),
        TokenKind.INVITATION: _invitation(invited, cloud),
        TokenKind.STATE: back.partition("state=")[2],
        TokenKind.KEY: members.program(client, people.personal_project(client)).key,
        TokenKind.JOIN: _asked_to_join(owner, other, cloud),
    }
    return Scene(owner, browser, begun, tokens)


def _mailed(owner: Protected, cloud: Cloud) -> dict[TokenKind, str]:
    """What comes by letters."""
    cloud.waiting("mail")
    new, other = people.new_address(), people.new_address()
    Client().post("/auth/sign-up", {"email": new, "password": _NEW_PASSWORD})
    (verify,) = letters(cloud, new, "verify")
    Client().post("/auth/forgot-password", {"email": owner.email})
    (reset,) = letters(cloud, owner.email, "reset")
    owner.client.post("/auth/change-email", {"email": other, "password": people.PASSWORD})
    (change,) = letters(cloud, other, "email-change")
    return {TokenKind.VERIFY: verify, TokenKind.RESET: reset, TokenKind.EMAIL_CHANGE: change}


def _invitation(invited: dict[str, Any], cloud: Cloud) -> str:
    """What will come by a letter when users can be made: of somebody without a password."""
    cloud.dynamodb.Table("credentials").delete_item(Key={"pk": f"USER#{invited['id']}", "sk": "PASSWORD"})
    with Transaction() as write:
        return challenges.pose(write, TokenKind.INVITATION, invited["id"], user_id=invited["id"])


def _asked_to_join(owner: Protected, other: Client, cloud: Cloud) -> str:
    """What comes by a letter to somebody who is to join a project of another."""
    return members.invited(other, members.shared(other), cloud, owner.email)


def written(cloud: Cloud) -> list[str]:
    return [repr(sorted(row.items())) for table in _TABLES for row in cloud.rows(table)]


def test_every_kind_has_its_door_and_every_door_its_kind(scene: Scene) -> None:
    assert set(OWN) == set(TokenKind) == set(scene.tokens)
    assert {door.name for door in DOORS} == {name for name in OWN.values() if name}
    assert all(token.startswith(kind.value) for kind, token in scene.tokens.items())


@pytest.mark.parametrize("kind", TokenKind, ids=lambda kind: kind.name)
def test_a_token_opens_no_door_but_its_own(scene: Scene, cloud: Cloud, kind: TokenKind) -> None:
    before = written(cloud)
    for door in (each for each in DOORS if each.name != OWN[kind]):
        answer = scene.show(door, scene.tokens[kind])
        assert answer.status in {400, 401, 403, 422}, (str(door), answer.status, answer.text)
        assert scene.tokens[kind] not in answer.text
    assert written(cloud) == before


@pytest.mark.parametrize("kind", TokenKind, ids=lambda kind: kind.name)
def test_a_token_that_calls_itself_another_kind_opens_nothing(scene: Scene, cloud: Cloud, kind: TokenKind) -> None:
    before, rest = written(cloud), scene.tokens[kind].removeprefix(kind.value)
    for door in DOORS:
        other = next(each for each, name in OWN.items() if name == door.name)
        if other is not kind:
            answer = scene.show(door, other.value + rest)
            assert answer.status in {400, 401, 403, 422}, (str(door), answer.status, answer.text)
    assert written(cloud) == before


@pytest.mark.parametrize("door", [door for door in DOORS if door.field], ids=str)
def test_a_token_opens_its_own_door_once(scene: Scene, door: Door) -> None:
    kind = next(kind for kind, name in OWN.items() if name == door.name)

    assert scene.show(door, scene.tokens[kind]).status in {200, 204, 302}
    if kind is not TokenKind.REFRESH:  # whose answer may have been lost, and is given again for ten seconds
        assert scene.show(door, scene.tokens[kind]).status == 401


def test_who_may_come_in_comes_in_at_every_door(scene: Scene) -> None:
    """The others are refused for what they are, and not because nobody comes in there."""
    ends = {"POST /auth/logout", "POST /auth/logout-all", "DELETE /auth/sessions/{sessionId}"}
    for door in DOORS:
        kind = next(kind for kind, name in OWN.items() if name == door.name)
        name = f"{door.method} {door.path}"
        # What ends sessions, or has no need of a body, would end the scene: who came so far is told by the others.
        if not door.field and name not in ends | OF_FEW and not door.path.startswith("/auth/2fa/"):
            answer = scene.show(door, scene.tokens[kind])
            assert answer.status not in {401, 403}, (str(door), answer.status, answer.text)


def test_two_tokens_at_once_are_refused(scene: Scene) -> None:
    both = scene.browser.ask("GET", "/auth/me", authorization=f"Bearer {scene.tokens[TokenKind.ACCESS]}")

    assert (both.status, both.problem()["code"]) == (400, "ambiguous_credentials")


@pytest.mark.parametrize("origin", [None, "null", "https://evil.test", "https://files.example.test.evil.test"])
def test_a_csrf_token_counts_only_from_a_page_of_ours(scene: Scene, origin: str | None) -> None:
    headers = {"x-csrf-token": scene.tokens[TokenKind.CSRF], **({"origin": origin} if origin else {})}
    answer = scene.browser.ask("POST", "/auth/logout", None, **headers)

    assert answer.status == 403
    assert scene.browser.get("/auth/me").status == 200


def test_the_csrf_token_of_another_session_is_worth_nothing(scene: Scene, providers: Providers) -> None:
    other = Browser()
    providers.sign_in(other, Person(people.new_address(), subject="3003"))
    csrf = other.get("/auth/me").data()["csrfToken"]

    answer = scene.browser.ask("POST", "/auth/logout", None, origin=_ORIGIN, **{"x-csrf-token": csrf})
    assert (answer.status, answer.problem()["code"]) == (403, "csrf")


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch, installed: Installed, cloud: Cloud) -> Providers:
    return install(monkeypatch, installed, cloud)
