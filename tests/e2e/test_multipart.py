"""Multipart uploads over HTTP (U4). S3 itself enforces the size and the checksum of every part."""

import hashlib
from typing import Any

import pytest

from tests.support.e2e.actions import commit_upload, create_project, init_upload, run_concurrently, wait_until_processed
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import Client, Response, request_url

_PART_SIZE = 16 * 1024**2
_CONTENTS = (b"a" * _PART_SIZE, b"the end")
_CONTENT = b"".join(_CONTENTS)
_CHECKSUMS = [hashlib.sha256(each).hexdigest() for each in _CONTENTS]
_SHA256 = hashlib.sha256(_CONTENT).hexdigest()


def _init(client: Client, project_id: str, **overrides: Any) -> Any:
    film = {"filename": "film.mp4", "contentType": "video/mp4", "multipart": True}
    return init_upload(client, _CONTENT, projectId=project_id, **film, **overrides)


def _sign(client: Client, upload: Any, **body: Any) -> list[Any]:
    parts: list[Any] = client.post(f"/uploads/{upload['uploadId']}/parts", {"partNumbers": [1, 2], **body}).data()
    return parts


def _put(part: Any, content: bytes) -> Response:
    return request_url(part["url"], method=part["method"], headers=part["headers"], body=content)


def _put_all(client: Client, upload: Any, **body: Any) -> None:
    for part, content in zip(_sign(client, upload, **body), _CONTENTS, strict=True):
        assert _put(part, content).status == 200


def _complete(client: Client, upload: Any) -> Response:
    return client.post(f"/uploads/{upload['uploadId']}/complete")


@pytest.mark.parametrize("has_checksums", [True, False])
def test_parts_become_a_file_with_the_declared_hash(client: Client, aws_state: AwsState, has_checksums: object) -> None:
    project_id = create_project(client)
    upload = _init(client, project_id, partChecksums=has_checksums)
    checksums = {"checksums": _CHECKSUMS} if has_checksums else {}
    first, last = _sign(client, upload, **checksums)
    assert _put(last, b"too long").status in (400, 403)
    if has_checksums:
        assert _put(last, b"THE END").status == 400
    assert _put(last, _CONTENTS[1]).status == 200
    assert _complete(client, upload).problem(409, "parts_missing")["detail"].startswith("1 of 2 parts are missing: 1.")
    assert _put(first, _CONTENTS[0]).status == 200
    (listed,) = [client.get(f"/uploads/{upload['uploadId']}/parts").data()["parts"]]
    assert [part["sha256"] for part in listed] == (_CHECKSUMS if has_checksums else [None, None])

    committed = _complete(client, upload).data()
    file = wait_until_processed(client, committed["fileId"])
    assert (file["status"], file["size"], file["sha256"]) == ("ready", len(_CONTENT), _SHA256)
    assert _complete(client, upload).data()["version"] == commit_upload(client, upload).data()["version"] == 1
    assert aws_state.recorded_quota(project_id) == (len(_CONTENT), 1)


def test_completions_and_aborts_at_the_same_time_end_in_one_result(client: Client, aws_state: AwsState) -> None:
    project_id = create_project(client)
    upload = _init(client, project_id)
    _put_all(client, upload)

    def send(number: int) -> Response:
        return client.delete(f"/uploads/{upload['uploadId']}") if number % 2 else _complete(client, upload)

    statuses = {response.status for response in run_concurrently(8, send)}
    aws_state.wait_until_queues_empty()
    is_completed = 200 in statuses
    assert statuses <= ({200, 409} if is_completed else {204, 409})
    assert aws_state.recorded_quota(project_id) == ((len(_CONTENT), 1) if is_completed else (0, 0))
    assert len(aws_state.originals(project_id)) == int(is_completed)
    assert aws_state.multipart_uploads(project_id) == []
