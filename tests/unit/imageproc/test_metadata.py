"""A variant is pixels: nothing that a camera, an editor or a stranger wrote beside them is in it."""

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from functions.imageproc.picture import Format, Spec
from tests.unit.imageproc.sources import encoded, scene, wide_gamut_profile
from tests.unit.imageproc.studio import Studio

CANARY = b"CanaryThatMustNotSing"
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
    """An APP13 segment as Photoshop writes it: a caption in resource 0x0404."""
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
    jpeg = encoded(scene(), "JPEG", exif=_exif(), xmp=xmp, comment=CANARY, icc_profile=profile)
    translucent = scene().convert("RGBA")
    translucent.putalpha(120)
    return {
        "jpeg": jpeg[:2] + _iptc() + jpeg[2:],
        "mpo": encoded(scene(), "MPO", exif=_exif(), save_all=True, append_images=[scene()]) + CANARY,
        "png": encoded(translucent, "PNG", exif=_exif(), pnginfo=text, icc_profile=profile),
        "webp": encoded(translucent, "WEBP", exif=_exif(), xmp=xmp, icc_profile=profile),
        "avif": encoded(scene(), "AVIF", exif=_exif(), xmp=xmp, icc_profile=profile),
        "gif": encoded(scene().quantize(8), "GIF", comment=CANARY),
    }


SOURCES = _sources()


@pytest.mark.parametrize("format_", ALL_FORMATS)
@pytest.mark.parametrize("source", SOURCES)
def test_nothing_but_pixels_reaches_a_variant(studio: Studio, source: str, format_: Format) -> None:
    assert CANARY in SOURCES[source], "the source sings"
    made = studio.files(SOURCES[source], Spec("any", 40, 40, "cover", format_, 80))[0]
    for trace in (
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
        assert trace not in made, trace
    for chunk in (b"eXIf", b"tEXt", b"iTXt", b"zTXt", b"pHYs", b"tIME"):
        assert chunk not in made, chunk


@pytest.mark.parametrize("format_", ALL_FORMATS)
def test_pillow_finds_nothing_beside_the_pixels(studio: Studio, format_: Format) -> None:
    made = studio.image(SOURCES["jpeg"], Spec("any", 40, 40, "cover", format_, 80))
    assert not made.getexif()
    assert not {"exif", "xmp", "icc_profile", "comment", "photoshop", "dpi"} & set(made.info)
