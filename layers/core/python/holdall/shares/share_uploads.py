"""Use cases of those who have a link that accepts uploads. They act with the rights of the creator of the share."""

import hashlib
from contextlib import suppress

from holdall.platform import clock, ids
from holdall.platform.caller import Caller, ClientInfo, IdempotencyKey
from holdall.platform.errors import NotFound
from holdall.platform.table import Transaction
from holdall.shares import store
from holdall.shares.model import (
    OpenShare,
    Proof,
    ReadOnlyShare,
    ShareCommitRequest,
    ShareUpload,
    ShareUploadRequest,
    UseRecorded,
    new_use,
)
from holdall.shares.visits import enter, open_share
from holdall.uploads import direct
from holdall.uploads import service as uploads
from holdall.uploads.model import CommitUploadResponse, InitUploadRequest, InitUploadResponse


def init(client: ClientInfo, key: IdempotencyKey | None, token: str, request: ShareUploadRequest) -> InitUploadResponse:
    """Start an upload, and return the request that sends its bytes to S3.

    Raises ShareNotFound, ReadOnlyShare, PasswordRequired, WrongPassword, TooManyRequests, and the errors of `uploads.init`.
    """
    opened = _open(token)
    enter(opened, Proof(request.password), client)
    return uploads.init(_caller(client, opened, key), opened.project, _upload_request(opened, request))


def commit(client: ClientInfo, token: str, request: ShareCommitRequest) -> ShareUpload:
    """Commit an upload that was begun with this share. A repeated request returns the same version.

    It was begun with the password, so that is not asked again. Raises ShareNotFound, ReadOnlyShare, NotFound for an upload that
    was begun otherwise, and the errors of `uploads.commit_upload`.
    """
    opened = _open(token)
    upload = uploads.get(opened.project, request.upload_id)
    if upload.share_id != opened.share.id:
        raise NotFound
    committed = uploads.commit_upload(_caller(client, opened, None), opened.project, upload, request.checksum)
    return _record(client, opened, upload.id, committed, upload.size)


def upload_directly(
    client: ClientInfo, token: str, proof: Proof, request: ShareUploadRequest, content: bytes, *, form_id: str
) -> ShareUpload:
    """Create a version with this content. The same file in the same form, sent again, has the same result.

    Raises the errors of `init` and of `direct.upload`.
    """
    opened = _open(token)
    enter(opened, proof, client)
    request = request.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
    key_sha256 = ids.sha256_hex(f"{opened.share.id} {form_id} {request.model_dump_json()}")
    caller = _caller(client, opened, IdempotencyKey(key_sha256, body_sha256=""))  # `direct` sets the digest
    created = direct.upload(caller, opened.project, _upload_request(opened, request), content)
    return _record(client, opened, created.upload_id, created, len(content))


def new_form_id() -> str:
    """Return an ID for a form of `upload_directly`."""
    return ids.new_secret()


def _open(token: str) -> OpenShare:
    """Return the share of a token, if it accepts uploads now. Raises ShareNotFound and ReadOnlyShare."""
    opened = open_share(token)
    if opened.share.permission != "write":
        raise ReadOnlyShare
    return opened


def _caller(client: ClientInfo, opened: OpenShare, key: IdempotencyKey | None) -> Caller:
    """Return the caller: a stranger, with the rights and the quota of the creator of the share."""
    share = opened.share
    return Caller(
        **vars(client),
        user_id=share.created_by,
        session_id=None,
        global_permissions=frozenset(),
        project_role=opened.project_role,
        idempotency_key=key,
        api_key_id=share.api_key_id,
        share_id=share.id,
    )


def _upload_request(opened: OpenShare, request: ShareUploadRequest) -> InitUploadRequest:
    values = request.model_dump(exclude={"new_version", "password"})
    file_id = opened.file.id if request.new_version else None
    return InitUploadRequest.model_validate({**values, "file_id": file_id, "multipart": False}, by_name=True)


def _record(
    client: ClientInfo, opened: OpenShare, upload_id: str, committed: CommitUploadResponse, size: int
) -> ShareUpload:
    """Add an upload to the uses of a share. A repeated request changes nothing, also one of another stranger."""
    use = new_use(client, "upload", version=committed.version, size=size, at=clock.now())
    with suppress(UseRecorded), Transaction() as tx:
        store.put_use(tx, opened.share, ids.local_part(upload_id), use)
    return ShareUpload(name=committed.file.name, size=size, version=committed.version)
