"""The files of a project in three orders, in pages that are complete in both directions."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest

from holdall.http import Cursors
from holdall.page import Page
from holdall.shape import Shown
from holdall.table import items
from tests.api import people
from tests.api.client import Client
from tests.api.cloud import Cloud, announce
from tests.api.conftest import Clock

# In the order of their birth; no two of one moment, so that newest first is one order.
NAMES = ["beta.txt", "Alpha.jpg", "alpha.txt", "\u00c9t\u00e9.jpg", "gamma.txt", "ALPHA 2.txt", "zeta.jpg"]
BY_NAME = ["ALPHA 2.txt", "Alpha.jpg", "alpha.txt", "beta.txt", "gamma.txt", "zeta.jpg", "\u00c9t\u00e9.jpg"]
ORDERS = {
    "": NAMES[::-1],
    "sort=newest": NAMES[::-1],
    "sort=name": BY_NAME,
    "kind=image": [name for name in NAMES[::-1] if name.endswith("jpg")],
    "kind=file": [name for name in NAMES[::-1] if name.endswith("txt")],
    "kind=file&sort=newest": [name for name in NAMES[::-1] if name.endswith("txt")],
    "prefix=alpha": ["ALPHA 2.txt", "Alpha.jpg", "alpha.txt"],
    "prefix=ALPHA&sort=name": ["ALPHA 2.txt", "Alpha.jpg", "alpha.txt"],
    f"prefix={quote('ét')}": ["\u00c9t\u00e9.jpg"],
    "prefix=alpha.": ["Alpha.jpg", "alpha.txt"],
    "prefix=nothing": [],
    "prefix=": BY_NAME,
}


@pytest.fixture
def files(frozen: Clock, client: Client, cloud: Cloud) -> Client:
    """Somebody with seven files."""
    for name in NAMES:
        frozen.forward(milliseconds=1)
        content_type = "image/jpeg" if name.endswith("jpg") else "text/plain"
        cloud.upload(client, b"x", filename=name, contentType=content_type)
    return client


def names(answer: Any) -> list[str]:
    return [each["name"] for each in answer.data()]


def walk(client: Client, query: str, limit: int, way: str = "next", cursor: str | None = None) -> Iterator[list[str]]:
    """The pages of a list, as their cursors lead."""
    while True:
        answer = client.get(f"/files?{query}&limit={limit}{f'&cursor={cursor}' if cursor else ''}")
        page = answer.json()["pagination"]
        assert (page["hasNext"], page["hasPrev"]) == (page["next"] is not None, page["prev"] is not None)
        yield names(answer)
        cursor = page[way]
        if cursor is None:
            return


def test_each_order_is_what_it_says(files: Client) -> None:
    assert {query: names(files.get(f"/files?{query}")) for query in ORDERS} == ORDERS


def test_pages_are_complete_in_both_directions(files: Client) -> None:
    for query in ("", "sort=name", "kind=image", "kind=file", "prefix=alpha"):
        for limit in (1, 2, 3):
            pages = list(walk(files, query, limit))
            assert [name for page in pages for name in page] == ORDERS[query]
            assert all(len(page) == limit for page in pages[:-1])
            assert list(back(files, query, limit)) == pages[::-1]


def back(client: Client, query: str, limit: int) -> Iterator[list[str]]:
    """The pages of a list from its last, as the cursors lead back."""
    last = client.get(f"/files?{query}&limit={limit}")
    while cursor := last.json()["pagination"]["next"]:
        last = client.get(f"/files?{query}&limit={limit}&cursor={cursor}")
    yield names(last)
    if before := last.json()["pagination"]["prev"]:
        yield from walk(client, query, limit, "prev", before)


def test_a_page_goes_on_where_its_neighbour_was_removed(files: Client) -> None:
    first = files.get("/files?limit=3")
    files.delete(f"/files/{first.data()[-1]['id']}").data()
    cursor = first.json()["pagination"]["next"]

    assert names(files.get(f"/files?limit=3&cursor={cursor}")) == NAMES[::-1][3:6]


@pytest.mark.parametrize(
    "query",
    [
        "kind=image&prefix=a",
        "kind=image&prefix=",
        "kind=file&sort=name",
        "prefix=a&sort=newest",
        "kind=file&prefix=a&sort=name",
    ],
)
def test_other_combinations_are_refused(client: Client, query: str) -> None:
    refused = client.get(f"/files?{query}")

    assert (refused.status, refused.problem()["code"]) == (422, "unsupported_combination")


def test_a_cursor_belongs_to_its_filter(files: Client) -> None:
    cursor = files.get("/files?limit=1").json()["pagination"]["next"]

    for other in ("sort=name", "kind=image", "kind=file", "prefix=alpha", "sort=newest"):
        refused = files.get(f"/files?{other}&cursor={cursor}")
        assert (refused.status, refused.problem()["code"]) == (400, "bad_cursor")


def test_a_cursor_belongs_to_its_project(files: Client, project: dict[str, Any]) -> None:
    cursor = files.get("/files?limit=1").json()["pagination"]["next"]

    assert files.get(f"/files?projectId={project['id']}&cursor={cursor}").problem()["code"] == "bad_cursor"


class Row(Shown):
    """A row of any list."""


FORGED = ["\U0010ffff\U0010ffff", "\u0000", "zzz", "alph", "0", "a#\U0010ffff", "x" * 1024]


@pytest.mark.parametrize("query", ["", "sort=name", "prefix=alpha", "kind=image"])
def test_a_forged_cursor_only_moves_within_its_list(files: Client, query: str) -> None:
    asked = dict(part.split("=") for part in query.split("&") if part)
    own = Cursors("files", people.personal_project(files), asked.get("kind"), asked.get("prefix"), asked.get("sort"))
    for position in FORGED:
        told = own.answer(Page([Row()], next=position, prev=position), 20).pagination
        for cursor in (told.next, told.prev):
            # DynamoDB refuses a range that ends before it begins; moto does not, so ranges are looked at on their way.
            with ranges() as seen:
                found = names(files.get(f"/files?{query}&cursor={cursor}"))
            assert all(low.encode() <= high.encode() for low, high in seen), (position, seen)
            assert set(found) <= set(ORDERS[query])


@contextmanager
def ranges() -> Iterator[list[tuple[str, str]]]:
    """The ranges of sort keys that are asked for meanwhile."""
    seen: list[tuple[str, str]] = []

    def look(params: dict[str, Any], **_: Any) -> None:
        asked = json.loads(params["body"])
        for ends in re.findall(r"BETWEEN (\S+) AND (:\w+)", asked["KeyConditionExpression"]):
            low, high = (asked["ExpressionAttributeValues"][end]["S"] for end in ends)
            seen.append((low, high))

    events = items.connection.client.meta.events
    events.register("before-call.dynamodb.Query", look)
    yield seen
    events.unregister("before-call.dynamodb.Query", look)


def test_what_lies_in_the_trash_is_not_listed(files: Client) -> None:
    newest = files.get("/files?limit=1").data()[0]
    files.delete(f"/files/{newest['id']}").data()

    for query in ("", "sort=name", f"kind={newest['kind']}"):
        assert newest["name"] not in names(files.get(f"/files?{query}"))


def test_the_longest_names_are_listed(client: Client, cloud: Cloud) -> None:
    longest = "\u6f22" * 255
    for _ in range(2):
        cloud.upload(client, b"x", filename=longest, contentType="text/plain")

    assert names(client.get("/files?sort=name&limit=1")) == [longest]
    assert len(list(walk(client, f"prefix={quote(longest)}", 1))) == 2


def test_a_prefix_may_hold_anything(client: Client, cloud: Cloud) -> None:
    odd = "a,b#c%d&e+f;.txt"
    cloud.upload(client, b"x", filename=odd, contentType="text/plain")

    for length in range(1, len(odd) + 1):
        assert names(client.get(f"/files?prefix={quote(odd[:length], safe='')}")) == [odd]


def test_a_foreign_project_lists_nothing(client: Client, stranger: Client, project: dict[str, Any]) -> None:
    foreign = stranger.get(f"/files?projectId={project['id']}")

    assert foreign.status == 404
    assert foreign.problem() == stranger.get("/files?projectId=000000000000").problem()


def test_a_view_says_all_that_the_contract_names(client: Client, cloud: Cloud) -> None:
    begun = client.post("/files/init-upload", announce(b"x", filename="a.txt", contentType="text/plain")).created()
    cloud.put(begun, b"x")
    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    (file,) = client.get("/files").data()

    assert file["projectId"] == people.personal_project(client)
    assert file["createdBy"] == client.user["id"]
    assert file["storageLocation"] == "s3"
    assert file["url"] == f"https://files.example.test/api/v1/files/{file['id']}/content"
    assert {
        "id",
        "name",
        "kind",
        "contentType",
        "size",
        "sha256",
        "status",
        "version",
        "width",
        "height",
        "variants",
    } <= set(file)
    assert file["createdAt"].endswith("Z")
