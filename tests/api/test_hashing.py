"""Bytes that came without a SHA-256: they are read once by a job, and compared with what was announced."""

import hashlib
import json
from typing import Any

import pytest

from holdall import storage
from tests.api import books, people
from tests.api.client import Client
from tests.api.cloud import WELL, Cloud, announce, photo

TEXT = {"filename": "notes.txt", "contentType": "text/plain"}
SHA256 = hashlib.sha256(b"content").hexdigest()


def commit(client: Client, cloud: Cloud, checksum: str | None, **said: Any) -> dict[str, Any]:
    content = photo() if said else b"content"
    begun = client.post("/files/init-upload", announce(content, **{**TEXT, **said}, sha256=None)).created()
    cloud.put(begun, content)
    told = {"uploadId": begun["uploadId"], "checksum": checksum}
    made: dict[str, Any] = client.post("/files/commit", told).data()
    return made


@pytest.mark.parametrize("checksum", [None, SHA256])
def test_a_file_without_a_checksum_is_ready_when_it_was_hashed(
    client: Client, cloud: Cloud, checksum: str | None
) -> None:
    made = commit(client, cloud, checksum)

    assert (made["file"]["status"], made["file"]["sha256"]) == ("processing", None)
    assert cloud.work() == 1
    file = client.get(f"/files/{made['fileId']}").data()
    assert (file["status"], file["sha256"]) == ("ready", SHA256)
    (job,) = cloud.rows("main", record_kind="job")
    assert (job["kind"], job["status"]) == ("hash", "completed")
    books.check(cloud, people.personal_project(client))


@pytest.mark.parametrize("said", [{}, {"filename": "photo.jpg", "contentType": "image/jpeg"}])
def test_other_bytes_than_announced_are_rejected(client: Client, cloud: Cloud, said: dict[str, Any]) -> None:
    made = commit(client, cloud, "0" * 64, **said)
    cloud.work()

    file = client.get(f"/files/{made['fileId']}").data()
    assert (file["status"], file["reason"]) == ("rejected", "checksum_mismatch")
    (job,) = cloud.rows("main", record_kind="job")
    assert (job["status"], job["reason"]) == ("failed", "checksum_mismatch")
    assert client.get(f"/files/{made['fileId']}/content").problem()["code"] == "rejected"


def test_a_job_that_is_told_twice_is_done_once(client: Client, cloud: Cloud) -> None:
    commit(client, cloud, None)
    (message,) = cloud.waiting("work")

    assert cloud.deliver("maintenance", message, message) == {"batchItemFailures": []}
    assert len(cloud.rows("main", record_kind="event", type="file.ready")) == 1


def test_a_file_that_was_purged_meanwhile_is_not_hashed(client: Client, cloud: Cloud) -> None:
    made = commit(client, cloud, None)
    (message,) = cloud.waiting("work")
    client.delete(f"/files/{made['fileId']}?permanent=true")
    cloud.work()

    assert cloud.deliver("maintenance", message) == {"batchItemFailures": []}
    (job,) = cloud.rows("main", record_kind="job", id=json.loads(message)["id"])
    assert (job["status"], job["reason"]) == ("failed", "file_gone")
    books.nothing_left(cloud, people.personal_project(client))


@pytest.mark.parametrize("permanent", [False, True])
def test_a_file_that_is_put_away_while_it_is_hashed_ends_as_it_must(
    client: Client,
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    permanent: bool,  # noqa: FBT001
) -> None:
    file_id = commit(client, cloud, None)["fileId"]
    (message,) = cloud.waiting("work")
    read = storage.measure

    def meanwhile(key: str, version_id: str) -> str:
        sha256 = read(key, version_id)
        if client.get(f"/files/{file_id}").data()["status"] != "deleted":
            client.delete(f"/files/{file_id}?permanent={str(permanent).lower()}")
        return sha256

    monkeypatch.setattr(storage, "measure", meanwhile)

    assert cloud.deliver("maintenance", message) == WELL
    (job,) = cloud.rows("main", record_kind="job", kind="hash")
    if permanent:
        assert (job["status"], job["reason"]) == ("failed", "file_gone")
    else:
        assert job["status"] == "completed"
        assert client.get(f"/files/{file_id}").data()["sha256"] == SHA256


def test_a_file_in_the_trash_is_hashed_where_it_lies(client: Client, cloud: Cloud) -> None:
    made = commit(client, cloud, None)
    client.delete(f"/files/{made['fileId']}")
    cloud.work()

    file = client.get(f"/files/{made['fileId']}").data()
    assert (file["status"], file["sha256"]) == ("deleted", SHA256)
