"""How a picture meets the box of a variant. Arithmetic alone, no pixels."""

from dataclasses import dataclass

from functions.imageproc.types import Spec

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Geometry:
    """The part of the source that is shown, in its pixels, and the size that it is shown in."""

    box: Box
    width: int
    height: int

    @property
    def shrink(self) -> float:
        """Pixels of the source per pixel of the variant, on the axis with fewer; below 1 where it is enlarged."""
        left, top, right, bottom = self.box
        return min((right - left) / self.width, (bottom - top) / self.height)

    def transposed(self) -> "Geometry":
        """The same with its axes exchanged: what a source needs that is stored lying on its side.

        That is all that an orientation changes, because a box is always centred: mirrored or upside down it is the
        same.
        """
        left, top, right, bottom = self.box
        return Geometry((top, left, bottom, right), self.height, self.width)


def compute_geometry(spec: Spec, width: int, height: int) -> Geometry:
    """Where an upright source lands, its sides in pixels."""
    whole: Box = (0.0, 0.0, float(width), float(height))
    if spec.fit == "stretch":
        return Geometry(whole, spec.width, spec.height)
    if spec.fit == "contain":
        scale = min(spec.width / width, spec.height / height, 1.0)
        return Geometry(whole, _clamp_pixels(width * scale, spec.width), _clamp_pixels(height * scale, spec.height))
    return _cover(spec, width, height)


def _cover(spec: Spec, width: int, height: int) -> Geometry:
    # The largest part of the source with the proportions of the box. A smaller source keeps its pixels: it is cut, not
    # enlarged.
    cut_width = min(float(width), height * spec.width / spec.height)
    cut_height = min(float(height), width * spec.height / spec.width)
    left, top = (width - cut_width) / 2, (height - cut_height) / 2
    box = (left, top, left + cut_width, top + cut_height)
    return Geometry(box, _clamp_pixels(cut_width, spec.width), _clamp_pixels(cut_height, spec.height))


def _clamp_pixels(value: float, maximum: int) -> int:
    return max(1, min(round(value), maximum))
