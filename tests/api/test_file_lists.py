"""Lists of files: filters, orders, and pages in both directions."""

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
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.world import World

# In order of creation, each at another time, so that the order "newest first" is unique.
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
    "prefix=unknown": [],
    "prefix=": SORTED_NAMES,
}


@pytest.fixture
def client_with_files(world: World, frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws) -> Client:
    """Return a client with seven files."""

    def upload() -> None:
        for name in NAMES:
            frozen_clock.advance(milliseconds=1)
            content_type = "image/jpeg" if name.endswith("jpg") else "text/plain"
            fake_aws.upload(client, b"x", filename=name, contentType=content_type)

    world.step("seven files", upload)
    return client


def list_file_names(response: Any) -> list[str]:
    return [each["name"] for each in response.data()]


def list_pages(
    client: Client, query: str, limit: int, direction: str = "next", cursor: str | None = None
) -> Iterator[list[str]]:
    """Follow the cursors, and yield the names on each page."""
    while True:
        response = client.get(f"/files?{query}&limit={limit}{f'&cursor={cursor}' if cursor else ''}")
        page = response.json()["pagination"]
        assert (page["hasNext"], page["hasPrev"]) == (page["next"] is not None, page["prev"] is not None)
        yield list_file_names(response)
        cursor = page[direction]
        if cursor is None:
            return


def test_files_are_filtered_and_sorted(client_with_files: Client) -> None:
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
    """Follow the cursors back from the last page, and yield the names on each page."""
    last = client.get(f"/files?{query}&limit={limit}")
    while cursor := last.json()["pagination"]["next"]:
        last = client.get(f"/files?{query}&limit={limit}&cursor={cursor}")
    yield list_file_names(last)
    if previous := last.json()["pagination"]["prev"]:
        yield from list_pages(client, query, limit, "prev", previous)


def test_cursor_of_a_trashed_file_still_works(client_with_files: Client) -> None:
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
def test_unsupported_combinations_are_rejected(client: Client, query: str) -> None:
    response = client.get(f"/files?{query}")

    assert (response.status, response.problem()["code"]) == (422, "unsupported_combination")


def test_cursor_is_bound_to_its_filter(client_with_files: Client) -> None:
    cursor = client_with_files.get("/files?limit=1").json()["pagination"]["next"]

    for other in ("sort=name", "kind=image", "kind=file", "prefix=alpha", "sort=newest"):
        response = client_with_files.get(f"/files?{other}&cursor={cursor}")
        assert (response.status, response.problem()["code"]) == (400, "bad_cursor")


def test_cursor_is_bound_to_its_project(client_with_files: Client, project: dict[str, Any]) -> None:
    cursor = client_with_files.get("/files?limit=1").json()["pagination"]["next"]

    assert client_with_files.get(f"/files?projectId={project['id']}&cursor={cursor}").problem()["code"] == "bad_cursor"


FORGED_KEYS = ["\U0010ffff\U0010ffff", "\u0000", "zzz", "alph", "0", "a#\U0010ffff", "x" * 1024]


@pytest.mark.parametrize("query", ["", "sort=name", "prefix=alpha", "kind=image"])
def test_forged_cursor_stays_within_its_list(client_with_files: Client, query: str) -> None:
    fields = dict(part.split("=") for part in query.split("&") if part)
    codec = CursorCodec(
        "files",
        users.personal_project_id(client_with_files),
        fields.get("kind"),
        fields.get("prefix"),
        fields.get("sort"),
    )
    for position in FORGED_KEYS:
        for cursor in (codec.encode(position), codec.encode(position, backward=True)):
            # DynamoDB rejects a range that ends before it begins, and moto does not. So the test looks at the requests.
            with capture_key_ranges() as ranges:
                names = list_file_names(client_with_files.get(f"/files?{query}&cursor={cursor}"))
            assert all(low.encode() <= high.encode() for low, high in ranges), (position, ranges)
            assert set(names) <= set(EXPECTED_NAMES[query])


@contextmanager
def capture_key_ranges() -> Iterator[list[tuple[str, str]]]:
    """Capture the ranges of sort keys in all queries."""
    ranges: list[tuple[str, str]] = []

    def capture(params: dict[str, Any], **_: Any) -> None:
        query = json.loads(params["body"])
        for bounds in re.findall(r"BETWEEN (\S+) AND (:\w+)", query["KeyConditionExpression"]):
            low, high = (query["ExpressionAttributeValues"][bound]["S"] for bound in bounds)
            ranges.append((low, high))

    events = records.connection.client.meta.events
    events.register("before-call.dynamodb.Query", capture)
    yield ranges
    events.unregister("before-call.dynamodb.Query", capture)


def test_files_in_the_trash_are_not_listed(client_with_files: Client) -> None:
    newest = client_with_files.get("/files?limit=1").data()[0]
    client_with_files.delete(f"/files/{newest['id']}").data()

    for query in ("", "sort=name", f"kind={newest['kind']}"):
        assert newest["name"] not in list_file_names(client_with_files.get(f"/files?{query}"))


def test_files_with_the_longest_names_are_listed(client: Client, fake_aws: FakeAws) -> None:
    longest = "\u6f22" * 255
    for _ in range(2):
        fake_aws.upload(client, b"x", filename=longest, contentType="text/plain")

    assert list_file_names(client.get("/files?sort=name&limit=1")) == [longest]
    assert len(list(list_pages(client, f"prefix={quote(longest)}", 1))) == 2


def test_prefix_is_literal(client: Client, fake_aws: FakeAws) -> None:
    for name in ("notes", "notes.txt", "a_b.txt", "axb.txt", "100%.txt", "1000.txt", "C"):
        fake_aws.upload(client, b"x", filename=name, contentType="text/plain")

    def find(prefix: str) -> list[str]:
        return list_file_names(client.get(f"/files?prefix={quote(prefix, safe='')}"))

    assert (find("a_"), find("100%")) == (["a_b.txt"], ["100%.txt"])
    assert find("notes") == find("NOTES") == find("no\u202etes") == ["notes", "notes.txt"]
    assert [find(prefix) for prefix in ("%", "_", "*", "notes#", "C#", "c#0", "notes ")] == [[]] * 7


def test_prefix_may_contain_any_character(client: Client, fake_aws: FakeAws) -> None:
    name = "a,b#c%d&e+f;.txt"
    fake_aws.upload(client, b"x", filename=name, contentType="text/plain")

    for length in range(1, len(name) + 1):
        assert list_file_names(client.get(f"/files?prefix={quote(name[:length], safe='')}")) == [name]


def test_list_of_a_foreign_project_is_not_found(client: Client, stranger: Client, project: dict[str, Any]) -> None:
    foreign = stranger.get(f"/files?projectId={project['id']}")

    assert foreign.status == 404
    assert foreign.problem() == stranger.get("/files?projectId=000000000000").problem()


def test_file_has_all_fields_of_the_contract(client: Client, fake_aws: FakeAws) -> None:
    upload = client.post(
        "/files/init-upload", make_upload_request(b"x", filename="a.txt", contentType="text/plain")
    ).created()
    fake_aws.put_object(upload, b"x")
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
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
