"""Uploads by one request through the contract of Uppy Companion (U8)."""

from typing import Any

import pytest

from tests.support import invariants, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.companion import MIB, Uppy, policy_of, post_form, result, size_range
from tests.support.fixtures import OverrideSettings


def upload_form(fake_aws: FakeAws, params: dict[str, Any], content: bytes) -> str:
    """Post a form, let the notification of S3 arrive, and return the version ID."""
    version_id = post_form(fake_aws, params, content)
    assert fake_aws.notify_object_created(params["fields"]["key"], version_id) == NO_FAILURES
    return version_id


def list_files(client: Client) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = client.get("/files").data()
    return files


def used_bytes(client: Client, fake_aws: FakeAws) -> int:
    return invariants.quota_usage(fake_aws, users.personal_project_id(client))[0]


def test_posted_file_is_committed_when_it_arrives(client: Client, fake_aws: FakeAws) -> None:
    params = result(Uppy.create(client).get_params("Café, 1+1.txt"))

    upload_form(fake_aws, params, b"Dear reader")
    fake_aws.run_workers()

    [file] = list_files(client)
    assert (file["name"], file["contentType"], file["size"], file["status"]) == (
        "Café, 1+1.txt",
        "text/plain",
        11,
        "ready",
    )
    assert file["createdBy"] == client.user["id"]
    assert client.get("/uploads").data() == []
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


def test_form_names_the_key_the_type_and_the_sizes(client: Client, frozen_clock: FrozenClock) -> None:
    params = result(Uppy.create(client).get_params())

    fields = params["fields"]
    assert set(params) == {"method", "url", "fields", "expires"}
    assert (params["method"], params["expires"]) == ("POST", 900)
    assert params["url"] == "https://originals.s3.eu-central-1.amazonaws.com/"
    assert all(isinstance(value, str) for value in fields.values())
    assert not {"file", "redirect", "success_action_redirect"} & set(fields)
    conditions = policy_of(params)["conditions"]
    for exact in ({"bucket": "originals"}, {"key": fields["key"]}, {"Content-Type": "text/plain"}):
        assert exact in conditions
    assert size_range(params) == (0, 100 * MIB)


def test_announced_size_is_reserved_and_required_exactly(client: Client, fake_aws: FakeAws) -> None:
    params = result(Uppy.create(client).get_params(size="11"))

    assert size_range(params) == (11, 11)
    assert used_bytes(client, fake_aws) == 11


@pytest.mark.parametrize("size", ["", "-1", "1.5", "1e3", "many", "null", "٣", "9" * 30])
def test_strange_size_counts_as_unknown(client: Client, size: str) -> None:
    assert size_range(result(Uppy.create(client).get_params(size=size))) == (0, 100 * MIB)


def test_unknown_size_reserves_the_most_and_completion_returns_the_rest(client: Client, fake_aws: FakeAws) -> None:
    params = result(Uppy.create(client).get_params())
    reserved = used_bytes(client, fake_aws)

    upload_form(fake_aws, params, b"Dear reader")

    assert (reserved, used_bytes(client, fake_aws)) == (100 * MIB, 11)


def test_what_is_never_uploaded_is_released(client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    result(Uppy.create(client).get_params())
    frozen_clock.advance(minutes=33)

    fake_aws.run_task("expire-uploads")
    fake_aws.run_workers()

    assert used_bytes(client, fake_aws) == 0


def test_uploads_without_size_share_what_a_quota_leaves(client: Client, shared_project: str, fake_aws: FakeAws) -> None:
    quota = {"quota": {"maxBytes": 250 * MIB}}
    client.request("PATCH", f"/projects/{shared_project}", {"settings": quota}).data()
    uppy = Uppy.create(client, shared_project)

    ranges = [size_range(result(uppy.get_params()))[1] for _ in range(3)]
    full = uppy.get_params()

    assert ranges == [100 * MIB, 100 * MIB, 50 * MIB]
    assert (full.status, full.problem()["code"]) == (409, "quota_exceeded")
    assert invariants.quota_usage(fake_aws, shared_project)[0] == 250 * MIB


@pytest.mark.parametrize(
    "type_", ["", "undefined", "null", "text", "text/", "/plain", "text/plain\r\nx: y", "a b/c", "x" * 300, "é/ü"]
)
def test_strange_type_is_a_file_of_unknown_type(client: Client, type_: str) -> None:
    params = result(Uppy.create(client).get_params(type_=type_))

    assert params["fields"]["Content-Type"] == "application/octet-stream"
    assert params["fields"]["key"].endswith(".txt")


def test_type_is_normalized(client: Client) -> None:
    params = result(Uppy.create(client).get_params("photo.jpg", "image/JPG; q=1"))

    assert params["fields"]["Content-Type"] == "image/jpeg"
    assert "/images/original/" in params["fields"]["key"]


def test_missing_type_is_unknown(client: Client) -> None:
    params = result(Uppy.create(client).request("GET", "/s3/params?filename=notes"))

    assert params["fields"]["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("filename", "metadata", "expected"),
    [
        ("photo.txt", {"name": "renamed.txt"}, "renamed.txt"),
        ("photo.txt", {"name": ""}, "photo.txt"),
        ("a/b\\photo.txt", {}, "photo.txt"),
        ("..", {}, "file"),
        ("\u202e\n", {"name": "  "}, "file"),
        (f"{'x' * 300}.txt", {}, f"{'x' * 251}.txt"),
    ],
)
def test_name_is_cleaned_and_never_refused(
    client: Client, fake_aws: FakeAws, filename: str, metadata: dict[str, str], expected: str
) -> None:
    upload_form(fake_aws, result(Uppy.create(client).get_params(filename, **metadata)), b"x")

    assert [file["name"] for file in list_files(client)] == [expected]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Prague/old town/map.txt", "Prague/old town/map.txt"),
        ("../Prague/map.txt", "Prague/map.txt"),
        ("null", None),
        ("", None),
        (f"{'x' * 1100}/map.txt", f"{'x' * 1016}/map.txt"),
    ],
)
def test_path_in_a_dropped_folder_is_kept(client: Client, fake_aws: FakeAws, path: str, expected: str | None) -> None:
    upload_form(fake_aws, result(Uppy.create(client).get_params("map.txt", relativePath=path)), b"x")

    assert [file["relativePath"] for file in list_files(client)] == [expected]


def test_metadata_of_the_page_is_ignored(client: Client) -> None:
    assert Uppy.create(client).get_params(caption="By the sea", projectId="another", size="11").status == 200


def test_type_that_the_project_excludes_is_refused_with_a_message(client: Client, shared_project: str) -> None:
    client.request("PATCH", f"/projects/{shared_project}", {"settings": {"allowedTypes": ["image/*"]}}).data()

    refused = Uppy.create(client, shared_project).get_params().problem()

    assert (refused["status"], refused["message"]) == (422, "The project does not allow files of this type.")


def test_file_above_the_limits_is_refused(client: Client, override_settings: OverrideSettings) -> None:
    uppy = Uppy.create(client)
    above_project = uppy.get_params(size=str(5 * 1024**3 + 1))
    override_settings(MAX_FILE_BYTES=str(50 * 1024**3))
    above_put = uppy.get_params(size=str(5 * 1024**3 + 1))

    for refused in (above_project, above_put):
        assert (refused.status, refused.problem()["code"]) == (422, "file_too_large")


def test_only_the_first_of_repeated_posts_is_kept(client: Client, fake_aws: FakeAws) -> None:
    params = result(Uppy.create(client).get_params())
    key = params["fields"]["key"]
    first = upload_form(fake_aws, params, b"first")
    second = post_form(fake_aws, params, b"second")
    [file] = list_files(client)

    assert fake_aws.notify_object_created(key, second) == NO_FAILURES
    assert fake_aws.notify_object_created(key, first) == NO_FAILURES  # again

    assert fake_aws.list_version_ids(key) == [first]
    assert [(each["id"], each["size"], each["version"]) for each in list_files(client)] == [(file["id"], 5, 1)]
    assert used_bytes(client, fake_aws) == 5


def test_of_two_posts_before_the_first_notification_one_is_kept(client: Client, fake_aws: FakeAws) -> None:
    params = result(Uppy.create(client).get_params())
    versions = [post_form(fake_aws, params, content) for content in (b"first", b"second")]

    for version_id in versions:
        assert fake_aws.notify_object_created(params["fields"]["key"], version_id) == NO_FAILURES

    [kept] = fake_aws.list_version_ids(params["fields"]["key"])
    [file] = list_files(client)
    assert (
        file["size"]
        == fake_aws.s3.head_object(Bucket="originals", Key=params["fields"]["key"], VersionId=kept)["ContentLength"]
    )
    invariants.assert_project_consistent(fake_aws, users.personal_project_id(client))


@pytest.mark.parametrize("path", ["", "/", "/s3", "/s3/sts", "/s3/params/x", "/drive/list", "/s3/multipart/a/b/c"])
def test_other_paths_do_not_exist(client: Client, path: str) -> None:
    refused = Uppy.create(client).request("GET", path).problem()

    assert (refused["status"], refused["code"]) == (404, "not_found")


def test_credentials_of_other_kinds_are_ignored(client: Client, stranger: Client, fake_aws: FakeAws) -> None:
    headers = {
        "authorization": f"Bearer {stranger.access_token}",
        "uppy-auth-token": "anything",
        "uppy-credentials-params": "e30=",
        "x-api-key": "hk_wrong",
    }
    params = result(Uppy.create(client).request("GET", "/s3/params?filename=a.txt&type=", headers=headers))

    upload_form(fake_aws, params, b"x")

    assert [file["createdBy"] for file in list_files(client)] == [client.user["id"]]


def test_uploads_are_audited_as_those_of_the_caller(client: Client, fake_aws: FakeAws) -> None:
    result(Uppy.create(client).get_params())

    entries = fake_aws.find_rows("audit", actor=client.user["id"])
    assert {"companion_tokens.create", "uploads.init"} <= {entry["action"] for entry in entries}
