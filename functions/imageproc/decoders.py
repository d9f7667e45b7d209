"""The decoders of Pillow: which one opens a picture, and the limits of what it may decode."""

import io
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from functions.imageproc import animations, heif, jpeg, png
from functions.imageproc.picture import Picture
from functions.imageproc.rejection import Rejected

MAX_PIXELS: Final = 50_000_000
MAX_SIDE: Final = 16_384
MAX_FRAMES: Final = 200
MAX_TOTAL_PIXELS: Final = 100_000_000

# Pillow supports fifty formats, and strangers can reach each decoder. These are the formats that browsers show, and HEIC, which
# phones take photos in. TIFF, BMP, PSD, EPS and SVG are plain files. The decoders are called by name, because Pillow tries all
# fifty when it is asked to open a file.
_DECODERS: Final[dict[str, type[ImageFile.ImageFile]]] = {
    "image/jpeg": JpegImageFile,
    "image/png": PngImageFile,
    "image/webp": WebPImageFile,
    "image/gif": GifImageFile,
    "image/avif": AvifImageFile,
}

Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses more than twice as many, before it allocates a canvas
ImageFile.LOAD_TRUNCATED_IMAGES = False


@dataclass(frozen=True)
class Header:
    """The header of a picture: its size in pixels before EXIF orientation."""

    content_type: str
    width: int
    height: int


def cut_out(data: bytes, content_type: str) -> Picture:
    """Return the picture in a file. Raises Rejected with `too_many_scans`, and exceptions for a broken file."""
    match content_type:
        case "image/jpeg":
            return jpeg.cut_out(data)
        case "image/png":
            return png.cut_out(data)
        case "image/gif":
            return animations.cut_out_gif(data)
        case "image/webp":
            return animations.cut_out_webp(data)
        case _:
            return heif.cut_out(data, content_type)


def read_header(picture: Picture) -> Header:
    """Read the header of a picture and check it against the limits. No pixel is decoded.

    Raises Rejected with `too_many_pixels`, `side_too_long`, `too_many_frames` or `animation_too_large`, and the exceptions of
    Pillow for a broken header.
    """
    with open_image(picture) as image:
        header = Header(picture.content_type, *image.size)
        frames = image.n_frames if isinstance(image, AvifImageFile) else picture.frames
    pixels = header.width * header.height
    if pixels > MAX_PIXELS:
        raise _too_many_pixels()
    if max(image.size) > MAX_SIDE:
        raise Rejected("side_too_long", f"A side must not be longer than {MAX_SIDE} pixels; one has {max(image.size)}.")
    if frames > MAX_FRAMES:
        raise Rejected(
            "too_many_frames", f"An image must not have more than {MAX_FRAMES} frames; this one has {frames}."
        )
    if frames * pixels > MAX_TOTAL_PIXELS:
        raise Rejected("animation_too_large", f"All frames together must not have more than {MAX_TOTAL_PIXELS} pixels.")
    return header


def open_image(picture: Picture) -> ImageFile.ImageFile:
    """Open a picture with the decoder of its type. Raises Rejected for a huge canvas."""
    decoder = _DECODERS.get(picture.content_type) or _heif_decoder()
    try:
        return decoder(io.BytesIO(picture.data))
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error


def _too_many_pixels() -> Rejected:
    return Rejected("too_many_pixels", f"An image must not have more than {MAX_PIXELS} pixels.")


def _heif_decoder() -> type[ImageFile.ImageFile]:
    # Imported for HEIC alone, so that the first image of a worker does not wait for it.
    from pillow_heif import options  # noqa: PLC0415
    from pillow_heif.as_plugin import HeifImageFile  # noqa: PLC0415

    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    decoder: type[ImageFile.ImageFile] = HeifImageFile
    return decoder
