"""The contract of presigned forms, tested with MiniStack and with MinIO. Both refuse a form that is not the signed one."""

import base64
import hashlib
import json
import time
from dataclasses import replace

import pytest
import requests

from holdall.platform import presigning, storage
from holdall.platform.presigning import PresignedPost
from tests.support.e2e.client import Response, request_url

_CONTENT = b"The bytes of a small file."
_TYPE = "text/plain"

# The fields of a form that its policy does not allow. None: the field is missing.
_CHANGES: dict[str, dict[str, str | None]] = {
    "another key": {"key": "holiday-0123456789ab/files/other.txt"},
    "another type": {"Content-Type": "text/html"},
    "another status": {"success_action_status": "200"},
    "forged signature": {"x-amz-signature": "0" * 64},
    "metadata": {"x-amz-meta-owner": "me"},
    "header": {"Cache-Control": "no-store"},
    "redirect": {"success_action_redirect": "https://attacker.test/"},
    "acl": {"acl": "public-read"},
    "checksum of other bytes": {"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(b"other").digest()).decode()},
    "no key": {"key": None},
    "no type": {"Content-Type": None},
    "no policy": {"policy": None},
    "no signature": {"x-amz-signature": None},
}


def test_form_uploads_a_file(key: str) -> None:
    response = post(presign(key))

    assert response.status == 201
    stored = storage.head_or_none(key)
    assert stored is not None
    assert (stored.size, stored.content_type) == (len(_CONTENT), _TYPE)
    assert stored.version_id not in ("", "null")


@pytest.mark.parametrize("size", [1, 100])
def test_sizes_at_the_bounds_are_accepted(key: str, size: int) -> None:
    assert post(presign(key), bytes(size)).status == 201
    stored = storage.head_or_none(key)
    assert stored is not None
    assert stored.size == size


@pytest.mark.parametrize("size", [0, 101])
def test_sizes_outside_the_bounds_are_refused(key: str, size: int) -> None:
    assert post(presign(key), bytes(size)).status == 400
    assert storage.head_or_none(key) is None


@pytest.mark.parametrize("change", _CHANGES.values(), ids=_CHANGES)
def test_changed_form_is_refused(key: str, change: dict[str, str | None]) -> None:
    assert post(changed(presign(key), change)).status in (400, 403)
    assert storage.head_or_none(key) is None
    assert storage.head_or_none("holiday-0123456789ab/files/other.txt") is None


def test_form_with_another_policy_is_refused(key: str) -> None:
    form = presign(key)
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    [bounds] = [each for each in policy["conditions"] if isinstance(each, list)]
    assert bounds == ["content-length-range", 1, 100]
    bounds[2] = 10**9

    forged = base64.b64encode(json.dumps(policy).encode()).decode()

    assert post(changed(form, {"policy": forged})).status == 403
    assert storage.head_or_none(key) is None


def test_expired_form_is_refused(key: str) -> None:
    form = presign(key, expires_in=1)
    time.sleep(2.1)
    assert post(form).status == 403
    assert storage.head_or_none(key) is None


def test_second_upload_adds_a_version(key: str) -> None:
    form = presign(key)
    assert post(form).status == 201
    first = storage.head_or_none(key)

    assert post(form, b"others").status == 201

    versions = storage.list_versions(key)
    assert first is not None
    assert first.version_id in versions
    assert len(versions) == 2


def presign(key: str, *, expires_in: int = 900) -> PresignedPost:
    return presigning.presign_post(key, min_size=1, max_size=100, content_type=_TYPE, expires_in=expires_in)


def changed(form: PresignedPost, change: dict[str, str | None]) -> PresignedPost:
    fields = {**form.fields, **change}
    return replace(form, fields={name: value for name, value in fields.items() if value is not None})


def post(form: PresignedPost, content: bytes = _CONTENT) -> Response:
    request = requests.Request("POST", form.url, data=form.fields, files={"file": ("name.txt", content)}).prepare()
    assert isinstance(request.body, bytes)
    return request_url(form.url, method="POST", headers=dict(request.headers), body=request.body)
