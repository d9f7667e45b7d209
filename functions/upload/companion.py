"""The contract of Uppy Companion, for @uppy/aws-s3 as published. Its responses have no envelope.

The token in the path is the credential, so the guards are public, and the services authorize.
"""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from holdall.companion.contract import (
    MAX_TEXT_LENGTH,
    Aborted,
    CompletedMultipart,
    CompleteMultipartRequest,
    CreatedMultipart,
    CreateMultipartRequest,
    PartNumber,
    PartUrl,
    PartUrls,
    PostParameters,
    StoredPart,
    describe,
)
from holdall.companion.model import CompanionEndpoint, CreateEndpointRequest
from holdall.companion.service import tokens, uploads
from holdall.companion.service.uploads import UploadReference
from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentClient, CurrentProject, public, requires
from holdall.http.responses import DataResponse, data

router = Router()

_MAX_PART_LIST_BYTES = 1024**2  # of 10,000 parts. The CloudFront function has the same limit
_EMPTY_BODY = CreateEndpointRequest()  # a client may send no body

Token = Annotated[str, Path(description="Of the endpoint.")]
UploadId = Annotated[str, Path(alias="uploadId")]
Key = Annotated[str, Query(description="Of the upload.")]


def _text(description: str, alias: str | None = None) -> Query:
    return Query(alias=alias, max_length=MAX_TEXT_LENGTH, description=description)


@router.post(
    "/uploads/companion-token",
    guard=requires("files.write", project_from="projectId", rate_limit="create"),
    status_code=201,
    summary="Create an endpoint for Uppy",
    description="The `endpoint` of @uppy/aws-s3. It is shown once.",
)
def create_companion_token(
    caller: CurrentCaller, project: CurrentProject, _body: CreateEndpointRequest = _EMPTY_BODY
) -> DataResponse[CompanionEndpoint]:
    return data(tokens.issue(caller, project))


@router.get(
    "/u/<token>/s3/params",
    guard=public(allow_unknown_query=True),  # the metadata of the page
    summary="Get the form for a file",
)
def get_post_parameters(
    client: CurrentClient,
    token: Token,
    filename: Annotated[str, _text("The name of the file.")],
    type_: Annotated[str | None, _text("The type that the browser knows.", "type")] = None,
    name: Annotated[str | None, _text("The name that the user gave the file.", "metadata[name]")] = None,
    path: Annotated[str | None, _text("In the folder that the user dropped.", "metadata[relativePath]")] = None,
    size: Annotated[str | None, _text("Reserved exactly. Without it, up to 100 MiB.", "metadata[size]")] = None,
) -> PostParameters:
    metadata = {"name": name, "relativePath": path, "size": size}
    return uploads.create_post(client, token, describe(filename, type_, metadata))


@router.post("/u/<token>/s3/multipart", guard=public(), summary="Start an upload in parts")
def create_multipart(client: CurrentClient, token: Token, body: CreateMultipartRequest) -> CreatedMultipart:
    return uploads.create_multipart(client, token, describe(body.filename, body.type, body.metadata or {}))


# Before the route of one part, which would take `batch` for its number.
@router.get("/u/<token>/s3/multipart/<uploadId>/batch", guard=public(), summary="Get the URLs of several parts")
def get_part_urls(
    client: CurrentClient,
    token: Token,
    upload_id: UploadId,
    key: Key,
    part_numbers: Annotated[list[PartNumber], Query(alias="partNumbers", min_length=1, max_length=100)],
) -> PartUrls:
    return uploads.sign_parts(client, UploadReference(token, upload_id, key), part_numbers)


@router.get("/u/<token>/s3/multipart/<uploadId>/<partNumber>", guard=public(), summary="Get the URL of a part")
def get_part_url(
    client: CurrentClient,
    token: Token,
    upload_id: UploadId,
    part_number: Annotated[PartNumber, Path(alias="partNumber")],
    key: Key,
) -> PartUrl:
    return uploads.sign_part(client, UploadReference(token, upload_id, key), part_number)


@router.get("/u/<token>/s3/multipart/<uploadId>", guard=public(), summary="List the parts that S3 has")
def list_multipart_parts(client: CurrentClient, token: Token, upload_id: UploadId, key: Key) -> list[StoredPart]:
    return uploads.list_parts(client, UploadReference(token, upload_id, key))


@router.post(
    "/u/<token>/s3/multipart/<uploadId>/complete",
    guard=public(max_body_bytes=_MAX_PART_LIST_BYTES),
    summary="Assemble the parts",
)
def complete_multipart(
    client: CurrentClient, token: Token, upload_id: UploadId, key: Key, body: CompleteMultipartRequest
) -> CompletedMultipart:
    return uploads.complete(client, UploadReference(token, upload_id, key), body)


@router.delete("/u/<token>/s3/multipart/<uploadId>", guard=public(), summary="Abort an upload in parts")
def abort_multipart(client: CurrentClient, token: Token, upload_id: UploadId, key: Key) -> Aborted:
    uploads.abort(client, UploadReference(token, upload_id, key))
    return Aborted()
