"""The words of rendering: what is asked for, what comes out, and what is refused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Fit = Literal["contain", "cover", "stretch"]
Format = Literal["webp", "avif", "jpeg", "png"]


@dataclass(frozen=True)
class Spec:
    """A variant that is asked for: a box in pixels, how the picture meets it, and how it is encoded.

    `contain` fits into the box, `cover` fills it and cuts what stands over at both sides, `stretch` takes its exact
    size. Only `stretch` enlarges. `quality` is the encoder's own scale from 1 to 100; PNG has none and ignores it.
    """

    name: str
    width: int
    height: int
    fit: Fit
    format: Format
    quality: int


@dataclass(frozen=True)
class RenderedVariant:
    """A variant that was made: its file, its size in pixels, and its size in bytes."""

    name: str
    path: Path
    width: int
    height: int
    content_type: str
    size: int


@dataclass(frozen=True)
class RenderResult:
    """A source that was understood. `width` and `height` are upright, after EXIF orientation.

    `content_type` is what the bytes say, and so what may be stored and served.
    """

    width: int
    height: int
    content_type: str
    frames: int
    variants: tuple[RenderedVariant, ...]


class Rejected(Exception):  # it is a result, a state of the version, and no error of ours
    """The source can never be rendered: a stable snake_case `code` for programs, a `detail` for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
