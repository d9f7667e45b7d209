"""Colors, transparency and orientation of variants are those that a browser shows for the source."""

import struct
import zlib

import pytest
from PIL import ExifTags, Image, ImageChops, ImageCms

from tests.support.image_renderer import AS_IS, ImageFactory, make_spec
from tests.support.image_samples import (
    BLUE,
    RED,
    animation,
    build_png,
    encode,
    png_chunk,
    png_with,
    sample_image,
    wide_gamut_profile,
)

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
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


@pytest.mark.parametrize(("depth", "key"), [(1, 3), (2, 5), (4, 17), (8, 257)])
def test_bits_of_a_transparent_gray_above_the_depth_are_ignored(
    image_factory: ImageFactory, depth: int, key: int
) -> None:
    row = b"\0" + bytes(((1 << (8 - depth)) if depth < 8 else 1,))  # the first pixel is 1
    variant = image_factory.render_image(build_png((1, 1), depth, 0, row, transparent=struct.pack(">H", key)))
    assert variant.getchannel("A").getpixel((0, 0)) == 0


def test_transparent_sample_of_16_bits_is_compared_with_all_its_bits(image_factory: ImageFactory) -> None:
    gray = b"\0" + struct.pack(">2H", 0x0010, 0x00FF)
    variant = image_factory.render_image(build_png((2, 1), 16, 0, gray, transparent=struct.pack(">H", 255)))
    assert variant.getchannel("A").get_flattened_data() == (255, 0)
    color = b"\0" + struct.pack(">6H", *[0x8010] * 3, *[0x8001] * 3)
    variant = image_factory.render_image(build_png((2, 1), 16, 2, color, transparent=struct.pack(">3H", *[0x8001] * 3)))
    assert variant.getchannel("A").get_flattened_data() == (255, 0)


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


_SWAPPED = [31270, 32900, 15000, 6000, 30000, 60000, 64000, 33000]  # the primaries of sRGB, with red and blue exchanged


def _pack_profile(profile: bytes) -> bytes:
    return png_chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))


def _gamma(value: int) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", value))


@pytest.mark.parametrize(
    ("chunks", "stored", "shown"),
    [
        ([_gamma(100_000)], (64, 64, 64), (137, 137, 137)),
        ([_gamma(45_455)], (64, 64, 64), (64, 64, 64)),
        ([_gamma(100_000), png_chunk(b"sRGB", b"\0")], (64, 64, 64), (64, 64, 64)),
        ([_gamma(45_455), png_chunk(b"cHRM", struct.pack(">8I", *_SWAPPED))], (230, 20, 20), (20, 20, 230)),
        ([png_chunk(b"cHRM", struct.pack(">8I", *_SWAPPED))], (230, 20, 20), (20, 20, 230)),
        ([png_chunk(b"cICP", bytes((12, 13, 0, 1)))], (200, 100, 50), (215, 93, 31)),
        ([_pack_profile(_SRGB), png_chunk(b"cICP", bytes((12, 13, 0, 1)))], (200, 100, 50), (215, 93, 31)),
        ([png_chunk(b"cICP", bytes((9, 16, 0, 1))), _gamma(100_000)], (64, 64, 64), (137, 137, 137)),
        ([png_chunk(b"cICP", bytes((12, 13, 0, 0))), png_chunk(b"sRGB", b"\0")], (200, 100, 50), (200, 100, 50)),
        ([_pack_profile(bytes(200)), _gamma(100_000)], (64, 64, 64), (137, 137, 137)),
        ([_pack_profile(wide_gamut_profile()), png_chunk(b"sRGB", b"\0")], (255, 0, 0), (0, 255, 0)),
    ],
    ids=[
        *("linear", "2.2", "sRGB-before-gamma", "chromaticities", "chromaticities-alone", "P3", "P3-before-profile"),
        *("PQ-is-skipped", "narrow-range-is-skipped", "broken-profile-is-skipped", "profile-before-sRGB"),
    ],
)
def test_png_has_the_colors_of_its_first_chunk_that_is_understood(
    image_factory: ImageFactory, chunks: list[bytes], stored: tuple[int, int, int], shown: tuple[int, int, int]
) -> None:
    size = (16, 16)
    variant = image_factory.render_image(png_with(*chunks, image=Image.new("RGB", size, stored)))
    assert max_difference(variant, Image.new("RGB", size, shown)) <= 3
    if len(set(stored)) == 1:
        variant = image_factory.render_image(png_with(*chunks, image=Image.new("L", size, stored[0])))
        assert max_difference(variant, Image.new("RGB", size, shown)) <= 3


def test_avif_has_the_colors_of_its_code_points(image_factory: ImageFactory) -> None:
    data = encode(Image.new("RGB", (16, 16), (200, 100, 50)), "AVIF", quality=100, subsampling="4:4:4")
    start = data.index(b"colrnclx") + 8
    assert data[start : start + 4] == bytes((0, 1, 0, 13))
    p3 = data[:start] + bytes((0, 12)) + data[start + 2 :]
    assert max_difference(image_factory.render_image(data), Image.new("RGB", (16, 16), (200, 100, 50))) <= 3
    assert max_difference(image_factory.render_image(p3), Image.new("RGB", (16, 16), (215, 93, 31))) <= 4


def test_xmp_does_not_turn_an_image(image_factory: ImageFactory) -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    assert image_factory.render_image(encode(sample_image(), "JPEG", xmp=xmp)).size == sample_image().size
    assert image_factory.render_image(encode(sample_image(), "WEBP", xmp=xmp)).size == sample_image().size


def _offset_gif() -> bytes:
    """Return a GIF whose only frame, green and red, is in the middle of a larger canvas."""
    image = Image.new("P", (32, 24), 0)
    image.putpalette(bytes((0, 255, 0, 255, 0, 0)))
    data = bytearray(encode(image, "GIF"))
    data[6:10] = struct.pack("<HH", 64, 48)
    frame = data.index(0x2C, 13)
    data[frame + 1 : frame + 5] = struct.pack("<HH", 16, 12)
    return bytes(data)


def _offset_webp() -> bytes:
    """Return an animated WebP whose first frame is moved by 16 and 12 pixels, in a larger canvas without an alpha channel."""
    others = [Image.new("RGB", (32, 24), "blue")]
    data = bytearray(
        encode(Image.new("RGB", (32, 24), (0, 255, 0)), "WEBP", save_all=True, append_images=others, lossless=True)
    )
    assert data[12:16] == b"VP8X"
    data[20] &= ~0x10
    data[24:30] = (63).to_bytes(3, "little") + (47).to_bytes(3, "little")
    frame = data.index(b"ANMF") + 8
    data[frame : frame + 6] = (8).to_bytes(3, "little") + (6).to_bytes(3, "little")  # in units of two pixels
    return bytes(data)


@pytest.mark.parametrize("data", [_offset_gif(), _offset_webp()], ids=["GIF", "WebP"])
def test_canvas_outside_of_the_frame_is_transparent(image_factory: ImageFactory, data: bytes) -> None:
    variant = image_factory.render_image(data)
    assert (variant.size, variant.getchannel("A").getpixel((2, 2))) == ((64, 48), 0)
    assert variant.getpixel((32, 24)) == (0, 255, 0, 255)
    on_white = image_factory.render_image(data, ON_WHITE).getpixel((2, 2))
    assert isinstance(on_white, tuple)
    assert min(on_white) >= 253


_STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", range(10))  # 0 and 9 mean nothing
@pytest.mark.parametrize("size", [(48, 32), (32, 48)], ids=["landscape", "portrait"])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_variant_is_upright_for_every_orientation(
    image_factory: ImageFactory, orientation: int, size: tuple[int, int], format_: str
) -> None:
    upright = sample_image(*size)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    method = _STORED_AS.get(orientation)
    stored = upright.transpose(method) if method is not None else upright
    data = encode(stored, format_, exif=exif.tobytes(), quality=98)
    result = image_factory.render(data)
    assert (result.width, result.height) == upright.size
    variant = image_factory.render_image(data)
    assert variant.size == upright.size
    width, height = size
    for x, y in ((4, 2), (width // 2 - 6, height // 2), (width - 8, height // 2), (width - 8, 3)):
        box = (x - 1, y - 1, x + 1, y + 1)
        assert max_difference(variant.crop(box), upright.crop(box)) <= 24, (x, y)


def test_exif_does_not_turn_an_avif(image_factory: ImageFactory) -> None:
    # Of an AVIF, browsers obey the properties `irot` and `imir`. Pillow writes EXIF data too, which are all that is left here.
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = encode(sample_image(), "AVIF", exif=exif.tobytes())
    assert data.count(b"irot\3") == 1
    assert image_factory.render_image(data).size == (32, 48)
    assert image_factory.render_image(data.replace(b"irot\3", b"irot\0")).size == (48, 32)


@pytest.mark.parametrize("orientation", [6, 8])
def test_box_of_a_variant_applies_to_the_upright_image(image_factory: ImageFactory, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = encode(sample_image(96, 64), "JPEG", exif=exif.tobytes())
    contain = image_factory.render_image(data, make_spec("tall", 48, 48, "contain", "png", 100))
    cover = image_factory.render_image(data, make_spec("wide", 60, 30, "cover", "png", 100))
    stretch = image_factory.render_image(data, make_spec("odd", 30, 90, "stretch", "png", 100))
    assert (contain.size, cover.size, stretch.size) == ((32, 48), (60, 30), (30, 90))


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP", "AVIF"])
def test_variant_of_an_animation_shows_its_first_frame(image_factory: ImageFactory, format_: str) -> None:
    variant = image_factory.render_image(animation(format_, 4), AS_IS)
    assert max_difference(variant.resize((1, 1)), Image.new("RGB", (1, 1), RED)) <= 8
