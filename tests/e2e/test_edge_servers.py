"""X2: real servers as the edge store: MinIO with and without versions, and SeaweedFS. Clients send the bytes to them.

The handlers run in this process, and moto is behind everything else, S3 included.
"""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from botocore.exceptions import BotoCoreError, ClientError
from moto import mock_aws

from holdall.maintenance import service as maintenance
from holdall.platform import edge_copies
from infra.local import minio, seaweedfs
from infra.local.minio import Minio
from infra.local.process import Server, bypass_proxy, find_free_port
from infra.local.s3_client import REGION
from infra.local.seaweedfs import SeaweedFs
from tests.support import edge, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.companion import Uppy, result
from tests.support.direct_uploads import upload_raw
from tests.support.e2e.actions import wait_for
from tests.support.e2e.client import request_url
from tests.support.edge import sha256_hex
from tests.support.factories import make_upload_request
from tests.support.process import clear_clients, clear_settings

_CONTENT = b"The bytes of a small file."
_PART_SIZE = 16 * 1024**2
_FILM = bytes(range(256)) * (_PART_SIZE // 256) + b"the last part"
Manifest = list[tuple[str, int, str]]  # key, size and SHA-256


@dataclass(frozen=True)
class EdgeSite:
    """A user with a project at the edge, and the server there."""

    server: Server
    s3: Any
    fake_aws: FakeAws
    client: Client
    project_id: str

    def init(self, content: bytes, **overrides: Any) -> dict[str, Any]:
        text = {"filename": "notes.txt", "contentType": "text/plain", "projectId": self.project_id}
        body = make_upload_request(content, **{**text, **overrides})
        upload: dict[str, Any] = self.client.post("/files/init-upload", body).created()
        return upload

    def upload(self, content: bytes, **overrides: Any) -> dict[str, Any]:
        """Upload and commit a file, and return it with its key."""
        upload = self.init(content, **overrides)
        assert put(upload, content) == 200
        file: dict[str, Any] = self.commit(upload).data()["file"]
        return {**file, "key": upload["key"]}

    def commit(self, upload: dict[str, Any]) -> Response:
        return self.client.post("/files/commit", {"uploadId": upload["uploadId"]})

    def download(self, file_id: str) -> bytes:
        location = self.client.get(f"/files/{file_id}/download").headers["location"]
        assert location.startswith(self.server.endpoint)
        return request_url(location).content

    def sync(self) -> dict[str, int]:
        """Run the task, and return what its report counts."""
        maintenance.run_for_operator("sync-edge", dry_run=False)
        self.fake_aws.run_workers()
        report = maintenance.get_report("sync-edge")
        assert report.status == "completed"
        return {name: count for name, count in report.counts.items() if count}

    def kill(self) -> None:
        """Kill the server, as the kernel does when memory is short."""
        record = json.loads(self.server.process.record_file.read_text())
        os.kill(record["pid"], signal.SIGKILL)

    def list_edge(self) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket="edge").get("Contents", [])]

    def read_s3(self) -> Manifest:
        """Return every version of every object in S3."""
        versions = self.fake_aws.s3.list_object_versions(Bucket="originals").get("Versions", [])
        contents = [(each["Key"], self._read(each["Key"], each["VersionId"])) for each in versions]
        return sorted((key, len(content), sha256_hex(content)) for key, content in contents)

    def _read(self, key: str, version_id: str) -> bytes:
        response = self.fake_aws.s3.get_object(Bucket="originals", Key=key, VersionId=version_id)
        return bytes(response["Body"].read())


def manifest_of(*files: dict[str, Any]) -> Manifest:
    return sorted((file["key"], file["size"], file["sha256"]) for file in files)


def put(upload: dict[str, Any], content: bytes) -> int:
    return request_url(upload["url"], method=upload["method"], headers=upload["headers"], body=content).status


@pytest.fixture(scope="module", params=["minio", "minio with versions", "seaweedfs"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    bypass_proxy()
    kind = SeaweedFs if request.param == "seaweedfs" else Minio
    server = kind(tmp_path_factory.mktemp("edge"), find_free_port())
    server.start()
    s3 = server.client()
    s3.create_bucket(Bucket="edge")
    if request.param == "minio with versions":
        s3.put_bucket_versioning(Bucket="edge", VersioningConfiguration={"Status": "Enabled"})
    yield server
    server.stop()


@pytest.fixture
def site(server: Minio | SeaweedFs) -> Iterator[EdgeSite]:
    server.start()  # a test may have killed it
    store = {"endpoint": server.endpoint, "public_endpoint": server.endpoint, "bucket": "edge", "region": REGION}
    is_minio = isinstance(server, Minio)
    access_key, secret_key = (
        (minio.ROOT_USER, minio.ROOT_PASSWORD) if is_minio else (seaweedfs.ACCESS_KEY, seaweedfs.SECRET_KEY)
    )
    with mock_aws(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("EDGE_STORE", json.dumps({**store, "delete_after_sync": False}))
        clear_clients()
        fake_aws = FakeAws.create()
        value = json.dumps({"accessKeyId": access_key, "secretAccessKey": secret_key})
        fake_aws.ssm.put_parameter(Name=edge.PARAMETER, Value=value, Type="SecureString")
        client = users.create_client()
        body = {"name": "Site", "settings": {"storage": "edge"}}
        yield EdgeSite(server, server.client(), fake_aws, client, client.post("/projects", body).created()["id"])
    clear_clients()


def test_file_is_uploaded_once_downloaded_and_moved(site: EdgeSite) -> None:
    upload = site.init(_CONTENT)
    assert site.commit(upload).problem()["code"] == "not_uploaded"
    assert put(upload, _CONTENT[::-1]) == 400
    assert put(upload, _CONTENT + b"!") in (400, 403)
    assert put(upload, _CONTENT) == 200
    assert put(upload, _CONTENT) == 412
    file = site.commit(upload).data()["file"]
    site.fake_aws.run_workers()  # a server that tells no checksum needs a job
    file = site.client.get(f"/files/{file['id']}").data()
    assert (file["status"], file["storageLocation"], file["sha256"]) == ("ready", "edge", sha256_hex(_CONTENT))
    assert site.download(file["id"]) == _CONTENT
    assert site.read_s3() == []

    assert site.sync() == {"moved": 1, "movedBytes": len(_CONTENT)}

    moved = site.client.get(f"/files/{file['id']}").data()
    assert (moved["status"], moved["storageLocation"]) == ("ready", "s3")
    assert site.read_s3() == [(upload["key"], len(_CONTENT), sha256_hex(_CONTENT))]
    assert upload["key"] in site.list_edge()
    site.client.delete(f"/files/{file['id']}?permanent=true").data()
    site.fake_aws.run_workers()
    assert upload["key"] not in site.list_edge()
    assert site.read_s3() == []


@pytest.mark.parametrize("part_checksums", [True, False], ids=["checksums", "none"])
def test_file_is_uploaded_in_parts_and_moves_in_parts(
    site: EdgeSite, monkeypatch: pytest.MonkeyPatch, *, part_checksums: bool
) -> None:
    film = {"filename": "film.mp4", "contentType": "video/mp4", "multipart": True, "sha256": None}
    upload = site.init(_FILM, **film, partChecksums=part_checksums)
    contents = {1: _FILM[:_PART_SIZE], 2: _FILM[_PART_SIZE:]}
    body: dict[str, Any] = {"partNumbers": [1, 2]}
    if part_checksums:
        body["checksums"] = [sha256_hex(content) for content in contents.values()]
    for part in site.client.post(f"/uploads/{upload['uploadId']}/parts", body).data():
        content = contents[part["partNumber"]]
        assert request_url(part["url"], method="PUT", headers=part["headers"], body=content).status == 200
    listed = site.client.get(f"/uploads/{upload['uploadId']}/parts").data()["parts"]
    assert [each["size"] for each in listed] == [len(content) for content in contents.values()]
    file = site.client.post(f"/uploads/{upload['uploadId']}/complete", {}).data()["file"]
    site.fake_aws.run_workers()
    assert site.client.get(f"/files/{file['id']}").data()["sha256"] == sha256_hex(_FILM)
    assert site.download(file["id"]) == _FILM
    monkeypatch.setattr(edge_copies, "MULTIPART_ABOVE_BYTES", _PART_SIZE)

    assert site.sync()["moved"] == 1

    assert site.read_s3() == [(upload["key"], len(_FILM), sha256_hex(_FILM))]


def test_form_of_uppy_is_found_at_the_edge(site: EdgeSite) -> None:
    params = result(Uppy.create(site.client, site.project_id).get_params())
    form = requests.Request("POST", params["url"], data=params["fields"], files={"file": ("notes.txt", _CONTENT)})
    prepared = form.prepare()
    assert isinstance(prepared.body, bytes)
    response = request_url(params["url"], method="POST", headers=dict(prepared.headers), body=prepared.body)
    assert response.status == 201

    site.fake_aws.run_workers()

    [file] = site.client.get(f"/files?projectId={site.project_id}").data()
    assert (file["status"], file["sha256"]) == ("ready", sha256_hex(_CONTENT))
    assert site.sync()["moved"] == 1


def test_small_file_in_a_request_is_stored_and_moved(site: EdgeSite) -> None:
    file = upload_raw(site.client, _CONTENT, f"projectId={site.project_id}&filename=a.txt").created()["file"]
    assert site.download(file["id"]) == _CONTENT
    assert site.sync()["moved"] == 1


@pytest.mark.parametrize("multipart", [True, False])
def test_aborted_upload_leaves_nothing(site: EdgeSite, *, multipart: bool) -> None:
    before = site.list_edge()
    upload = site.init(_CONTENT, multipart=multipart, sha256=None)
    if multipart:
        [part] = site.client.post(f"/uploads/{upload['uploadId']}/parts", {"partNumbers": [1]}).data()
        assert request_url(part["url"], method="PUT", headers=part["headers"], body=_CONTENT).status == 200
    else:
        assert put(upload, _CONTENT) == 200
    site.client.delete(f"/uploads/{upload['uploadId']}")
    site.fake_aws.run_workers()
    assert site.list_edge() == before
    uploads = site.s3.list_multipart_uploads(Bucket="edge").get("Uploads", [])
    assert upload["key"] not in [each["Key"] for each in uploads]


def test_server_that_is_killed_in_the_middle_of_a_sync_loses_nothing(
    site: EdgeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [site.upload(b"The bytes of file %d." % number) for number in range(16)]
    copied, real_check = 0, edge_copies._check

    def check_and_kill(*args: Any) -> None:
        nonlocal copied
        copied += 1
        if copied == 7:
            site.kill()
        real_check(*args)

    with monkeypatch.context() as patch:
        patch.setattr(edge_copies, "_check", check_and_kill)
        first = site.sync()
    assert 0 < first["moved"] < 16
    assert first["failed"] == first["edge_unavailable"] == 16 - first["moved"]
    in_s3 = site.read_s3()
    assert set(in_s3) < set(manifest_of(*files))
    assert len(in_s3) == first["moved"]

    site.server.start()  # type: ignore[attr-defined]
    wait_for(lambda: all(_is_readable(site, file["key"]) for file in files))
    second = site.sync()

    assert second["moved"] == 16 - first["moved"]
    assert "failed" not in second
    assert site.read_s3() == manifest_of(*files)
    assert {site.client.get(f"/files/{file['id']}").data()["storageLocation"] for file in files} == {"s3"}


def _is_readable(site: EdgeSite, key: str) -> bool:
    """Return whether the server has an object. SeaweedFS responds before it knows all of them."""
    try:
        return bool(site.s3.get_object(Bucket="edge", Key=key)["Body"].read())
    except (BotoCoreError, ClientError):
        return False


def test_only_damaged_objects_fail(site: EdgeSite) -> None:
    files = [site.upload(b"The bytes of file %d." % number) for number in range(40)]
    damaged = [files[7], files[30]]  # 5 %
    for file, content in zip(damaged, (b"the bytes of file 7.", b"short"), strict=True):
        _damage(site, file["key"], content)

    counts = site.sync()

    assert (counts["moved"], counts["failed"]) == (38, 2)
    examples = maintenance.get_report("sync-edge").examples
    assert {each.subject.split()[0] for each in examples} == {file["id"] for file in damaged}
    assert site.read_s3() == manifest_of(*(file for file in files if file not in damaged))
    for file in damaged:
        assert site.client.get(f"/files/{file['id']}").data()["storageLocation"] == "edge"


def _damage(site: EdgeSite, key: str, content: bytes) -> None:
    """Replace an object, the pinned version included, so that it has other bytes, or is gone if it has versions."""
    found = site.s3.head_object(Bucket="edge", Key=key)
    site.s3.put_object(Bucket="edge", Key=key, Body=content)
    if "VersionId" in found:
        site.s3.delete_object(Bucket="edge", Key=key, VersionId=found["VersionId"])


def test_killed_server_is_an_outage_of_its_projects_alone(site: EdgeSite) -> None:
    file, upload = site.upload(_CONTENT), site.init(b"other")
    site.kill()
    clear_settings()  # what is known of the server

    body = {"projectId": site.project_id, "filename": "notes.txt", "size": 5, "contentType": "text/plain"}
    for response in (
        site.client.post("/files/init-upload", body),
        site.commit(upload),
        site.client.get(f"/files/{file['id']}/download"),
    ):
        assert (response.status, response.problem()["code"]) == (503, "edge_unavailable")
        assert int(response.headers["retry-after"]) > 0
    assert site.client.get("/health/ready").data()["status"] == "degraded"
    in_s3 = site.fake_aws.upload(site.client, _CONTENT, filename="a.txt", contentType="text/plain")
    assert in_s3["file"]["status"] == "ready"
