"""The page of a link, for people. It works without scripts: its buttons send forms, and each response is a page."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import ValidationError

from functions.shares import rendering
from functions.shares.forms import CurrentFileForm, CurrentForm, FileForm
from holdall.http.app import Router
from holdall.http.auth import CurrentClient, public
from holdall.http.file_body import FileTooLarge
from holdall.http.responses import see_other
from holdall.platform.caller import ClientInfo
from holdall.platform.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    HoldallError,
    PayloadTooLarge,
    ValidationFailed,
)
from holdall.shares import share_uploads, visits
from holdall.shares.model import (
    PasswordRequired,
    Proof,
    SharedFile,
    ShareNotFound,
    ShareUpload,
    ShareUploadRequest,
    WrongPassword,
    is_token,
)
from holdall.uploads.direct import UNKNOWN_TYPE

router = Router(base_path="")

Token = Annotated[str, Path()]
# Who shares a link on a social network gets it back with a parameter more.
_GUARD = public(rate_limit="share", allow_unknown_query=True, max_body_bytes=16 * 1024)  # the longest password, encoded
_UPLOAD_GUARD = public(rate_limit="share", allow_unknown_query=True, file_body=True)
# What people can do something about. All else ends in a page of its own.
_MENDABLE = (BadRequest, Forbidden, Conflict, ValidationFailed, PayloadTooLarge)


class NameRefused(ValidationFailed):
    """The name of the file, or what the browser says about it, is nothing that Holdall stores."""

    code, detail = "invalid", "A file of this name cannot be stored. Rename it, then try again."


@router.get("/s/<token>", guard=_GUARD)
def show_link(
    token: Token, too_large: Annotated[str | None, Query(alias="tooLarge", max_length=100)] = None
) -> Response[str]:
    # CloudFront leads here from a form with a larger body than Lambda takes.
    return _show(token, visits.describe(token), error=FileTooLarge() if too_large else None)


@router.post("/s/<token>", guard=_GUARD)
def open_link(client: CurrentClient, token: Token, form: CurrentForm) -> Response[str]:
    try:
        shared, ticket = visits.unlock(client, token, form.get("password", ""))
    except WrongPassword as error:
        return rendering.ask_password(token, error)
    return _show(token, shared, ticket)


@router.post("/s/<token>/download", guard=_GUARD)
def download_from_page(client: CurrentClient, token: Token, form: CurrentForm) -> Response[Any]:
    try:
        return see_other(visits.download(client, token, Proof(ticket=form.get("ticket"))).url)
    except PasswordRequired as error:
        return rendering.ask_password(token, error)


@router.post("/s/<token>/upload", guard=_UPLOAD_GUARD)
def upload_from_page(client: CurrentClient, token: Token, form: CurrentFileForm) -> Response[str]:
    uploaded, problem = None, None
    try:
        uploaded = _upload(client, token, form)
    except PasswordRequired as error:
        return rendering.ask_password(token, error)
    except _MENDABLE as error:
        problem = error
    shared = visits.describe(token, form.ticket)
    return _show(token, shared, form.ticket, uploaded=uploaded.name if uploaded else None, error=problem)


@router.get("/s/<token>/download", guard=_GUARD)
@router.get("/s/<token>/upload", guard=_GUARD)
def return_to_page(token: Token) -> Response[Any]:
    """Lead back who enters the address again that a form has left in the browser. Raises ShareNotFound for another text."""
    if not is_token(token):
        raise ShareNotFound
    return see_other(f"/s/{token}")


def _upload(client: ClientInfo, token: str, form: FileForm) -> ShareUpload:
    try:
        request = ShareUploadRequest.model_validate(
            {
                "filename": form.file.name,
                "size": len(form.file.content),
                "contentType": form.file.content_type or UNKNOWN_TYPE,
                "newVersion": form.is_new_version,
            }
        )
    except ValidationError as error:
        raise NameRefused from error
    proof = Proof(ticket=form.ticket)
    return share_uploads.upload_directly(client, token, proof, request, form.file.content, form_id=form.id)


def _show(
    token: str,
    shared: SharedFile,
    ticket: str | None = None,
    *,
    uploaded: str | None = None,
    error: HoldallError | None = None,
) -> Response[str]:
    if shared.name is None:
        return rendering.ask_password(token, error)
    return rendering.show_file(
        token, shared, ticket, form_id=share_uploads.new_form_id(), uploaded=uploaded, error=error
    )
