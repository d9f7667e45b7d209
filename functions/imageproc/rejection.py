"""The rejection of an image."""

from typing import Literal

RejectionCode = Literal[
    "animation_too_large",
    "broken_image",
    "cannot_encode",
    "checksum_mismatch",
    "decoder_crashed",
    "empty_file",
    "side_too_long",
    "too_many_bytes",
    "too_many_frames",
    "too_many_pixels",
    "too_demanding",
    "too_many_scans",
    "unsupported_type",
]


class Rejected(Exception):
    """The image can never be rendered. This is a result, not an error: no other attempt would end differently."""

    def __init__(self, code: RejectionCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
