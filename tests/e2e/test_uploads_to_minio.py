"""Whole uploads with MinIO as S3: the handlers run in this process, and clients send the bytes to the URLs that they return.

moto is behind everything but S3.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from moto import mock_aws

from infra.local.minio import ROOT_PASSWORD, ROOT_USER, Minio
from infra.local.process import bypass_proxy, find_free_port
from tests.support import iam, users
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client, Response
from tests.support.companion import Uppy, result
from tests.support.e2e.client import request_url
from tests.support.process import clear_clients
from tests.support.uploads import init_upload

_PART_SIZE = 16 * 1024**2
_CONTENT = bytes(range(256)) * (_PART_SIZE // 256) + b"the last part"
_SHA256 = hashlib.sha256(_CONTENT).hexdigest()


@dataclass(frozen=True)
class Uploads:
    """A user, and the bucket for the originals."""

    fake_aws: FakeAws
    client: Client
    s3: Any
    bucket: str

    def init(self, **overrides: Any) -> dict[str, Any]:
        film = {"filename": "film.mp4", "contentType": "video/mp4", "multipart": True, "sha256": None}
        return init_upload(self.client, _CONTENT, **{**film, **overrides})

    def send_parts(self, upload: dict[str, Any], *numbers: int, part_checksums: bool = False) -> None:
        """Send parts of the content to S3, as a client does."""
        contents = {number: _CONTENT[(number - 1) * _PART_SIZE : number * _PART_SIZE] for number in numbers}
        checksums = [hashlib.sha256(content).hexdigest() for content in contents.values()]
        body = {"partNumbers": numbers, **({"checksums": checksums} if part_checksums else {})}
        for part in self.client.post(f"/uploads/{upload['uploadId']}/parts", body).data():
            response = request_url(
                part["url"], method=part["method"], headers=part["headers"], body=contents[part["partNumber"]]
            )
            assert response.status == 200

    def complete(self, upload: dict[str, Any]) -> Response:
        return self.client.post(f"/uploads/{upload['uploadId']}/complete", {})

    def finished_file(self, file_id: str) -> dict[str, Any]:
        """Return a file when the workers are done with it."""
        self.fake_aws.run_workers()
        file: dict[str, Any] = self.client.get(f"/files/{file_id}").data()
        return file

    def is_bucket_empty(self) -> bool:
        versions = self.s3.list_object_versions(Bucket=self.bucket)
        parts = self.s3.list_multipart_uploads(Bucket=self.bucket)
        return not ({"Versions", "DeleteMarkers"} & versions.keys() or parts.get("Uploads"))


@pytest.fixture
def uploads(tmp_path: Path) -> Iterator[Uploads]:
    """Yield uploads to a MinIO of their own, in which the bucket has the name that the grants of the functions have."""
    bypass_proxy()
    minio = Minio(tmp_path / "minio", find_free_port())
    minio.start()
    s3, bucket = minio.client(), "originals"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    clear_clients()
    with mock_aws(), pytest.MonkeyPatch.context() as environment:
        fake_aws = FakeAws.create()
        for name, value in {
            "AWS_ENDPOINT_URL_S3": minio.endpoint,
            "AWS_ACCESS_KEY_ID": ROOT_USER,
            "AWS_SECRET_ACCESS_KEY": ROOT_PASSWORD,
            "ORIGINALS_URL": f"{minio.endpoint}/{bucket}",
        }.items():
            environment.setenv(name, value)
        clear_clients()
        iam.install()
        yield Uploads(fake_aws, users.create_client(), s3, bucket)
    clear_clients()
    minio.stop()


@pytest.mark.parametrize("part_checksums", [True, False], ids=["checksums", "none"])
def test_file_is_uploaded_in_parts_and_downloaded(uploads: Uploads, *, part_checksums: bool) -> None:
    upload = uploads.init(sha256=_SHA256, partChecksums=part_checksums)
    uploads.send_parts(upload, 2, part_checksums=part_checksums)
    assert uploads.complete(upload).problem()["code"] == "parts_missing"
    resumed = uploads.client.get(f"/uploads/{upload['uploadId']}/parts").data()
    assert [part["partNumber"] for part in resumed["parts"]] == [2]
    uploads.send_parts(upload, 1, part_checksums=part_checksums)

    committed = uploads.complete(upload).data()

    assert uploads.complete(upload).data() == committed
    assert committed["file"]["status"] == "processing"
    file = uploads.finished_file(committed["fileId"])
    assert (file["status"], file["size"], file["sha256"]) == ("ready", len(_CONTENT), _SHA256)
    location = uploads.client.get(f"/files/{file['id']}/content").headers["location"]
    assert request_url(location).content == _CONTENT


def test_file_in_parts_with_another_checksum_is_rejected(uploads: Uploads) -> None:
    upload = uploads.init(sha256="0" * 64)
    uploads.send_parts(upload, 1, 2)
    file = uploads.finished_file(uploads.complete(upload).data()["fileId"])
    assert (file["status"], file["reason"]) == ("rejected", "checksum_mismatch")


def test_aborted_upload_leaves_no_part(uploads: Uploads) -> None:
    upload = uploads.init()
    uploads.send_parts(upload, 1, 2)

    assert uploads.client.delete(f"/uploads/{upload['uploadId']}").status == 204

    uploads.fake_aws.run_workers()
    assert uploads.is_bucket_empty()
    assert uploads.complete(upload).problem()["code"] == "wrong_state"


def test_purged_file_leaves_no_object(uploads: Uploads) -> None:
    upload = uploads.init()
    uploads.send_parts(upload, 1, 2)
    file_id = uploads.complete(upload).data()["fileId"]

    uploads.client.delete(f"/files/{file_id}?permanent=true").data()

    uploads.fake_aws.run_workers()
    assert uploads.is_bucket_empty()


def test_small_file_is_uploaded_and_downloaded(uploads: Uploads) -> None:
    content = b"The bytes of a small file."
    upload = init_upload(uploads.client, content)
    url, headers = upload["url"], upload["headers"]
    assert headers["x-amz-checksum-sha256"] == base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert request_url(url, method=upload["method"], headers=headers, body=content[::-1]).status == 400
    assert request_url(url, method=upload["method"], headers=headers, body=content).status == 200

    committed = uploads.client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()

    assert committed["file"]["status"] == "ready"
    location = uploads.client.get(f"/files/{committed['fileId']}/content").headers["location"]
    assert request_url(location).content == content


def test_file_is_uploaded_in_parts_by_uppy(uploads: Uploads) -> None:
    uppy = Uppy.create(uploads.client)
    upload = uppy.create_multipart()
    for number, content in enumerate((_CONTENT[:_PART_SIZE], _CONTENT[_PART_SIZE:]), start=1):
        url = result(uppy.sign_part(upload, number))["url"]
        assert request_url(url, method="PUT", body=content).status == 200
    parts = result(uppy.list_parts(upload))
    assert [(part["PartNumber"], part["Size"]) for part in parts] == [(1, _PART_SIZE), (2, len(_CONTENT) - _PART_SIZE)]

    result(uppy.complete(upload, [{name: part[name] for name in ("PartNumber", "ETag")} for part in parts]))

    [file] = uploads.client.get("/files").data()
    file = uploads.finished_file(file["id"])
    assert (file["status"], file["size"], file["sha256"]) == ("ready", len(_CONTENT), _SHA256)


def test_file_is_uploaded_with_a_form_by_uppy(uploads: Uploads) -> None:
    content = b"The bytes of a small file."
    params = result(Uppy.create(uploads.client).get_params())
    form = requests.Request("POST", params["url"], data=params["fields"], files={"file": ("notes.txt", content)})
    prepared = form.prepare()
    assert isinstance(prepared.body, bytes)
    response = request_url(params["url"], method="POST", headers=dict(prepared.headers), body=prepared.body)
    assert response.status == 201
    key = params["fields"]["key"]
    [version] = uploads.s3.list_object_versions(Bucket=uploads.bucket, Prefix=key)["Versions"]

    assert uploads.fake_aws.notify_object_created(key, version["VersionId"]) == NO_FAILURES

    [file] = uploads.client.get("/files").data()
    file = uploads.finished_file(file["id"])
    assert (file["status"], file["sha256"]) == ("ready", hashlib.sha256(content).hexdigest())
