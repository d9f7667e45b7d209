"""The bodies of the S3 part of the contract of Uppy Companion, as @uppy/aws-s3 5 and 6 send and read them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from holdall.files.names import MAX_PATH_LENGTH, clean_name
from holdall.platform.errors import Conflict
from holdall.platform.multipart import MAX_PARTS, MIN_PART_BYTES, Part
from holdall.platform.schemas import RequestModel, ResponseModel
from holdall.platform.text import MEDIA_TYPE_NAME, normalize_media_type
from holdall.uploads.parts import PartMismatch, PartOutOfRange, PartsMissing

MAX_TEXT_LENGTH = 4096  # of what a page tells of a file
_MAX_NAME_LENGTH = 255
_MEDIA_TYPE = re.compile(rf"{MEDIA_TYPE_NAME}/{MEDIA_TYPE_NAME} *(;.*)?")
_UNKNOWN_TYPE = "application/octet-stream"
_SIZE = re.compile("[0-9]{1,15}")

PartNumber = Annotated[int, Field(ge=1, le=MAX_PARTS)]


class WrongTotal(Conflict):
    """The page announced another size in `metadata.size`."""

    code, detail = "size_mismatch", "The parts are not as large as the file that was announced."


class CreateMultipartRequest(RequestModel):
    """The file to upload. `metadata` is what the page knows of it: `name`, `size` and `relativePath` are read."""

    filename: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)]
    type: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)] | None = None
    metadata: dict[str, Any] | None = None


def _check_unique(parts: "list[UploadedPart]") -> "list[UploadedPart]":
    if len({part.number for part in parts}) < len(parts):
        raise ValueError("a part is listed twice")
    return parts


class UploadedPart(RequestModel):
    """A part, with the ETag that S3 gave it."""

    number: PartNumber = Field(alias="PartNumber")
    etag: Annotated[str, Field(max_length=128)] = Field(alias="ETag")


class CompleteMultipartRequest(RequestModel):
    """The parts, in any order."""

    parts: Annotated[list[UploadedPart], Field(min_length=1, max_length=MAX_PARTS), AfterValidator(_check_unique)]


class PostParameters(ResponseModel):
    """A form to upload a file with. The fields come first, and `file` last."""

    method: Literal["POST"] = "POST"
    url: str
    fields: dict[str, str]
    expires: int  # seconds


class CreatedMultipart(ResponseModel):
    """A multipart upload. Every request about it needs both `upload_id` and `key`."""

    key: str
    upload_id: str
    bucket: str


class PartUrl(ResponseModel):
    """A URL to put a part to."""

    url: str
    expires: int  # seconds


class PartUrls(ResponseModel):
    """URLs by part number."""

    presigned_urls: dict[str, str]


class StoredPart(ResponseModel):
    """A part that S3 has."""

    number: int = Field(alias="PartNumber")
    etag: str = Field(alias="ETag")
    size: int = Field(alias="Size")


class CompletedMultipart(ResponseModel):
    """The file. `location` needs a caller who may read it."""

    location: str
    key: str
    bucket: str


class Aborted(ResponseModel):
    """An object without fields, because clients parse the body."""


@dataclass(frozen=True)
class FileDescription:
    """What a page tells of a file. Browsers leave out the type of many files, and Uppy the size."""

    name: str
    relative_path: str | None
    content_type: str
    size: int | None


def describe(filename: str, type_: str | None, metadata: Mapping[str, object]) -> FileDescription:
    """Return the description of a file. What is missing or strange is replaced, because a user could not correct it."""
    name = metadata.get("name")
    cleaned = clean_name(name) if isinstance(name, str) else ""
    cleaned = cleaned or clean_name(filename) or "file"
    is_media_type = type_ is not None and _MEDIA_TYPE.fullmatch(type_)
    return FileDescription(
        name=cleaned[-_MAX_NAME_LENGTH:],  # the end, because the extension is there
        relative_path=_parse_path(metadata.get("relativePath")),
        content_type=normalize_media_type(type_) if type_ is not None and is_media_type else _UNKNOWN_TYPE,
        size=_parse_size(metadata.get("size")),
    )


def _parse_path(value: object) -> str | None:
    """Return the path of a file in a folder. Uppy 6 sends `null` in a query for a file that is in none."""
    return value[-MAX_PATH_LENGTH:] if isinstance(value, str) and value != "null" else None


def _parse_size(value: object) -> int | None:
    """Return a size that the page announced: a number in JSON, digits in a query."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not _SIZE.fullmatch(str(value)):
        return None
    return int(value)


def check_numbers(numbers: Sequence[int], max_bytes: int) -> None:
    """Check that a file of at most `max_bytes` can have parts with these numbers. Raises PartOutOfRange.

    The URL of a part does not limit its size, which the client decides. Every part but the last one needs the least that S3
    accepts, so more parts would only be stored and never assembled.
    """
    count = max(1, ceil(max_bytes / MIN_PART_BYTES))
    if max(numbers) > count:
        raise PartOutOfRange(f"A file of at most {max_bytes} bytes has the parts 1 to {count}.")


def choose_parts(stored: Sequence[Part], requested: Sequence[UploadedPart]) -> list[Part]:
    """Return the parts that S3 shall assemble, in order. Raises PartsMissing and PartMismatch."""
    by_number = {part.number: part for part in stored}
    chosen = []
    for each in sorted(requested, key=lambda part: part.number):
        part = by_number.get(each.number)
        if part is None:
            raise PartsMissing(f"Part {each.number} is missing. Upload it, then complete the upload.")
        if part.etag.strip('"') != each.etag.strip('"'):
            raise PartMismatch(f"Part {each.number} has another ETag. Upload it again.")
        chosen.append(part)
    return chosen
