"""Many at once. Workers are warmed up first: a race of cold starts is a queue."""

from collections import Counter

import pytest

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
from tests.support.e2e.client import PASSWORD, Client, Response, Server, new_email, sign_in
from tests.support.factories import make_upload_request

_TEXT_FILE = {"filename": "notes.txt", "contentType": "text/plain"}


@pytest.fixture(scope="module")
def warm_upload_workers(api_gateway: Server) -> None:
    """Workers of `upload` that are ready."""
    _warm_up(api_gateway, "/uploads")


@pytest.fixture(scope="module")
def warm_auth_workers(api_gateway: Server) -> None:
    """Workers of `auth` that are ready."""
    _warm_up(api_gateway, "/auth/me")


def test_sixteen_commits_at_once_make_one_version(
    client: Client, aws_state: AwsState, warm_upload_workers: None
) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(30)
    begun = init_upload(client, photo, projectId=project_id)
    assert upload_bytes(begun, photo).status == 200

    answers = run_concurrently(16, lambda _: commit_upload(client, begun))

    assert {answer.status for answer in answers} == {200}
    assert {(answer.data()["fileId"], answer.data()["version"]) for answer in answers} == {(begun["fileId"], 1)}
    _assert_created_once(client, aws_state, project_id, begun["fileId"])


def test_commits_and_the_event_at_once_make_one_version(
    client: Client, aws_state: AwsState, warm_upload_workers: None
) -> None:
    project_id, photo = create_project(client), images.make_noise_photo(31)
    begun = init_upload(client, photo, projectId=project_id, autoCommit=True)

    def one(number: int) -> Response:
        return upload_bytes(begun, photo) if number == 0 else commit_upload(client, begun)

    answers = run_concurrently(16, one)

    assert answers[0].status == 200
    assert {answer.status for answer in answers[1:]} <= {200, 409}  # some were faster than the bytes
    assert commit_upload(client, begun).data()["version"] == 1
    _assert_created_once(client, aws_state, project_id, begun["fileId"])


def test_new_versions_of_one_file_get_a_number_each(
    client: Client, aws_state: AwsState, warm_upload_workers: None
) -> None:
    project_id, contents = create_project(client), [f"version {number}".encode() for number in range(9)]
    first = init_upload(client, contents[0], projectId=project_id, **_TEXT_FILE)
    assert upload_bytes(first, contents[0]).status == 200
    file_id = commit_upload(client, first).data()["fileId"]
    later = [
        init_upload(client, content, projectId=project_id, fileId=file_id, **_TEXT_FILE) for content in contents[1:]
    ]
    for begun, content in zip(later, contents[1:], strict=True):
        assert upload_bytes(begun, content).status == 200

    answers = run_concurrently(8, lambda number: commit_upload(client, later[number]))
    for number, answer in enumerate(answers):  # five attempts may not do; a client that was told "busy" asks again
        if answer.status == 409:
            answer.problem(409, "busy")
            assert commit_upload(client, later[number]).status == 200

    assert sorted(version["number"] for version in aws_state.versions(file_id)) == list(range(1, 10))
    shown = client.get(f"/files/{file_id}").data()
    (highest,) = [version for version in aws_state.versions(file_id) if version["number"] == 9]
    assert (shown["version"], shown["sha256"]) == (9, highest["sha256"])


def test_thirty_two_sign_ups_with_one_address_make_one_account(api_gateway: Server, warm_auth_workers: None) -> None:
    name = new_email()
    spellings = [name, name.upper(), f" {name}", name.title()]

    def sign_up(number: int) -> Response:
        return Client(api_gateway).post("/auth/sign-up", {"email": spellings[number % 4], "password": PASSWORD})

    answers = run_concurrently(32, sign_up)

    assert Counter(answer.status for answer in answers) == {201: 1, 409: 31}
    assert {answer.json().get("code") for answer in answers} == {None, "email_taken"}
    (made,) = [answer.data()["user"] for answer in answers if answer.status == 201]
    client = sign_in(api_gateway, name)
    assert client.user["id"] == made["id"]
    assert [project["personal"] for project in client.get("/projects").json()["data"]] == [True]


def test_sixteen_refreshes_with_one_token_make_one_chain(
    client: Client, anonymous: Client, warm_auth_workers: None
) -> None:

    answers = run_concurrently(16, lambda _: anonymous.post("/auth/refresh", {"refreshToken": client.refresh_token}))

    assert {answer.status for answer in answers} == {200}
    assert len({answer.data()["refreshToken"] for answer in answers}) == 1
    successor = answers[0].data()
    assert Client(client.server, successor["accessToken"]).get("/auth/me").status == 200
    after = anonymous.post("/auth/refresh", {"refreshToken": successor["refreshToken"]}).data()
    assert anonymous.post("/auth/refresh", {"refreshToken": after["refreshToken"]}).status == 200
    # The first was spent long ago, and its use now ends the family.
    anonymous.post("/auth/refresh", {"refreshToken": client.refresh_token}).problem(401, "invalid_token")
    anonymous.post("/auth/refresh", {"refreshToken": after["refreshToken"]}).problem(401, "invalid_token")
    client.get("/auth/me").problem(401, "invalid_token")


@pytest.mark.parametrize(
    "quota", [{"maxBytes": 20 * 1000 + 999}, {"maxFiles": 20}], ids=lambda quota: next(iter(quota))
)
def test_sixty_four_clients_at_the_edge_of_a_quota_never_cross_it(
    quota: dict[str, int], client: Client, aws_state: AwsState, warm_upload_workers: None
) -> None:
    project_id, content = create_project(client, quota=quota), bytes(1000)

    answers = run_concurrently(
        64,
        lambda _: client.post("/files/init-upload", make_upload_request(content, projectId=project_id, **_TEXT_FILE)),
    )

    assert Counter(answer.status for answer in answers) == {201: 20, 409: 44}
    assert {answer.json().get("code") for answer in answers} == {None, "quota_exceeded"}
    assert aws_state.recorded_quota(project_id) == (20 * 1000, 20)


def test_a_twin_with_the_same_idempotency_key_gets_the_same_upload(
    client: Client, aws_state: AwsState, warm_upload_workers: None
) -> None:
    project_id, said = create_project(client), make_upload_request(b"x", **_TEXT_FILE)

    answers = run_concurrently(
        16,
        lambda _: client.post("/files/init-upload", {**said, "projectId": project_id}, **{"idempotency-key": "once"}),
    )

    assert {answer.status for answer in answers} == {201}
    assert len({answer.data()["uploadId"] for answer in answers}) == 1
    assert aws_state.recorded_quota(project_id) == (1, 1)


def test_one_file_purged_by_four_gives_its_quota_back_once(client: Client, aws_state: AwsState) -> None:
    project_id, content = create_project(client), b"away with it"
    init_upload(client, content, projectId=project_id, **_TEXT_FILE)
    begun = init_upload(client, content, projectId=project_id, **_TEXT_FILE)
    assert upload_bytes(begun, content).status == 200
    file_id = commit_upload(client, begun).data()["fileId"]

    answers = run_concurrently(4, lambda _: client.delete(f"/files/{file_id}?permanent=true"))
    aws_state.wait_until_queues_empty()

    assert {answer.status for answer in answers} <= {202, 404, 409}
    assert any(answer.status == 202 for answer in answers)
    assert aws_state.recorded_quota(project_id) == (len(content), 1)
    assert aws_state.originals(project_id) == []


def _warm_up(server: Server, path: str) -> None:
    run_concurrently(CONCURRENCY, lambda _: Client(server).get(path, authorization="Bearer none"))


def _assert_created_once(client: Client, aws_state: AwsState, project_id: str, file_id: str) -> None:
    """One version, one job, one object, one set of variants."""
    file = wait_until_processed(client, file_id)
    aws_state.wait_until_queues_empty()
    assert (file["status"], file["version"]) == ("ready", 1)
    assert [version["number"] for version in aws_state.versions(file_id)] == [1]
    assert [(job["kind"], job["status"]) for job in aws_state.jobs(project_id)] == [("render", "completed")]
    assert len(aws_state.originals(project_id)) == 1
    assert len(aws_state.variants(project_id)) == 1
    assert aws_state.recorded_quota(project_id) == (file["size"], 1)
