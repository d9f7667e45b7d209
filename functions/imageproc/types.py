"""The input of the renderer, and the rejection of an image."""

from dataclasses import dataclass
from typing import Literal

Fit = Literal["contain", "cover", "stretch"]
Format = Literal["webp", "avif", "jpeg", "png"]
RejectionCode = Literal[
    "animation_too_large",
    "broken_image",
    "cannot_encode",
    "checksum_mismatch",
    "decoder_crashed",
    "empty_file",
    "resource_limit_exceeded",
    "side_too_long",
    "too_many_bytes",
    "too_many_frames",
    "too_many_pixels",
    "too_many_scans",
    "type_mismatch",
    "unsupported_type",
]


@dataclass(frozen=True)
class Spec:
    """A variant to render. The box is in pixels; `quality` is the scale of the encoder from 1 to 100, which PNG ignores.

    `contain` scales the image down until it fits into the box. `cover` fills the box and crops both sides equally. `stretch`
    scales to the exact size of the box. Only `stretch` enlarges.
    """

    name: str
    width: int
    height: int
    fit: Fit
    format: Format
    quality: int


class Rejected(Exception):
    """The image can never be rendered. This is a result, not an error: no other attempt would end differently."""

    def __init__(self, code: RejectionCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
