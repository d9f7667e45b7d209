"""Broken and hostile bytes: every one is a rejection with a reason or a picture, never another exception."""

import random
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.unit.imageproc.sources import CONTENT_TYPES, animation, corpus, encoded, png, png_chunk, scene
from tests.unit.imageproc.studio import THUMB, Studio

CORPUS = {name: data for name, _, data in corpus()}
CODES = {
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
def test_a_cut_image_is_refused_or_lost_nothing_visible(studio: Studio, format_: str) -> None:
    data = encoded(_noise().quantize(64) if format_ == "GIF" else _noise(), format_)
    whole = studio.files(data)
    refused = 0
    for cut in range(1, len(data), max(1, len(data) // 40)):
        if code := studio.refusal(data[:cut]):
            assert code in CODES
            refused += 1
        else:
            assert studio.files(data[:cut]) == whole
    assert refused >= 36, "almost all positions are before the last pixel"


def test_a_cut_progressive_jpeg_is_refused(studio: Studio) -> None:
    data = encoded(_noise(), "JPEG", progressive=True)
    for share in (0.3, 0.5, 0.7, 0.9, 0.97):
        assert studio.refusal(data[: int(len(data) * share)]) == "broken_image"


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animation_that_breaks_after_its_first_frame_is_refused(studio: Studio, format_: str) -> None:
    first, others = _noise(), [_noise().rotate(90 * turn) for turn in (1, 2, 3)]
    data = encoded(first, format_, save_all=True, append_images=others)
    assert studio.refusal(data) == ""
    assert studio.refusal(data[: len(data) * 2 // 3]) == "broken_image"


@pytest.mark.parametrize("name", CORPUS)
@settings(max_examples=15, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bytes_are_a_rejection_or_a_picture(studio: Studio, name: str, data: st.DataObject) -> None:
    broken = bytearray(CORPUS[name])
    places = st.integers(0, len(broken) - 1)
    for at, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        broken[at] = value
    assert studio.refusal(bytes(broken), THUMB) in CODES


@settings(max_examples=60, derandomize=True, deadline=None)
@given(start=st.sampled_from(sorted(CORPUS)), kept=st.integers(4, 40), rest=st.binary(max_size=200))
def test_a_good_start_and_any_rest_is_a_rejection_or_a_picture(
    studio: Studio, start: str, kept: int, rest: bytes
) -> None:
    assert studio.refusal(CORPUS[start][:kept] + rest, THUMB) in CODES


def test_a_png_without_all_its_pixels_is_refused(studio: Studio) -> None:
    assert studio.refusal(png((64, 64), 8, 2, bytes(100))) == "broken_image"


def test_a_png_with_a_wrong_checksum_is_refused(studio: Studio) -> None:
    data = bytearray(encoded(scene(), "PNG"))
    data[data.index(b"IDAT") + 8] ^= 0xFF
    assert studio.refusal(bytes(data)) == "broken_image"


def test_a_text_chunk_that_unpacks_to_a_gigabyte_is_refused(studio: Studio) -> None:
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
    data = encoded(scene(), "PNG")
    after_header = 8 + 25
    data = data[:after_header] + png_chunk(b"zTXt", b"note\0\0" + bomb) + data[after_header:]
    assert studio.refusal(data) in {"", "broken_image"}


def test_unreadable_exif_is_no_reason_to_refuse(studio: Studio) -> None:
    assert studio.refusal(encoded(scene(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff rubbish")) == ""
    assert studio.refusal(encoded(scene(), "WEBP", exif=b"rubbish")) == ""


def test_an_unreadable_profile_is_no_reason_to_refuse(studio: Studio) -> None:
    plain = studio.files(encoded(scene(), "PNG"))
    assert studio.files(encoded(scene(), "PNG", icc_profile=b"no profile at all")) == plain
    assert studio.files(encoded(scene(), "PNG", icc_profile=bytes(200))) == plain


@pytest.mark.parametrize("tail", [b"<script>alert(1)</script>", b"PK\x05\x06" + bytes(18), b"%PDF-1.4"])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_polyglot_leaves_nothing_but_its_pixels(studio: Studio, format_: str, tail: bytes) -> None:
    data = encoded(scene().quantize(8) if format_ == "GIF" else scene(), format_)
    made = studio.files(data + tail, THUMB)
    assert made == studio.files(data, THUMB)
    assert tail not in made[0]


def test_the_next_image_is_unaffected_by_a_broken_one(studio: Studio) -> None:
    good = CORPUS["jpeg-RGB"]
    before = studio.files(good)
    for bad in (b"", good[:200], png((60_000, 60_000), 8, 2, b"")):
        assert studio.refusal(bad) != ""
    assert studio.files(good) == before


def test_all_types_are_tried() -> None:
    assert {content_type for _, content_type, _ in corpus()} == set(CONTENT_TYPES.values())
    assert animation("GIF", 2) != animation("GIF", 3)
