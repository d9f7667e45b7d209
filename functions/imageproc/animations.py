"""Cut the first frame out of a GIF or an animated WebP, and count the frames."""

import struct
from collections.abc import Iterator
from typing import Final

from functions.imageproc.picture import Picture

_CONTROL, _IMAGE, _EXTENSION, _TRAILER = 0xF9, 0x2C, 0x21, 0x3B
_ALPHA_FLAG: Final = 0x10
_OPTIONAL_CHUNKS: Final = (b"ICCP", b"ANIM", b"EXIF")


def cut_out_gif(data: bytes) -> Picture:
    """Return the first frame, without extensions other than its transparency (GIF89a, section 23)."""
    position = 13 + _palette_bytes(data[10])
    parts, control, frames, covered = [data[:position]], b"", 0, None
    while position < len(data) and data[position] != _TRAILER:
        start = position
        if data[position] == _EXTENSION:
            position = _skip_blocks(data, position + 2)
            if data[start + 1 : start + 3] == bytes((_CONTROL, 4)):
                control = data[start:position]
        elif data[position] == _IMAGE and start + 10 <= len(data):
            position = _skip_blocks(data, start + 11 + _palette_bytes(data[start + 9]))
            frames += 1
            if frames == 1:
                parts += [control, data[start:position], bytes((_TRAILER,))]
                left, top, width, height = struct.unpack_from("<4H", data, start + 1)
                covered = (left, top, left + width, top + height)
        else:
            position += 1
    return Picture("image/gif", b"".join(parts), frames=frames, covered=covered)


def cut_out_webp(data: bytes) -> Picture:
    """Return the first frame of an animation, or the only picture as it is."""
    chunks = list(_webp_chunks(data))
    frames = [chunk for kind, chunk in chunks if kind == b"ANMF"]
    if not frames or chunks[0][0] != b"VP8X":
        return Picture("image/webp", data)
    header, first = bytearray(chunks[0][1]), frames[0]
    if first[8:20] != b"\0" * 6 + bytes(header[12:18]):  # the place and the size of the frame, the size of the canvas
        header[8] |= _ALPHA_FLAG  # otherwise the decoder fills the rest of the canvas
    kept = {kind: chunk for kind, chunk in reversed(chunks) if kind in _OPTIONAL_CHUNKS}
    parts = [bytes(header), *(kept[kind] for kind in (b"ICCP", b"ANIM") if kind in kept), first, kept.get(b"EXIF", b"")]
    body = b"WEBP" + b"".join(parts)
    return Picture("image/webp", b"RIFF" + len(body).to_bytes(4, "little") + body, frames=len(frames))


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _skip_blocks(data: bytes, position: int) -> int:
    """Return the position after blocks that begin with their lengths. A length of zero ends them."""
    while position < len(data) and data[position]:
        position += 1 + data[position]
    return min(position + 1, len(data))


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and the bytes of each chunk."""
    position = 12
    while position + 8 <= len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        end = position + 8 + length + length % 2
        yield data[position : position + 4], data[position:end]
        position = end
