"""X2: projects whose new files are in the edge store: uploads, downloads and deletions lead there."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.support import edge, process
from tests.support.aws import NO_FAILURES, FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.companion import PART, Uppy, result
from tests.support.direct_uploads import upload_raw
from tests.support.edge import EdgeProject, sha256_hex
from tests.support.fixtures import OverrideSettings
from tests.support.image_samples import make_photo
from tests.support.log import CapturedLog
from tests.support.settings import EDGE_URL, edge_store
from tests.support.shares import create_link, list_shares

_CONTENT = b"The bytes of a small file."


@pytest.fixture
def project(client: Client, fake_aws: FakeAws, override_settings: OverrideSettings) -> EdgeProject:
    override_settings(EDGE_STORE=edge_store())
    fake_aws.ssm.put_parameter(Name=edge.PARAMETER, Value=edge.CREDENTIALS, Type="SecureString", Overwrite=True)
    return EdgeProject.create(fake_aws, client)


@pytest.mark.parametrize("method", ["create", "change"])
def test_project_cannot_use_an_edge_store_that_does_not_exist(client: Client, method: str) -> None:
    settings = {"settings": {"storage": "edge"}}
    if method == "create":
        response = client.post("/projects", {"name": "Site", **settings})
    else:
        project = client.post("/projects", {"name": "Site"}).created()
        assert project["settings"]["storage"] == "s3"
        response = client.request("PATCH", f"/projects/{project['id']}", settings)
    problem = response.problem()
    assert problem["code"] == "no_edge_store"
    assert [each["pointer"] for each in problem["errors"]] == ["/settings/storage"]


def test_file_is_uploaded_to_the_edge_store_and_downloaded_from_it(project: EdgeProject, fake_aws: FakeAws) -> None:
    upload = project.init(_CONTENT)
    assert project.client.post("/files/commit", {"uploadId": upload["uploadId"]}).problem()["code"] == "not_uploaded"
    project.put(upload, _CONTENT)

    file = project.client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()["file"]

    assert (file["status"], file["storageLocation"], file["syncedAt"]) == ("ready", "edge", None)
    assert fake_aws.list_keys("edge") == [upload["key"]]
    assert fake_aws.list_keys("originals") == []
    location = urlsplit(project.client.get(f"/files/{file['id']}/content").headers["location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == f"{EDGE_URL}/edge/{upload['key']}"
    query = parse_qs(location.query)
    assert query["X-Amz-Credential"][0].startswith("edge-key/")
    assert "versionId" not in query
    assert "X-Amz-Security-Token" not in query


def test_image_at_the_edge_is_ready_and_not_rendered(client: Client, project: EdgeProject, fake_aws: FakeAws) -> None:
    variants = [{"name": "thumb", "width": 20, "height": 20}]
    project = EdgeProject.create(fake_aws, client, variants=variants)
    file = project.upload(make_photo(), filename="photo.jpg", contentType="image/jpeg")

    assert (file["status"], [each["status"] for each in file["variants"]]) == ("ready", ["processing"])
    client.post(f"/projects/{project.id}/sync-variants").data()
    fake_aws.run_workers()

    assert client.get(f"/files/{file['id']}").data()["variants"] == file["variants"]
    assert client.get(f"/files/{file['id']}/content?variant=thumb").status == 202
    jobs = client.get(f"/jobs?projectId={project.id}").data()
    assert {each["status"] for each in jobs} == {"completed"}


@pytest.mark.parametrize("filename", ["notes.txt", "photo.jpg"])
@pytest.mark.parametrize(("declared", "status"), [(None, "ready"), ("0" * 64, "rejected")])
def test_file_without_a_checksum_of_the_server_is_hashed_at_the_edge(
    project: EdgeProject, fake_aws: FakeAws, filename: str, declared: str | None, status: str
) -> None:
    content_type = "image/jpeg" if filename.endswith("jpg") else "text/plain"
    upload = project.init(_CONTENT, filename=filename, contentType=content_type, sha256=None)
    project.put(upload, _CONTENT)
    body = {"uploadId": upload["uploadId"], **({"checksum": declared} if declared else {})}
    file = project.client.post("/files/commit", body).data()["file"]
    assert file["status"] == "processing"

    fake_aws.run_workers()

    file = project.client.get(f"/files/{file['id']}").data()
    assert (file["status"], file["sha256"]) == (status, sha256_hex(_CONTENT))


def test_file_is_uploaded_in_parts_to_the_edge_store(project: EdgeProject, fake_aws: FakeAws) -> None:
    upload = project.init(PART, multipart=True, sha256=None)
    assert [each["Key"] for each in fake_aws.s3.list_multipart_uploads(Bucket="edge")["Uploads"]] == [upload["key"]]
    assert fake_aws.list_multipart_uploads() == []
    [part] = project.client.post(f"/uploads/{upload['uploadId']}/parts", {"partNumbers": [1]}).data()
    assert part["url"].startswith(f"{EDGE_URL}/edge/")
    multipart_id = parse_qs(urlsplit(part["url"]).query)["uploadId"][0]
    fake_aws.s3.upload_part(Bucket="edge", Key=upload["key"], UploadId=multipart_id, PartNumber=1, Body=PART)
    assert len(project.client.get(f"/uploads/{upload['uploadId']}/parts").data()["parts"]) == 1

    file = project.client.post(f"/uploads/{upload['uploadId']}/complete", {}).data()["file"]

    fake_aws.run_workers()
    file = project.client.get(f"/files/{file['id']}").data()
    assert (file["storageLocation"], file["status"], file["sha256"]) == ("edge", "ready", sha256_hex(PART))


def test_small_file_in_a_request_is_stored_at_the_edge(project: EdgeProject, fake_aws: FakeAws) -> None:
    query = f"projectId={project.id}&filename=notes.txt"
    file = upload_raw(project.client, _CONTENT, query).created()["file"]
    assert (file["status"], file["storageLocation"]) == ("ready", "edge")
    assert len(fake_aws.list_keys("edge")) == 1
    assert fake_aws.list_keys("originals") == []


@pytest.mark.parametrize("multipart", [True, False])
def test_aborted_upload_leaves_nothing_at_the_edge(project: EdgeProject, fake_aws: FakeAws, *, multipart: bool) -> None:
    upload = project.init(_CONTENT, multipart=multipart, sha256=None)
    if not multipart:
        project.put(upload, _CONTENT)

    project.client.delete(f"/uploads/{upload['uploadId']}")

    fake_aws.run_workers()
    assert fake_aws.list_keys("edge") == []
    assert "Uploads" not in fake_aws.s3.list_multipart_uploads(Bucket="edge")


def test_purged_file_leaves_nothing_at_the_edge(project: EdgeProject, fake_aws: FakeAws) -> None:
    file = project.upload(_CONTENT)
    project.client.delete(f"/files/{file['id']}?permanent=true")
    fake_aws.run_workers()
    assert fake_aws.list_keys("edge") == []


def test_upload_that_commits_itself_is_found_at_the_edge(project: EdgeProject, fake_aws: FakeAws) -> None:
    upload = project.init(_CONTENT, autoCommit=True)
    [look] = fake_aws.receive_messages("work")
    assert fake_aws.deliver_messages("maintenance", look) == NO_FAILURES
    assert project.client.get(f"/files/{upload['fileId']}").status == 404
    project.put(upload, _CONTENT)

    assert fake_aws.run_workers() == 1  # the next look

    assert project.client.get(f"/files/{upload['fileId']}").data()["status"] == "ready"


def test_no_one_looks_for_an_upload_that_expired(
    project: EdgeProject, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    project.init(_CONTENT, autoCommit=True)
    frozen_clock.advance(hours=1)
    assert fake_aws.run_workers() == 1


def test_file_of_uppy_is_uploaded_to_the_edge_store(project: EdgeProject, fake_aws: FakeAws) -> None:
    params = result(Uppy.create(project.client, project.id).get_params(size=str(len(_CONTENT))))
    assert params["url"] == f"{EDGE_URL}/edge/"
    fake_aws.s3.put_object(Bucket="edge", Key=params["fields"]["key"], Body=_CONTENT)

    fake_aws.run_workers()

    [file] = project.client.get(f"/files?projectId={project.id}").data()
    assert (file["status"], file["storageLocation"], file["sha256"]) == ("ready", "edge", sha256_hex(_CONTENT))


def test_event_of_s3_does_not_delete_what_the_sync_stores(project: EdgeProject, fake_aws: FakeAws) -> None:
    file = project.upload(_CONTENT)
    key = project.key(file)
    copy = fake_aws.s3.put_object(Bucket="originals", Key=key, Body=_CONTENT)

    assert fake_aws.notify_object_created(key, copy["VersionId"]) == NO_FAILURES

    assert fake_aws.list_version_ids(key) == [copy["VersionId"]]


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing reach the edge store, from now on."""
    process.clear_settings()

    def fail(_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://minio.example.test")

    edge.answer(monkeypatch, fail)


def test_outage_of_the_edge_store_stops_only_its_projects(
    project: EdgeProject, client: Client, request: pytest.FixtureRequest, fake_aws: FakeAws
) -> None:
    file, upload = project.upload(_CONTENT), project.init(b"other")
    in_s3 = fake_aws.upload(client, _CONTENT, filename="notes.txt", contentType="text/plain")
    request.getfixturevalue("outage")

    body = {"projectId": project.id, "filename": "notes.txt", "size": 5, "contentType": "text/plain"}
    for response in (
        client.post("/files/init-upload", body),
        client.post("/files/init-upload", {**body, "multipart": True}),
        upload_raw(client, query=f"projectId={project.id}&filename=notes.txt"),
        client.post("/files/commit", {"uploadId": upload["uploadId"]}),
        client.get(f"/files/{file['id']}/content"),
    ):
        assert response.problem()["code"] == "edge_unavailable"
        assert response.headers["retry-after"] == "30"

    assert client.get(f"/files/{file['id']}").status == 200
    assert client.get(f"/files/{in_s3['fileId']}/content").status == 302
    assert fake_aws.upload(client, _CONTENT, filename="b.txt", contentType="text/plain")["file"]["status"] == "ready"
    usage = client.get(f"/projects/{project.id}/usage").data()
    assert usage["openUploads"] == {"bytes": 5, "files": 1}  # the one of before
    readiness = client.get("/health/ready").data()
    assert (readiness["status"], readiness["checks"]["edge"]["status"]) == ("degraded", "down")
    assert readiness["checks"]["s3"]["status"] == "ok"


def test_link_leads_to_the_edge_store_and_an_outage_uses_up_no_download(
    project: EdgeProject, client: Client, request: pytest.FixtureRequest
) -> None:
    file = project.upload(_CONTENT)
    link = create_link(client, file["id"], maxDownloads=2)
    assert link.download().data()["url"].startswith(f"{EDGE_URL}/edge/")
    request.getfixturevalue("outage")

    assert link.download().problem()["code"] == "edge_unavailable"

    assert [each["downloads"] for each in list_shares(client, file["id"])] == [1]


@pytest.mark.parametrize("value", ["", "{}", '{"accessKeyId": "x"}', "not JSON"])
def test_missing_credentials_are_an_outage(project: EdgeProject, fake_aws: FakeAws, value: str) -> None:
    if value:
        fake_aws.ssm.put_parameter(Name=edge.PARAMETER, Value=value, Type="SecureString", Overwrite=True)
    else:
        fake_aws.ssm.delete_parameter(Name=edge.PARAMETER)
    process.clear_settings()
    body = {"projectId": project.id, "filename": "notes.txt", "size": 5, "contentType": "text/plain"}
    assert project.client.post("/files/init-upload", body).problem()["code"] == "edge_unavailable"


def test_credentials_that_cannot_be_read_are_not_logged(
    project: EdgeProject, fake_aws: FakeAws, log: CapturedLog
) -> None:
    file = project.upload(_CONTENT)
    project.client.delete(f"/files/{file['id']}?permanent=true").data()
    value = '{"accessKeyId": "x", "secretKey": "canary"}'
    fake_aws.ssm.put_parameter(Name=edge.PARAMETER, Value=value, Type="SecureString", Overwrite=True)
    process.clear_settings()
    failures = [fake_aws.deliver_messages("maintenance", each) for each in fake_aws.receive_messages("work")]

    assert failures != []
    assert NO_FAILURES not in failures
    assert [line["event"] for line in log.lines if "event" in line].count("edge.no_credentials") > 0
    assert "canary" not in log.text


def test_new_credentials_are_used_soon(project: EdgeProject, fake_aws: FakeAws, frozen_clock: FrozenClock) -> None:
    project.init(_CONTENT)
    value = json.dumps({**json.loads(edge.CREDENTIALS), "accessKeyId": "new-key"})
    fake_aws.ssm.put_parameter(Name=edge.PARAMETER, Value=value, Type="SecureString", Overwrite=True)
    frozen_clock.advance(minutes=5)
    assert "new-key" in project.init(_CONTENT)["url"]


def test_edge_store_that_is_gone_is_an_outage(project: EdgeProject, override_settings: OverrideSettings) -> None:
    file = project.upload(_CONTENT)
    override_settings(EDGE_STORE="")
    assert project.client.get(f"/files/{file['id']}/content").problem()["code"] == "edge_unavailable"
    project.client.request("PATCH", f"/projects/{project.id}", {"settings": {"storage": "s3"}}).data()
