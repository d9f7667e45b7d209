"""Check an image before it is decoded: its size in bytes, and its type by its first bytes."""

import struct
from pathlib import Path
from typing import Final

from functions.imageproc.rejection import Rejected

MAX_BYTES: Final = 128 * 1024 * 1024
_AVIF_BRANDS: Final = {b"avif", b"avis"}
_HEIC_BRANDS: Final = {b"heic", b"heix", b"heim", b"heis"}


def check_size(size: int) -> None:
    """Check the size of a file in bytes. Raises Rejected with `too_many_bytes`."""
    if size > MAX_BYTES:
        raise Rejected("too_many_bytes", f"An image must not be larger than {MAX_BYTES} bytes; this one has {size}.")


def probe(source: Path) -> str:
    """Return the content type of a file by its first bytes, whatever the client declared.

    Raises Rejected with `empty_file` or `unsupported_type`, and OSError if the file cannot be read.
    """
    with source.open("rb") as file:
        start = file.read(256)
    if not start:
        raise Rejected("empty_file", "The file is empty.")
    content_type = _sniff_content_type(start)
    if content_type is None:
        raise Rejected("unsupported_type", "The file is not a JPEG, PNG, WebP, GIF, AVIF or HEIC image.")
    return content_type


def _sniff_content_type(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return _content_type_of_boxes(data) if data[4:8] == b"ftyp" else None


def _content_type_of_boxes(data: bytes) -> str | None:
    brands = _ftyp_brands(data)
    if brands & _AVIF_BRANDS:
        return "image/avif"
    if brands & _HEIC_BRANDS:
        return "image/heic"
    return "image/heif" if b"mif1" in brands else None


def _ftyp_brands(data: bytes) -> set[bytes]:
    # ISO/IEC 14496-12, section 4.3: a major brand, a version, and compatible brands until the end of the box.
    (length,) = struct.unpack(">I", data[:4])
    end = min(length, len(data))
    return {data[8:12]} | {data[start : start + 4] for start in range(16, end - 3, 4)}
