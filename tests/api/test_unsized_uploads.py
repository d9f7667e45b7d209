"""Uploads whose clients do not tell their size: they reserve what there is, and the completion counts what there was (U3)."""

from typing import Any

import pytest

from holdall.quotas.model import QuotaExceeded, TooMuchOpen
from holdall.uploads import service as uploads
from holdall.uploads import store
from holdall.uploads.model import InitUploadRequest, Upload
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.callers import get_project, make_caller
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.faults import interleave
from tests.support.fixtures import OverrideSettings

MAX_RESERVED = 1000
TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain", "autoCommit": True}


@pytest.fixture
def project(client: Client) -> str:
    """Return a project for 3,000 bytes, of which a file may have 2,000."""
    settings = {"quota": {"maxBytes": 3000, "maxFileBytes": 2000}}
    return str(client.post("/projects", {"name": "Small", "settings": settings}).created()["id"])


def start(client: Client, project: str, **overrides: Any) -> Upload:
    body = {**TEXT_FILE, "size": MAX_RESERVED, "multipart": False, **overrides}
    request = InitUploadRequest.model_validate(body)
    return uploads.start_unsized(make_caller(client), get_project(project), request)


def arrive(fake_aws: FakeAws, upload: Upload, content: bytes) -> dict[str, Any]:
    """Store the bytes of an upload, and let S3 notify of them."""
    stored = fake_aws.s3.put_object(Bucket="originals", Key=upload.key, Body=content)
    return fake_aws.notify_object_created(upload.key, stored["VersionId"])


def test_completion_returns_what_the_upload_reserved_too_much(client: Client, project: str, fake_aws: FakeAws) -> None:
    upload = start(client, project)
    assert (upload.size, upload.is_sized, store.get(upload.id)) == (MAX_RESERVED, False, upload)
    assert invariants.quota_usage(fake_aws, project) == (MAX_RESERVED, 1)

    assert arrive(fake_aws, upload, b"x" * 300) == NO_FAILURES
    assert client.get(f"/files/{upload.file_id}").data()["size"] == 300
    assert invariants.quota_usage(fake_aws, project) == (300, 1)
    invariants.assert_project_consistent(fake_aws, project)
    client.delete(f"/files/{upload.file_id}?permanent=true")
    fake_aws.run_workers()
    assert invariants.quota_usage(fake_aws, project) == (0, 0)


def test_completion_counts_what_the_upload_reserved_too_little(client: Client, project: str, fake_aws: FakeAws) -> None:
    upload = start(client, project)

    assert arrive(fake_aws, upload, b"x" * 2000) == NO_FAILURES
    assert invariants.quota_usage(fake_aws, project) == (2000, 1)
    invariants.assert_project_consistent(fake_aws, project)


@pytest.mark.parametrize("size", [2001, 2000], ids=["too large for a file", "too large for the project"])
def test_upload_without_room_at_its_completion_is_aborted(
    client: Client, project: str, fake_aws: FakeAws, size: int
) -> None:
    upload, _, _ = (start(client, project) for _ in range(3))

    assert arrive(fake_aws, upload, b"x" * size) == NO_FAILURES
    fake_aws.run_workers()
    assert store.get(upload.id).state == "aborted"
    assert fake_aws.list_version_ids(upload.key) == []
    assert invariants.quota_usage(fake_aws, project) == (2 * MAX_RESERVED, 2)
    invariants.assert_project_consistent(fake_aws, project)


def test_upload_does_not_grow_over_the_limit_of_the_installation(
    client: Client, project: str, fake_aws: FakeAws, frozen_clock: FrozenClock, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_BYTES="1500")
    grows, fits = start(client, project), start(client, users.personal_project_id(client), size=500)
    frozen_clock.advance(seconds=10)  # the usage is read again

    assert arrive(fake_aws, grows, b"x" * 1001) == NO_FAILURES
    assert arrive(fake_aws, fits, b"x" * 500) == NO_FAILURES
    fake_aws.run_workers()

    assert (store.get(grows.id).state, store.get(fits.id).state) == ("aborted", "completed")
    assert fake_aws.list_version_ids(grows.key) == []
    assert invariants.installation_usage(fake_aws) == (500, 1)


def test_commit_of_an_upload_without_room_says_why(client: Client, project: str, fake_aws: FakeAws) -> None:
    upload, _, _ = (start(client, project) for _ in range(3))
    fake_aws.s3.put_object(Bucket="originals", Key=upload.key, Body=b"x" * 2000)

    refused = client.post("/files/commit", {"uploadId": upload.id})
    assert (refused.status, refused.problem()["code"]) == (409, "quota_exceeded")
    assert client.post("/files/commit", {"uploadId": upload.id}).problem()["code"] == "wrong_state"


def test_uploads_at_the_edge_of_a_quota_never_pass_it(client: Client, project: str, fake_aws: FakeAws) -> None:
    started = [start(client, project) for _ in range(3)]
    with pytest.raises(QuotaExceeded):
        start(client, project)
    for upload in started:
        arrive(fake_aws, upload, b"x" * 700)

    assert start(client, project).size == 900
    assert invariants.quota_usage(fake_aws, project) == (3000, 4)


def test_project_that_is_full_of_files_has_no_room(client: Client, project: str) -> None:
    client.request("PUT", f"/projects/{project}", {"settings": {"quota": {"maxFiles": 1}}}).data()
    start(client, project)

    with pytest.raises(QuotaExceeded):
        start(client, project)


def test_room_that_another_upload_takes_meanwhile_is_not_reserved_twice(
    client: Client, project: str, fake_aws: FakeAws
) -> None:
    start(client, project, size=2000)

    with interleave("TransactWriteItems", lambda: start(client, project, size=400)):
        assert start(client, project).size == 600
    assert invariants.quota_usage(fake_aws, project) == (3000, 3)


def test_open_bytes_of_a_user_bound_what_is_reserved(
    client: Client, project: str, override_settings: OverrideSettings
) -> None:
    override_settings(MAX_OPEN_BYTES_PER_USER="1200")

    assert [start(client, project).size, start(client, project).size] == [1000, 200]
    with pytest.raises(TooMuchOpen):
        start(client, project)


def test_abandoned_upload_releases_all_that_it_reserved(
    client: Client, project: str, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    start(client, project)
    start(client, project, multipart=True)
    frozen_clock.advance(hours=24)
    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert invariants.quota_usage(fake_aws, project) == (0, 0)
    assert fake_aws.list_multipart_uploads() == []


def test_parts_that_the_client_decides_have_no_plan(client: Client, project: str) -> None:
    upload = start(client, project, multipart=True)

    response = client.post(f"/uploads/{upload.id}/parts", {"partNumbers": [1]})
    assert (response.status, response.problem()["code"]) == (409, "wrong_state")
    assert upload.multipart is not None
    assert upload.multipart.part_size is None


def test_list_shows_what_an_upload_reserves(client: Client, project: str) -> None:
    upload = start(client, project)

    (listed,) = client.get(f"/uploads?projectId={project}").data()
    assert (listed["id"], listed["size"]) == (upload.id, MAX_RESERVED)
    assert client.get(f"/projects/{project}/usage").data()["openUploads"]["bytes"] == MAX_RESERVED
