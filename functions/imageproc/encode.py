"""Encode the pixels of a variant. The same pixels give the same bytes on every machine with the same libraries."""

import io
from typing import Any, Final, Literal

from PIL import Image

Format = Literal["webp", "avif", "jpeg", "png"]
# libaom divides an image into tiles by the number of its threads, so the bytes depend on this number.
_AVIF_THREADS: Final = 2
# Options that libaom does not need at speed 6: transforms other than the DCT, two of its predictors, and trellis quantization
# of candidates (the chosen ones are still quantized so). For photos, this saves up to a third of the CPU time and costs about
# two percent more bytes and 0.04 dB of PSNR.
_AVIF_ADVANCED_OPTIONS: Final = {
    "use-intra-dct-only": "1",
    "disable-trellis-quant": "2",
    "enable-paeth-intra": "0",
    "enable-smooth-intra": "0",
}


def encode(image: Image.Image, format_: Format, quality: int) -> bytes:
    """Encode RGB or RGBA pixels. JPEG has no transparency, so it gets a white background.

    Raises MemoryError, and the exceptions of Pillow for a size that the format does not support.
    """
    if format_ == "jpeg" and image.mode == "RGBA":
        background = Image.new("RGB", image.size, "white")
        background.paste(image, mask=image.getchannel("A"))
        image = background
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
