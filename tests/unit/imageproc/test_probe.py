"""The checks before an image is decoded: size, first bytes, limits of the header."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from functions.imageproc import probe
from functions.imageproc.rejection import Rejected
from tests.support.image_renderer import ImageFactory, make_spec
from tests.support.image_samples import animation, build_png, corpus, encode, sample_image

CORPUS = {name: (content_type, data) for name, content_type, data in corpus()}
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize("name", CORPUS)
def test_every_format_and_mode_is_rendered(image_factory: ImageFactory, name: str) -> None:
    content_type, data = CORPUS[name]
    result = image_factory.render(data)
    assert result.content_type == content_type
    assert (result.variants[0].width, result.variants[0].height) == (result.width, result.height)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (SVG, "unsupported_type"),
        (b"%PDF-1.7\n" + encode(sample_image(), "JPEG"), "unsupported_type"),
        (b"<html><body>hello</body></html>", "unsupported_type"),
        (encode(sample_image(), "TIFF"), "unsupported_type"),
        (encode(sample_image(), "BMP"), "unsupported_type"),
        (encode(sample_image(), "ICO"), "unsupported_type"),
        (b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(64), "broken_image"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1miaf" + bytes(64), "broken_image"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(64), "unsupported_type"),
        (b"\xff\xd8\xff", "broken_image"),
        (b"\x89PNG\r\n\x1a\n", "broken_image"),
        (b"GIF89a", "broken_image"),
        (b"RIFF\0\0\0\0WEBP", "broken_image"),
        (b"RIFF\x10\0\0\0WEBPVP8 " + SVG, "broken_image"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "broken_image"),
        (b"GIF89a/*" + SVG + b"*/", "broken_image"),
        (b"\x89PNG\r\n\x1a\n" + SVG, "broken_image"),
    ],
)
def test_bytes_of_no_supported_image_are_rejected(image_factory: ImageFactory, data: bytes, code: str) -> None:
    assert image_factory.rejection_code(data) == code


def test_missing_file_is_not_a_rejection(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        probe.probe(tmp_path / "nothing")


def test_file_with_too_many_bytes_is_rejected_by_its_size() -> None:
    probe.check_size(probe.MAX_BYTES)
    with pytest.raises(Rejected) as rejected:
        probe.check_size(probe.MAX_BYTES + 1)
    assert rejected.value.code == "too_many_bytes"


@pytest.mark.parametrize(
    ("size", "code"),
    [
        ((7_072, 7_072), "too_many_pixels"),
        ((50_000_001, 1), "too_many_pixels"),
        ((2**31 - 1, 2**31 - 1), "too_many_pixels"),
        ((16_385, 1), "side_too_long"),
        ((1, 16_385), "side_too_long"),
    ],
)
def test_png_bomb_is_rejected_by_its_header(image_factory: ImageFactory, size: tuple[int, int], code: str) -> None:
    # The header declares gigabytes, and the pixels are a few bytes of zlib.
    assert image_factory.rejection_code(build_png(size, 8, 2, bytes(1000))) == code


def _jpeg_of_size(width: int, height: int) -> bytes:
    data = bytearray(encode(sample_image(), "JPEG"))
    start_of_frame = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, start_of_frame + 5, height, width)
    return bytes(data)


def _gif_of_size(width: int, height: int) -> bytes:
    data = bytearray(encode(sample_image().quantize(8), "GIF"))
    struct.pack_into("<HH", data, 6, width, height)
    return bytes(data)


def _webp_of_size(width: int, height: int) -> bytes:
    translucent = sample_image().convert("RGBA")
    translucent.putalpha(100)
    data = bytearray(encode(translucent, "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"))
    assert data[12:16] == b"VP8X"
    data[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (_jpeg_of_size(16_000, 16_000), "too_many_pixels"),
        (_jpeg_of_size(65_000, 100), "side_too_long"),
        (_gif_of_size(60_000, 60_000), "too_many_pixels"),
        (_gif_of_size(60_000, 1), "side_too_long"),
        (_webp_of_size(16_000, 16_000), "too_many_pixels"),
        (_webp_of_size(2**24, 2**8), "too_many_pixels"),
    ],
)
def test_header_beyond_the_limits_is_rejected_in_every_format(
    image_factory: ImageFactory, data: bytes, code: str
) -> None:
    assert image_factory.rejection_code(data) == code


def test_image_of_50_megapixels_is_rendered(image_factory: ImageFactory) -> None:
    width, height = 8_192, 6_100
    rows = zlib.compressobj(1)
    compressed = b"".join(rows.compress(bytes(1 + width // 8)) for _ in range(height)) + rows.flush()
    small = make_spec("small", 64, 64, "contain", "webp", 80)
    result = image_factory.render(build_png((width, height), 1, 0, b"", compressed_rows=compressed), small)
    assert (result.width, result.height) == (width, height)


def test_jpeg_with_a_thousand_scans_is_rejected(image_factory: ImageFactory) -> None:
    data = encode(sample_image(), "JPEG", progressive=True)
    last_scan = data.rindex(b"\xff\xda")
    assert image_factory.rejection_code(data[:-2] + data[last_scan:-2] * 1000 + data[-2:]) == "too_many_scans"


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP", "AVIF"])
def test_frames_are_counted_before_they_are_decoded(image_factory: ImageFactory, format_: str) -> None:
    assert image_factory.rejection_code(animation(format_, 201, 4, 52)) == "too_many_frames"
    assert image_factory.rejection_code(animation(format_, 200, 4, 52)) == ""


def test_pixels_of_all_frames_are_limited(image_factory: ImageFactory) -> None:
    first, *others = [Image.new("L", (1_000, 1_000), level) for level in range(101)]
    data = encode(first, "GIF", save_all=True, append_images=others)
    assert image_factory.rejection_code(data) == "animation_too_large"


def test_mpo_with_previews_is_one_photo(image_factory: ImageFactory) -> None:
    previews = [sample_image(24, 16), sample_image(12, 8)]
    data = encode(sample_image(), "MPO", save_all=True, append_images=previews)
    result = image_factory.render(data)
    assert (result.width, result.height) == (48, 32)


def test_mpo_without_its_previews_is_rendered(image_factory: ImageFactory) -> None:
    data = encode(sample_image(), "MPO", save_all=True, append_images=[sample_image(24, 16)])
    first_only = data[: data.index(b"\xff\xd9") + 2]
    assert image_factory.render_image(first_only).size == (48, 32)
