"""Render an animation as an animated WebP, frame by frame."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image

from functions.imageproc.decoders import MAX_TOTAL_PIXELS, open_image
from functions.imageproc.picture import Picture
from functions.imageproc.pixels import RenderStep, normalize_mode
from functions.imageproc.rejection import Rejected
from holdall.projects.variant_specs import VariantSpec

_ANIMATED_TYPES: Final = frozenset({"image/gif", "image/webp", "image/png"})
# Browsers show a frame with a shorter duration for 100 ms, because old GIFs say 0 and mean "as fast as it looks right".
_MIN_DURATION: Final = 11  # milliseconds
_DEFAULT_DURATION: Final = 100


@dataclass(frozen=True)
class AnimationStep:
    """An animated variant before its frames are resized. `still` is the step of its first frame."""

    still: RenderStep
    source: Picture

    @property
    def spec(self) -> VariantSpec:
        return self.still.spec

    @property
    def pixels(self) -> int:
        return self.still.pixels * self.source.frames

    @property
    def cost(self) -> int:
        """Return the relative time to encode the variant. Every frame is encoded twice, as a key frame and as a difference."""
        return self.pixels * 2

    def encode(self) -> tuple[bytes, tuple[int, int]]:
        """Return the variant as a WebP, and its size. Raises Rejected if all frames together have too many pixels."""
        if self.pixels > MAX_TOTAL_PIXELS:
            detail = f"All frames of {self.spec.name!r} together must not have more than {MAX_TOTAL_PIXELS} pixels."
            raise Rejected("animation_too_large", detail)
        with open_image(self.source) as image:
            frames, durations = zip(*self._frames(image), strict=True)
            loop = _loop_count(image)
        buffer = io.BytesIO()
        frames[0].save(
            buffer,
            "webp",
            save_all=True,
            append_images=frames[1:],
            duration=list(durations),
            loop=loop,
            quality=self.spec.quality,
            method=4,
        )
        return buffer.getvalue(), frames[0].size

    def _frames(self, image: Image.Image) -> Iterator[tuple[Image.Image, int]]:
        """Yield each frame as it is shown, with its duration in milliseconds."""
        # The default picture of an APNG may be no part of the animation ("fcTL" in the PNG specification, third edition).
        first = 1 if getattr(image, "default_image", False) else 0
        for number in range(first, min(getattr(image, "n_frames", 1), first + self.source.frames)):
            image.seek(number)
            frame = self._resize(image)
            duration = int(image.info.get("duration") or 0)  # a WebP tells it when the frame is loaded
            yield frame, duration if duration >= _MIN_DURATION else _DEFAULT_DURATION

    def _resize(self, image: Image.Image) -> Image.Image:
        frame, still = normalize_mode(image.convert("RGBA")), self.still
        return RenderStep(still.spec, frame, still.geometry, 1, still.orientation, still.profile).resize()


def animate(still: RenderStep, data: bytes, picture: Picture) -> AnimationStep | None:
    """Return the step of an animated variant, or None if the source shows one frame, or the spec wants one."""
    if not still.spec.animated or picture.frames < 2 or picture.content_type not in _ANIMATED_TYPES:
        return None
    return AnimationStep(still, Picture(picture.content_type, data, frames=picture.frames))


def _loop_count(image: Image.Image) -> int:
    """Return how often a WebP plays; 0 is without end. A GIF counts the repetitions, and plays once if it does not say."""
    if image.format != "GIF":
        return int(image.info.get("loop", 0))
    repetitions = image.info.get("loop")
    if repetitions is None:
        return 1
    return int(repetitions) + 1 if repetitions else 0
