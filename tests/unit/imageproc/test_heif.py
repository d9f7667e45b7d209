"""Photos of phones (HEIC) are decoded, turned once, and limited like all others."""

import random

import pytest

from tests.support.image_renderer import THUMB, ImageFactory
from tests.support.image_samples import HEIC, TURNED_HEIC, encode, sample_image

_RED, _GREEN, _BLUE, _YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


@pytest.mark.parametrize(
    ("data", "size", "corners"),
    [
        (HEIC, (64, 48), (_RED, _GREEN, _BLUE, _YELLOW)),
        (TURNED_HEIC, (48, 64), (_BLUE, _RED, _YELLOW, _GREEN)),
    ],
    ids=["as-stored", "turned-by-irot-and-exif"],
)
def test_heic_is_rendered_upright(
    image_factory: ImageFactory, data: bytes, size: tuple[int, int], corners: tuple[tuple[int, int, int], ...]
) -> None:
    result = image_factory.render(data)
    assert (result.content_type, result.width, result.height) == ("image/heic", *size)
    variant = image_factory.render_image(data)
    for position, expected in zip(((3, 3), (-4, 3), (3, -4), (-4, -4)), corners, strict=True):
        pixel = variant.getpixel((position[0] % size[0], position[1] % size[1]))
        assert isinstance(pixel, tuple)
        assert max(abs(one - other) for one, other in zip(pixel, expected, strict=True)) <= 4


def test_heic_of_an_unknown_codec_is_broken(image_factory: ImageFactory) -> None:
    data = HEIC.replace(b"heic", b"mif1").replace(b"hvc1", b"unci")
    assert image_factory.rejection_code(data) == "broken_image"


def test_heif_with_the_brand_of_avif_is_an_avif(image_factory: ImageFactory) -> None:
    avif = encode(sample_image(), "AVIF")
    assert b"mif1" in avif[:32]
    assert image_factory.render(avif).content_type == "image/avif"


def test_truncated_heic_is_a_result(image_factory: ImageFactory) -> None:
    for cut in range(12, len(HEIC) - 40, 37):
        assert image_factory.rejection_code(HEIC[:cut], THUMB) in {"broken_image", "unsupported_type"}, cut


def test_changed_bytes_of_a_heic_are_a_result(image_factory: ImageFactory) -> None:
    numbers = random.Random(3)  # noqa: S311  # not a secret
    for _ in range(60):
        data = bytearray(HEIC)
        for _ in range(3):
            data[numbers.randrange(12, len(data))] = numbers.randrange(256)
        image_factory.rejection_code(bytes(data), THUMB)


def test_size_of_a_heic_is_checked_before_it_is_decoded(image_factory: ImageFactory) -> None:
    size = HEIC.rindex(b"ispe") + 8  # of the picture, which is a grid of tiles
    huge = HEIC[:size] + (16_000).to_bytes(4, "big") * 2 + HEIC[size + 8 :]
    assert image_factory.rejection_code(huge) == "too_many_pixels"
