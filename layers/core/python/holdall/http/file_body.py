"""Bodies that are a file: its bytes, or a form that contains it (RFC 7578)."""

from dataclasses import dataclass
from typing import Annotated, Any, cast

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from holdall.http import body
from holdall.http.auth import CONTEXT
from holdall.http.body import MalformedBody
from holdall.platform.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType, ValidationFailed
from holdall.platform.text import normalize_media_type

MAX_FILE_BYTES = 4 * 1024**2
# With the boundaries and headers of a form. Lambda takes 6 MB in base64, which is a third larger (AWS Lambda developer guide,
# "Lambda quotas"). The CloudFront function has the same limit.
MAX_BODY_BYTES = MAX_FILE_BYTES + 16 * 1024
_FORM = "multipart/form-data"
_UNDECLARED = ("", "application/x-www-form-urlencoded")  # curl --data-binary says the second about every file
_PLAIN_ENCODINGS = ("7bit", "8bit", "binary")


class FileTooLarge(PayloadTooLarge):
    """The file is too large for a request."""

    code = "body_too_large"
    detail = "A file of more than 4 MiB does not fit into a request. Upload it with POST /api/v1/files/init-upload."


class MalformedForm(BadRequest):
    """The form is not one that every parser reads in the same way."""

    code, detail = "malformed_form", "The body is not valid multipart/form-data (RFC 7578) with names in UTF-8."


class UnexpectedPart(ValidationFailed):
    """The form has a part that is not the file, or a second file."""

    code, detail = "unknown_field", "A form must have one part, the `file`. Send everything else in the query."


class FileMissing(ValidationFailed):
    """The form has no parts."""

    code, detail = "required", "The form must have a part with the name `file`."


@dataclass(frozen=True)
class FileBody:
    """The file of a body, as the client described it."""

    content: bytes
    content_type: str | None
    name: str | None = None  # of a form


def read(event: APIGatewayProxyEventV2) -> bytes:
    """Return the bytes of a body. Raises FileTooLarge, MalformedBody and UnsupportedMediaType."""
    content = body.decode(event)
    if len(content) > MAX_BODY_BYTES:
        raise FileTooLarge
    if event.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("The file must be sent without a Content-Encoding.")
    length = event.headers.get("content-length", str(len(content)))
    if not event.is_base64_encoded and length != str(len(content)):
        # API Gateway passes text as a string, and replaces what is not UTF-8.
        raise MalformedBody("Text must be UTF-8. Send other text as application/octet-stream, or in a form.")
    return content


def parse(content_type: str, content: bytes) -> FileBody:
    """Return the file of a body. Raises FileTooLarge, MalformedForm, UnexpectedPart and FileMissing."""
    media_type = normalize_media_type(content_type)
    if media_type == _FORM:
        file = _parse_form(content_type, content)
    else:
        file = FileBody(content, None if media_type in _UNDECLARED else content_type)
    if len(file.content) > MAX_FILE_BYTES:
        raise FileTooLarge
    return file


def _parse_form(content_type: str, content: bytes) -> FileBody:
    # Imported here because it takes 5 ms of a cold start, and no other route needs it.
    from multipart import (  # noqa: PLC0415
        MultipartError,
        MultipartSegment,
        PushMultipartParser,
        parse_options_header,
    )

    part: Any = None
    chunks: list[bytes] = []
    try:
        boundary = parse_options_header(content_type)[1].get("boundary", "")
        with PushMultipartParser(boundary, strict=True) as parser:
            for found in parser.parse(content):
                if isinstance(found, MultipartSegment):
                    _check_part(found, is_first=part is None)
                    part = found
                elif found:
                    chunks.append(found)
    except (MultipartError, UnicodeError) as error:
        raise MalformedForm from error
    if part is None:
        raise FileMissing(pointer="/file")
    return FileBody(b"".join(chunks), part.content_type or None, part.filename or None)


def _check_part(part: Any, *, is_first: bool) -> None:
    if part.name != "file" or not is_first:
        raise UnexpectedPart(pointer=f"/{part.name[:100]}")
    if part.header("Content-Transfer-Encoding", "binary").lower() not in _PLAIN_ENCODINGS:
        raise MalformedForm("The file must be sent without a Content-Transfer-Encoding (RFC 7578, section 4.7).")


def _read_file(request: Request) -> FileBody:
    event = cast("APIGatewayProxyEventV2", request.resolved_event)
    return parse(event.headers.get("content-type") or "", request.context[CONTEXT].content)


UploadedFile = Annotated[FileBody, Depends(_read_file)]  # a parameter of a route with a `file_body`
