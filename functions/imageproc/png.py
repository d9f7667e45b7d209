"""Cut the picture out of a PNG, and read how its colors are described (PNG specification, third edition)."""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngImageFile

from functions.imageproc import profiles
from functions.imageproc.picture import ColorKey, Picture

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_GRAY, _RGB, _PALETTE = 0, 2, 3
_GAMMA_OF_SRGB: Final = 45_455  # what encoders write for sRGB, for decoders that only know gammas (11.3.2.5)
_LENGTHS: Final = {b"cICP": 4, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32}
_COLOR_KEY_LENGTHS: Final = {_GRAY: 2, _RGB: 6}
# Of a chunk, and of a profile when unpacked. Profiles of printers have 1 MB.
_MAX_ANCILLARY_BYTES: Final = 4 * 1024 * 1024


def cut_out(data: bytes) -> Picture:
    """Return the default picture: the critical chunks as they are, the transparency of a palette, and EXIF data.

    All other chunks are ancillary. Browsers ignore those that are broken. An APNG counts its frames, and shows its default
    picture. Raises exceptions for a broken header.
    """
    before, after, ancillary, frames = list[memoryview](), list[memoryview](), dict[bytes, bytes](), 0
    for kind, chunk in _chunks(data):
        if not kind[0] & 0x20:  # critical chunks begin with a capital
            (after if after or kind == b"IDAT" else before).append(chunk)
        elif kind == b"fcTL":
            frames += 1
        elif (kind == b"eXIf" or not after) and _has_valid_checksum(chunk):
            ancillary.setdefault(kind, bytes(chunk[8:-4]))
    depth, color_type = before[0][16], before[0][17]
    kept = [_pack(b"eXIf", ancillary[b"eXIf"])] if b"eXIf" in ancillary else []
    colors = sum(len(chunk) - 12 for chunk in before if bytes(chunk[4:8]) == b"PLTE") // 3
    if color_type == _PALETTE and 0 < len(ancillary.get(b"tRNS", b"")) <= colors:
        kept.append(_pack(b"tRNS", ancillary[b"tRNS"]))
    return Picture(
        "image/png",
        b"".join((_SIGNATURE, *before, *kept, *after)),
        frames=max(1, frames),
        profile=_profile({kind: ancillary[kind] for kind in ancillary if _has_valid_length(kind, ancillary[kind])}),
        color_key=_color_key(ancillary.get(b"tRNS", b""), depth, color_type),
    )


def load_with_color_key(picture: Picture, key: ColorKey) -> Image.Image:
    """Decode gray or RGB pixels, and make those of the color key transparent. All bits of a sample count."""
    planes = _planes(picture.data)
    if len(planes) == 2:
        keys = [[sample >> 8 for sample in key.samples], [sample & 0xFF for sample in key.samples]]
    else:
        keys = [[sample * 255 // ((1 << key.depth) - 1) for sample in key.samples]]
    differences = [
        band.point([0 if level == sample else 255 for level in range(256)])
        for plane, samples in zip(planes, keys, strict=True)
        for band, sample in zip(plane.split(), samples, strict=True)
    ]
    alpha = differences[0]
    for difference in differences[1:]:
        alpha = ImageChops.lighter(alpha, difference)
    planes[0].putalpha(alpha)
    return planes[0]


def high_bytes(image: Image.Image) -> Image.Image:
    """Return a gray image of 16 bits in 8 bits. The conversion of Pillow clips instead."""
    return Image.frombytes("L", image.size, image.tobytes(), "raw", "L;16")


def _planes(data: bytes) -> list[Image.Image]:
    """Return the pixels as L or RGB. Of samples with 16 bits, return the high bytes and the low bytes."""
    with PngImageFile(io.BytesIO(data)) as image:
        raw_mode = image.tile[0].args
        image.load()
        if raw_mode == "I;16B":
            low_bytes = Image.frombytes("L", image.size, image.tobytes(), "raw", "L;16B")
            return [high_bytes(image), low_bytes]
        planes = [image.convert("L") if image.mode == "1" else image.copy()]
    if raw_mode == "RGB;16B":
        with PngImageFile(io.BytesIO(data)) as image:
            image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]  # the second byte of each sample
            planes.append(image.copy())
    return planes


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the type and the bytes of each chunk until IEND. The last one may be truncated."""
    view, position, kind = memoryview(data), len(_SIGNATURE), b""
    while position + 8 <= len(data) and kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, position)
        yield kind, view[position : position + length + 12]
        position += length + 12


def _has_valid_checksum(chunk: memoryview) -> bool:
    (length,) = struct.unpack_from(">I", chunk)
    is_complete = len(chunk) == length + 12 and length <= _MAX_ANCILLARY_BYTES
    return is_complete and zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])


def _has_valid_length(kind: bytes, content: bytes) -> bool:
    return len(content) == _LENGTHS.get(kind, len(content))


def _pack(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _color_key(content: bytes, depth: int, color_type: int) -> ColorKey | None:
    if len(content) != _COLOR_KEY_LENGTHS.get(color_type):
        return None
    samples = struct.unpack(f">{len(content) // 2}H", content)
    return ColorKey(tuple(sample & ((1 << depth) - 1) for sample in samples), depth)  # only these bits count (11.3.1.1)


def _profile(chunks: Mapping[bytes, bytes]) -> bytes | None:
    """Return the profile of the chunk with the highest precedence that can be understood (4.3)."""
    if b"cICP" in chunks:
        primaries, transfer, matrix, is_full_range = chunks[b"cICP"]
        profile = profiles.from_code_points(primaries, transfer) if (matrix, is_full_range) == (0, 1) else None
        if profile is not None:
            return profile
    if b"iCCP" in chunks:
        profile = _unpack_profile(chunks[b"iCCP"])
        if profile is not None and profiles.is_usable(profile):
            return profile
    if b"sRGB" in chunks:
        return profiles.SRGB
    gamma = int.from_bytes(chunks.get(b"gAMA", b""))
    if gamma == 0 and b"cHRM" not in chunks:
        return None
    exponent = None if gamma in {0, _GAMMA_OF_SRGB} else gamma / 100_000
    chromaticities = [value / 100_000 for value in struct.unpack(">8I", chunks[b"cHRM"])] if b"cHRM" in chunks else None
    return profiles.from_gamma(exponent, chromaticities)


def _unpack_profile(content: bytes) -> bytes | None:
    """Return the profile of an iCCP chunk: a name, a zero, the method 0, and zlib."""
    _, _, packed = content.partition(b"\0")
    if packed[:1] != b"\0":
        return None
    try:
        profile = zlib.decompressobj().decompress(packed[1:], _MAX_ANCILLARY_BYTES)
    except zlib.error:
        return None
    return profile[: int.from_bytes(profile[:4])]
