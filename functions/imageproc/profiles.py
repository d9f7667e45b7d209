"""ICC profiles for colors that are described otherwise: by code points (ITU-T H.273), or by a gamma and chromaticities.

A profile has three primaries, adapted to the white point D50, and one curve (ICC.1:2022, 8.3 and annex F).
"""

import io
import struct
from collections.abc import Sequence
from typing import Final

from PIL import ImageCms

Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]  # three rows

_D65, _C, _DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)
# x and y of white, red, green and blue, as in the chunk cHRM. H.273, table 2. 2 is unspecified.
_PRIMARIES: Final = {
    1: (*_D65, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060),  # BT.709, sRGB
    4: (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),  # BT.2020
    11: (*_DCI, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # Display P3
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
_UNSPECIFIED: Final = 2
# H.273, table 3. Chromium shows the curves of television (1, 6, 14, 15) as that of sRGB (13; ui/gfx/color_space.cc), and so
# does this table. PQ (16) and HLG (18) are not in it: their light is not relative to that of the screen.
_SRGB_CURVES: Final = frozenset({1, _UNSPECIFIED, 6, 13, 14, 15})
_GAMMAS: Final = {4: 2.2, 5: 2.8, 8: 1.0}
_D50: Final[Vector] = (0.9642, 1.0, 0.8249)
_BRADFORD: Final[Matrix] = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


def from_code_points(primaries: int, transfer: int) -> bytes | None:
    """Return the profile of two code points, or None if no profile can hold them. Unspecified ones are those of sRGB."""
    chromaticities = _PRIMARIES.get(1 if primaries == _UNSPECIFIED else primaries)
    if chromaticities is None or not (transfer in _SRGB_CURVES or transfer in _GAMMAS):
        return None
    return _build(chromaticities, _GAMMAS.get(transfer))


def from_gamma(gamma: float | None, chromaticities: Sequence[float] | None) -> bytes | None:
    """Return a profile by the exponent of the samples and eight chromaticities, or None if there are no such colors.

    A missing one is that of sRGB.
    """
    try:
        return _build(chromaticities or _PRIMARIES[1], None if gamma is None else 1 / gamma)
    except (ZeroDivisionError, struct.error):  # chromaticities on a line, or a number that a profile cannot hold
        return None


def is_usable(profile: bytes) -> bool:
    """Return whether a profile can be read and is for gray or RGB."""
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space.strip() in {"GRAY", "RGB"}
    except OSError:
        return False


def _build(chromaticities: Sequence[float], gamma: float | None) -> bytes:
    """Return a profile. `gamma` is the exponent of the curve, and None for that of sRGB.

    Raises ZeroDivisionError and struct.error.
    """
    white_x, white_y, *points = chromaticities
    white = _xyz(white_x, white_y)
    columns = _transpose(tuple(_xyz(points[at], points[at + 1]) for at in (0, 2, 4)))  # type: ignore[arg-type]
    brightness = _apply(_inverse(columns), white)
    cones = _apply(_BRADFORD, white)
    adaptation = tuple(target / cone for target, cone in zip(_apply(_BRADFORD, _D50), cones, strict=True))
    tags = {b"wtpt": _xyz_tag(_D50)}
    for number, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ")):
        color = tuple(row[number] * brightness[number] for row in columns)
        adapted = tuple(a * b for a, b in zip(_apply(_BRADFORD, color), adaptation, strict=True))  # type: ignore[arg-type]
        tags[name] = _xyz_tag(_apply(_inverse(_BRADFORD), adapted))  # type: ignore[arg-type]
    # Curves of type 3, and of type 0 (10.18).
    srgb = (3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    kind, *parameters = srgb if gamma is None else (0, gamma)
    curve = b"para" + struct.pack(">4xHxx", int(kind)) + b"".join(map(_fixed, parameters))
    return _pack({**tags, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


def _pack(tags: dict[bytes, bytes]) -> bytes:
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, offset + len(body), len(content))
        body += content
    header = struct.pack(">I4xI4s4s4s", offset + len(body), 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s28x", 2026, 1, 1, 0, 0, 0, b"acsp") + b"".join(map(_fixed, _D50))
    return header.ljust(128, b"\0") + table + body


def _xyz_tag(color: Vector) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(_fixed, color))


def _fixed(number: float) -> bytes:
    return struct.pack(">i", round(number * 65536))


def _xyz(x: float, y: float) -> Vector:
    return (x / y, 1.0, (1 - x - y) / y)


def _apply(matrix: Matrix, vector: Vector) -> Vector:
    first, second, third = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return (first, second, third)


def _transpose(matrix: Matrix) -> Matrix:
    first, second, third = zip(*matrix, strict=True)
    return (first, second, third)


def _inverse(matrix: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    adjugate = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    first, second, third = ((x / determinant, y / determinant, z / determinant) for x, y, z in adjugate)
    return (first, second, third)


SRGB: Final = _build(_PRIMARIES[1], None)
