"""Uploads in parts through the contract of Uppy Companion (U8)."""

from collections.abc import Callable
from typing import Any

import pytest

from holdall.companion.contract import CompleteMultipartRequest
from holdall.companion.service import uploads
from holdall.companion.service.uploads import UploadReference
from holdall.platform.caller import ClientInfo
from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.companion import MIB, PART, Uppy, UppyUpload, result
from tests.support.faults import interleave
from tests.support.fixtures import OverrideSettings
from tests.support.projects import create_api_key_client, create_member
from tests.support.uploads import init_upload

CONTENTS = (PART, PART, b"the end")
CLIENT = ClientInfo("192.0.2.7", "tests", "request")
SIZE = sum(map(len, CONTENTS))
Call = Callable[[Uppy, UppyUpload], Response]
CALLS: dict[str, Call] = {
    "sign": lambda uppy, upload: uppy.sign_part(upload, 1),
    "sign several": lambda uppy, upload: uppy.sign_parts(upload, 1, 2),
    "list": lambda uppy, upload: uppy.list_parts(upload),
    "complete": lambda uppy, upload: uppy.complete(upload, [{"PartNumber": 1, "ETag": "x"}]),
    "abort": lambda uppy, upload: uppy.abort(upload),
}


@pytest.fixture
def uppy(client: Client) -> Uppy:
    return Uppy.create(client)


def refusal(response: Response) -> tuple[int, str]:
    """Return the status and the code of a refusal, which has a message that Uppy shows."""
    problem = response.problem()
    assert problem["message"].endswith(".")
    return problem["status"], problem["code"]


def assert_nothing_left(client: Client, fake_aws: FakeAws, upload: UppyUpload) -> None:
    fake_aws.run_workers()
    project = users.personal_project_id(client)
    assert fake_aws.list_multipart_uploads() == []
    assert fake_aws.list_version_ids(upload.key) == []
    assert invariants.quota_usage(fake_aws, project) == (0, 0)
    invariants.assert_project_consistent(fake_aws, project)


def test_parts_become_a_file_whose_location_leads_to_its_content(client: Client, fake_aws: FakeAws, uppy: Uppy) -> None:
    upload, completed = uppy.upload_parts(fake_aws, *CONTENTS)
    fake_aws.run_workers()

    [file] = client.get("/files").data()
    assert (file["name"], file["size"], file["status"]) == ("film.bin", SIZE, "ready")
    assert result(completed) == {"location": file["url"], "key": upload.key, "bucket": "originals"}
    assert client.get(f"/files/{file['id']}/content").status == 302
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_completion_returns_what_was_reserved_and_not_used(client: Client, fake_aws: FakeAws, uppy: Uppy) -> None:
    project = users.personal_project_id(client)
    upload = uppy.create_multipart()
    reserved = invariants.quota_usage(fake_aws, project)

    result(uppy.complete(upload, uppy.put_parts(fake_aws, upload, *CONTENTS)))

    assert (reserved, invariants.quota_usage(fake_aws, project)) == ((1024 * MIB, 1), (SIZE, 1))


def test_announced_size_is_reserved_exactly(client: Client, fake_aws: FakeAws, uppy: Uppy) -> None:
    for size in (SIZE, str(SIZE)):
        uppy.create_multipart(size=size)

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (2 * SIZE, 2)


def test_path_in_a_dropped_folder_is_kept(client: Client, fake_aws: FakeAws, uppy: Uppy) -> None:
    upload = uppy.create_multipart(relativePath="Prague/film.bin")
    result(uppy.complete(upload, uppy.put_parts(fake_aws, upload, *CONTENTS)))

    assert [file["relativePath"] for file in client.get("/files").data()] == ["Prague/film.bin"]


@pytest.mark.parametrize(
    "metadata",
    [None, {}, {"size": True}, {"size": 1.5}, {"size": None, "name": {}, "relativePath": None}, {"relativePath": 1}],
)
def test_strange_metadata_is_ignored(client: Client, uppy: Uppy, metadata: Any) -> None:
    body = {"filename": "film.bin", "type": None, "metadata": metadata}

    assert uppy.request("POST", "/s3/multipart", body).status == 200
    [upload] = client.get("/uploads").data()
    assert (upload["name"], upload["size"], upload["contentType"]) == (
        "film.bin",
        1024 * MIB,
        "application/octet-stream",
    )


def test_parts_are_completed_in_any_order_with_or_without_quotes(fake_aws: FakeAws, uppy: Uppy) -> None:
    upload = uppy.create_multipart()
    parts = uppy.put_parts(fake_aws, upload, *CONTENTS)
    parts[0]["ETag"] = parts[0]["ETag"].strip('"')

    result(uppy.complete(upload, parts[::-1]))


def test_parts_are_listed_with_their_sizes(fake_aws: FakeAws, uppy: Uppy) -> None:
    upload = uppy.create_multipart()
    uppy.put_parts(fake_aws, upload, PART, b"end")

    listed = result(uppy.list_parts(upload))

    assert [(each["PartNumber"], each["Size"]) for each in listed] == [(1, len(PART)), (2, 3)]
    assert all(set(each) == {"PartNumber", "ETag", "Size"} for each in listed)


def test_all_pages_of_parts_are_listed(fake_aws: FakeAws, uppy: Uppy, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = uppy.create_multipart()
    first = result(uppy.sign_part(upload, 1))["url"]
    for number in range(1, 1003):
        url = first.replace("partNumber=1&", f"partNumber={number}&")
        fake_aws.put_part({"url": url, "headers": {}, "partNumber": number}, b"x")

    assert [each["PartNumber"] for each in result(uppy.list_parts(upload))] == list(range(1, 1003))


def test_urls_of_parts_sign_nothing_that_a_browser_sets(frozen_clock: FrozenClock, uppy: Uppy) -> None:
    upload = uppy.create_multipart()
    signed = result(uppy.sign_part(upload, 1000))

    assert set(signed) == {"url", "expires"}
    assert signed["expires"] == 3600
    assert "partNumber=1000&" in signed["url"]
    assert "X-Amz-SignedHeaders=host&" in signed["url"]


def test_a_batch_has_the_url_of_each_part(uppy: Uppy) -> None:
    upload = uppy.create_multipart()
    urls = result(uppy.sign_parts(upload, *range(1, 101)))["presignedUrls"]

    assert list(urls) == [str(number) for number in range(1, 101)]
    assert all(f"partNumber={number}&" in url for number, url in urls.items())


@pytest.mark.parametrize("number", [0, -1, 10_001, "x", "1.5", "9" * 30])
def test_a_part_has_a_number_from_1_to_10000(uppy: Uppy, number: int | str) -> None:
    upload = uppy.create_multipart()

    assert refusal(uppy.sign_part(upload, number)) == (422, "invalid")


@pytest.mark.parametrize(("size", "count"), [(0, 1), (1, 1), (5 * MIB, 1), (5 * MIB + 1, 2), (150 * MIB, 30)])
def test_an_announced_size_bounds_the_parts(uppy: Uppy, size: int, count: int) -> None:
    """A URL does not limit the size of its part, so a file of a byte would have room for 10,000 parts of 5 GiB."""
    upload = uppy.create_multipart(size=size)

    result(uppy.sign_part(upload, count))
    assert refusal(uppy.sign_part(upload, count + 1)) == (422, "part_out_of_range")
    assert refusal(uppy.sign_parts(upload, 1, count + 1)) == (422, "part_out_of_range")


def test_the_largest_file_bounds_the_parts_of_an_unknown_size(uppy: Uppy, override_settings: OverrideSettings) -> None:
    upload = uppy.create_multipart()
    override_settings(MAX_FILE_BYTES=str(150 * MIB))

    result(uppy.sign_part(upload, 30))
    assert refusal(uppy.sign_part(upload, 31)) == (422, "part_out_of_range")


@pytest.mark.parametrize("numbers", ["", "0", "10001", "1,x", ",".join(map(str, range(1, 102)))])
def test_a_batch_has_1_to_100_parts(uppy: Uppy, numbers: str) -> None:
    upload = uppy.create_multipart()
    response = uppy.request("GET", upload.path("/batch", partNumbers=numbers))

    assert refusal(response) == (422, "invalid")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda parts: [], (422, "invalid")),
        (lambda parts: {}, (422, "invalid")),
        (lambda parts: [parts[0], *parts], (422, "invalid")),
        (lambda parts: [*parts, {"PartNumber": 0, "ETag": "x"}], (422, "invalid")),
        (lambda parts: [*parts, {"PartNumber": 10_001, "ETag": "x"}], (422, "invalid")),
        (lambda parts: [{"PartNumber": 1}], (422, "invalid")),
        (lambda parts: [{"PartNumber": "1", "ETag": "x"}], (422, "invalid")),
        (lambda parts: [*parts, {"PartNumber": 9, "ETag": "x"}], (409, "parts_missing")),
        (lambda parts: [parts[0] | {"ETag": parts[1]["ETag"]}, parts[1]], (409, "part_mismatch")),
    ],
)
def test_wrong_parts_are_refused_and_the_upload_goes_on(
    client: Client,
    fake_aws: FakeAws,
    uppy: Uppy,
    change: Callable[[list[dict[str, Any]]], Any],
    expected: tuple[int, str],
) -> None:
    upload = uppy.create_multipart()
    parts = uppy.put_parts(fake_aws, upload, PART, b"end")
    before = invariants.quota_usage(fake_aws, users.personal_project_id(client))

    assert refusal(uppy.complete(upload, change(parts))) == expected

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == before
    result(uppy.complete(upload, parts))


def test_a_list_of_10000_parts_is_accepted_and_a_longer_body_is_not(fake_aws: FakeAws, uppy: Uppy) -> None:
    upload = uppy.create_multipart()
    parts = [{"PartNumber": number, "ETag": f'"{"0" * 32}"'} for number in range(1, 10_001)]

    assert refusal(uppy.complete(upload, parts)) == (409, "parts_missing")
    assert refusal(uppy.complete(upload, [{"PartNumber": 1, "ETag": "x" * 1024**2}])) == (413, "body_too_large")
    assert refusal(uppy.request("POST", "/s3/multipart", {"filename": "x" * 300_000})) == (413, "body_too_large")


def test_a_small_part_in_the_middle_is_refused(fake_aws: FakeAws, uppy: Uppy) -> None:
    upload = uppy.create_multipart()
    parts = uppy.put_parts(fake_aws, upload, b"small", PART)

    assert refusal(uppy.complete(upload, parts)) == (409, "part_too_small")


def test_upload_that_lacks_bytes_of_the_announced_size_can_be_continued(
    client: Client, fake_aws: FakeAws, uppy: Uppy
) -> None:
    upload = uppy.create_multipart(size=SIZE + 4)
    parts = uppy.put_parts(fake_aws, upload, *CONTENTS)
    assert refusal(uppy.complete(upload, parts)) == (409, "size_mismatch")

    parts = uppy.put_parts(fake_aws, upload, *CONTENTS[:-1], CONTENTS[-1] + b"more")
    result(uppy.complete(upload, parts))

    assert invariants.quota_usage(fake_aws, users.personal_project_id(client)) == (SIZE + 4, 1)


def test_upload_above_the_announced_size_is_aborted(client: Client, fake_aws: FakeAws, uppy: Uppy) -> None:
    upload = uppy.create_multipart(size=SIZE - 1)
    parts = uppy.put_parts(fake_aws, upload, *CONTENTS)

    assert refusal(uppy.complete(upload, parts)) == (409, "size_mismatch")

    assert_nothing_left(client, fake_aws, upload)


def test_file_above_the_limit_of_a_file_is_aborted(
    client: Client, fake_aws: FakeAws, uppy: Uppy, override_settings: OverrideSettings
) -> None:
    upload = uppy.create_multipart()
    parts = uppy.put_parts(fake_aws, upload, *CONTENTS)
    override_settings(MAX_FILE_BYTES=str(SIZE - 1))

    assert refusal(uppy.complete(upload, parts)) == (422, "file_too_large")

    assert_nothing_left(client, fake_aws, upload)
    assert refusal(uppy.complete(upload, parts)) == (409, "wrong_state")


def test_a_file_that_grows_over_the_quota_is_aborted(client: Client, shared_project: str, fake_aws: FakeAws) -> None:
    client.request("PATCH", f"/projects/{shared_project}", {"settings": {"quota": {"maxBytes": SIZE - 1}}}).data()
    uppy = Uppy.create(client, shared_project)
    upload = uppy.create_multipart()
    parts = uppy.put_parts(fake_aws, upload, *CONTENTS)

    assert refusal(uppy.complete(upload, parts)) == (409, "quota_exceeded")

    fake_aws.run_workers()
    assert invariants.quota_usage(fake_aws, shared_project) == (0, 0)
    assert fake_aws.list_version_ids(upload.key) == []


def test_a_file_grows_as_far_as_the_quota_has_room(client: Client, shared_project: str, fake_aws: FakeAws) -> None:
    """Two uploads take turns: the first reserves all that is left, so the second gets a byte, and grows at its end."""
    quota = {"quota": {"maxBytes": 2 * SIZE}}
    client.request("PATCH", f"/projects/{shared_project}", {"settings": quota}).data()
    uppy = Uppy.create(client, shared_project)
    sized = uppy.create_multipart(size=2 * SIZE - 1)
    grows = uppy.create_multipart()
    assert invariants.quota_usage(fake_aws, shared_project) == (2 * SIZE, 2)
    parts = uppy.put_parts(fake_aws, grows, *CONTENTS)
    result(uppy.abort(sized))

    result(uppy.complete(grows, parts))

    assert invariants.quota_usage(fake_aws, shared_project) == (SIZE, 1)
    invariants.assert_project_consistent(fake_aws, shared_project)


def test_completion_repeated_after_a_lost_response_returns_the_same(
    client: Client, fake_aws: FakeAws, uppy: Uppy
) -> None:
    upload = uppy.create_multipart()
    parts = uppy.put_parts(fake_aws, upload, *CONTENTS)
    first = result(uppy.complete(upload, parts))

    # Version 6 lists the parts before it completes again.
    listed = result(uppy.list_parts(upload))
    again = [{"PartNumber": each["PartNumber"], "ETag": each["ETag"]} for each in listed]

    assert [each["PartNumber"] for each in listed] == [1, 2, 3]
    assert sum(each["Size"] for each in listed) == SIZE
    assert result(uppy.complete(upload, again)) == result(uppy.complete(upload, parts)) == first
    assert len(client.get("/files").data()) == 1


def test_parts_that_s3_assembled_without_our_knowledge_are_committed(
    client: Client, fake_aws: FakeAws, uppy: Uppy
) -> None:
    """The function ended between the request to S3 and the transaction."""
    upload = uppy.create_multipart()
    parts = uppy.put_parts(fake_aws, upload, *CONTENTS)
    [pending] = fake_aws.s3.list_multipart_uploads(Bucket="originals")["Uploads"]
    fake_aws.s3.complete_multipart_upload(
        Bucket="originals", Key=upload.key, UploadId=pending["UploadId"], MultipartUpload={"Parts": parts}
    )

    assert [each["PartNumber"] for each in result(uppy.list_parts(upload))] == [1, 2, 3]
    result(uppy.complete(upload, parts))

    [file] = client.get("/files").data()
    assert file["size"] == SIZE


def test_abort_is_repeatable_and_leaves_nothing(client: Client, fake_aws: FakeAws, uppy: Uppy) -> None:
    upload = uppy.create_multipart()
    uppy.put_parts(fake_aws, upload, PART)

    assert result(uppy.abort(upload)) == result(uppy.abort(upload)) == {}

    assert_nothing_left(client, fake_aws, upload)
    assert result(uppy.abort(upload)) == {}


def test_abort_of_a_completed_upload_leaves_the_file(client: Client, fake_aws: FakeAws, uppy: Uppy) -> None:
    """Version 5 aborts when it got no response to its completion."""
    upload, _ = uppy.upload_parts(fake_aws, *CONTENTS)

    assert result(uppy.abort(upload)) == {}

    fake_aws.run_workers()
    [file] = client.get("/files").data()
    assert file["status"] == "ready"


@pytest.mark.parametrize("call", [name for name in CALLS if name != "abort"])
def test_an_aborted_upload_is_not_open(fake_aws: FakeAws, uppy: Uppy, call: str) -> None:
    upload = uppy.create_multipart()
    result(uppy.abort(upload))

    assert refusal(CALLS[call](uppy, upload)) == (409, "wrong_state")


@pytest.mark.parametrize("call", ["sign", "sign several"])
def test_no_url_is_signed_for_a_completed_upload(fake_aws: FakeAws, uppy: Uppy, call: str) -> None:
    upload, _ = uppy.upload_parts(fake_aws, *CONTENTS)

    assert refusal(CALLS[call](uppy, upload)) == (409, "wrong_state")


def test_an_upload_ends_after_a_day_and_a_new_endpoint_resumes_it_before(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock, uppy: Uppy
) -> None:
    upload = uppy.create_multipart()
    frozen_clock.advance(hours=23, minutes=30)
    resumed = Uppy.create(users.sign_in(client.user["email"]))

    assert result(resumed.sign_part(upload, 1))["expires"] == 1800
    frozen_clock.advance(minutes=30)
    assert refusal(resumed.sign_part(upload, 1)) == (409, "wrong_state")
    fake_aws.run_task("expire-uploads")
    assert_nothing_left(client, fake_aws, upload)


@pytest.mark.parametrize("call", CALLS)
def test_uploads_of_others_do_not_exist(
    client: Client, stranger: Client, shared_project: str, fake_aws: FakeAws, call: str
) -> None:
    """Those of another project, of another member, of an API key, of the same user, and those that began elsewhere."""
    editor = create_member(client, shared_project, fake_aws, "editor")
    key = create_api_key_client(client, shared_project)
    own = Uppy.create(client, shared_project)
    elsewhere = init_upload(client, b"x" * 7, projectId=shared_project, multipart=True)
    planned = UppyUpload(elsewhere["uploadId"], elsewhere["key"])
    put = init_upload(client, b"x", projectId=shared_project)
    others = {
        "stranger": Uppy.create(stranger).create_multipart(),
        "member": Uppy.create(editor, shared_project).create_multipart(),
        "key": Uppy.create(key).create_multipart(),
        "other project": Uppy.create(client).create_multipart(),
        "planned": planned,
        "put": UppyUpload(put["uploadId"], put["key"]),
        "unknown": UppyUpload(f"{shared_project}-{'0' * 26}", planned.key),
        "malformed": UppyUpload("x", planned.key),
        "wrong key": UppyUpload(own.create_multipart().upload_id, planned.key),
        "no key": UppyUpload(own.create_multipart().upload_id, ""),
    }
    before = fake_aws.find_rows("main", record_type="upload")

    problems = {name: CALLS[call](own, upload).problem() for name, upload in others.items()}

    not_found = {"type": "about:blank", "title": "Not Found", "status": 404, "code": "not_found"}
    sentence = "Not found."
    assert problems == {name: {**not_found, "detail": sentence, "message": sentence} for name in others}
    assert fake_aws.find_rows("main", record_type="upload") == before


@pytest.mark.parametrize("operation", ["s3.ListParts", "s3.CompleteMultipartUpload", "TransactWriteItems"])
def test_completion_while_another_request_aborts_leaves_nothing(
    client: Client, fake_aws: FakeAws, uppy: Uppy, operation: str
) -> None:
    upload = uppy.create_multipart()
    parts = uppy.put_parts(fake_aws, upload, *CONTENTS)
    reference = UploadReference(uppy.token, upload.upload_id, upload.key)

    with interleave(operation, lambda: uploads.abort(CLIENT, reference)):
        refused = uppy.complete(upload, parts)

    assert refusal(refused) == (409, "wrong_state")
    for version_id in fake_aws.list_version_ids(upload.key):
        assert fake_aws.notify_object_created(upload.key, version_id) == NO_FAILURES
    assert_nothing_left(client, fake_aws, upload)


def test_abort_while_another_request_completes_leaves_the_file(client: Client, fake_aws: FakeAws, uppy: Uppy) -> None:
    upload = uppy.create_multipart()
    parts = uppy.put_parts(fake_aws, upload, *CONTENTS)
    reference = UploadReference(uppy.token, upload.upload_id, upload.key)
    request = CompleteMultipartRequest.model_validate({"parts": parts})

    with interleave("TransactWriteItems", lambda: uploads.complete(CLIENT, reference, request)):
        assert result(uppy.abort(upload)) == {}

    fake_aws.run_workers()
    [file] = client.get("/files").data()
    assert (file["size"], file["status"]) == (SIZE, "ready")
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))
