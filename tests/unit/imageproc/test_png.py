"""Ancillary chunks of a PNG never decide whether there is a picture, and later frames of an APNG do not either."""

import struct
import zlib

import pytest
from PIL import Image, ImageCms

from tests.support.image_renderer import ImageFactory
from tests.support.image_samples import encode, png_chunk, png_with, quarters, sample_image

_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1_258_291))),
        png_chunk(b"zTXt", b"k\0\0" + _zeros(256)),
        png_chunk(b"zTXt", b"k\0\x09x"),
        png_chunk(b"tEXt", b"k\0x", checksum_error=255),
        png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(_PROFILE + bytes(1_200_000))),
        png_chunk(b"iCCP", b"icc\0\0" + _zeros(256)),
        png_chunk(b"iCCP", b"icc\0\x09x"),
        png_chunk(b"iCCP", b"icc"),
        png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(_PROFILE), checksum_error=1),
        png_chunk(b"gAMA", b"\1"),
        png_chunk(b"gAMA", bytes(4)),
        png_chunk(b"cHRM", b"\1"),
        png_chunk(b"cHRM", bytes(32)),
        png_chunk(b"pHYs", b"\1"),
        png_chunk(b"tRNS", b"\1"),
        png_chunk(b"sRGB", b""),
        png_chunk(b"cICP", b"\1"),
        png_chunk(b"eXIf", b"rubbish"),
        png_chunk(b"xxXx", bytes(100)),
    ],
    ids=lambda chunk: chunk[4:8].decode(),  # not its length, because a new profile has the time in it
)  # fmt: skip
def test_broken_or_large_ancillary_chunk_is_ignored(image_factory: ImageFactory, chunk: bytes) -> None:
    variant = image_factory.render_image(png_with(chunk))
    assert (variant.size, variant.getpixel((2, 2)), variant.getpixel((60, 40))) == (
        (64, 48),
        (255, 0, 0),
        (255, 255, 0),
    )


def test_palette_has_at_most_as_many_alpha_values_as_colors(image_factory: ImageFactory) -> None:
    palette = sample_image().quantize(4)
    opaque = image_factory.render_bytes(encode(palette, "PNG"))
    assert image_factory.render_bytes(encode(palette, "PNG", transparency=bytes(4))) != opaque
    assert image_factory.render_bytes(png_with(png_chunk(b"tRNS", bytes(5)), image=palette)) == opaque


def _apng(kind: bytes = b"", number: int = 0, content: bytes = b"") -> bytes:
    """Return an APNG of two frames, of which the first shows `quarters`. The chunk with this kind and number is replaced."""
    data = encode(quarters(), "PNG", save_all=True, append_images=[Image.new("RGB", (64, 48), "white")])
    position = data.index(kind) - 4 if kind else 0
    for _ in range(number):
        position = data.index(kind, position + 8) - 4
    (length,) = struct.unpack_from(">I", data, position)
    return data[:position] + png_chunk(kind, content) + data[position + length + 12 :] if kind else data


@pytest.mark.parametrize(
    ("kind", "number", "content"),
    [
        (b"fcTL", 1, struct.pack(">IIIIIHHBB", 7, 64, 48, 0, 0, 1, 1, 0, 0)),  # a wrong sequence number
        (b"fcTL", 1, bytes(20)),  # too short
        (b"fdAT", 0, bytes(8)),  # no pixels
        (b"acTL", 0, struct.pack(">II", 3, 0)),  # a frame too many
        (b"acTL", 0, struct.pack(">II", 300, 0)),  # too many frames, which are not there
    ],
    ids=["sequence", "short", "no-pixels", "3-of-2", "300-of-2"],
)
def test_broken_later_frame_does_not_refuse_the_first_one(
    image_factory: ImageFactory, kind: bytes, number: int, content: bytes
) -> None:
    variant = image_factory.render_image(_apng(kind, number, content))
    assert (variant.getpixel((2, 2)), variant.getpixel((60, 40))) == ((255, 0, 0), (255, 255, 0))
    assert image_factory.render_bytes(_apng(kind, number, content)) == image_factory.render_bytes(_apng())


def test_png_without_its_end_is_rendered(image_factory: ImageFactory) -> None:
    assert image_factory.render_bytes(png_with()[:-12]) == image_factory.render_bytes(png_with())
