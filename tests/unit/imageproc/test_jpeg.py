"""A JPEG ends at its end marker, may lack it, and is not judged by metadata that browsers ignore."""

import time

import pytest

from tests.support.image_renderer import ImageFactory
from tests.support.image_samples import decode, encode, make_noise_photo, quarters, sample_image

_PHOTO = make_noise_photo(5)
_PROGRESSIVE = encode(decode(_PHOTO), "JPEG", progressive=True)


@pytest.mark.parametrize("data", [_PHOTO, _PROGRESSIVE], ids=["baseline", "progressive"])
@pytest.mark.parametrize("cut", [1, 2])
def test_jpeg_without_its_end_marker_is_whole(image_factory: ImageFactory, data: bytes, cut: int) -> None:
    assert image_factory.render_bytes(data[:-cut]) == image_factory.render_bytes(data)


@pytest.mark.parametrize("data", [_PHOTO, _PROGRESSIVE], ids=["baseline", "progressive"])
def test_jpeg_without_its_last_pixels_is_rejected(image_factory: ImageFactory, data: bytes) -> None:
    for cut in (3, 100, len(data) // 3):
        assert image_factory.rejection_code(data[:-cut]) == "broken_image", cut


@pytest.mark.parametrize(
    "segment",
    [
        b"\xff\xee\0\x07Adobe",
        b"\xff\xed\0\x16Photoshop 3.0\0" + b"8BIM\4\4",
        b"\xff\xe0\0\x08JFIF\0\1",
        b"\xff\xe1\0\x0aExif\0\0??",
        b"\xff\xe2\0\x0fICC_PROFILE\0\1",
        b"\xff\xe2\0\x0cMPF\0II*\0\xff\xff",
        b"\xff\xfe\0\x02junk",
    ],
    ids=["Adobe", "Photoshop", "JFIF", "Exif", "ICC", "MPF", "junk"],
)
def test_broken_metadata_is_ignored(image_factory: ImageFactory, segment: bytes) -> None:
    data = encode(quarters(), "JPEG")
    assert image_factory.render_bytes(data[:2] + segment + data[2:]) == image_factory.render_bytes(data)


def test_bytes_behind_the_end_are_ignored(image_factory: ImageFactory) -> None:
    data = encode(sample_image(), "JPEG")
    assert image_factory.render_bytes(data + b"\xff\xda\0\x08" * 1000 + _PHOTO) == image_factory.render_bytes(data)


def test_filling_before_a_marker_is_allowed(image_factory: ImageFactory) -> None:
    data = encode(sample_image(), "JPEG")
    filled = data[:2] + b"\xff" * 9 + data[2:-2] + b"\xff" * 9 + data[-2:]
    assert image_factory.render_bytes(filled) == image_factory.render_bytes(data)


def test_megabytes_of_filling_end_soon(image_factory: ImageFactory) -> None:
    started = time.monotonic()
    assert image_factory.rejection_code(b"\xff\xd8" + b"\xff" * 10_000_000 + b"\0") == "broken_image"
    assert time.monotonic() - started < 5


def test_scans_in_a_preview_do_not_count(image_factory: ImageFactory) -> None:
    data = encode(sample_image(), "JPEG")
    preview = b"Exif\0\0" + b"\xff\xda" * 1000
    segment = b"\xff\xe1" + (len(preview) + 2).to_bytes(2, "big") + preview
    assert image_factory.render_bytes(data[:2] + segment + data[2:]) == image_factory.render_bytes(data)
