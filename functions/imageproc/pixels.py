"""From the bytes of a source to the pixels of a variant: decode, shrink, turn upright, convert to sRGB.

What a variant looks like depends on the source and its own spec alone, never on which other variants are made with it,
so that making one again gives the same bytes. The work is shared all the same, because the steps are fixed by the
source: a decoded base, and its halvings. Each variant is taken by Lanczos from the smallest of these that still has
twice its pixels.
"""

import contextlib
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from PIL import ExifTags, Image, ImageCms, ImageFile

from functions.imageproc.geometry import Geometry, compute_geometry
from functions.imageproc.probe import MAX_TOTAL_PIXELS, Header, animation_too_large, open_image
from functions.imageproc.types import RenderResult, Spec

# libjpeg decodes at 1/2, 1/4 and 1/8 by dropping frequencies, which is a good low-pass: 1.5 pixels for each that is
# wanted are enough. The base has 1.5 times 1920 pixels on its long side, where the source does: what most variants
# need.
_DCT_SCALES: Final = (8, 4, 2)
_DCT_MARGIN: Final = 1.5
_BASE_SIDE: Final = 2880
# Halving by averages is a poor low-pass; with two pixels for each that is wanted Lanczos hides it, as `reducing_gap`
# says in Pillow's documentation of Image.resize.
_HALVING_MARGIN: Final = 2.0

_TRANSPOSE_METHODS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ROTATED_ORIENTATIONS: Final = frozenset({5, 6, 7, 8})
_SRGB: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
# A PNG gives its transparent colour in samples of the file's depth (PNG 3rd edition, 11.3.1.1), Pillow its pixels in 8
# bits.
_SAMPLE_SCALES: Final = {"L;2": 85.0, "L;4": 17.0, "I;16B": 1 / 256, "RGB;16B": 1 / 256}


@dataclass(frozen=True)
class Decoded:
    """The first frame, at 1/`scale` of its size, as it is stored; how to turn it upright; its ICC profile."""

    image: Image.Image
    scale: float
    orientation: int
    profile: bytes | None

    @property
    def is_rotated(self) -> bool:
        return self.orientation in _ROTATED_ORIENTATIONS


@dataclass(frozen=True)
class RenderStep:
    """One variant before it is encoded: where its pixels come from."""

    spec: Spec
    pyramid_level: Image.Image
    # Where it lands in the stored, lying source; the divisor that leads from its pixels to those of `level`.
    geometry: Geometry
    divisor: float
    orientation: int
    profile: bytes | None

    @property
    def pixels(self) -> int:
        return self.geometry.width * self.geometry.height

    @property
    def cost(self) -> int:
        """How long it takes to encode, in no unit. AVIF takes ten times as long as the others."""
        return self.pixels * (10 if self.spec.format == "avif" else 1)

    def resize(self) -> Image.Image:
        """The pixels of the variant: RGB or RGBA in sRGB, upright, and nothing but pixels."""
        left, top, right, bottom = (edge / self.divisor for edge in self.geometry.box)
        size = (self.geometry.width, self.geometry.height)
        image = self.pyramid_level.resize(size, Image.Resampling.LANCZOS, box=(left, top, right, bottom))
        image = _to_srgb(image, self.profile)
        method = _TRANSPOSE_METHODS.get(self.orientation)
        if method is not None:
            image = image.transpose(method)
        # Pillow's encoders write profiles, comments and resolutions that they find here.
        image.info = {}
        return image


def decode(data: bytes, header: Header, specs: Iterable[Spec]) -> tuple[RenderResult, list[RenderStep]]:
    """Decode a source whose header was checked, once per scale that its variants need.

    Raises Rejected for an animation whose frames outgrow its header, and whatever Pillow raises for broken pixels.
    """
    if header.frames > 1 and header.content_type != "image/jpeg":
        _check_frames(data, header)
    first = _decode_at_scale(data, header, _draft_scale(header))
    width, height = (header.height, header.width) if first.is_rotated else (header.width, header.height)
    decoded, wanted = {_draft_scale(header): first}, []
    for spec in specs:
        target = compute_geometry(spec, width, height)
        scale = _scale_for(target, header)
        if scale not in decoded:
            decoded[scale] = _decode_at_scale(data, header, scale)
        wanted.append((spec, target.transposed() if first.is_rotated else target, decoded[scale]))
    return RenderResult(width, height, header.content_type, header.frames, ()), _render_steps(wanted)


def _render_steps(targets: list[tuple[Spec, Geometry, Decoded]]) -> list[RenderStep]:
    # A shot holds its level and not the whole base, which is the largest and is let go when only its halvings are
    # needed.
    levels = {id(base): [base.image] for _, _, base in targets}
    shots = []
    for spec, stored, base in targets:
        of_base = levels[id(base)]
        halvings = _halvings(stored.shrink / base.scale)
        while len(of_base) <= halvings:
            of_base.append(of_base[-1].reduce(2))
        divisor = base.scale * 2**halvings
        shots.append(RenderStep(spec, of_base[halvings], stored, divisor, base.orientation, base.profile))
    return shots


def _halvings(shrink: float) -> int:
    return max(0, math.floor(math.log2(shrink / _HALVING_MARGIN))) if shrink > _HALVING_MARGIN else 0


def _draft_scale(header: Header) -> int:
    if header.content_type != "image/jpeg":
        return 1
    side = max(header.width, header.height)
    return next((scale for scale in _DCT_SCALES if side / scale >= _BASE_SIDE), 1)


def _scale_for(geometry: Geometry, header: Header) -> int:
    most = _draft_scale(header)
    return next((scale for scale in _DCT_SCALES if scale <= most and geometry.shrink / scale >= _DCT_MARGIN), 1)


def _decode_at_scale(data: bytes, header: Header, scale: int) -> Decoded:
    with open_image(data, header.content_type) as image:
        actual = 1.0
        if scale > 1:
            drafted = image.draft(None, (max(1, header.width // scale), max(1, header.height // scale)))
            # Pillow takes the smaller ratio of the two sides, which is less than asked for in a very narrow picture.
            actual = header.width / drafted[1][2] if drafted else 1.0
        if "transparency" in image.info:
            _scale_transparency_key(image)
        image.load()
        profile = image.info.get("icc_profile")
        return Decoded(
            _normalize_mode(image), actual, _orientation(image), profile if isinstance(profile, bytes) else None
        )


def _check_frames(data: bytes, header: Header) -> None:
    # Variants show the first frame, but the original is served too: an animation that breaks later is refused as well.
    pixels = 0
    with open_image(data, header.content_type) as image:
        for number in range(header.frames):
            image.seek(number)
            image.load()
            pixels += image.width * image.height  # a GIF's canvas may grow on the way
            if pixels > MAX_TOTAL_PIXELS:
                raise animation_too_large()


def _orientation(image: Image.Image) -> int:
    # Unreadable EXIF is no reason to refuse a picture that can be seen; it then stands as it is stored, as in browsers.
    with contextlib.suppress(Exception):
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        return orientation if orientation in _TRANSPOSE_METHODS else 1
    return 1


def _scale_transparency_key(image: ImageFile.ImageFile) -> None:
    transparent, raw_mode = image.info["transparency"], image.tile[0].args if image.tile else None
    factor = _SAMPLE_SCALES.get(raw_mode) if isinstance(raw_mode, str) else None
    if factor is not None and isinstance(transparent, int):
        image.info["transparency"] = int(transparent * factor)
    elif factor is not None and isinstance(transparent, tuple):
        image.info["transparency"] = tuple(int(sample * factor) for sample in transparent)


def _normalize_mode(image: Image.Image) -> Image.Image:
    """The same picture as L, La, RGB, RGBa or CMYK, 8 bits a channel.

    The small `a` is colour multiplied by opacity, as averaging needs it: invisible colours must not bleed into visible
    ones.
    """
    if image.mode.startswith("I"):  # 16 bits; Pillow's own conversion cuts at 255 instead of scaling
        image = image.point(lambda sample: sample * (1 / 256)).convert("L")
    if image.has_transparency_data:
        grey = image.mode in {"1", "L", "LA"}
        return image.convert("LA" if grey else "RGBA").convert("La" if grey else "RGBa")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in {"L", "RGB", "CMYK"} else image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    alpha = None
    if image.mode in {"La", "RGBa"}:
        image = image.convert("LA" if image.mode == "La" else "RGBA")
        alpha = image.getchannel("A")
        image = image.convert("L" if image.mode == "LA" else "RGB")
    if profile is not None:
        # A profile that is broken, or meant for other channels, says nothing: the colours are then taken as sRGB.
        with contextlib.suppress(Exception):
            image = _apply_profile(image, profile)
    if image.mode != "RGB":
        image = image.convert("RGB")
    if alpha is not None and alpha.getextrema() != (255, 255):
        image.putalpha(alpha)
    return image


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if image.mode == "L" and source.profile.xcolor_space.strip() == "RGB":
        image = image.convert("RGB")
    converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    return converted if converted is not None else image
