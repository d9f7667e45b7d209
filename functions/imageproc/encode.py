"""From the pixels of a variant to its bytes. Same pixels, same bytes, on any machine with the same libraries."""

import io
from typing import Any, Final

from PIL import Image

from functions.imageproc.types import Format

CONTENT_TYPES: Final[dict[Format, str]] = {
    "webp": "image/webp",
    "avif": "image/avif",
    "jpeg": "image/jpeg",
    "png": "image/png",
}

# libaom cuts a picture into tiles by the number of its threads, and so bytes depend on it: it is fixed.
_AVIF_THREADS: Final = 2
# What libaom need not try at speed 6: transforms other than the DCT, two of its predictors, and trellis quantisation of
# what it only considers (what it keeps is still quantised so). On photographs that is up to a third of its CPU time for
# some two per cent more bytes and 0.04 dB of PSNR.
_AVIF_ADVANCED_OPTIONS: Final = {
    "use-intra-dct-only": "1",
    "disable-trellis-quant": "2",
    "enable-paeth-intra": "0",
    "enable-smooth-intra": "0",
}


def encode(image: Image.Image, format_: Format, quality: int) -> bytes:
    """Encode RGB or RGBA pixels. JPEG, which has no transparency, shows them on white.

    Raises MemoryError, and what Pillow raises for a size that a format does not have.
    """
    if format_ == "jpeg" and image.mode == "RGBA":
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    buffer = io.BytesIO()
    image.save(buffer, format_, **_options(format_, quality))
    return buffer.getvalue()


def _options(format_: Format, quality: int) -> dict[str, Any]:
    match format_:
        case "webp":
            return {"quality": quality, "method": 4}
        case "avif":
            return {
                "quality": quality,
                "speed": 6,
                "codec": "aom",
                "max_threads": _AVIF_THREADS,
                "advanced": _AVIF_ADVANCED_OPTIONS,
            }
        case "jpeg":
            return {"quality": quality, "optimize": True, "progressive": True}
        case "png":
            return {"compress_level": 6}
