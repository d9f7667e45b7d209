"""Files to upload: pictures that are fine, and some that are not."""

import random
import struct
import zlib
from io import BytesIO

from PIL import Image

_HUGE_SIDE = 30_000  # pixels a side, which a decoder would need 3.6 GB for


def make_photo(seed: int = 0, width: int = 320, height: int = 240) -> bytes:
    """A JPEG that looks like no other."""
    noise = random.Random(seed).randbytes(12 * 9 * 3)  # noqa: S311  # a picture is no secret
    image = Image.frombytes("RGB", (12, 9), noise).resize((width, height), Image.Resampling.BICUBIC)
    content = BytesIO()
    image.save(content, "JPEG", quality=90)
    return content.getvalue()


def make_truncated_jpeg() -> bytes:
    """A JPEG that ends in the middle."""
    whole = make_photo(1)
    return whole[: len(whole) // 2]


def make_decompression_bomb() -> bytes:
    """A PNG of a few bytes whose header promises more pixels than any memory holds."""
    header = struct.pack(">IIBBBBB", _HUGE_SIDE, _HUGE_SIDE, 8, 6, 0, 0, 0)
    chunks = _png_chunk(b"IHDR", header) + _png_chunk(b"IDAT", zlib.compress(bytes(1000))) + _png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def make_svg_with_script() -> bytes:
    """An SVG with a script in it."""
    return b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'


def open_image(content: bytes) -> Image.Image:
    """A picture that came back."""
    image: Image.Image = Image.open(BytesIO(content))
    image.load()
    return image


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
