"""Animated variants: the frames of a GIF, a WebP or an APNG, with their times, in a WebP."""

import io
from typing import Any

import pytest
from PIL import Image

from tests.support.image_renderer import ImageFactory, make_spec
from tests.support.image_samples import decode, encode

COLORS = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
MOVING = make_spec("moving", 20, 20, "contain", "webp", 90, animated=True)
STILL = make_spec("still", 20, 20, "contain", "webp", 90)
ANIMATED_FORMATS = ["GIF", "WEBP", "PNG"]


def make_animation(format_: str, durations: list[int] | int, **options: Any) -> bytes:
    """Return an animation of 40 by 20 pixels with a frame of each color."""
    first, *others = [Image.new("RGB", (40, 20), color) for color in COLORS]
    return encode(first, format_, save_all=True, append_images=others, duration=durations, **options)


def frames_of(content: bytes) -> list[tuple[Any, int]]:
    """Return the color in the middle and the duration of each frame."""
    image, found = Image.open(io.BytesIO(content)), []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        frame = image.convert("RGBA")
        found.append((frame.getpixel((frame.width // 2, frame.height // 2)), image.info.get("duration", 0)))
    return found


def assert_similar(color: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert all(abs(a - b) <= 12 for a, b in zip(color, expected, strict=False)), color


@pytest.mark.parametrize("format_", ANIMATED_FORMATS)
def test_frames_and_their_times_are_kept(image_factory: ImageFactory, format_: str) -> None:
    source = make_animation(format_, [50, 200, 120], loop=0)
    result = image_factory.render(source, MOVING, STILL)
    moving, still = (variant.path.read_bytes() for variant in result.variants)

    frames = frames_of(moving)
    for (color, _), expected in zip(frames, COLORS, strict=True):
        assert_similar(color, expected)
    assert [duration for _, duration in frames] == [50, 200, 120]
    assert [(variant.width, variant.height) for variant in result.variants] == [(20, 10), (20, 10)]
    assert decode(moving).info["loop"] == 0
    assert len(frames_of(still)) == 1


@pytest.mark.parametrize(("loop", "plays"), [(None, 1), (0, 0), (2, 3)])
def test_gif_plays_as_often_as_in_a_browser(image_factory: ImageFactory, loop: int | None, plays: int) -> None:
    options = {} if loop is None else {"loop": loop}
    source = make_animation("GIF", 50, **options)

    assert decode(image_factory.render_bytes(source, MOVING)[0]).info["loop"] == plays


@pytest.mark.parametrize("format_", ["WEBP", "PNG"])
def test_animation_plays_as_often_as_its_source(image_factory: ImageFactory, format_: str) -> None:
    source = make_animation(format_, 50, loop=3)

    assert decode(image_factory.render_bytes(source, MOVING)[0]).info["loop"] == 3


def test_frames_without_a_time_are_shown_for_a_tenth_of_a_second(image_factory: ImageFactory) -> None:
    frames = frames_of(image_factory.render_bytes(make_animation("GIF", [0, 10, 20]), MOVING)[0])

    assert [duration for _, duration in frames] == [100, 100, 20]


def test_default_picture_of_an_apng_is_no_frame(image_factory: ImageFactory) -> None:
    source = make_animation("PNG", 50, default_image=True)
    frames = frames_of(image_factory.render_bytes(source, MOVING)[0])

    assert len(frames) == len(COLORS) - 1
    assert_similar(frames[0][0], COLORS[1])


def test_frames_that_change_a_part_are_shown_whole(image_factory: ImageFactory) -> None:
    first = Image.new("RGBA", (40, 20), (255, 0, 0, 255))
    second = first.copy()
    second.paste((0, 0, 255, 255), (0, 0, 8, 8))
    source = encode(first, "GIF", save_all=True, append_images=[second], duration=50, optimize=True)

    frames = frames_of(image_factory.render_bytes(source, MOVING)[0])
    assert len(frames) == 2
    for color, _ in frames:
        assert_similar(color, (255, 0, 0, 255))


def test_transparency_is_kept(image_factory: ImageFactory) -> None:
    images = [Image.new("RGBA", (40, 20), (*color, 0)) for color in COLORS]
    for image, color in zip(images, COLORS, strict=True):
        image.paste((*color, 255), (10, 0, 30, 20))
    source = encode(images[0], "WEBP", save_all=True, append_images=images[1:], duration=50, lossless=True)

    content = image_factory.render_bytes(source, MOVING)[0]
    image = Image.open(io.BytesIO(content))
    for number in range(3):
        image.seek(number)
        assert image.convert("RGBA").getpixel((1, 5))[3] == 0  # type: ignore[index]
        assert image.convert("RGBA").getpixel((10, 5))[3] == 255  # type: ignore[index]


def test_picture_with_one_frame_stays_a_picture(image_factory: ImageFactory) -> None:
    still = encode(Image.new("RGB", (40, 20), "red"), "GIF")

    assert len(frames_of(image_factory.render_bytes(still, MOVING)[0])) == 1


def test_same_animation_gives_the_same_bytes(image_factory: ImageFactory) -> None:
    source = make_animation("GIF", 50)

    assert image_factory.render_bytes(source, MOVING) == image_factory.render_bytes(source, MOVING)


def test_animation_that_is_enlarged_too_much_is_refused(image_factory: ImageFactory) -> None:
    huge = make_spec("huge", 7000, 7000, "stretch", "webp", 90, animated=True)

    assert image_factory.rejection_code(make_animation("GIF", 50), huge) == "animation_too_large"


@pytest.mark.parametrize("format_", ANIMATED_FORMATS)
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_truncated_animation_never_ends_the_worker(image_factory: ImageFactory, format_: str, kept: float) -> None:
    source = make_animation(format_, 50)

    assert image_factory.rejection_code(source[: int(len(source) * kept)], MOVING) in (
        "",
        "broken_image",
        "cannot_encode",
    )
