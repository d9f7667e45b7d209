"""Broken and hostile bytes. Each image is rejected with a code or rendered, and never raises another exception."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.image_renderer import THUMB, ImageFactory
from tests.support.image_samples import CONTENT_TYPES, animation, build_png, corpus, encode, sample_image

CORPUS = {name: data for name, _, data in corpus()}
REJECTION_CODES = {
    "",
    "animation_too_large",
    "broken_image",
    "side_too_long",
    "too_many_frames",
    "too_many_pixels",
    "unsupported_type",
}


def _noise(size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.frombytes("RGB", size, random.Random(7).randbytes(size[0] * size[1] * 3))  # noqa: S311


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_truncated_image_is_rejected_or_rendered_completely(image_factory: ImageFactory, format_: str) -> None:
    data = encode(_noise().quantize(64) if format_ == "GIF" else _noise(), format_)
    whole = image_factory.render_bytes(data)
    rejections = 0
    for cut in range(1, len(data), max(1, len(data) // 40)):
        if code := image_factory.rejection_code(data[:cut]):
            assert code in REJECTION_CODES
            rejections += 1
        else:
            assert image_factory.render_bytes(data[:cut]) == whole
    assert rejections >= 36, "almost all positions are before the last pixel"


def test_truncated_progressive_jpeg_is_rejected(image_factory: ImageFactory) -> None:
    data = encode(_noise(), "JPEG", progressive=True)
    for share in (0.3, 0.5, 0.7, 0.9, 0.97):
        assert image_factory.rejection_code(data[: int(len(data) * share)]) == "broken_image"


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP", "AVIF"])
def test_animation_with_a_broken_later_frame_shows_the_first_one(image_factory: ImageFactory, format_: str) -> None:
    first, others = _noise(), [_noise().rotate(90 * turn) for turn in (1, 2, 3)]
    data = encode(first, format_, save_all=True, append_images=others)
    whole, kept = image_factory.render_bytes(data), data[: len(data) * 2 // 3]
    assert image_factory.render_bytes(kept + bytes(len(data) - len(kept))) == whole
    if format_ != "AVIF":  # its decoder looks for the end of the file first
        assert image_factory.render_bytes(kept) == whole
    assert image_factory.rejection_code(data[: len(data) // 5]) == "broken_image"


@pytest.mark.parametrize("name", CORPUS)
@settings(max_examples=15, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_changed_bytes_are_rejected_or_rendered(image_factory: ImageFactory, name: str, data: st.DataObject) -> None:
    broken = bytearray(CORPUS[name])
    changes = st.tuples(st.integers(0, len(broken) - 1), st.integers(0, 255))
    for offset, value in data.draw(st.lists(changes, min_size=1, max_size=8)):
        broken[offset] = value
    assert image_factory.rejection_code(bytes(broken), THUMB) in REJECTION_CODES


@settings(max_examples=60, derandomize=True, deadline=None)
@given(start=st.sampled_from(sorted(CORPUS)), kept=st.integers(4, 40), rest=st.binary(max_size=200))
def test_arbitrary_bytes_after_a_valid_start_are_rejected_or_rendered(
    image_factory: ImageFactory, start: str, kept: int, rest: bytes
) -> None:
    assert image_factory.rejection_code(CORPUS[start][:kept] + rest, THUMB) in REJECTION_CODES


def test_png_with_missing_pixels_is_rejected(image_factory: ImageFactory) -> None:
    assert image_factory.rejection_code(build_png((64, 64), 8, 2, bytes(100))) == "broken_image"


def test_png_with_a_wrong_checksum_is_rejected(image_factory: ImageFactory) -> None:
    data = bytearray(encode(sample_image(), "PNG"))
    data[data.index(b"IDAT") + 8] ^= 0xFF
    assert image_factory.rejection_code(bytes(data)) == "broken_image"


def test_unreadable_exif_is_ignored(image_factory: ImageFactory) -> None:
    assert (
        image_factory.rejection_code(encode(sample_image(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage"))
        == ""
    )
    assert image_factory.rejection_code(encode(sample_image(), "WEBP", exif=b"garbage")) == ""
    avif = encode(sample_image(), "AVIF", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0")
    assert image_factory.rejection_code(avif.replace(b"II*", b"???")) == ""


def test_unreadable_profile_is_ignored(image_factory: ImageFactory) -> None:
    plain = image_factory.render_bytes(encode(sample_image(), "PNG"))
    assert image_factory.render_bytes(encode(sample_image(), "PNG", icc_profile=b"no profile at all")) == plain
    assert image_factory.render_bytes(encode(sample_image(), "PNG", icc_profile=bytes(200))) == plain


@pytest.mark.parametrize("tail", [b"<script>alert(1)</script>", b"PK\x05\x06" + bytes(18), b"%PDF-1.4"])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP"])
def test_variant_of_a_polyglot_contains_only_pixels(image_factory: ImageFactory, format_: str, tail: bytes) -> None:
    data = encode(sample_image().quantize(8) if format_ == "GIF" else sample_image(), format_)
    variants = image_factory.render_bytes(data + tail, THUMB)
    assert variants == image_factory.render_bytes(data, THUMB)
    assert tail not in variants[0]


def test_broken_image_does_not_affect_the_next_one(image_factory: ImageFactory) -> None:
    valid = CORPUS["jpeg-RGB"]
    before = image_factory.render_bytes(valid)
    for broken in (b"", valid[:200], build_png((60_000, 60_000), 8, 2, b"")):
        assert image_factory.rejection_code(broken) != ""
    assert image_factory.render_bytes(valid) == before


def test_corpus_contains_every_type() -> None:
    assert {content_type for _, content_type, _ in corpus()} == set(CONTENT_TYPES.values())
    assert animation("GIF", 2) != animation("GIF", 3)
