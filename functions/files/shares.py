"""Shares of a file."""

from functools import partial
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, CurrentMembership, CurrentProject, requires
from holdall.http.responses import Cursor, DataResponse, Limit, PageResponse, data, no_content, paginate
from holdall.shares import service
from holdall.shares.model import CreateShareRequest, ShareUse, ShareView, ShareWithToken

router = Router()

FileId = Annotated[str, Path(alias="fileId", max_length=64)]
ShareId = Annotated[str, Path(alias="shareId")]
_SHARE = requires("files.share", project_from="fileId")
_CREATE = requires("files.share", project_from="fileId", rate_limit="create")


@router.post(
    "/files/<fileId>/shares",
    guard=_CREATE,
    status_code=201,
    summary="Share a file",
    description=(
        "Anyone with the link can use it. It ends when its creator may not share the file any more. An API key needs "
        "`files.read` as well, and `files.write` to share for writing."
    ),
)
def create_share(
    caller: CurrentCaller,
    project: CurrentProject,
    membership: CurrentMembership,
    file_id: FileId,
    body: CreateShareRequest,
) -> DataResponse[ShareWithToken]:
    return data(service.create(caller, project, membership, file_id, body))


@router.get("/files/<fileId>/shares", guard=_SHARE, summary="List the shares of a file")
def list_shares(
    project: CurrentProject, file_id: FileId, limit: Limit = 20, cursor: Cursor = None
) -> PageResponse[ShareView]:
    return paginate(limit, cursor, partial(service.list_views, project, file_id), "shares", file_id)


@router.delete("/files/<fileId>/shares/<shareId>", guard=_SHARE, status_code=204, summary="Revoke a share")
def revoke_share(caller: CurrentCaller, file_id: FileId, share_id: ShareId) -> Response[None]:
    service.revoke(caller, file_id, share_id)
    return no_content()


@router.get(
    "/files/<fileId>/shares/<shareId>/uses",
    guard=_SHARE,
    summary="List the uses of a share",
    description="The downloads and uploads of the last 90 days, newest first.",
)
def list_share_uses(
    file_id: FileId, share_id: ShareId, limit: Limit = 20, cursor: Cursor = None
) -> PageResponse[ShareUse]:
    return paginate(limit, cursor, partial(service.list_uses, file_id, share_id), "share-uses", share_id)
