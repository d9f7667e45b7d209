"""Authorization (Z1): every principal calls every route about every kind of project.

`tests/support/access_rules.py` has the rules. Only a few rows of this matrix run on the deployed stack as well.
"""

import re
from collections.abc import Iterator

import pytest

from holdall.http.auth import Access
from tests.support.access_rules import (
    ACCESS_RULES,
    CALLBACK_ROUTE,
    AccessRule,
    Principal,
    TargetName,
    build_request,
    expected_refusal,
)
from tests.support.access_world import KEY_SCOPES, AccessWorld
from tests.support.aws import FakeAws
from tests.support.client import BASE_PATH, Client, Response
from tests.support.contract import load_openapi
from tests.support.routes import list_routes
from tests.support.world import World

# A deprecated PUT is an alias of the PATCH beside it.
RULES = ACCESS_RULES | {
    f"PUT{route.removeprefix('PATCH')}": rule
    for route, rule in ACCESS_RULES.items()
    if route.startswith("PATCH")
    and "put" in load_openapi()["paths"][BASE_PATH + route.partition(" ")[2].partition("?")[0]]
}
UNKNOWN_PARAMETER = (422, "unknown_parameter")
LENIENT_ROUTES = {"GET /u/{token}/s3/params": (404, "not_found")}  # pages send metadata of their own
# These end the membership of their caller, who needs it for other requests.
ROUTES_OF_SECOND_OWNER = {f"POST /projects/{{projectId}}/{action}" for action in ("transfer", "leave")}


@pytest.fixture
def access_world(world: World, fake_aws: FakeAws) -> AccessWorld:
    return world.step("access", lambda: AccessWorld.create(fake_aws))


def cells(access_world: AccessWorld, target: TargetName) -> Iterator[tuple[str, AccessRule, Principal, Client]]:
    """Yield each route with each principal. Routes outside of projects are called with `own` only, and with one key."""
    clients = access_world.clients_for(target)
    for route, rule in RULES.items():
        if rule.is_in_project or target == "own":
            for principal, client in clients.items():
                if rule.is_in_project or principal.scopes is None or principal.name == "key of owner":
                    yield route, rule, principal, client


def status_and_code(response: Response) -> tuple[int, str]:
    return response.status, response.json()["code"] if response.status >= 400 else ""


def test_every_route_and_every_flag_has_a_rule() -> None:
    documented = {
        f"{method.upper()} {path.removeprefix(BASE_PATH)}"
        for path, methods in load_openapi()["paths"].items()
        for method in methods
    }
    flags = {
        f"{route.method} {route.path.removeprefix(BASE_PATH)}?{flag}=true"
        for route in list_routes()
        for flag in {*route.guard.extra, route.guard.allow_deleted} - {True, False}
    }
    values = {
        f"{route.method} {route.path.removeprefix(BASE_PATH)} {name}={value}"
        for route in list_routes()
        for name, value in route.guard.extra_by_value
    }

    assert {" ".join(re.split("[ ?]", route)[:2]) for route in RULES} | {CALLBACK_ROUTE} == documented
    assert {route for route in RULES if "?" in route} == flags
    assert {route for route in RULES if route.count(" ") > 1} == values


@pytest.mark.parametrize("target", ["own", "second", "other", "deleted"])
def test_principals_without_access_are_refused_and_change_nothing(
    access_world: AccessWorld, target: TargetName
) -> None:
    before, refused, wrong = access_world.rows(), 0, {}
    for route, rule, principal, client in cells(access_world, target):
        expected = expected_refusal(rule, principal, target)
        if expected is not None:
            refused += 1
            response = client.request(*build_request(route, rule, access_world.targets[target]))
            if status_and_code(response) != expected:
                wrong[f"{principal}: {route}"] = status_and_code(response), expected

    assert wrong == {}
    assert refused > 100
    assert access_world.rows() == before


@pytest.mark.parametrize("target", ["own", "second", "other", "deleted"])
def test_principals_with_access_are_allowed(access_world: AccessWorld, target: TargetName) -> None:
    wrong, succeeded = {}, {CALLBACK_ROUTE}
    for route, rule, principal, client in cells(access_world, target):
        if expected_refusal(rule, principal, target) is None:
            request = build_request(route, rule, access_world.targets[target], unknown_parameter=True)
            response = client.request(*request)
            if status_and_code(response) != LENIENT_ROUTES.get(route, UNKNOWN_PARAMETER):
                wrong[f"{principal}: {route}"] = status_and_code(response)
            if route.startswith("GET") and rule.access is not Access.PUBLIC and route not in succeeded:
                succeeded.add(route)
                response = client.request(*build_request(route, rule, access_world.targets[target]))
                if response.status not in (200, 302):
                    wrong[route] = status_and_code(response)

    assert wrong == {}


def write_routes() -> list[str]:
    """Return the routes that change something, in an order in which all of them can succeed."""
    signs_only = "POST /uploads/{uploadId}/parts"
    routes = [each for each, rule in ACCESS_RULES.items() if rule.permission and not each.startswith("GET")]
    routes.remove(signs_only)
    last = [each for each in routes if re.fullmatch(r"(DELETE|POST) /projects/{projectId}(/restore|\?.*)?", each)]
    first = [each for each in routes if each not in last]
    return sorted(first, key=lambda route: (route.startswith("DELETE"), -route.count("/"))) + last


def test_requests_of_the_matrix_change_something_with_access(access_world: AccessWorld) -> None:
    """Otherwise a refusal would prove nothing, because the request could not succeed anyway."""
    access_world.add_spare_target()
    without_effect, before = {}, access_world.rows()
    for route in write_routes():
        rule = ACCESS_RULES[route]
        owner = access_world.client("owner") if route in ROUTES_OF_SECOND_OWNER else access_world.other_user
        client = owner if rule.is_in_project else access_world.superuser
        response = client.request(*build_request(route, rule, access_world.targets["spare"]))
        after = access_world.rows()
        if response.status >= 300 or after == before:
            without_effect[route] = response.text
        before = after

    assert without_effect == {}


def test_provider_callback_ignores_who_calls(access_world: AccessWorld) -> None:
    rule = AccessRule(Access.PUBLIC, query="state=unknown")
    request = build_request(CALLBACK_ROUTE, rule, access_world.targets["own"])

    assert len({client.request(*request).status for client in access_world.clients.values()}) == 1


def test_key_scopes_are_tried_one_by_one(access_world: AccessWorld) -> None:
    tried = {principal.scopes for principal in access_world.clients}

    assert {frozenset({scope}) for scope in KEY_SCOPES} <= tried
    assert {KEY_SCOPES - {scope} for scope in KEY_SCOPES} <= tried
