"""Placeholders of images: their ThumbHash and their dominant color."""

import pytest
from PIL import Image

from functions.imageproc.placeholder import dominant_color, thumb_hash
from tests.support.image_renderer import ImageFactory
from tests.support.image_samples import encode


def make_picture(mode: str, width: int, height: int) -> Image.Image:
    """Return an image with many frequencies, and without symmetry, where rounding would decide."""
    values = (
        (x * x * 7 + y * 13 * band + band * 31) % 251
        for y in range(height)
        for x in range(width)
        for band in range(1, len(mode) + 1)
    )
    return Image.frombytes(mode, (width, height), bytes(values))


# By the package `thumbhash` 0.1.1 on npm, which is the reference.
REFERENCE = [
    ("RGB", 32, 20, "3wcCDIR3eHibpnlQOK2GhXB5Bw=="),
    ("RGB", 20, 32, "3wcCBAKHiJeYeIBj92dYgHga+A=="),
    ("RGB", 32, 32, "3wcCBwJYiWZ5l4iahgiFRHevhwNjaWQP"),
    ("RGB", 32, 2, "XhcGEYRWIBlgeHaIho8YzYA="),
    ("RGBA", 32, 24, "3/eBDIIHaZx1h3DmiNcImnyAZ/iKqHZtCQ=="),
    ("RGBA", 5, 7, "3teFLAwYcUegiZNkeQZ1sMVnmHWJ91gXBA=="),
    ("RGB", 1, 1, "j8YhXxAI9wiIh4hwj3CI+AiIcH/494cP"),
]


@pytest.mark.parametrize(("mode", "width", "height", "expected"), REFERENCE)
def test_thumb_hash_is_that_of_the_reference(mode: str, width: int, height: int, expected: str) -> None:
    assert thumb_hash(make_picture(mode, width, height)) == expected


def test_dominant_color_is_that_of_the_largest_area() -> None:
    image = Image.new("RGB", (32, 24), (200, 30, 40))
    image.paste((0, 0, 255), (0, 0, 32, 8))

    assert dominant_color(image) == "#c81e28"


def test_transparent_pixels_have_no_color() -> None:
    image = Image.new("RGBA", (10, 10), (255, 0, 0, 0))
    assert dominant_color(image) == "#ffffff"
    image.paste((10, 20, 30, 255), (4, 4, 6, 6))

    assert dominant_color(image) == "#0a141e"


def test_image_is_rendered_with_its_placeholder(image_factory: ImageFactory) -> None:
    source = Image.new("RGB", (640, 320), (10, 200, 30))

    result = image_factory.render(encode(source, "PNG"))
    upright = image_factory.render(encode(source, "JPEG", exif=_exif(6)))

    assert result.colour == "#0ac81e"
    assert result.placeholder == thumb_hash(Image.new("RGB", (32, 16), (10, 200, 30)))
    assert upright.placeholder is not None
    assert upright.placeholder != result.placeholder  # it stands where the image lies


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif
