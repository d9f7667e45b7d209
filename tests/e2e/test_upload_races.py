"""Races of requests about uploads and accounts. Workers are started before, because cold starts would serialize a race."""

from collections import Counter

import pytest

from infra.stage import Stage
from tests.support import image_samples as images
from tests.support.e2e.actions import (
    CONCURRENCY,
    commit_upload,
    create_project,
    init_upload,
    run_concurrently,
    upload_bytes,
    wait_until_processed,
)
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import PASSWORD, Client, Response, Server, create_client, new_email, sign_in
from tests.support.factories import make_upload_request

_MAX_OPEN_BYTES = Stage.load("local").max_open_bytes_per_user
_TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


@pytest.fixture(scope="module")
def warm_upload_workers(api_gateway: Server) -> None:
    _warm_up(api_gateway, "/uploads")


@pytest.fixture(scope="module")
def warm_auth_workers(api_gateway: Server) -> None:
    _warm_up(api_gateway, "/auth/me")


def test_16_concurrent_commits_create_one_version(
    client: Client, aws_state: AwsState, warm_upload_workers: None
) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(30)
    upload = init_upload(client, photo, projectId=project_id)
    assert upload_bytes(upload, photo).status == 200

    responses = run_concurrently(16, lambda _: commit_upload(client, upload))

    assert {response.status for response in responses} == {200}
    assert {(response.data()["fileId"], response.data()["version"]) for response in responses} == {
        (upload["fileId"], 1)
    }
    _assert_created_once(client, aws_state, project_id, upload["fileId"])


def test_concurrent_commits_and_event_create_one_version(
    client: Client, aws_state: AwsState, warm_upload_workers: None
) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(31)
    upload = init_upload(client, photo, projectId=project_id, autoCommit=True)

    def send(number: int) -> Response:
        return upload_bytes(upload, photo) if number == 0 else commit_upload(client, upload)

    responses = run_concurrently(16, send)

    assert responses[0].status == 200
    assert {response.status for response in responses[1:]} <= {200, 409}  # a commit may be faster than the bytes
    assert commit_upload(client, upload).data()["version"] == 1
    _assert_created_once(client, aws_state, project_id, upload["fileId"])


def test_concurrent_versions_of_a_file_get_different_numbers(
    client: Client, aws_state: AwsState, warm_upload_workers: None
) -> None:
    project_id, contents = create_project(client), [f"version {number}".encode() for number in range(9)]
    first = init_upload(client, contents[0], projectId=project_id, **_TEXT_FILE)
    assert upload_bytes(first, contents[0]).status == 200
    file_id = commit_upload(client, first).data()["fileId"]
    later = [
        init_upload(client, content, projectId=project_id, fileId=file_id, **_TEXT_FILE) for content in contents[1:]
    ]
    for upload, content in zip(later, contents[1:], strict=True):
        assert upload_bytes(upload, content).status == 200

    responses = run_concurrently(8, lambda number: commit_upload(client, later[number]))
    for number, response in enumerate(responses):  # after five conflicts the client gets `busy` and tries again
        if response.status == 409:
            response.problem(409, "busy")
            assert commit_upload(client, later[number]).status == 200

    assert sorted(version["number"] for version in aws_state.versions(file_id)) == list(range(1, 10))
    file = client.get(f"/files/{file_id}").data()
    (latest,) = [version for version in aws_state.versions(file_id) if version["number"] == 9]
    assert (file["version"], file["sha256"]) == (9, latest["sha256"])


def test_32_concurrent_sign_ups_with_one_address_create_one_account(
    api_gateway: Server, warm_auth_workers: None
) -> None:
    email = new_email()
    spellings = [email, email.upper(), f" {email}", email.title()]

    def sign_up(number: int) -> Response:
        return Client(api_gateway).post("/auth/sign-up", {"email": spellings[number % 4], "password": PASSWORD})

    responses = run_concurrently(32, sign_up)

    assert Counter(response.status for response in responses) == {201: 1, 409: 31}
    assert {response.json().get("code") for response in responses} == {None, "email_taken"}
    (user,) = [response.data()["user"] for response in responses if response.status == 201]
    client = sign_in(api_gateway, email)
    assert client.user["id"] == user["id"]
    assert [project["personal"] for project in client.get("/projects").json()["data"]] == [True]


def test_16_concurrent_refreshes_with_one_token_return_the_same_successor(
    client: Client, anonymous: Client, warm_auth_workers: None
) -> None:
    responses = run_concurrently(16, lambda _: anonymous.post("/auth/refresh", {"refreshToken": client.refresh_token}))

    assert {response.status for response in responses} == {200}
    assert len({response.data()["refreshToken"] for response in responses}) == 1
    successor = responses[0].data()
    assert Client(client.server, successor["accessToken"]).get("/auth/me").status == 200
    second = anonymous.post("/auth/refresh", {"refreshToken": successor["refreshToken"]}).data()
    assert anonymous.post("/auth/refresh", {"refreshToken": second["refreshToken"]}).status == 200
    # The first token was replaced twice, so its use revokes the token family.
    anonymous.post("/auth/refresh", {"refreshToken": client.refresh_token}).problem(401, "invalid_token")
    anonymous.post("/auth/refresh", {"refreshToken": second["refreshToken"]}).problem(401, "invalid_token")
    client.get("/auth/me").problem(401, "invalid_token")


@pytest.mark.parametrize(
    "quota", [{"maxBytes": 20 * 1000 + 999}, {"maxFiles": 20}], ids=lambda quota: next(iter(quota))
)
def test_64_concurrent_uploads_never_exceed_a_quota(
    quota: dict[str, int], client: Client, aws_state: AwsState, warm_upload_workers: None
) -> None:
    project_id, content = create_project(client, quota=quota), bytes(1000)

    responses = run_concurrently(
        64,
        lambda _: client.post("/files/init-upload", make_upload_request(content, projectId=project_id, **_TEXT_FILE)),
    )

    assert Counter(response.status for response in responses) == {201: 20, 409: 44}
    assert {response.json().get("code") for response in responses} == {None, "quota_exceeded"}
    assert aws_state.recorded_quota(project_id) == (20 * 1000, 20)


def test_64_concurrent_uploads_never_reserve_more_than_a_user_may(
    api_gateway: Server, aws_state: AwsState, warm_upload_workers: None
) -> None:
    client = create_client(api_gateway)
    projects, size = [create_project(client) for _ in range(4)], _MAX_OPEN_BYTES // 20
    body = {"size": size, **_TEXT_FILE}

    responses = run_concurrently(
        64, lambda number: client.post("/files/init-upload", {**body, "projectId": projects[number % 4]})
    )
    for project_id in projects:
        client.delete(f"/projects/{project_id}?permanent=true").data()

    assert Counter(response.status for response in responses) == {201: 20, 409: 44}
    assert {response.json().get("code") for response in responses} == {None, "too_much_open"}
    aws_state.wait_until_queues_empty()
    (counter,) = aws_state.rows(f"QUOTA#OPEN#{client.user['id']}")
    assert counter["bytes"] == 0


def test_concurrent_requests_with_one_idempotency_key_get_the_same_upload(
    client: Client, aws_state: AwsState, warm_upload_workers: None
) -> None:
    body = make_upload_request(b"x", projectId=create_project(client), **_TEXT_FILE)

    responses = run_concurrently(16, lambda _: client.post("/files/init-upload", body, idempotency_key="once"))

    assert {response.status for response in responses} == {201}
    assert len({response.data()["uploadId"] for response in responses}) == 1
    assert aws_state.recorded_quota(body["projectId"]) == (1, 1)


def test_4_concurrent_purges_of_a_file_release_its_quota_once(client: Client, aws_state: AwsState) -> None:
    project_id, content = create_project(client), b"content"
    init_upload(client, content, projectId=project_id, **_TEXT_FILE)
    upload = init_upload(client, content, projectId=project_id, **_TEXT_FILE)
    assert upload_bytes(upload, content).status == 200
    file_id = commit_upload(client, upload).data()["fileId"]

    responses = run_concurrently(4, lambda _: client.delete(f"/files/{file_id}?permanent=true"))
    aws_state.wait_until_queues_empty()

    assert {response.status for response in responses} <= {202, 404, 409}
    assert any(response.status == 202 for response in responses)
    assert aws_state.recorded_quota(project_id) == (len(content), 1)
    assert aws_state.originals(project_id) == []


def _warm_up(server: Server, path: str) -> None:
    run_concurrently(CONCURRENCY, lambda _: Client(server).get(path, authorization="Bearer none"))


def _assert_created_once(client: Client, aws_state: AwsState, project_id: str, file_id: str) -> None:
    """Check that there is one version, one job, one original and one variant."""
    file = wait_until_processed(client, file_id)
    aws_state.wait_until_queues_empty()
    assert (file["status"], file["version"]) == ("ready", 1)
    assert [version["number"] for version in aws_state.versions(file_id)] == [1]
    assert [(job["kind"], job["status"]) for job in aws_state.jobs(project_id)] == [("render", "completed")]
    assert len(aws_state.originals(project_id)) == 1
    assert len(aws_state.variants(project_id)) == 1
    assert aws_state.recorded_quota(project_id) == (file["size"], 1)
