"""Colors, transparency and orientation of variants are those that a browser shows for the source."""

import struct

import pytest
from PIL import ExifTags, Image, ImageChops

from tests.support.image_renderer import AS_IS, ImageFactory, make_spec
from tests.support.image_samples import BLUE, RED, animation, build_png, encode, sample_image, wide_gamut_profile

ON_WHITE = make_spec("jpeg", 4096, 4096, "contain", "jpeg", 95)


def max_difference(one: Image.Image, other: Image.Image) -> int:
    """Return the largest difference of any sample."""
    bands = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getextrema()
    return max(int(band[1]) for band in bands if isinstance(band, tuple))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_opaque_modes_keep_their_colors(image_factory: ImageFactory, mode: str) -> None:
    source = sample_image().convert(mode)
    variant = image_factory.render_image(encode(source, "PNG"))
    assert variant.mode == "RGB"
    assert max_difference(variant, source) == 0


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_kept(image_factory: ImageFactory, mode: str) -> None:
    source = sample_image().convert("RGBA")
    source.putalpha(Image.linear_gradient("L").point(lambda level: max(level, 40)).resize(source.size))
    source = source.quantize(64) if mode == "PA" else source.convert(mode)
    variant, expected = image_factory.render_image(encode(source, "PNG")), source.convert("RGBA")
    assert variant.mode == "RGBA"
    assert max_difference(variant.getchannel("A"), expected.getchannel("A")) == 0
    white = Image.new("RGBA", expected.size, "white")
    # Colors are premultiplied by alpha meanwhile. A faint one loses its last bits, which no one can see.
    assert max_difference(Image.alpha_composite(white, variant), Image.alpha_composite(white, expected)) <= 2


def test_jpeg_variant_has_a_white_background(image_factory: ImageFactory) -> None:
    source = Image.new("RGBA", (32, 32), (*RED, 0))
    source.paste((*BLUE, 255), (16, 0, 32, 32))
    variant = image_factory.render_image(encode(source, "PNG"), ON_WHITE)
    assert variant.mode == "RGB"
    assert min(variant.getpixel((4, 16))) >= 253  # type: ignore[arg-type]  # a tuple in RGB
    assert max_difference(variant.crop((24, 0, 32, 32)), Image.new("RGB", (8, 32), BLUE)) <= 6


def test_invisible_colors_do_not_bleed_into_visible_ones(image_factory: ImageFactory) -> None:
    source = Image.new("RGBA", (64, 64), (0, 255, 0, 0))
    source.paste((*RED, 255), (32, 0, 64, 64))
    variant = image_factory.render_image(encode(source, "PNG"), make_spec("small", 9, 9, "contain", "png", 100))
    visible = [pixel for pixel in variant.get_flattened_data() if isinstance(pixel, tuple) and pixel[3] > 30]
    assert visible
    assert all(pixel[1] < 45 for pixel in visible)


def test_opaque_alpha_channel_is_dropped(image_factory: ImageFactory) -> None:
    assert image_factory.render_image(encode(sample_image().convert("RGBA"), "PNG")).mode == "RGB"


@pytest.mark.parametrize(
    ("depth", "samples", "transparent", "expected"),
    [
        (2, b"\0\x18", 1, [(0, 255), (85, 0), (170, 255)]),  # samples 0 1 2
        (4, b"\0\x01\x20", 1, [(0, 255), (17, 0), (34, 255)]),
        (8, b"\0\x00\x01\x02", 1, [(0, 255), (1, 0), (2, 255)]),
        (16, b"\0" + struct.pack(">3H", 0, 0x8000, 0xFFFF), 0x8000, [(0, 255), (128, 0), (255, 255)]),
    ],
)
def test_transparent_gray_is_masked_at_every_bit_depth(
    image_factory: ImageFactory, depth: int, samples: bytes, transparent: int, expected: list[tuple[int, int]]
) -> None:
    variant = image_factory.render_image(
        build_png((3, 1), depth, 0, samples, transparent=struct.pack(">H", transparent))
    )
    pixels = [variant.getpixel((x, 0)) for x in range(3)]
    assert [pixel[3] for pixel in pixels if isinstance(pixel, tuple)] == [alpha for _, alpha in expected]
    opaque = [(gray, pixel) for pixel, (gray, alpha) in zip(pixels, expected, strict=True) if alpha]
    assert all(pixel == (gray, gray, gray, 255) for gray, pixel in opaque)


def test_transparent_color_of_16_bits_is_masked(image_factory: ImageFactory) -> None:
    row = b"\0" + struct.pack(">6H", 0x8000, 0x1234, 0xFFFF, 0x4000, 0x4000, 0x4000)
    variant = image_factory.render_image(
        build_png((2, 1), 16, 2, row, transparent=struct.pack(">3H", 0x8000, 0x1234, 0xFFFF))
    )
    assert variant.getchannel("A").get_flattened_data() == (0, 255)


def test_gray_of_16_bits_is_scaled_and_not_clipped(image_factory: ImageFactory) -> None:
    levels = (0, 0x1000, 0x8000, 0xC000, 0xFFFF)
    variant = image_factory.render_image(build_png((5, 1), 16, 0, b"\0" + struct.pack(">5H", *levels)))
    assert variant.getchannel("R").get_flattened_data() == tuple(level >> 8 for level in levels)


def test_color_of_16_bits_keeps_its_high_bytes(image_factory: ImageFactory) -> None:
    variant = image_factory.render_image(build_png((1, 1), 16, 2, b"\0" + struct.pack(">3H", 0xC0FF, 0x4000, 0x0080)))
    assert variant.getpixel((0, 0)) == (0xC0, 0x40, 0x00)


def test_cmyk_keeps_its_colors(image_factory: ImageFactory) -> None:
    # Pillow writes CMYK as Adobe does: inverted, with a marker. A reader that ignores the marker shows the negative.
    source = encode(sample_image().convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in source
    variant = image_factory.render_image(source)
    assert variant.mode == "RGB"
    assert max_difference(variant.crop((2, 12, 20, 20)), Image.new("RGB", (18, 8), RED)) <= 16
    assert max_difference(variant.crop((28, 12, 46, 20)), Image.new("RGB", (18, 8), BLUE)) <= 16


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_colors_of_a_profile_are_converted_to_srgb(image_factory: ImageFactory, format_: str) -> None:
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    variant = image_factory.render_image(encode(red, format_, quality=95, icc_profile=wide_gamut_profile()))
    pixel = variant.getpixel((8, 8))
    assert isinstance(pixel, tuple)
    assert pixel[1] > 240, "the profile says that the first channel is green"
    assert pixel[0] < 20
    assert "icc_profile" not in variant.info


def test_profile_does_not_affect_transparency(image_factory: ImageFactory) -> None:
    source = Image.new("RGBA", (16, 16), (255, 0, 0, 128))
    pixel = image_factory.render_image(encode(source, "PNG", icc_profile=wide_gamut_profile())).getpixel((8, 8))
    assert isinstance(pixel, tuple)
    assert pixel[3] == 128
    assert pixel[1] > 240


def test_gray_image_with_a_color_profile_keeps_its_gray(image_factory: ImageFactory) -> None:
    variant = image_factory.render_image(encode(Image.new("L", (16, 16), 90), "JPEG", icc_profile=wide_gamut_profile()))
    assert max_difference(variant, Image.new("RGB", (16, 16), (90, 90, 90))) <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_variant_is_upright_for_every_orientation(image_factory: ImageFactory, orientation: int, format_: str) -> None:
    stored = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    upright = sample_image()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    rotated = upright.transpose(stored) if stored is not None else upright
    data = encode(rotated, format_, exif=exif.tobytes(), quality=98)
    result = image_factory.render(data)
    assert (result.width, result.height) == upright.size
    variant = image_factory.render_image(data)
    assert variant.size == upright.size
    for x, y in ((4, 2), (18, 14), (40, 14), (40, 3)):
        box = (x - 1, y - 1, x + 1, y + 1)
        assert max_difference(variant.crop(box), upright.crop(box)) <= 24, (x, y)


@pytest.mark.parametrize("orientation", [6, 8])
def test_box_of_a_variant_applies_to_the_upright_image(image_factory: ImageFactory, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = encode(sample_image(96, 64), "JPEG", exif=exif.tobytes())
    contain = image_factory.render_image(data, make_spec("tall", 48, 48, "contain", "png", 100))
    cover = image_factory.render_image(data, make_spec("wide", 60, 30, "cover", "png", 100))
    stretch = image_factory.render_image(data, make_spec("odd", 30, 90, "stretch", "png", 100))
    assert (contain.size, cover.size, stretch.size) == ((32, 48), (60, 30), (30, 90))


def test_invalid_orientation_is_ignored(image_factory: ImageFactory) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 9
    assert image_factory.render_image(encode(sample_image(), "JPEG", exif=exif.tobytes())).size == sample_image().size


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP", "AVIF"])
def test_variant_of_an_animation_shows_its_first_frame(image_factory: ImageFactory, format_: str) -> None:
    variant = image_factory.render_image(animation(format_, 4), AS_IS)
    assert max_difference(variant.resize((1, 1)), Image.new("RGB", (1, 1), RED)) <= 8
