"""A picture, cut out of its file: the one that browsers show, with its orientation and the description of its colors.

What browsers ignore is not handed to a decoder, and can neither refuse a picture nor attack one: comments, previews, later
frames, bytes behind the end, and broken or unneeded metadata.
"""

from dataclasses import dataclass

Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class ColorKey:
    """The color of a PNG that is transparent: one sample for gray, or three, of `depth` bits."""

    samples: tuple[int, ...]
    depth: int


@dataclass(frozen=True)
class Picture:
    """A file with one picture, and what was cut off. `frames` counts the frames that the original has."""

    content_type: str
    data: bytes
    frames: int = 1
    is_closed: bool = True  # False for a JPEG whose end is missing
    profile: bytes | None = None  # an ICC profile; None if the decoder finds it, or if colors are sRGB
    color_key: ColorKey | None = None
    covered: Box | None = None  # the part of the canvas that the picture covers; None for all of it
