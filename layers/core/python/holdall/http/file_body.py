"""Bodies that are a file: its bytes, or a form that contains it (RFC 7578)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
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
    """The form has a part that is neither the file nor a known field, or one of them twice."""

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
    fields: Mapping[str, str] = field(default_factory=dict)  # of a form, besides the file


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
        return parse_form(content_type, content)
    return _check_size(FileBody(content, None if media_type in _UNDECLARED else content_type))


def parse_form(content_type: str, content: bytes, fields: Collection[str] = ()) -> FileBody:
    """Return the file of a form that may have these fields as well.

    Raises FileTooLarge, MalformedForm, UnexpectedPart and FileMissing.
    """
    # Imported here because it takes 5 ms of a cold start, and no other route needs it.
    from multipart import (  # noqa: PLC0415
        MultipartError,
        MultipartSegment,
        PushMultipartParser,
        parse_options_header,
    )

    parts: dict[str, Any] = {}
    chunks: dict[str, list[bytes]] = {}
    name = ""
    try:
        boundary = parse_options_header(content_type)[1].get("boundary", "")
        with PushMultipartParser(boundary, strict=True) as parser:
            for found in parser.parse(content):
                if isinstance(found, MultipartSegment):
                    _check_part(found, known={"file", *fields} - parts.keys())
                    name = found.name
                    parts[name], chunks[name] = found, []
                elif found:
                    chunks[name].append(found)
        texts = {name: b"".join(chunks[name]).decode() for name in parts if name != "file"}
    except (MultipartError, UnicodeError) as error:
        raise MalformedForm from error
    part = parts.get("file")
    if part is None:
        raise FileMissing(pointer="/file")
    return _check_size(FileBody(b"".join(chunks["file"]), part.content_type or None, part.filename or None, texts))


def _check_size(file: FileBody) -> FileBody:
    if len(file.content) > MAX_FILE_BYTES:
        raise FileTooLarge
    return file


def _check_part(part: Any, *, known: Collection[str]) -> None:
    if part.name not in known:
        raise UnexpectedPart(pointer=f"/{part.name[:100]}")
    if part.header("Content-Transfer-Encoding", "binary").lower() not in _PLAIN_ENCODINGS:
        raise MalformedForm("The file must be sent without a Content-Transfer-Encoding (RFC 7578, section 4.7).")


def _read_file(request: Request) -> FileBody:
    event = cast("APIGatewayProxyEventV2", request.resolved_event)
    return parse(event.headers.get("content-type") or "", request.context[CONTEXT].content)


UploadedFile = Annotated[FileBody, Depends(_read_file)]  # a parameter of a route with a `file_body`
