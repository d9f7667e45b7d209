"""Images for tests, in every mode and format."""

import io
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageCms

RED: Final = (200, 30, 40)
BLUE: Final = (20, 60, 180)
CONTENT_TYPES: Final = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "HEIC": "image/heic",
}
# Red and green above blue and yellow, 64 by 48, made by heif-enc (libheif 1.15): `heif-enc -q 90`. The other one has a property
# `irot` in addition, which turns it by 90 degrees clockwise, and EXIF data with the orientation 6, which says the same.
_SAMPLES: Final = Path(__file__).parents[1] / "unit" / "imageproc" / "samples"
HEIC: Final = (_SAMPLES / "quarters.heic").read_bytes()
TURNED_HEIC: Final = (_SAMPLES / "quarters-turned.heic").read_bytes()


def encode(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def decode(content: bytes) -> Image.Image:
    """Return the decoded image."""
    image: Image.Image = Image.open(io.BytesIO(content))
    image.load()
    return image


def make_photo(width: int = 60, height: int = 40, color: str = "teal") -> bytes:
    """Return a small JPEG of one color."""
    return encode(Image.new("RGB", (width, height), color), "JPEG")


def make_noise_photo(seed: int, width: int = 320, height: int = 240) -> bytes:
    """Return a JPEG that differs from that of any other seed."""
    noise = random.Random(seed).randbytes(12 * 9 * 3)  # noqa: S311  # an image is not a secret
    image = Image.frombytes("RGB", (12, 9), noise).resize((width, height), Image.Resampling.BICUBIC)
    return encode(image, "JPEG", quality=90)


def make_truncated_jpeg() -> bytes:
    """Return the first half of a JPEG."""
    jpeg = make_noise_photo(1)
    return jpeg[: len(jpeg) // 2]


def make_decompression_bomb() -> bytes:
    """Return a PNG of a few bytes whose header promises 30,000 by 30,000 pixels, which take 3.6 GB."""
    return build_png((30_000, 30_000), 8, 6, bytes(1000))


def make_svg_with_script() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'


def sample_image(width: int = 48, height: int = 32) -> Image.Image:
    """Return an image without symmetry: red left, blue right, a white top left corner, and a gray gradient at the bottom."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    image.paste("white", (0, 0, width // 4, height // 4))
    gradient = Image.linear_gradient("L").rotate(90).resize((width, height // 4))
    image.paste(gradient.convert("RGB"), (0, height - height // 4))
    return image


def animation(format_: str, frame_count: int, width: int = 24, height: int = 16) -> bytes:
    """Return an animation. No encoder merges frames, because all differ. The first one is red, the others are blue."""
    first = Image.new("RGB", (width, height), RED)
    others = []
    for number in range(1, frame_count):
        other = Image.new("RGB", (width, height), BLUE)
        other.putpixel((number % width, number // width % height), (255, number % 256, 0))
        others.append(other)
    return encode(first, format_, save_all=True, append_images=others, duration=40)


def quarters() -> Image.Image:
    """Return an image of 64 by 48 pixels: red and green above blue and yellow."""
    image = Image.new("RGB", (64, 48), (255, 0, 0))
    image.paste((0, 255, 0), (32, 0, 64, 24))
    image.paste((0, 0, 255), (0, 24, 32, 48))
    image.paste((255, 255, 0), (32, 24, 64, 48))
    return image


def png_chunk(kind: bytes, data: bytes, *, checksum_error: int = 0) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) ^ checksum_error)


def png_with(*chunks: bytes, image: Image.Image | None = None) -> bytes:
    """Return a PNG, of `quarters` by default, with more chunks after its header."""
    data = encode(image or quarters(), "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def build_png(
    size: tuple[int, int],
    depth: int,
    color_type: int,
    rows: bytes,
    *,
    transparent: bytes = b"",
    compressed_rows: bytes | None = None,
) -> bytes:
    """Return a PNG that Pillow cannot write: of any bit depth, with a transparent color, or with a wrong size."""
    header = struct.pack(">IIBBBBB", *size, depth, color_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + (png_chunk(b"tRNS", transparent) if transparent else b"")
        + png_chunk(b"IDAT", zlib.compress(rows) if compressed_rows is None else compressed_rows)
        + png_chunk(b"IEND", b"")
    )


def wide_gamut_profile() -> bytes:
    """Return an ICC profile like sRGB with red and green exchanged. An image that is stored red is seen green."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    offsets = {bytes(profile[offset : offset + 4]): offset for offset in range(132, 132 + 12 * count, 12)}
    for tag, other in ((b"rXYZ", b"gXYZ"), (b"gXYZ", b"rXYZ")):
        profile[offsets[tag] : offsets[tag] + 4] = other
    return bytes(profile)


def corpus() -> Iterator[tuple[str, str, bytes]]:
    """Yield small images of every format and mode: a name, the content type, and the bytes."""
    image = sample_image()
    translucent = image.copy()
    translucent.putalpha(Image.linear_gradient("L").resize(image.size))
    palette = image.quantize(16)
    modes = {
        "JPEG": [image, image.convert("L"), image.convert("CMYK")],
        "PNG": [image, image.convert("L"), image.convert("1"), palette, translucent, translucent.convert("LA")],
        "WEBP": [image, translucent],
        "GIF": [palette, image.convert("L"), image.convert("1")],
        "AVIF": [image, translucent, image.convert("L")],
    }
    for format_, images in modes.items():
        for each in images:
            yield f"{format_.lower()}-{each.mode}", CONTENT_TYPES[format_], encode(each, format_)
    yield "jpeg-progressive", "image/jpeg", encode(image, "JPEG", progressive=True)
    yield "webp-lossless", "image/webp", encode(translucent, "WEBP", lossless=True)
    yield "png-16", "image/png", build_png((1, 2), 16, 0, b"\0\x80\x00\0\xff\xff")
    yield "png-transparent-color", "image/png", encode(palette, "PNG", transparency=0)
    yield "heic", "image/heic", HEIC
    yield "mpo", "image/jpeg", encode(image, "MPO", save_all=True, append_images=[image.rotate(180)])
    for format_ in ("GIF", "PNG", "WEBP", "AVIF"):
        yield f"{format_.lower()}-animated", CONTENT_TYPES[format_], animation(format_, 3)
