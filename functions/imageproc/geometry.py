"""Compute the crop box and the size of a variant."""

from dataclasses import dataclass

from functions.imageproc.decoders import MAX_SIDE
from holdall.projects.variant_specs import VariantSpec

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Geometry:
    """The box of the source to resize, in its pixels, and the size of the result."""

    box: Box
    width: int
    height: int

    @property
    def shrink(self) -> float:
        """Return how many pixels of the source make one of the result, on the axis with fewer. Below 1, it is enlarged."""
        left, top, right, bottom = self.box
        return min((right - left) / self.width, (bottom - top) / self.height)

    def transposed(self) -> "Geometry":
        """Return the geometry with its axes exchanged, for a source that is stored rotated.

        An EXIF orientation changes nothing else: the box is always centered, so flips and a rotation by 180 degrees keep it.
        """
        left, top, right, bottom = self.box
        return Geometry((top, left, bottom, right), self.height, self.width)


def compute_geometry(spec: VariantSpec, width: int, height: int) -> Geometry:
    """Compute the geometry of a variant of a source with this width and height after EXIF orientation.

    `contain` scales the source down until it fits into the box of the spec. `cover` fills the box and crops both sides equally.
    `stretch` scales to the exact size of the box. Only `stretch` enlarges.
    """
    # No source has a longer side, so a missing side of the spec does not limit the variant.
    max_width, max_height = spec.width or MAX_SIDE, spec.height or MAX_SIDE
    whole: Box = (0.0, 0.0, float(width), float(height))
    if spec.fit == "stretch":
        return Geometry(whole, max_width, max_height)
    if spec.fit == "contain":
        scale = min(max_width / width, max_height / height, 1.0)
        return Geometry(whole, _clamp_pixels(width * scale, max_width), _clamp_pixels(height * scale, max_height))
    # The largest box with the aspect ratio of the spec. A source that is smaller is cropped, not enlarged.
    crop_width = min(float(width), height * max_width / max_height)
    crop_height = min(float(height), width * max_height / max_width)
    left, top = (width - crop_width) / 2, (height - crop_height) / 2
    box = (left, top, left + crop_width, top + crop_height)
    return Geometry(box, _clamp_pixels(crop_width, max_width), _clamp_pixels(crop_height, max_height))


def _clamp_pixels(value: float, maximum: int) -> int:
    return max(1, min(round(value), maximum))
