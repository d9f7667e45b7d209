"""Lists in pages: complete in both directions, and a cursor belongs to one list."""

from typing import Any

from tests.support.client import Client, Response


def create_projects(client: Client, many: int) -> list[str]:
    """So many projects; the ids of all that the client has, as they are listed."""
    mine = [each["id"] for each in client.get("/projects").data()]
    return [client.post("/projects", {"name": f"{number}"}).created()["id"] for number in range(many)][::-1] + mine


def list_ids(response: Response) -> list[str]:
    return [each["id"] for each in response.data()]


def get_pagination(response: Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["pagination"]
    return found


def test_the_latest_joined_comes_first(client: Client) -> None:
    expected = create_projects(client, 3)

    answer = client.get("/projects")
    assert list_ids(answer) == expected
    assert get_pagination(answer) == {"limit": 20, "hasNext": False, "hasPrev": False, "next": None, "prev": None}


def test_pages_are_full_or_the_last_in_both_directions(client: Client) -> None:
    expected = create_projects(client, 6)
    pages, cursor = [], None
    while True:
        answer = client.get(f"/projects?limit=3{f'&cursor={cursor}' if cursor else ''}")
        pages.append(list_ids(answer))
        cursor = get_pagination(answer)["next"]
        if cursor is None:
            break
    assert pages == [expected[:3], expected[3:6], expected[6:]]

    back, cursor = [list_ids(answer)], get_pagination(answer)["prev"]
    while cursor:
        answer = client.get(f"/projects?limit=3&cursor={cursor}")
        back.append(list_ids(answer))
        cursor = get_pagination(answer)["prev"]
    assert back == pages[::-1]
    assert not get_pagination(answer)["hasPrev"]
    assert get_pagination(answer)["hasNext"]


def test_a_page_that_ends_the_list_says_so(client: Client) -> None:
    create_projects(client, 2)

    assert get_pagination(client.get("/projects?limit=3"))["hasNext"] is False
    assert get_pagination(client.get("/projects?limit=2"))["hasNext"] is True


def test_a_cursor_of_somebody_else_is_refused(client: Client, stranger: Client) -> None:
    create_projects(client, 2)
    cursor = get_pagination(client.get("/projects?limit=1"))["next"]

    assert client.get(f"/projects?limit=1&cursor={cursor}").status == 200
    assert stranger.get(f"/projects?limit=1&cursor={cursor}").problem()["code"] == "bad_cursor"


def test_a_cursor_of_another_list_is_refused(client: Client) -> None:
    create_projects(client, 2)
    cursor = get_pagination(client.get("/projects?limit=1"))["next"]

    refused = client.get(f"/files?cursor={cursor}")
    assert (refused.status, refused.problem()["code"]) == (400, "bad_cursor")


def test_a_page_is_full_although_a_project_is_purged_at_this_moment(client: Client) -> None:
    expected = create_projects(client, 6)
    for gone in (expected[1], expected[2], expected[4]):
        assert client.delete(f"/projects/{gone}?permanent=true").status == 202
    left = [each for each in expected if each not in (expected[1], expected[2], expected[4])]

    first = client.get("/projects?limit=3")
    assert list_ids(first) == left[:3]
    behind = client.get(f"/projects?limit=3&cursor={get_pagination(first)['next']}")
    assert list_ids(behind) == left[3:]
    assert not get_pagination(behind)["hasNext"]
    assert list_ids(client.get(f"/projects?limit=3&cursor={get_pagination(behind)['prev']}")) == left[:3]
