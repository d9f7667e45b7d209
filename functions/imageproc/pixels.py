"""Decode a source, and compute the pixels of its variants: shrink, transpose, convert to sRGB.

A variant depends on the source and its own spec only, and never on the other variants, so that rendering it again gives the
same bytes. The variants still share work, because the source determines the steps: an image pyramid of the decoded image and
its halvings. Each variant is resized by Lanczos from the smallest level that has twice its pixels.
"""

import contextlib
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from PIL import ExifTags, Image, ImageCms

from functions.imageproc import jpeg, placeholder, png, profiles
from functions.imageproc.decoders import Header, open_image
from functions.imageproc.encode import encode
from functions.imageproc.geometry import Geometry, compute_geometry
from functions.imageproc.picture import Picture
from functions.imageproc.rejection import Rejected
from holdall.projects.variant_specs import VariantSpec

# libjpeg decodes at 1/2, 1/4 and 1/8 by dropping frequencies, which is a good low-pass filter, so 1.5 source pixels for each
# pixel of a variant are enough. A decoded image has 1.5 times 1920 pixels on its long side if the source does, which is
# enough for most variants.
_DCT_SCALES: Final = (8, 4, 2)
_DCT_MARGIN: Final = 1.5
_BASE_SIDE: Final = 2880
# Averaging is a poor low-pass filter. With two source pixels for each pixel of a variant, Lanczos hides that (`reducing_gap` in
# Pillow's documentation of Image.resize).
_HALVING_MARGIN: Final = 2.0

_PLACEHOLDER: Final = VariantSpec(name="placeholder", width=placeholder.SIDE, height=placeholder.SIDE)
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


@dataclass(frozen=True)
class Decoded:
    """A picture at 1/`scale` of its stored size, its EXIF orientation, and its ICC profile, which is None for sRGB."""

    image: Image.Image
    scale: float
    orientation: int
    profile: bytes | None

    @property
    def is_rotated(self) -> bool:
        return self.orientation in _ROTATED_ORIENTATIONS


@dataclass(frozen=True)
class RenderStep:
    """A variant before it is resized. The geometry is in stored pixels of the source, `divisor` times those of the level."""

    spec: VariantSpec
    pyramid_level: Image.Image
    geometry: Geometry
    divisor: float
    orientation: int
    profile: bytes | None

    @property
    def pixels(self) -> int:
        return self.geometry.width * self.geometry.height

    @property
    def cost(self) -> int:
        """Return the relative time to encode the variant. AVIF takes ten times as long as the other formats."""
        return self.pixels * (10 if self.spec.format == "avif" else 1)

    def resize(self) -> Image.Image:
        """Return the variant as RGB or RGBA in sRGB, upright, and without metadata."""
        left, top, right, bottom = (edge / self.divisor for edge in self.geometry.box)
        size = (self.geometry.width, self.geometry.height)
        image = self.pyramid_level.resize(size, Image.Resampling.LANCZOS, box=(left, top, right, bottom))
        image = _to_srgb(image, self.profile)
        method = _TRANSPOSE_METHODS.get(self.orientation)
        if method is not None:
            image = image.transpose(method)
        # The encoders of Pillow write the profiles, comments and resolutions that they find in `info`.
        image.info = {}
        return image

    def encode(self) -> tuple[bytes, tuple[int, int]]:
        """Return the variant as a file of the format of its spec, and its size."""
        image = self.resize()
        return encode(image, self.spec.format, self.spec.quality), image.size


@dataclass(frozen=True)
class Plan:
    """The upright size of a picture, a step for each of its variants, and one for its placeholder."""

    size: tuple[int, int]
    steps: list[RenderStep]
    placeholder: RenderStep


def decode(picture: Picture, header: Header, specs: Iterable[VariantSpec]) -> Plan:
    """Decode a picture, once for each scale that its variants need.

    Raises Rejected for a truncated JPEG, and the exceptions of Pillow for broken pixels.
    """
    if not picture.is_closed:
        picture = _close(picture)
    first = _decode_at_scale(picture, header, _draft_scale(header))
    width, height = (header.height, header.width) if first.is_rotated else (header.width, header.height)
    decoded, targets = {_draft_scale(header): first}, []
    for spec in specs:
        geometry = compute_geometry(spec, width, height)
        scale = _scale_for(geometry, header)
        if scale not in decoded:
            decoded[scale] = _decode_at_scale(picture, header, scale)
        targets.append((spec, geometry.transposed() if first.is_rotated else geometry, decoded[scale]))
    geometry = compute_geometry(_PLACEHOLDER, width, height)
    targets.append((_PLACEHOLDER, geometry.transposed() if first.is_rotated else geometry, first))
    *steps, last = _render_steps(targets)
    return Plan((width, height), steps, last)


def _render_steps(targets: list[tuple[VariantSpec, Geometry, Decoded]]) -> list[RenderStep]:
    # A step refers to its level only, so the decoded image, which is the largest, is freed if only smaller levels are needed.
    pyramids = {id(decoded): [decoded.image] for _, _, decoded in targets}
    steps = []
    for spec, geometry, decoded in targets:
        pyramid = pyramids[id(decoded)]
        halvings = _halvings(geometry.shrink / decoded.scale)
        while len(pyramid) <= halvings:
            pyramid.append(pyramid[-1].reduce(2))
        divisor = decoded.scale * 2**halvings
        steps.append(RenderStep(spec, pyramid[halvings], geometry, divisor, decoded.orientation, decoded.profile))
    return steps


def _halvings(shrink: float) -> int:
    return max(0, math.floor(math.log2(shrink / _HALVING_MARGIN))) if shrink > _HALVING_MARGIN else 0


def _draft_scale(header: Header) -> int:
    if header.content_type != "image/jpeg":
        return 1
    side = max(header.width, header.height)
    return next((scale for scale in _DCT_SCALES if side / scale >= _BASE_SIDE), 1)


def _scale_for(geometry: Geometry, header: Header) -> int:
    max_scale = _draft_scale(header)
    return next((scale for scale in _DCT_SCALES if scale <= max_scale and geometry.shrink / scale >= _DCT_MARGIN), 1)


def _close(picture: Picture) -> Picture:
    """Return a JPEG with its end marker. Raises Rejected if more than that is missing."""
    endings = jpeg.endings(picture)
    pixels = _pixel_bytes(endings[0])
    if any(_pixel_bytes(other) != pixels for other in endings[1:]):
        raise Rejected("broken_image", "The image is truncated.")
    return endings[0]


def _pixel_bytes(picture: Picture) -> bytes:
    with open_image(picture) as image:
        return image.tobytes()


def _decode_at_scale(picture: Picture, header: Header, scale: int) -> Decoded:
    with open_image(picture) as image:
        actual_scale = 1.0
        if scale > 1:
            drafted = image.draft(None, (max(1, header.width // scale), max(1, header.height // scale)))
            # Pillow takes the smaller ratio of the two sides, which is below the scale for a very narrow image.
            actual_scale = header.width / drafted[1][2] if drafted else 1.0
        image.load()
        if scale == 1 and image.size != (header.width, header.height):
            raise Rejected("broken_image", "The size of the pixels is not that of the header.")
        profile = image.info.get("icc_profile") or picture.profile
        orientation = _orientation(image)
        pixels = _apply_transparency(image, picture)
    return Decoded(normalize_mode(pixels), actual_scale, orientation, None if profile == profiles.SRGB else profile)


def _orientation(image: Image.Image) -> int:
    # Not `Image.getexif`, which reads XMP too. Browsers do not, and ignore EXIF data that they cannot read.
    exif = Image.Exif()
    with contextlib.suppress(Exception):
        exif.load(image.info.get("exif", b""))
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        return orientation if orientation in _TRANSPOSE_METHODS else 1
    return 1


def _apply_transparency(image: Image.Image, picture: Picture) -> Image.Image:
    """Return decoded pixels with the transparency that Pillow does not know."""
    if picture.color_key is not None:
        return png.load_with_color_key(picture, picture.color_key)
    if picture.covered in {None, (0, 0, *image.size)}:
        return image
    canvas = Image.new("RGBA", image.size)
    canvas.paste(image.convert("RGBA").crop(picture.covered), picture.covered)
    return canvas


def normalize_mode(image: Image.Image) -> Image.Image:
    """Return the image as L, La, RGB, RGBa or CMYK with 8 bits per channel.

    In La and RGBa, colors are premultiplied by alpha, because averaging must not mix invisible colors into visible ones.
    """
    if image.mode.startswith("I"):
        image = png.high_bytes(image)
    if image.has_transparency_data:
        is_gray = image.mode in {"1", "L", "LA"}
        return image.convert("LA" if is_gray else "RGBA").convert("La" if is_gray else "RGBa")
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
        # A broken profile, or one for other channels, is ignored: the colors are taken as sRGB.
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
