"""The trash: its list, and how files come back from it."""

from collections.abc import Callable
from typing import Any

import pytest

from holdall.files import trash
from tests.support import invariants
from tests.support.aws import FakeAws
from tests.support.callers import make_caller
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import interleave
from tests.support.image_samples import make_photo
from tests.support.variants import create_public_project, run_until_drained, variant_prefixes

TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


@pytest.fixture
def project_id(client: Client) -> str:
    return create_public_project(client)


@pytest.fixture
def file_id(client: Client, fake_aws: FakeAws, project_id: str) -> str:
    """Return the ID of a photo in a public project whose variant is rendered."""
    committed = fake_aws.upload(client, make_photo(), projectId=project_id)
    fake_aws.render_images()
    return str(committed["fileId"])


def test_trash_lists_the_last_deleted_file_first(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project_id: str
) -> None:
    file_ids = [fake_aws.upload(client, b"x", projectId=project_id, **TEXT_FILE)["fileId"] for _ in range(3)]
    for file_id in (file_ids[1], file_ids[2], file_ids[0]):
        frozen_clock.advance(seconds=1)
        client.delete(f"/files/{file_id}").data()
    files = client.get(f"/trash?projectId={project_id}").data()

    assert [file["id"] for file in files] == [file_ids[0], file_ids[2], file_ids[1]]
    assert {file["status"] for file in files} == {"deleted"}
    assert files[0]["deletedAt"] == frozen_clock.time.isoformat().replace("+00:00", "Z")
    assert client.get(f"/files?projectId={project_id}").data() == []


def test_moving_its_variants_does_not_change_when_a_file_was_deleted(
    frozen_clock: FrozenClock, client: Client, fake_aws: FakeAws, project_id: str, file_id: str
) -> None:
    deleted_at = client.delete(f"/files/{file_id}").data()["deletedAt"]
    frozen_clock.advance(seconds=30)
    fake_aws.run_workers()

    (file,) = client.get(f"/trash?projectId={project_id}").data()
    assert variant_prefixes(fake_aws, project_id) == ["private"]
    assert file["deletedAt"] == deleted_at


def test_restored_file_is_as_before(client: Client, fake_aws: FakeAws, project_id: str, file_id: str) -> None:
    before = client.get(f"/files/{file_id}").data()
    client.delete(f"/files/{file_id}").data()
    fake_aws.run_workers()
    restored = client.post(f"/files/{file_id}/restore").data()
    run_until_drained(fake_aws)
    after = client.get(f"/files/{file_id}").data()

    assert restored["status"] == "ready"
    assert {**after, "updatedAt": before["updatedAt"]} == before
    for query in ("", "&sort=name", "&kind=image"):
        assert [file["id"] for file in client.get(f"/files?projectId={project_id}{query}").data()] == [file_id]
    assert client.get(f"/trash?projectId={project_id}").data() == []
    assert variant_prefixes(fake_aws, project_id) == ["media"]
    invariants.assert_project_consistent(fake_aws, project_id)


def test_restore_right_after_the_deletion_leaves_the_variants_public(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str
) -> None:
    client.delete(f"/files/{file_id}").data()
    client.post(f"/files/{file_id}/restore").data()
    run_until_drained(fake_aws)

    assert variant_prefixes(fake_aws, project_id) == ["media"]


def test_file_that_is_not_in_the_trash_cannot_be_restored(client: Client, file_id: str) -> None:
    response = client.post(f"/files/{file_id}/restore")

    assert (response.status, response.problem()["code"]) == (409, "wrong_state")


def test_restore_is_audited_and_an_event(client: Client, fake_aws: FakeAws, file_id: str) -> None:
    client.delete(f"/files/{file_id}").data()
    client.post(f"/files/{file_id}/restore").data()

    (row,) = fake_aws.find_rows("audit", action="files.restore")
    assert (row["actor"], row["target"]) == (client.user["id"], file_id)
    assert len(fake_aws.find_rows("main", record_type="event", type="file.restored")) == 1


def test_purged_file_cannot_be_restored(client: Client, fake_aws: FakeAws, project_id: str, file_id: str) -> None:
    client.delete(f"/files/{file_id}").data()
    client.delete(f"/files/{file_id}?permanent=true").data()

    assert client.post(f"/files/{file_id}/restore").status == 404
    assert client.get(f"/trash?projectId={project_id}").data() == []
    fake_aws.run_workers()
    assert client.post(f"/files/{file_id}/restore").status == 404


FASTER: dict[str, tuple[Callable[..., Any], int]] = {
    "purge": (trash.purge, 404),  # the restore finds nothing
    "restore": (trash.restore, 409),  # it is restored already
    "trash": (trash.trash, 200),  # it is in the trash already, which changes nothing
}


@pytest.mark.parametrize("name", FASTER)
def test_restore_during_another_change_has_one_of_the_two_results(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str, name: str
) -> None:
    faster, expected = FASTER[name]
    client.delete(f"/files/{file_id}").data()
    with interleave("TransactWriteItems", lambda: faster(make_caller(client), file_id)):
        response = client.post(f"/files/{file_id}/restore")
    run_until_drained(fake_aws)

    assert response.status == expected
    if name == "purge":
        invariants.assert_project_purged(fake_aws, project_id)
    else:
        assert variant_prefixes(fake_aws, project_id) == ["media"]
        invariants.assert_project_consistent(fake_aws, project_id)


def test_purge_during_a_restore_purges_the_file(
    client: Client, fake_aws: FakeAws, project_id: str, file_id: str
) -> None:
    client.delete(f"/files/{file_id}").data()
    with interleave("TransactWriteItems", lambda: trash.restore(make_caller(client), file_id)):
        assert client.delete(f"/files/{file_id}?permanent=true").status == 202
    run_until_drained(fake_aws)

    invariants.assert_project_purged(fake_aws, project_id)
