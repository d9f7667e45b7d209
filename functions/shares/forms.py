"""The forms of the page."""

from dataclasses import dataclass
from typing import Annotated, cast
from urllib.parse import parse_qsl

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from holdall.http import file_body
from holdall.http.auth import CONTEXT
from holdall.http.file_body import FileBody, FileMissing
from holdall.platform.errors import BadRequest, UnsupportedMediaType
from holdall.platform.text import normalize_media_type

_FORM = "application/x-www-form-urlencoded"
_FILE_FORM = "multipart/form-data"
_MAX_FIELDS = 10
_FILE_FIELDS = ("ticket", "form", "newVersion")


@dataclass(frozen=True)
class FileForm:
    """A form with a file. `id` is the same whenever a browser sends it again."""

    file: FileBody
    ticket: str | None
    id: str
    is_new_version: bool


def _read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form, or none of an empty body. Raises UnsupportedMediaType and BadRequest."""
    content: bytes = request.context[CONTEXT].content
    if not content:
        return {}
    if normalize_media_type(_content_type(request)) != _FORM:
        raise UnsupportedMediaType(f"The body must be {_FORM}.")
    try:
        return dict(parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict"))
    except ValueError as error:
        raise BadRequest from error


def _read_file_form(request: Request) -> FileForm:
    """Return the fields of a form with a file.

    Raises UnsupportedMediaType, FileTooLarge, MalformedForm, UnexpectedPart and FileMissing.
    """
    content_type = _content_type(request)
    if normalize_media_type(content_type) != _FILE_FORM:
        raise UnsupportedMediaType(f"The body must be {_FILE_FORM}.")
    file = file_body.parse_form(content_type, request.context[CONTEXT].content, _FILE_FIELDS)
    if not file.name:  # what a browser sends if no file was chosen
        raise FileMissing("Choose a file first.", pointer="/file")
    fields = file.fields
    return FileForm(file, fields.get("ticket"), fields.get("form", ""), fields.get("newVersion") == "true")


def _content_type(request: Request) -> str:
    return cast("APIGatewayProxyEventV2", request.resolved_event).headers.get("content-type") or ""


CurrentForm = Annotated[dict[str, str], Depends(_read_form)]
CurrentFileForm = Annotated[FileForm, Depends(_read_file_form)]
