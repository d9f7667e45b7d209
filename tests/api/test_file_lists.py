"""The files of a project in three orders, in pages that are complete in both directions."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest

from holdall.http.cursors import CursorCodec
from holdall.platform.table import records
from tests.support import users
from tests.support.aws import FakeAws, make_upload_request
from tests.support.client import Client
from tests.support.clock import FrozenClock

# In the order of their birth; no two of one moment, so that newest first is one order.
NAMES = ["beta.txt", "Alpha.jpg", "alpha.txt", "\u00c9t\u00e9.jpg", "gamma.txt", "ALPHA 2.txt", "zeta.jpg"]
SORTED_NAMES = ["ALPHA 2.txt", "Alpha.jpg", "alpha.txt", "beta.txt", "gamma.txt", "zeta.jpg", "\u00c9t\u00e9.jpg"]
EXPECTED_NAMES = {
    "": NAMES[::-1],
    "sort=newest": NAMES[::-1],
    "sort=name": SORTED_NAMES,
    "kind=image": [name for name in NAMES[::-1] if name.endswith("jpg")],
    "kind=file": [name for name in NAMES[::-1] if name.endswith("txt")],
    "kind=file&sort=newest": [name for name in NAMES[::-1] if name.endswith("txt")],
    "prefix=alpha": ["ALPHA 2.txt", "Alpha.jpg", "alpha.txt"],
    "prefix=ALPHA&sort=name": ["ALPHA 2.txt", "Alpha.jpg", "alpha.txt"],
    f"prefix={quote('ét')}": ["\u00c9t\u00e9.jpg"],
    "prefix=alpha.": ["Alpha.jpg", "alpha.txt"],
    "prefix=nothing": [],
    "prefix=": SORTED_NAMES,
}


@pytest.fixture
def client_with_files(frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws) -> Client:
    """Somebody with seven files."""
    for name in NAMES:
        frozen_clock.advance(milliseconds=1)
        content_type = "image/jpeg" if name.endswith("jpg") else "text/plain"
        fake_aws.upload(client, b"x", filename=name, contentType=content_type)
    return client


def list_file_names(response: Any) -> list[str]:
    return [each["name"] for each in response.data()]


def list_pages(
    client: Client, query: str, limit: int, direction: str = "next", cursor: str | None = None
) -> Iterator[list[str]]:
    """The pages of a list, as their cursors lead."""
    while True:
        answer = client.get(f"/files?{query}&limit={limit}{f'&cursor={cursor}' if cursor else ''}")
        page = answer.json()["pagination"]
        assert (page["hasNext"], page["hasPrev"]) == (page["next"] is not None, page["prev"] is not None)
        yield list_file_names(answer)
        cursor = page[direction]
        if cursor is None:
            return


def test_each_order_is_what_it_says(client_with_files: Client) -> None:
    assert {
        query: list_file_names(client_with_files.get(f"/files?{query}")) for query in EXPECTED_NAMES
    } == EXPECTED_NAMES


def test_pages_are_complete_in_both_directions(client_with_files: Client) -> None:
    for query in ("", "sort=name", "kind=image", "kind=file", "prefix=alpha"):
        for limit in (1, 2, 3):
            pages = list(list_pages(client_with_files, query, limit))
            assert [name for page in pages for name in page] == EXPECTED_NAMES[query]
            assert all(len(page) == limit for page in pages[:-1])
            assert list(list_pages_backwards(client_with_files, query, limit)) == pages[::-1]


def list_pages_backwards(client: Client, query: str, limit: int) -> Iterator[list[str]]:
    """The pages of a list from its last, as the cursors lead back."""
    last = client.get(f"/files?{query}&limit={limit}")
    while cursor := last.json()["pagination"]["next"]:
        last = client.get(f"/files?{query}&limit={limit}&cursor={cursor}")
    yield list_file_names(last)
    if before := last.json()["pagination"]["prev"]:
        yield from list_pages(client, query, limit, "prev", before)


def test_a_page_goes_on_where_its_neighbour_was_removed(client_with_files: Client) -> None:
    first = client_with_files.get("/files?limit=3")
    client_with_files.delete(f"/files/{first.data()[-1]['id']}").data()
    cursor = first.json()["pagination"]["next"]

    assert list_file_names(client_with_files.get(f"/files?limit=3&cursor={cursor}")) == NAMES[::-1][3:6]


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


def test_a_cursor_belongs_to_its_filter(client_with_files: Client) -> None:
    cursor = client_with_files.get("/files?limit=1").json()["pagination"]["next"]

    for other in ("sort=name", "kind=image", "kind=file", "prefix=alpha", "sort=newest"):
        refused = client_with_files.get(f"/files?{other}&cursor={cursor}")
        assert (refused.status, refused.problem()["code"]) == (400, "bad_cursor")


def test_a_cursor_belongs_to_its_project(client_with_files: Client, project: dict[str, Any]) -> None:
    cursor = client_with_files.get("/files?limit=1").json()["pagination"]["next"]

    assert client_with_files.get(f"/files?projectId={project['id']}&cursor={cursor}").problem()["code"] == "bad_cursor"


FORGED_KEYS = ["\U0010ffff\U0010ffff", "\u0000", "zzz", "alph", "0", "a#\U0010ffff", "x" * 1024]


@pytest.mark.parametrize("query", ["", "sort=name", "prefix=alpha", "kind=image"])
def test_a_forged_cursor_only_moves_within_its_list(client_with_files: Client, query: str) -> None:
    asked = dict(part.split("=") for part in query.split("&") if part)
    own = CursorCodec(
        "files", users.personal_project_id(client_with_files), asked.get("kind"), asked.get("prefix"), asked.get("sort")
    )
    for position in FORGED_KEYS:
        for cursor in (own.encode_next(position), own.encode_prev(position)):
            # DynamoDB refuses a range that ends before it begins; moto does not, so ranges are looked at on their way.
            with capture_key_ranges() as seen:
                found = list_file_names(client_with_files.get(f"/files?{query}&cursor={cursor}"))
            assert all(low.encode() <= high.encode() for low, high in seen), (position, seen)
            assert set(found) <= set(EXPECTED_NAMES[query])


@contextmanager
def capture_key_ranges() -> Iterator[list[tuple[str, str]]]:
    """The ranges of sort keys that are asked for meanwhile."""
    seen: list[tuple[str, str]] = []

    def look(params: dict[str, Any], **_: Any) -> None:
        asked = json.loads(params["body"])
        for ends in re.findall(r"BETWEEN (\S+) AND (:\w+)", asked["KeyConditionExpression"]):
            low, high = (asked["ExpressionAttributeValues"][end]["S"] for end in ends)
            seen.append((low, high))

    events = records.connection.client.meta.events
    events.register("before-call.dynamodb.Query", look)
    yield seen
    events.unregister("before-call.dynamodb.Query", look)


def test_what_lies_in_the_trash_is_not_listed(client_with_files: Client) -> None:
    newest = client_with_files.get("/files?limit=1").data()[0]
    client_with_files.delete(f"/files/{newest['id']}").data()

    for query in ("", "sort=name", f"kind={newest['kind']}"):
        assert newest["name"] not in list_file_names(client_with_files.get(f"/files?{query}"))


def test_the_longest_names_are_listed(client: Client, fake_aws: FakeAws) -> None:
    longest = "\u6f22" * 255
    for _ in range(2):
        fake_aws.upload(client, b"x", filename=longest, contentType="text/plain")

    assert list_file_names(client.get("/files?sort=name&limit=1")) == [longest]
    assert len(list(list_pages(client, f"prefix={quote(longest)}", 1))) == 2


def test_a_prefix_may_hold_anything(client: Client, fake_aws: FakeAws) -> None:
    odd = "a,b#c%d&e+f;.txt"
    fake_aws.upload(client, b"x", filename=odd, contentType="text/plain")

    for length in range(1, len(odd) + 1):
        assert list_file_names(client.get(f"/files?prefix={quote(odd[:length], safe='')}")) == [odd]


def test_a_foreign_project_lists_nothing(client: Client, stranger: Client, project: dict[str, Any]) -> None:
    foreign = stranger.get(f"/files?projectId={project['id']}")

    assert foreign.status == 404
    assert foreign.problem() == stranger.get("/files?projectId=000000000000").problem()


def test_a_view_says_all_that_the_contract_names(client: Client, fake_aws: FakeAws) -> None:
    begun = client.post(
        "/files/init-upload", make_upload_request(b"x", filename="a.txt", contentType="text/plain")
    ).created()
    fake_aws.put_object(begun, b"x")
    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    (file,) = client.get("/files").data()

    assert file["projectId"] == users.personal_project_id(client)
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
