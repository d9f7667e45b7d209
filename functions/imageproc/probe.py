"""Check an image before a pixel of it is decoded: its size, its first bytes, its header."""

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from functions.imageproc.rejection import Rejected

MAX_BYTES: Final = 128 * 1024 * 1024
MAX_PIXELS: Final = 50_000_000
MAX_SIDE: Final = 16_384
MAX_FRAMES: Final = 200
MAX_TOTAL_PIXELS: Final = 100_000_000
# A decoder computes the whole image for each scan of a progressive JPEG, and a scan may be ten bytes. Photos have about ten
# scans. The authors of libjpeg-turbo suggest 500 as a limit ("Two Issues with the JPEG Standard").
MAX_SCANS: Final = 500

# Pillow supports fifty formats, and strangers can reach each decoder. These are the formats that browsers show, so TIFF, HEIC,
# BMP, PSD, EPS and SVG are plain files. The JPEG plugin also opens MPO, the multi-picture JPEG of cameras. The plugins are
# imported by name, because Pillow imports all fifty when it is asked for a format that is not registered.
_IMAGE_PLUGINS: Final = {
    "image/jpeg": JpegImageFile,
    "image/png": PngImageFile,
    "image/webp": WebPImageFile,
    "image/gif": GifImageFile,
    "image/avif": AvifImageFile,
}
_FTYP_BRANDS: Final = {b"avif", b"avis"}

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
ImageFile.LOAD_TRUNCATED_IMAGES = False


@dataclass(frozen=True)
class Header:
    """The header of an image: its size in pixels before EXIF orientation, and the number of its frames."""

    content_type: str
    width: int
    height: int
    frames: int


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
        raise Rejected("unsupported_type", "The file is not a JPEG, PNG, WebP, GIF or AVIF image.")
    return content_type


def read_header(data: bytes, content_type: str) -> Header:
    """Read the header of an image and check it against the limits. No pixel is decoded.

    Raises Rejected with `too_many_pixels`, `side_too_long`, `too_many_frames`, `animation_too_large` or `too_many_scans`, and
    the exceptions of Pillow for a broken header.
    """
    # Compressed pixels never contain a marker (ITU-T T.81, B.1.1.5), so this counts scans, including those of previews.
    if content_type == "image/jpeg" and data.count(b"\xff\xda") > MAX_SCANS:
        raise Rejected("too_many_scans", f"A JPEG must not have more than {MAX_SCANS} scans.")
    with open_image(data, content_type) as image:
        header = Header(content_type, *image.size, getattr(image, "n_frames", 1))
        pixels = header.width * header.height
        if pixels > MAX_PIXELS:
            raise _too_many_pixels()
        if max(image.size) > MAX_SIDE:
            raise Rejected(
                "side_too_long", f"A side must not be longer than {MAX_SIDE} pixels; one has {max(image.size)}."
            )
        if header.frames > MAX_FRAMES:
            raise Rejected(
                "too_many_frames",
                f"An image must not have more than {MAX_FRAMES} frames; this one has {header.frames}.",
            )
        total_pixels = _mpo_pixels(image) if image.format == "MPO" else header.frames * pixels
        if total_pixels > MAX_TOTAL_PIXELS:
            raise animation_too_large()
    return header


def open_image(data: bytes, content_type: str) -> ImageFile.ImageFile:
    """Open an image of a known type. A decompression bomb warning of Pillow rejects it, and other warnings are ignored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return Image.open(io.BytesIO(data), formats=[str(_IMAGE_PLUGINS[content_type].format)])
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise _too_many_pixels() from error


def animation_too_large() -> Rejected:
    return Rejected("animation_too_large", f"All frames together must not have more than {MAX_TOTAL_PIXELS} pixels.")


def _too_many_pixels() -> Rejected:
    return Rejected("too_many_pixels", f"An image must not have more than {MAX_PIXELS} pixels.")


def _mpo_pixels(image: ImageFile.ImageFile) -> int:
    """Return the pixels of all images in an MPO. They differ in size: a photo, its preview, its depth map."""
    total = 0
    for number in range(getattr(image, "n_frames", 1)):
        try:
            image.seek(number)
        except Exception:  # noqa: BLE001, S112  # many services remove the other images and leave the index
            continue
        total += image.width * image.height
    return total


def _sniff_content_type(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp" and _FTYP_BRANDS & _ftyp_brands(data):
        return "image/avif"
    return None


def _ftyp_brands(data: bytes) -> set[bytes]:
    # ISO/IEC 14496-12, section 4.3: a major brand, a version, and compatible brands until the end of the box.
    (length,) = struct.unpack(">I", data[:4])
    end = min(length, len(data))
    return {data[8:12]} | {data[start : start + 4] for start in range(16, end - 3, 4)}
