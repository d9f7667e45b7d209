"""Tenancy (Z1, Z2): of another's things no id counts, at any place of any route, and nothing is told in any answer.

The routes come from the code, so a new one is asked with its birth; `test_foreign_ids` asks what needs words of its own.
"""

import base64
import json
from itertools import product
from typing import Any

import pytest

from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.projects import add_member
from tests.support.routes import Route, list_routes
from tests.support.tenants import (
    ID_PARAMETER_NAMES,
    ID_PARAMETERS,
    NON_ID_VALUES,
    IdParameter,
    Tenant,
    absent_id,
    create_tenant,
    send_request,
)

PROJECT_ID_PARAMETERS = [place for place in ID_PARAMETERS if place.route.guard.project_from]
READ_ROUTES = [route for route in list_routes() if route.method == "GET"]
PROJECT_LISTS = ["members", "invitations", "keys"]
FILE_LIST_QUERIES = ["", "&kind=image", "&sort=name"]


@pytest.fixture
def ours(fake_aws: FakeAws) -> Tenant:
    return create_tenant(fake_aws, "ours")


@pytest.fixture
def theirs(fake_aws: FakeAws) -> Tenant:
    return create_tenant(fake_aws, "theirs")


def tenant_rows(fake_aws: FakeAws, owner: Tenant) -> list[str]:
    """All that the tables hold of a tenant, but for how often they came."""
    rows = [row for table in ("main", "credentials", "audit") for row in fake_aws.find_rows(table)]
    return sorted(repr(sorted(row.items())) for row in rows if any(mark in str(row) for mark in owner.identifiers))


def is_indistinguishable(first: Response, second: Response) -> bool:
    """Whether nobody can tell them apart."""
    told = [each.problem() if each.status >= 400 else each.text and each.data() for each in (first, second)]
    return first.status == second.status and told[0] == told[1] and set(first.headers) == set(second.headers)


def test_every_parameter_of_a_path_is_known() -> None:
    named = {(str(route), name) for route in list_routes() for where, name, _ in route.parameters() if where == "path"}

    assert {(route, name) for route, name in named if name not in ID_PARAMETER_NAMES | set(NON_ID_VALUES)} == set()
    assert len(PROJECT_ID_PARAMETERS) > 30


def test_no_id_of_another_counts_anywhere(
    ours: Tenant, theirs: Tenant, fake_aws: FakeAws, subtests: pytest.Subtests
) -> None:
    """One id of theirs among ours, at each place; and an unknown one there, which must look the same."""
    before = tenant_rows(fake_aws, theirs)
    for place in ID_PARAMETERS:
        foreign = {**ours.ids, place.name: theirs.ids[place.name]}
        unknown = {**ours.ids, place.name: absent_id(place.name, theirs.ids[place.name])}
        for who in (ours.client, ours.member, ours.key_client):
            with subtests.test(place=str(place), who=type(who).__name__):
                assert_hidden(place, who, foreign, unknown, theirs)
    assert tenant_rows(fake_aws, theirs) == before


def test_no_id_of_another_counts_among_theirs(
    ours: Tenant, theirs: Tenant, fake_aws: FakeAws, subtests: pytest.Subtests
) -> None:
    """All ids are theirs, as if one of them asked; and an unknown one of each kind."""
    before = tenant_rows(fake_aws, theirs)
    unknown = {name: absent_id(name, value) for name, value in theirs.ids.items()}
    for place in ID_PARAMETERS:
        for who in (ours.client, ours.member, ours.key_client):
            with subtests.test(place=str(place), who=type(who).__name__):
                assert_hidden(place, who, theirs.ids, unknown, theirs)
    assert tenant_rows(fake_aws, theirs) == before


def assert_hidden(
    parameter: IdParameter, client: Client, foreign_ids: dict[str, str], unknown_ids: dict[str, str], theirs: Tenant
) -> None:
    one, other = (send_request(client, parameter.route, ids, parameter) for ids in (foreign_ids, unknown_ids))
    assert is_indistinguishable(one, other), (one.text, other.text)
    assert theirs.leaked_identifiers(one) == set()
    if parameter in PROJECT_ID_PARAMETERS and one.status != 403:  # a role or a scope that is too weak is told before
        assert (one.status, one.problem()["code"]) == (404, "not_found"), one.text


def test_an_owner_is_told_not_found_at_every_place_of_a_project(ours: Tenant, theirs: Tenant) -> None:
    """No 403 there, which would say that something is there."""
    for place in PROJECT_ID_PARAMETERS:
        ids = {**ours.ids, place.name: theirs.ids[place.name]}
        assert send_request(ours.client, place.route, ids, place).status == 404, str(place)


def test_a_stranger_and_a_key_of_others_see_nothing_of_a_project(
    theirs: Tenant, ours: Tenant, stranger: Client
) -> None:
    for place in PROJECT_ID_PARAMETERS:
        for who in (stranger, ours.key_client):
            assert send_request(who, place.route, theirs.ids, place).status == 404, str(place)


def test_nothing_of_another_stands_in_any_answer(ours: Tenant, theirs: Tenant) -> None:
    for route in READ_ROUTES:
        for who in (ours.client, ours.member, ours.key_client):
            for named in ([], project_id_parameters(route)):
                answer = send_request(who, route, ours.ids, *named)
                assert answer.status < 500, str(route)
                assert theirs.leaked_identifiers(answer) == set(), str(route)


def project_id_parameters(route: Route) -> list[IdParameter]:
    return [IdParameter(route, where, name) for where, name, _ in route.parameters() if name == "projectId"]


def test_what_is_ours_stands_in_our_answers(ours: Tenant) -> None:
    """The marks that are looked for are those that answers hold."""
    found: set[str] = set()
    for route in READ_ROUTES:
        found |= ours.leaked_identifiers(send_request(ours.client, route, ours.ids, *project_id_parameters(route)))
    expected = ("projectId", "fileId", "keyId", "userId", "invitationId", "owner", "other key")

    assert {ours.ids[name] for name in expected} | ours.own_names <= found


def test_a_superuser_reads_a_foreign_project_and_is_in_its_journal(theirs: Tenant, fake_aws: FakeAws) -> None:
    superuser = users.create_superuser()
    assert superuser.get(f"/files/{theirs.ids['fileId']}").status == 200
    assert theirs.project_id not in superuser.get("/projects").text

    assert [row["target"] for row in fake_aws.find_rows("audit", action="projects.any")] == [theirs.project_id]


def list_paths(owner: Tenant) -> list[str]:
    """All lists of a project."""
    client_with_files = [f"/files?projectId={owner.project_id}{how}" for how in FILE_LIST_QUERIES]
    return [*(f"/projects/{owner.project_id}/{each}?" for each in PROJECT_LISTS), *client_with_files]


def list_pages(client: Client, path: str) -> list[dict[str, Any]]:
    """A list, one by one."""
    found = [client.get(f"{path}&limit=1").json()]
    while cursor := found[-1]["pagination"]["next"]:
        found.append(client.get(f"{path}&limit=1&cursor={cursor}").json())
    return found


def decode_cursor(cursor: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))


def forge_cursor(own: str, foreign: str) -> str:
    """Our cursor with a position of theirs."""
    tag, way, _ = decode_cursor(own)
    text = json.dumps([tag, way, decode_cursor(foreign)[2]])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_a_cursor_of_another_project_moves_nowhere(ours: Tenant, theirs: Tenant, fake_aws: FakeAws) -> None:
    both = users.create_client()
    for each in (ours, theirs):
        add_member(each.client, each.project_id, fake_aws, both, "owner")
    for mine, other in zip(list_paths(ours), list_paths(theirs), strict=True):
        cursor = list_pages(both, other)[0]["pagination"]["next"]
        if cursor is None:
            continue
        for who in (ours.client, both):
            answer = who.get(f"{mine}&cursor={cursor}")
            assert (answer.status, answer.problem()["code"]) == (400, "bad_cursor"), mine


def test_a_forged_cursor_stays_in_its_own_list(ours: Tenant, theirs: Tenant) -> None:
    """A cursor is no secret: one with our tag and a position of theirs shows a part of ours, or nothing."""
    tried = 0
    for mine, other in zip(list_paths(ours), list_paths(theirs), strict=True):
        own = [page["data"][0] for page in list_pages(ours.client, mine)]
        cursors = [page["pagination"]["next"] for page in list_pages(theirs.client, other)]
        tag = list_pages(ours.client, mine)[0]["pagination"]["next"]
        for cursor in (each for each in cursors if each and tag):
            answer = ours.client.get(f"{mine}&cursor={forge_cursor(tag, cursor)}")
            assert theirs.leaked_identifiers(answer) == set()
            assert all(each in own for each in answer.data()), mine
            tried += 1
    assert tried >= 5


SORT_KEY_PREFIXES = ["MEMBER#", "INVITATION#", "PROJECT", "QUOTA", "\x00", "\U0010ffff", "USAGE#0", "z"]


def test_no_cursor_leads_to_rows_of_another_kind(ours: Tenant) -> None:
    for path in list_paths(ours):
        found = list_pages(ours.client, path)
        own, cursor = [page["data"][0] for page in found], found[0]["pagination"]["next"]
        for way, position in product("np", SORT_KEY_PREFIXES if cursor else []):
            text = json.dumps([decode_cursor(cursor)[0], way, position])
            answer = ours.client.get(f"{path}&cursor={base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}")
            assert all(each in own for each in answer.data()), path


def test_a_list_shows_its_own_project_alone(ours: Tenant, theirs: Tenant) -> None:
    for path in list_paths(ours):
        for page in list_pages(ours.client, path):
            assert not [mark for mark in theirs.identifiers if mark in json.dumps(page)]
    signed_in_browser = users.personal_project_id(ours.client)
    assert [each["id"] for each in ours.client.get("/projects").data()] == [ours.project_id, signed_in_browser]
