"""Changes of many files by one request."""

from collections.abc import Callable
from typing import Any

import pytest

from holdall.files import trash
from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.callers import make_caller
from tests.support.client import Client
from tests.support.faults import inject_faults, interleave
from tests.support.world import World

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


@pytest.fixture
def file_ids(world: World, client: Client, fake_aws: FakeAws) -> list[str]:
    """Return the IDs of three files."""
    return world.step(
        "three files", lambda: [str(fake_aws.upload(client, b"x", **TEXT_FILE)["fileId"]) for _ in range(3)]
    )


def change(client: Client, action: str, *file_ids: str) -> list[tuple[str, str | None]]:
    """Send a request, and return the status and the code of each result."""
    results = client.post("/files/bulk", {"ids": list(file_ids), "action": action}).data()
    assert [each["id"] for each in results] == list(file_ids)
    return [(each["status"], each["code"]) for each in results]


def test_files_are_deleted_restored_and_purged(client: Client, fake_aws: FakeAws, file_ids: list[str]) -> None:
    assert change(client, "delete", *file_ids) == [("done", None)] * 3
    assert {file["id"] for file in client.get("/trash").data()} == set(file_ids)
    assert change(client, "restore", *file_ids[:2]) == [("done", None)] * 2
    assert {file["id"] for file in client.get("/files").data()} == set(file_ids[:2])
    assert change(client, "purge", *file_ids) == [("done", None)] * 3
    fake_aws.run_workers()

    invariants.assert_project_purged(fake_aws, users.personal_project_id(client))
    assert [len(fake_aws.find_rows("audit", action=f"files.{name}")) for name in ("trash", "restore", "purge")] == [
        3,
        2,
        3,
    ]


def test_purge_returns_the_job_of_each_file(client: Client, fake_aws: FakeAws, file_ids: list[str]) -> None:
    results = client.post("/files/bulk", {"ids": file_ids, "action": "purge"}).data()

    jobs = {row["id"]: row["file_id"] for row in fake_aws.find_rows("main", record_type="job", kind="purge")}
    assert {each["jobId"]: each["id"] for each in results} == jobs


def test_each_failure_is_the_one_of_a_request_for_its_file(
    client: Client, stranger: Client, fake_aws: FakeAws, file_ids: list[str]
) -> None:
    foreign = fake_aws.upload(stranger, b"x", **TEXT_FILE)["fileId"]
    unknown = f"{users.personal_project_id(client)}-{'0' * 26}"
    client.delete(f"/files/{file_ids[1]}").data()

    results = change(client, "restore", file_ids[0], file_ids[1], foreign, unknown, "no-id")
    assert results == [("failed", "wrong_state"), ("done", None), *[("failed", "not_found")] * 3]
    assert stranger.get(f"/files/{foreign}").status == 200


def test_foreign_files_look_like_unknown_ones(client: Client, stranger: Client, fake_aws: FakeAws) -> None:
    foreign = fake_aws.upload(stranger, b"x", **TEXT_FILE)["fileId"]
    unknown = f"{users.personal_project_id(stranger)[::-1]}-{'0' * 26}"

    responses = [
        client.post("/files/bulk", {"ids": [file_id], "action": "purge"}) for file_id in (foreign, unknown, "no-id")
    ]
    assert [response.status for response in responses] == [404] * 3
    assert all(response.problem() == responses[0].problem() for response in responses)


INVALID_REQUESTS: dict[str, tuple[Callable[[str], dict[str, Any]], str, str]] = {
    "no ID": (lambda _: {"ids": [], "action": "delete"}, "/ids", "too_short"),
    "too many IDs": (lambda id_: {"ids": [id_, *map(str, range(100))], "action": "delete"}, "/ids", "too_many"),
    "the same ID twice": (lambda id_: {"ids": [id_, id_], "action": "delete"}, "/ids", "value_error"),
    "no list": (lambda id_: {"ids": id_, "action": "delete"}, "/ids", "list_type"),
    "no text": (lambda id_: {"ids": [id_, 7], "action": "delete"}, "/ids/1", "string_type"),
    "unknown action": (lambda id_: {"ids": [id_], "action": "burn"}, "/action", "literal_error"),
    "no action": (lambda id_: {"ids": [id_]}, "/action", "required"),
}


@pytest.mark.parametrize("name", INVALID_REQUESTS)
def test_invalid_request_is_rejected(client: Client, file_ids: list[str], name: str) -> None:
    make_body, pointer, code = INVALID_REQUESTS[name]
    response = client.post("/files/bulk", make_body(file_ids[0]))

    (error,) = response.problem()["errors"]
    assert (response.status, error["pointer"], error["code"]) == (422, pointer, code)
    assert client.get("/trash").data() == []


def test_file_that_changes_meanwhile_is_read_again(client: Client, file_ids: list[str]) -> None:
    with interleave("TransactWriteItems", lambda: trash.purge(make_caller(client), file_ids[0])):
        results = change(client, "delete", *file_ids)

    assert results == [("failed", "not_found"), ("done", None), ("done", None)]


def test_files_after_an_outage_are_not_tried(
    client: Client, fake_aws: FakeAws, file_ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The calls before are the guard's, the rate limiter's, the files', and the first transaction.
    with inject_faults(monkeypatch, fail_at=4, mode="refused") as faults:
        results = change(client, "delete", *file_ids)

    assert len(faults.calls) == 5
    assert results == [("done", None), ("failed", "unavailable"), ("failed", "unavailable")]
    assert [file["id"] for file in client.get("/trash").data()] == file_ids[:1]
