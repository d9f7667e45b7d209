"""Tenancy (Z1, Z2): an ID of another tenant is like an unknown ID in every parameter of every route.

The routes come from the code, so a new one is tested from the beginning.
"""

import base64
import json
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.factories import make_upload_request
from tests.support.projects import add_member
from tests.support.routes import Route, list_routes
from tests.support.tenants import (
    ID_PARAMETER_NAMES,
    ID_PARAMETERS,
    NON_ID_VALUES,
    IdParameter,
    Tenant,
    create_tenant,
    send_request,
    unknown_id,
    unknown_id_in_project,
)
from tests.support.world import World

PROJECT_ID_PARAMETERS = [parameter for parameter in ID_PARAMETERS if parameter.route.guard.project_from]
READ_ROUTES = [route for route in list_routes() if route.method == "GET"]
PROJECT_LISTS = ["members", "invitations", "keys"]
FILE_LIST_QUERIES = ["", "&kind=image", "&sort=name"]
KINDS = ("projectId", "fileId", "uploadId", "key", "keyId", "userId", "invitationId")


@pytest.fixture
def tenants(world: World, fake_aws: FakeAws) -> tuple[Tenant, Tenant]:
    return world.step("tenants", lambda: (create_tenant(fake_aws, "ours"), create_tenant(fake_aws, "theirs")))


@pytest.fixture
def ours(tenants: tuple[Tenant, Tenant]) -> Tenant:
    return tenants[0]


@pytest.fixture
def theirs(tenants: tuple[Tenant, Tenant]) -> Tenant:
    return tenants[1]


def tenant_rows(fake_aws: FakeAws, tenant: Tenant) -> list[str]:
    """Return all rows of a tenant except those of rate limits."""
    rows = [row for table in ("main", "credentials", "audit") for row in fake_aws.find_rows(table)]
    return sorted(repr(sorted(row.items())) for row in rows if any(each in str(row) for each in tenant.identifiers))


def are_alike(first: Response, second: Response) -> bool:
    """Return whether status, body and names of headers are equal."""
    bodies = [each.problem() if each.status >= 400 else each.text and each.data() for each in (first, second)]
    return first.status == second.status and bodies[0] == bodies[1] and set(first.headers) == set(second.headers)


def assert_hidden(
    parameter: IdParameter,
    client: Client,
    foreign_ids: Mapping[str, str],
    unknown_ids: Mapping[str, str],
    theirs: Tenant,
) -> None:
    foreign, unknown = (
        send_request(client, parameter.route, dict(ids), parameter) for ids in (foreign_ids, unknown_ids)
    )
    assert are_alike(foreign, unknown), (foreign.text, unknown.text)
    assert theirs.leaked_identifiers(foreign) == set()
    # A role or scope that is too weak is refused first.
    if parameter in PROJECT_ID_PARAMETERS and foreign.status != 403:
        assert (foreign.status, foreign.problem()["code"]) == (404, "not_found"), foreign.text


def test_every_path_parameter_is_known() -> None:
    names = {
        (str(route), name) for route in list_routes() for location, name, _ in route.parameters() if location == "path"
    }

    assert {(route, name) for route, name in names if name not in ID_PARAMETER_NAMES | set(NON_ID_VALUES)} == set()
    assert len(PROJECT_ID_PARAMETERS) > 30


def test_foreign_id_among_own_ids_is_like_an_unknown_one(
    ours: Tenant, theirs: Tenant, fake_aws: FakeAws, subtests: pytest.Subtests
) -> None:
    before = tenant_rows(fake_aws, theirs)
    for parameter in ID_PARAMETERS:
        foreign = {**ours.ids, parameter.name: theirs.ids[parameter.name]}
        unknown = {**ours.ids, parameter.name: unknown_id(parameter.name, theirs.ids[parameter.name])}
        for client in (ours.client, ours.member, ours.key_client):
            with subtests.test(parameter=str(parameter), client=type(client).__name__):
                assert_hidden(parameter, client, foreign, unknown, theirs)
    assert tenant_rows(fake_aws, theirs) == before


def test_foreign_ids_alone_are_like_unknown_ones(
    ours: Tenant, theirs: Tenant, fake_aws: FakeAws, subtests: pytest.Subtests
) -> None:
    before = tenant_rows(fake_aws, theirs)
    unknown = {name: unknown_id(name, value) for name, value in theirs.ids.items()}
    for parameter in ID_PARAMETERS:
        for client in (ours.client, ours.member, ours.key_client):
            with subtests.test(parameter=str(parameter), client=type(client).__name__):
                assert_hidden(parameter, client, theirs.ids, unknown, theirs)
    assert tenant_rows(fake_aws, theirs) == before


def test_unknown_id_in_the_own_project_is_like_one_in_an_unknown_project(
    ours: Tenant, subtests: pytest.Subtests
) -> None:
    for parameter in PROJECT_ID_PARAMETERS:
        name, route = parameter.name, parameter.route
        if name in route.guard.project_from and name not in ("projectId", "ids"):  # each of `ids` has its own result
            in_project = {**ours.ids, name: unknown_id_in_project(name, ours.ids[name], ours.project_id)}
            nowhere = {**ours.ids, name: unknown_id(name, ours.ids[name])}
            with subtests.test(parameter=str(parameter)):
                first, second = (send_request(ours.client, route, ids, parameter) for ids in (in_project, nowhere))
                assert first.status == 404
                assert first.problem() == second.problem()


def test_id_of_another_kind_is_not_found(ours: Tenant, subtests: pytest.Subtests) -> None:
    for parameter, kind in product(PROJECT_ID_PARAMETERS, KINDS):
        if kind != parameter.name and parameter.name in KINDS:
            ids = {**ours.ids, parameter.name: ours.ids[kind][:64]}
            with subtests.test(parameter=str(parameter), kind=kind):
                response = send_request(ours.client, parameter.route, ids, parameter)
                assert (response.status, response.problem()["code"]) == (404, "not_found"), response.text


def test_new_version_of_a_file_in_another_project_is_not_found(ours: Tenant) -> None:
    body = make_upload_request(
        b"x", contentType="text/plain", fileId=ours.ids["fileId"], projectId=users.personal_project_id(ours.client)
    )

    assert ours.client.post("/files/init-upload", body).status == 404


def test_owner_gets_404_for_every_foreign_id_in_a_project(ours: Tenant, theirs: Tenant) -> None:
    """Check for 404, because a 403 would reveal that the ID exists."""
    for parameter in PROJECT_ID_PARAMETERS:
        ids = {**ours.ids, parameter.name: theirs.ids[parameter.name]}
        assert send_request(ours.client, parameter.route, ids, parameter).status == 404, str(parameter)


def test_stranger_and_foreign_api_key_see_nothing_of_a_project(theirs: Tenant, ours: Tenant, stranger: Client) -> None:
    for parameter in PROJECT_ID_PARAMETERS:
        for client in (stranger, ours.key_client):
            assert send_request(client, parameter.route, theirs.ids, parameter).status == 404, str(parameter)


def test_no_response_contains_anything_of_another_tenant(ours: Tenant, theirs: Tenant) -> None:
    for route in READ_ROUTES:
        for client in (ours.client, ours.member, ours.key_client):
            for optional in ([], project_id_parameters(route)):
                response = send_request(client, route, ours.ids, *optional)
                assert response.status < 500, str(route)
                assert theirs.leaked_identifiers(response) == set(), str(route)


def project_id_parameters(route: Route) -> list[IdParameter]:
    return [IdParameter(route, location, name) for location, name, _ in route.parameters() if name == "projectId"]


def test_own_identifiers_are_in_responses(ours: Tenant) -> None:
    """Check the test above: it proves something only if responses contain identifiers."""
    found: set[str] = set()
    for route in READ_ROUTES:
        found |= ours.leaked_identifiers(send_request(ours.client, route, ours.ids, *project_id_parameters(route)))
    expected = ("projectId", "fileId", "keyId", "userId", "invitationId", "owner", "other key")

    assert {ours.ids[name] for name in expected} | ours.own_names <= found


def test_superuser_access_to_a_foreign_project_is_audited(theirs: Tenant, superuser: Client, fake_aws: FakeAws) -> None:
    assert superuser.get(f"/files/{theirs.ids['fileId']}").status == 200
    assert theirs.project_id not in superuser.get("/projects").text

    entries = fake_aws.find_rows("audit", action="projects.access_as_superuser")
    assert [entry["target"] for entry in entries] == [theirs.project_id]


def list_paths(tenant: Tenant) -> list[str]:
    """Return the paths of all lists of a project."""
    files = [f"/files?projectId={tenant.project_id}{query}" for query in FILE_LIST_QUERIES]
    uploads = f"/uploads?projectId={tenant.project_id}"
    return [*(f"/projects/{tenant.project_id}/{each}?" for each in PROJECT_LISTS), *files, uploads]


def list_pages(client: Client, path: str) -> list[dict[str, Any]]:
    """Return the pages of a list, with one item each."""
    pages = [client.get(f"{path}&limit=1").json()]
    while cursor := pages[-1]["pagination"]["next"]:
        pages.append(client.get(f"{path}&limit=1&cursor={cursor}").json())
    return pages


def decode_cursor(cursor: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))


def encode_cursor(scope: str, direction: str, position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps([scope, direction, position]).encode()).decode().rstrip("=")


def test_cursor_of_another_project_is_rejected(ours: Tenant, theirs: Tenant, fake_aws: FakeAws) -> None:
    member_of_both = users.create_client()
    for tenant in (ours, theirs):
        add_member(tenant.client, tenant.project_id, fake_aws, member_of_both, "owner")
    for our_path, their_path in zip(list_paths(ours), list_paths(theirs), strict=True):
        cursor = list_pages(member_of_both, their_path)[0]["pagination"]["next"]
        if cursor is None:
            continue
        for client in (ours.client, member_of_both):
            response = client.get(f"{our_path}&cursor={cursor}")
            assert (response.status, response.problem()["code"]) == (400, "bad_cursor"), our_path


def test_forged_cursor_stays_in_its_list(ours: Tenant, theirs: Tenant) -> None:
    """Check that a cursor with our scope and a position of theirs returns our items or none. Cursors are not secret."""
    tried = 0
    for our_path, their_path in zip(list_paths(ours), list_paths(theirs), strict=True):
        our_pages = list_pages(ours.client, our_path)
        our_items, our_cursor = [page["data"][0] for page in our_pages], our_pages[0]["pagination"]["next"]
        their_cursors = [page["pagination"]["next"] for page in list_pages(theirs.client, their_path)]
        for their_cursor in (each for each in their_cursors if each and our_cursor):
            scope, direction, _ = decode_cursor(our_cursor)
            forged = encode_cursor(scope, direction, decode_cursor(their_cursor)[2])
            response = ours.client.get(f"{our_path}&cursor={forged}")
            assert theirs.leaked_identifiers(response) == set()
            assert all(each in our_items for each in response.data()), our_path
            tried += 1
    assert tried >= 5


SORT_KEY_PREFIXES = ["MEMBER#", "INVITATION#", "PROJECT", "QUOTA", "\x00", "\U0010ffff", "USAGE#0", "z"]


def test_no_cursor_leads_to_rows_of_another_kind(ours: Tenant) -> None:
    for path in list_paths(ours):
        pages = list_pages(ours.client, path)
        items, cursor = [page["data"][0] for page in pages], pages[0]["pagination"]["next"]
        for direction, position in product("np", SORT_KEY_PREFIXES if cursor else []):
            forged = encode_cursor(decode_cursor(cursor)[0], direction, position)
            response = ours.client.get(f"{path}&cursor={forged}")
            assert all(each in items for each in response.data()), path


def test_list_contains_its_own_project_only(ours: Tenant, theirs: Tenant) -> None:
    for path in list_paths(ours):
        for page in list_pages(ours.client, path):
            assert not [each for each in theirs.identifiers if each in json.dumps(page)]
    personal_id = users.personal_project_id(ours.client)
    assert [each["id"] for each in ours.client.get("/projects").data()] == [ours.project_id, personal_id]
