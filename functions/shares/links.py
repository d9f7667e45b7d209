"""Links that give anyone who has them access to a file. The token in the path is the credential, and the service checks it."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path

from holdall.http.app import Router
from holdall.http.auth import AnonymousIdempotencyKey, CurrentClient, public
from holdall.http.responses import DataResponse, data
from holdall.shares import share_uploads, visits
from holdall.shares.model import (
    Proof,
    ShareCommitRequest,
    SharedFile,
    ShareDownload,
    SharePasswordRequest,
    ShareUpload,
    ShareUploadRequest,
)
from holdall.uploads.model import InitUploadResponse

router = Router()

Token = Annotated[str, Path(description="Of the link.")]
_GUARD = public(rate_limit="share")
_NO_PASSWORD = SharePasswordRequest()  # a client may send no body


@router.get("/s/<token>", guard=_GUARD, summary="See what a link shares")
def get_shared_file(token: Token) -> DataResponse[SharedFile]:
    return data(visits.describe(token))


@router.post("/s/<token>/download", guard=_GUARD, summary="Download the file of a link")
def download_shared_file(
    client: CurrentClient, token: Token, body: SharePasswordRequest = _NO_PASSWORD
) -> DataResponse[ShareDownload]:
    return data(visits.download(client, token, Proof(body.password)))


@router.post("/s/<token>/init-upload", guard=_GUARD, status_code=201, summary="Initiate an upload to a link")
def init_share_upload(
    client: CurrentClient, key: AnonymousIdempotencyKey, token: Token, body: ShareUploadRequest
) -> DataResponse[InitUploadResponse]:
    return data(share_uploads.init(client, key, token, body))


@router.post("/s/<token>/commit", guard=_GUARD, summary="Commit an upload to a link")
def commit_share_upload(client: CurrentClient, token: Token, body: ShareCommitRequest) -> DataResponse[ShareUpload]:
    return data(share_uploads.commit(client, token, body))
