"""X2: the hybrid path on the deployed stack, with MinIO as its edge store and the permissions of the functions.

The edge store belongs to all projects, and one test kills it, so the stack is for these tests alone.
"""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from infra.local.e2e_environment import E2EEnvironment
from infra.local.edge import BUCKET
from infra.local.waiting import wait_until
from tests.support import image_samples as images
from tests.support.e2e.actions import (
    commit_upload,
    create_project,
    init_upload,
    run_concurrently,
    upload_bytes,
    upload_file,
    wait_for,
    wait_until_processed,
)
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Response, request_url
from tests.support.edge import sha256_hex

pytestmark = pytest.mark.serial
_TEXT = {"filename": "notes.txt", "contentType": "text/plain"}
_PART_SIZE = 16 * 1024**2
Manifest = list[tuple[str, int, str]]  # key, size and SHA-256


@pytest.fixture(autouse=True)
def running_edge_store(deployment: E2EEnvironment) -> Iterator[None]:
    """Start MinIO again if a test killed it."""
    yield
    deployment.minio.start()


@pytest.fixture
def project(client: Client) -> str:
    return create_project(client, storage="edge", visibility="public")


def run_sync(aws_state: AwsState) -> dict[str, int]:
    """Run the task as an operator does, and return what its report counts."""
    event = {"task": "sync-edge"}
    aws_state.invoke("maintenance", {**event, "command": "run", "dryRun": False})
    wait_until(
        lambda: aws_state.invoke("maintenance", {**event, "command": "report"})["ended_at"] is not None,
        120,
        lambda: AssertionError(aws_state.invoke("maintenance", {**event, "command": "report"})),
    )
    counts: dict[str, int] = aws_state.invoke("maintenance", {**event, "command": "report"})["counts"]
    return {name: count for name, count in counts.items() if count}


def get_file(client: Client, file_id: str) -> dict[str, Any]:
    file: dict[str, Any] = client.get(f"/files/{file_id}").data()
    return file


def download(client: Client, file_id: str) -> tuple[str, bytes]:
    """Download a file, and return the URL and the content."""
    location = client.get(f"/files/{file_id}/download").headers["location"]
    return location, request_url(location).content


def list_edge(deployment: E2EEnvironment, project_id: str) -> list[str]:
    keys = deployment.minio.client().list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [each["Key"] for each in keys if f"-{project_id}/" in each["Key"]]


def read_s3(aws_state: AwsState, project_id: str) -> Manifest:
    """Return every version of every original of a project in S3."""
    bucket, manifest = aws_state.outputs["OriginalsBucket"], []
    for key, version_id in aws_state.originals(project_id):
        content = aws_state.s3.get_object(Bucket=bucket, Key=key, VersionId=version_id)["Body"].read()
        manifest.append((key, len(content), sha256_hex(content)))
    return sorted(manifest)


def test_image_is_at_the_edge_until_the_sync_and_rendered_then(
    client: Client, project: str, aws_state: AwsState, deployment: E2EEnvironment
) -> None:
    photo = images.make_noise_photo(11)
    file = upload_file(client, photo, projectId=project)["file"]
    assert (file["status"], file["storageLocation"], file["syncedAt"]) == ("ready", "edge", None)
    assert [each["status"] for each in file["variants"]] == ["processing"]
    url, content = download(client, file["id"])
    assert url.startswith(deployment.minio.endpoint)
    assert content == photo
    assert aws_state.originals(project) == []

    assert run_sync(aws_state)["moved"] == 1

    wait_for(lambda: get_file(client, file["id"])["variants"][0]["status"] == "ready")
    moved = get_file(client, file["id"])
    assert (moved["storageLocation"], moved["syncedAt"] is not None) == ("s3", True)
    url, content = download(client, file["id"])
    assert url.startswith(deployment.cloud.endpoint)
    assert content == photo
    client.delete(f"/files/{file['id']}?permanent=true").data()
    wait_for(lambda: aws_state.originals(project) == [] == list_edge(deployment, project))


def test_file_in_parts_is_hashed_at_the_edge_and_moves(
    client: Client, project: str, aws_state: AwsState, deployment: E2EEnvironment
) -> None:
    film = bytes(range(256)) * (_PART_SIZE // 256) + b"the last part"
    overrides = {"filename": "film.mp4", "contentType": "video/mp4", "multipart": True, "sha256": None}
    upload = init_upload(client, film, projectId=project, **overrides)
    for part in client.post(f"/uploads/{upload['uploadId']}/parts", {"partNumbers": [1, 2]}).data():
        content = film[(part["partNumber"] - 1) * _PART_SIZE :][:_PART_SIZE]
        assert request_url(part["url"], method="PUT", headers=part["headers"], body=content).status == 200
    file_id = client.post(f"/uploads/{upload['uploadId']}/complete", {}).data()["fileId"]
    file = wait_until_processed(client, file_id)
    assert (file["status"], file["sha256"]) == ("ready", sha256_hex(film))

    assert run_sync(aws_state)["moved"] == 1

    assert read_s3(aws_state, project) == [(upload["key"], len(film), file["sha256"])]


def test_form_of_uppy_commits_itself_at_the_edge(client: Client, project: str) -> None:
    endpoint = client.post("/uploads/companion-token", {"projectId": project}).data()["endpoint"]
    path = endpoint.partition("/api/v1")[2]
    params: dict[str, Any] = client.get(f"{path}/s3/params?filename=notes.txt&type=text/plain").json()
    form = requests.Request("POST", params["url"], data=params["fields"], files={"file": ("notes.txt", b"content")})
    prepared = form.prepare()
    assert isinstance(prepared.body, bytes)
    response = request_url(params["url"], method="POST", headers=dict(prepared.headers), body=prepared.body)
    assert response.status == 201

    wait_for(lambda: len(client.get(f"/files?projectId={project}").data()) == 1)

    [file] = client.get(f"/files?projectId={project}").data()
    assert file["storageLocation"] == "edge"
    assert wait_until_processed(client, file["id"])["status"] == "ready"


def test_aborted_upload_leaves_nothing_at_the_edge(client: Client, project: str, deployment: E2EEnvironment) -> None:
    upload = init_upload(client, b"content", projectId=project, **_TEXT)
    assert upload_bytes(upload, b"content").status == 200
    assert list_edge(deployment, project) == [upload["key"]]
    assert client.delete(f"/uploads/{upload['uploadId']}").status == 204
    wait_for(lambda: list_edge(deployment, project) == [])


def test_readiness_has_the_latency_of_the_edge_store(anonymous: Client) -> None:
    check = anonymous.get("/health/ready").data()["checks"]["edge"]
    assert check["status"] == "ok"
    assert 0 < check["milliseconds"] < 5000


def upload_many(client: Client, project: str, count: int) -> tuple[list[dict[str, Any]], Manifest]:
    """Upload files of random bytes. Return their uploads, and what S3 has to have of them."""
    contents = [os.urandom(400_000) for _ in range(count)]
    uploads = [init_upload(client, content, projectId=project, **_TEXT) for content in contents]

    def send(number: int) -> None:
        assert upload_bytes(uploads[number], contents[number]).status == 200
        commit_upload(client, uploads[number]).data()

    run_concurrently(len(uploads), send, concurrency=4)
    pairs = zip(uploads, contents, strict=True)
    return uploads, sorted((each["key"], len(content), sha256_hex(content)) for each, content in pairs)


def test_two_runs_at_once_store_each_file_once(client: Client, project: str, aws_state: AwsState) -> None:
    _, uploaded = upload_many(client, project, 40)
    aws_state.invoke("maintenance", {"task": "sync-edge"})  # as the schedule does

    run_sync(aws_state)

    aws_state.wait_until_queues_empty()
    assert read_s3(aws_state, project) == uploaded


def test_edge_store_that_is_killed_in_the_middle_of_a_sync_loses_nothing(
    client: Client, project: str, aws_state: AwsState, deployment: E2EEnvironment
) -> None:
    uploads, uploaded = upload_many(client, project, 60)
    aws_state.invoke("maintenance", {"task": "sync-edge", "command": "run", "dryRun": False})
    wait_for(lambda: aws_state.originals(project) != [])

    _kill(deployment)
    # A process that found it reachable a moment ago does not look again for some seconds.
    wait_for(lambda: _init(client, project).status == 503)
    outage = _init(client, project)
    outage.problem(503, "edge_unavailable")
    assert int(outage.headers["retry-after"]) > 0
    elsewhere = upload_file(client, b"content", projectId=create_project(client), **_TEXT)
    assert elsewhere["file"]["status"] == "ready"
    first = run_sync(aws_state)
    in_s3 = read_s3(aws_state, project)
    assert set(in_s3) < set(uploaded)
    assert first["edge_unavailable"] > 0

    deployment.minio.start()
    run_sync(aws_state)

    assert read_s3(aws_state, project) == uploaded
    locations = {get_file(client, upload["fileId"])["storageLocation"] for upload in uploads}
    assert locations == {"s3"}
    aws_state.wait_until_queues_empty()
    assert aws_state.dead_letter_counts()["Work"] == 0


def _kill(deployment: E2EEnvironment) -> None:
    record = json.loads(deployment.minio.process.record_file.read_text())
    os.kill(record["pid"], signal.SIGKILL)
    wait_for(lambda: deployment.minio.process.running_port() is None)


def _init(client: Client, project: str) -> Response:
    body = {"projectId": project, "size": 5, **_TEXT}
    return client.post("/files/init-upload", body)
