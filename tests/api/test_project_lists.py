"""Pages of the list of projects."""

from typing import Any

from tests.support.client import Client, Response


def create_projects(client: Client, count: int) -> list[str]:
    """Create projects, and return the IDs of all projects of the client in the order of the list."""
    existing = [each["id"] for each in client.get("/projects").data()]
    return [client.post("/projects", {"name": f"{number}"}).created()["id"] for number in range(count)][::-1] + existing


def list_ids(response: Response) -> list[str]:
    return [each["id"] for each in response.data()]


def get_pagination(response: Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["pagination"]
    return found


def test_projects_are_listed_last_joined_first(client: Client) -> None:
    expected = create_projects(client, 3)

    response = client.get("/projects")
    assert list_ids(response) == expected
    assert get_pagination(response) == {"limit": 20, "hasNext": False, "hasPrev": False, "next": None, "prev": None}


def test_pages_are_full_or_the_last_in_both_directions(client: Client) -> None:
    expected = create_projects(client, 6)
    pages, cursor = [], None
    while True:
        response = client.get(f"/projects?limit=3{f'&cursor={cursor}' if cursor else ''}")
        pages.append(list_ids(response))
        cursor = get_pagination(response)["next"]
        if cursor is None:
            break
    assert pages == [expected[:3], expected[3:6], expected[6:]]

    back, cursor = [list_ids(response)], get_pagination(response)["prev"]
    while cursor:
        response = client.get(f"/projects?limit=3&cursor={cursor}")
        back.append(list_ids(response))
        cursor = get_pagination(response)["prev"]
    assert back == pages[::-1]
    assert not get_pagination(response)["hasPrev"]
    assert get_pagination(response)["hasNext"]


def test_last_page_has_no_next_page(client: Client) -> None:
    create_projects(client, 2)

    assert get_pagination(client.get("/projects?limit=3"))["hasNext"] is False
    assert get_pagination(client.get("/projects?limit=2"))["hasNext"] is True


def test_cursor_of_another_user_is_rejected(client: Client, stranger: Client) -> None:
    create_projects(client, 2)
    cursor = get_pagination(client.get("/projects?limit=1"))["next"]

    assert client.get(f"/projects?limit=1&cursor={cursor}").status == 200
    assert stranger.get(f"/projects?limit=1&cursor={cursor}").problem()["code"] == "bad_cursor"


def test_cursor_of_another_list_is_rejected(client: Client) -> None:
    create_projects(client, 2)
    cursor = get_pagination(client.get("/projects?limit=1"))["next"]

    response = client.get(f"/files?cursor={cursor}")
    assert (response.status, response.problem()["code"]) == (400, "bad_cursor")


def test_page_is_full_although_a_project_is_being_purged(client: Client) -> None:
    expected = create_projects(client, 6)
    for project_id in (expected[1], expected[2], expected[4]):
        assert client.delete(f"/projects/{project_id}?permanent=true").status == 202
    remaining = [each for each in expected if each not in (expected[1], expected[2], expected[4])]

    first = client.get("/projects?limit=3")
    assert list_ids(first) == remaining[:3]
    second = client.get(f"/projects?limit=3&cursor={get_pagination(first)['next']}")
    assert list_ids(second) == remaining[3:]
    assert not get_pagination(second)["hasNext"]
    assert list_ids(client.get(f"/projects?limit=3&cursor={get_pagination(second)['prev']}")) == remaining[:3]
