"""Tenancy (Z1, Z2): of another's things no id counts, at any place of any route, and nothing is told in any answer.

The routes come from the code, so a new one is asked with its birth; `test_foreign_ids` asks what needs words of its own.
"""

import base64
import json
from itertools import product
from typing import Any

import pytest

from tests.api import people
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.members import bring
from tests.api.tenants import HARMLESS, LEADING, PLACES, Place, Tenant, absent, ask, parameters, tenant
from tests.house.routes import Route, routes

INSIDE = [place for place in PLACES if place.route.door and place.route.door.of]
READS = [route for route in routes() if route.method == "GET"]
LISTS = ["members", "invitations", "keys"]
SHELVES = ["", "&kind=image", "&sort=name"]


@pytest.fixture
def ours(cloud: Cloud) -> Tenant:
    return tenant(cloud, "ours")


@pytest.fixture
def theirs(cloud: Cloud) -> Tenant:
    return tenant(cloud, "theirs")


def rows_of(cloud: Cloud, somebody: Tenant) -> list[str]:
    """All that the tables hold of a tenant, but for how often they came."""
    rows = [row for table in ("main", "credentials", "audit") for row in cloud.rows(table)]
    return sorted(repr(sorted(row.items())) for row in rows if any(mark in str(row) for mark in somebody.marks))


def same(one: Answer, other: Answer) -> bool:
    """Whether nobody can tell them apart."""
    told = [each.problem() if each.status >= 400 else each.text and each.data() for each in (one, other)]
    return one.status == other.status and told[0] == told[1] and set(one.headers) == set(other.headers)


def test_every_parameter_of_a_path_is_known() -> None:
    named = {(str(route), name) for route in routes() for where, name, _ in parameters(route) if where == "path"}

    assert {(route, name) for route, name in named if name not in LEADING | set(HARMLESS)} == set()
    assert len(INSIDE) > 30


def test_no_id_of_another_counts_anywhere(
    ours: Tenant, theirs: Tenant, cloud: Cloud, subtests: pytest.Subtests
) -> None:
    """One id of theirs among ours, at each place; and an unknown one there, which must look the same."""
    before = rows_of(cloud, theirs)
    for place in PLACES:
        foreign = {**ours.ids, place.name: theirs.ids[place.name]}
        unknown = {**ours.ids, place.name: absent(place.name, theirs.ids[place.name])}
        for who in (ours.client, ours.member, ours.program):
            with subtests.test(place=str(place), who=type(who).__name__):
                check(place, who, foreign, unknown, theirs)
    assert rows_of(cloud, theirs) == before


def test_no_id_of_another_counts_among_theirs(
    ours: Tenant, theirs: Tenant, cloud: Cloud, subtests: pytest.Subtests
) -> None:
    """All ids are theirs, as if one of them asked; and an unknown one of each kind."""
    before = rows_of(cloud, theirs)
    unknown = {name: absent(name, value) for name, value in theirs.ids.items()}
    for place in PLACES:
        for who in (ours.client, ours.member, ours.program):
            with subtests.test(place=str(place), who=type(who).__name__):
                check(place, who, theirs.ids, unknown, theirs)
    assert rows_of(cloud, theirs) == before


def check(place: Place, who: Client, foreign: dict[str, str], unknown: dict[str, str], theirs: Tenant) -> None:
    one, other = (ask(who, place.route, ids, place) for ids in (foreign, unknown))
    assert same(one, other), (one.text, other.text)
    assert theirs.marked(one) == set()
    if place in INSIDE and one.status != 403:  # a role or a scope that is too weak is told before
        assert (one.status, one.problem()["code"]) == (404, "not_found"), one.text


def test_an_owner_is_told_not_found_at_every_place_of_a_project(ours: Tenant, theirs: Tenant) -> None:
    """No 403 there, which would say that something is there."""
    for place in INSIDE:
        ids = {**ours.ids, place.name: theirs.ids[place.name]}
        assert ask(ours.client, place.route, ids, place).status == 404, str(place)


def test_a_stranger_and_a_key_of_others_see_nothing_of_a_project(
    theirs: Tenant, ours: Tenant, stranger: Client
) -> None:
    for place in INSIDE:
        for who in (stranger, ours.program):
            assert ask(who, place.route, theirs.ids, place).status == 404, str(place)


def test_nothing_of_another_stands_in_any_answer(ours: Tenant, theirs: Tenant) -> None:
    for route in READS:
        for who in (ours.client, ours.member, ours.program):
            for named in ([], leading_to_project(route)):
                answer = ask(who, route, ours.ids, *named)
                assert answer.status < 500, str(route)
                assert theirs.marked(answer) == set(), str(route)


def leading_to_project(route: Route) -> list[Place]:
    return [Place(route, where, name) for where, name, _ in parameters(route) if name == "projectId"]


def test_what_is_ours_stands_in_our_answers(ours: Tenant) -> None:
    """The marks that are looked for are those that answers hold."""
    found: set[str] = set()
    for route in READS:
        found |= ours.marked(ask(ours.client, route, ours.ids, *leading_to_project(route)))
    expected = ("projectId", "fileId", "keyId", "userId", "invitationId", "owner", "other key")

    assert {ours.ids[name] for name in expected} | ours.names <= found


def test_a_superuser_reads_a_foreign_project_and_is_in_its_journal(theirs: Tenant, cloud: Cloud) -> None:
    root = people.superuser()
    assert root.get(f"/files/{theirs.ids['fileId']}").status == 200
    assert theirs.room not in root.get("/projects").text

    assert [row["target"] for row in cloud.rows("audit", action="projects.any")] == [theirs.room]


def paths(somebody: Tenant) -> list[str]:
    """All lists of a project."""
    files = [f"/files?projectId={somebody.room}{how}" for how in SHELVES]
    return [*(f"/projects/{somebody.room}/{each}?" for each in LISTS), *files]


def pages(client: Client, path: str) -> list[dict[str, Any]]:
    """A list, one by one."""
    found = [client.get(f"{path}&limit=1").json()]
    while cursor := found[-1]["pagination"]["next"]:
        found.append(client.get(f"{path}&limit=1&cursor={cursor}").json())
    return found


def position_of(cursor: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))


def forged(own: str, foreign: str) -> str:
    """Our cursor with a position of theirs."""
    tag, way, _ = position_of(own)
    text = json.dumps([tag, way, position_of(foreign)[2]])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_a_cursor_of_another_project_moves_nowhere(ours: Tenant, theirs: Tenant, cloud: Cloud) -> None:
    both = people.signed_in()
    for each in (ours, theirs):
        bring(each.client, each.room, cloud, both, "owner")
    for mine, other in zip(paths(ours), paths(theirs), strict=True):
        cursor = pages(both, other)[0]["pagination"]["next"]
        if cursor is None:
            continue
        for who in (ours.client, both):
            answer = who.get(f"{mine}&cursor={cursor}")
            assert (answer.status, answer.problem()["code"]) == (400, "bad_cursor"), mine


def test_a_forged_cursor_stays_in_its_own_list(ours: Tenant, theirs: Tenant) -> None:
    """A cursor is no secret: one with our tag and a position of theirs shows a part of ours, or nothing."""
    tried = 0
    for mine, other in zip(paths(ours), paths(theirs), strict=True):
        own = [page["data"][0] for page in pages(ours.client, mine)]
        cursors = [page["pagination"]["next"] for page in pages(theirs.client, other)]
        tag = pages(ours.client, mine)[0]["pagination"]["next"]
        for cursor in (each for each in cursors if each and tag):
            answer = ours.client.get(f"{mine}&cursor={forged(tag, cursor)}")
            assert theirs.marked(answer) == set()
            assert all(each in own for each in answer.data()), mine
            tried += 1
    assert tried >= 5


POSITIONS = ["MEMBER#", "INVITATION#", "PROJECT", "QUOTA", "\x00", "\U0010ffff", "USAGE#0", "z"]


def test_no_cursor_leads_to_rows_of_another_kind(ours: Tenant) -> None:
    for path in paths(ours):
        found = pages(ours.client, path)
        own, cursor = [page["data"][0] for page in found], found[0]["pagination"]["next"]
        for way, position in product("np", POSITIONS if cursor else []):
            text = json.dumps([position_of(cursor)[0], way, position])
            answer = ours.client.get(f"{path}&cursor={base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}")
            assert all(each in own for each in answer.data()), path


def test_a_list_shows_its_own_project_alone(ours: Tenant, theirs: Tenant) -> None:
    for path in paths(ours):
        for page in pages(ours.client, path):
            assert not [mark for mark in theirs.marks if mark in json.dumps(page)]
    home = people.personal_project(ours.client)
    assert [each["id"] for each in ours.client.get("/projects").data()] == [ours.room, home]
