"""Variants contain no metadata of their source."""

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from functions.imageproc.encode import Format
from tests.support.image_renderer import ImageFactory, make_spec
from tests.support.image_samples import encode, sample_image, wide_gamut_profile

CANARY = b"CanaryThatMustNotLeak"
TEXT = CANARY.decode()
ALL_FORMATS: tuple[Format, ...] = ("webp", "avif", "jpeg", "png")


def _exif() -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = TEXT
    exif[ExifTags.Base.ImageDescription] = TEXT
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSMapDatum] = TEXT
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = CANARY
    return exif.tobytes()


def _iptc() -> bytes:
    """Return an APP13 segment as Photoshop writes it, with a caption in resource 0x0404."""
    record = b"\x1c\x02\x78" + len(CANARY).to_bytes(2, "big") + CANARY
    resource = b"8BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record
    body = b"Photoshop 3.0\0" + resource + b"\0" * (len(resource) % 2)
    return b"\xff\xed" + (len(body) + 2).to_bytes(2, "big") + body


def _sources() -> dict[str, bytes]:
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + CANARY + b"</x:xmpmeta>"
    profile = wide_gamut_profile()
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", TEXT)
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    jpeg = encode(sample_image(), "JPEG", exif=_exif(), xmp=xmp, comment=CANARY, icc_profile=profile)
    translucent = sample_image().convert("RGBA")
    translucent.putalpha(120)
    return {
        "jpeg": jpeg[:2] + _iptc() + jpeg[2:],
        "mpo": encode(sample_image(), "MPO", exif=_exif(), save_all=True, append_images=[sample_image()]) + CANARY,
        "png": encode(translucent, "PNG", exif=_exif(), pnginfo=text, icc_profile=profile),
        "webp": encode(translucent, "WEBP", exif=_exif(), xmp=xmp, icc_profile=profile),
        "avif": encode(sample_image(), "AVIF", exif=_exif(), xmp=xmp, icc_profile=profile),
        "gif": encode(sample_image().quantize(8), "GIF", comment=CANARY),
    }


SOURCES = _sources()


@pytest.mark.parametrize("format_", ALL_FORMATS)
@pytest.mark.parametrize("source", SOURCES)
def test_variant_contains_no_metadata_of_the_source(image_factory: ImageFactory, source: str, format_: Format) -> None:
    assert CANARY in SOURCES[source]
    variant = image_factory.render_bytes(SOURCES[source], make_spec("any", 40, 40, "cover", format_, 80))[0]
    for marker in (
        CANARY,
        b"Exif\0\0",
        b"http://ns.adobe.com",
        b"8BIM",
        b"ICC_PROFILE",
        b"ICCP",
        b"iCCP",
        b"EXIF",
        b"XMP ",
    ):
        assert marker not in variant, marker
    for chunk in (b"eXIf", b"tEXt", b"iTXt", b"zTXt", b"pHYs", b"tIME"):
        assert chunk not in variant, chunk


@pytest.mark.parametrize("format_", ALL_FORMATS)
def test_pillow_finds_no_metadata_in_a_variant(image_factory: ImageFactory, format_: Format) -> None:
    variant = image_factory.render_image(SOURCES["jpeg"], make_spec("any", 40, 40, "cover", format_, 80))
    assert not variant.getexif()
    assert not {"exif", "xmp", "icc_profile", "comment", "photoshop", "dpi"} & set(variant.info)
