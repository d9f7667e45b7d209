"""Placeholders: what a page shows until an image is loaded.

A ThumbHash is a blurred picture in 25 bytes or fewer (evanw/thumbhash). Its packages on PyPI are ports of 2023 that are not
maintained and install command lines, so the algorithm is written here.
"""

import base64
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from PIL import Image

SIDE: Final = 32  # pixels of the longer side; a ThumbHash keeps at most seven frequencies of each axis
_COLORS: Final = 6  # among which the dominant one is found
_OPAQUE: Final = 128  # alpha from here on

_Channel = Sequence[float]


def thumb_hash(image: Image.Image) -> str:
    """Return the ThumbHash of an RGB or RGBA image of at most 100 by 100 pixels, in base64."""
    width, height = image.size
    lightness, yellow_blue, red_green, alpha = _to_lpqa(image)
    has_alpha = min(alpha) < 1
    limit, longer = 5 if has_alpha else 7, max(width, height)
    columns, rows = (max(1, math.floor(limit * side / longer + 0.5)) for side in (width, height))
    l_dc, l_ac, l_scale = _encode_channel(lightness, image.size, max(3, columns), max(3, rows))
    p_dc, p_ac, p_scale = _encode_channel(yellow_blue, image.size, 3, 3)
    q_dc, q_ac, q_scale = _encode_channel(red_green, image.size, 3, 3)
    header = _scaled(63, l_dc) | _scaled(31.5, p_dc + 1) << 6 | _scaled(31.5, q_dc + 1) << 12
    header |= _scaled(31, l_scale) << 18 | has_alpha << 23
    is_landscape = width > height
    details = (rows if is_landscape else columns) | _scaled(63, p_scale) << 3 | _scaled(63, q_scale) << 9
    details |= is_landscape << 15
    data, coefficients = header.to_bytes(3, "little") + details.to_bytes(2, "little"), [*l_ac, *p_ac, *q_ac]
    if has_alpha:
        a_dc, a_ac, a_scale = _encode_channel(alpha, image.size, 5, 5)
        data += bytes((_scaled(15, a_dc) | _scaled(15, a_scale) << 4,))
        coefficients += a_ac
    nibbles = [_scaled(15, each) for each in coefficients] + [0]
    data += bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=False))
    return base64.b64encode(data).decode()


def dominant_color(image: Image.Image) -> str:
    """Return the color of the largest area of an RGB or RGBA image, as `#rrggbb`. What is transparent has none.

    An image that is transparent everywhere is white.
    """
    opaque = b"".join(pixel[:3] for pixel in _pixels(image) if pixel[3] >= _OPAQUE)
    if not opaque:
        return "#ffffff"
    strip = Image.frombytes("RGB", (len(opaque) // 3, 1), opaque)
    colors = Counter(_pixels(strip.quantize(_COLORS, method=Image.Quantize.MEDIANCUT)))
    color, _ = max(colors.items(), key=lambda each: (each[1], each[0]))
    return f"#{color[:3].hex()}"


def _pixels(image: Image.Image) -> list[bytes]:
    """Return the RGBA values of each pixel."""
    data = image.convert("RGBA").tobytes()
    return [data[start : start + 4] for start in range(0, len(data), 4)]


def _to_lpqa(image: Image.Image) -> tuple[list[float], list[float], list[float], list[float]]:
    """Return lightness, yellow against blue, red against green, and alpha of each pixel, over the average color."""
    pixels = [[value / 255 for value in pixel] for pixel in _pixels(image)]
    alpha = [pixel[3] for pixel in pixels]
    total = sum(alpha)
    average = [sum(pixel[band] * pixel[3] for pixel in pixels) / total if total else 0.0 for band in range(3)]
    colors = [[average[band] * (1 - pixel[3]) + pixel[band] * pixel[3] for band in range(3)] for pixel in pixels]
    return (
        [(red + green + blue) / 3 for red, green, blue in colors],
        [(red + green) / 2 - blue for red, green, blue in colors],
        [red - green for red, green, _ in colors],
        alpha,
    )


def _encode_channel(
    channel: _Channel, size: tuple[int, int], columns: int, rows: int
) -> tuple[float, list[float], float]:
    """Return the average of a channel, its other frequencies as numbers from 0 to 1, and their scale."""
    constant, *others = _frequencies(channel, size, columns, rows)
    scale = max(map(abs, others))
    return constant, [0.5 + 0.5 / scale * each if scale else each for each in others], scale


def _frequencies(channel: _Channel, size: tuple[int, int], columns: int, rows: int) -> Iterator[float]:
    """Yield the lowest frequencies of a two-dimensional discrete cosine transform, the triangle of them that is kept."""
    width, height = size
    lines = [channel[start : start + width] for start in range(0, len(channel), width)]
    for row in range(rows):
        vertical = [math.cos(math.pi / height * row * (y + 0.5)) for y in range(height)]
        sums = [sum(line[x] * factor for line, factor in zip(lines, vertical, strict=True)) for x in range(width)]
        for column in range(columns):
            if column * rows >= columns * (rows - row):
                break
            horizontal = (math.cos(math.pi / width * column * (x + 0.5)) for x in range(width))
            yield sum(value * factor for value, factor in zip(sums, horizontal, strict=True)) / (width * height)


def _scaled(maximum: float, value: float) -> int:
    """Round as JavaScript does, because the reference is written in it."""
    return math.floor(maximum * value + 0.5)
