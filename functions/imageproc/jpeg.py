"""Cut the picture out of a JPEG (ITU-T T.81, annex B)."""

import re
from dataclasses import replace
from typing import Final

from functions.imageproc.picture import Picture
from functions.imageproc.rejection import Rejected

# A decoder computes the whole image for each scan of a progressive JPEG, and a scan may be ten bytes. Photos have about ten
# scans. The authors of libjpeg-turbo suggest 500 as a limit ("Two Issues with the JPEG Standard").
MAX_SCANS: Final = 500

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_WITHOUT_LENGTH: Final = frozenset({0x01, _START})
# Compressed pixels contain FF only before a zero or a restart marker, or repeated as filling before a marker (B.1.1).
_MARKER: Final = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
# The metadata that browsers obey, and its least length. Decoders ignore, or refuse, what is shorter.
_METADATA: Final = ((0xE0, b"JFIF\0", 14), (0xE1, b"Exif\0\0", 6), (0xE2, b"ICC_PROFILE\0", 14), (0xEE, b"Adobe", 12))
_ENDING: Final = b"\xff\xd9"


def cut_out(data: bytes) -> Picture:
    """Return the picture until its end marker, without previews, comments and other metadata.

    Raises Rejected with `too_many_scans`, or with `broken_image` if the file ends inside of a segment.
    """
    view, parts, position, scans = memoryview(data), list[bytes | memoryview](), 0, 0
    parts.append(b"\xff\xd8")
    while marker := _MARKER.search(data, position):
        code, position = marker[1][0], marker.end()
        if code == _END:
            return Picture("image/jpeg", b"".join((*parts, _ENDING)))
        if code in _WITHOUT_LENGTH:
            continue
        length = int.from_bytes(data[position : position + 2])
        segment = view[position : position + length]
        if length < 2 or len(segment) < length:
            raise Rejected("broken_image", "The image is truncated.")
        position += length
        if _is_needed(code, bytes(segment[2:14]), length - 2):
            parts += [bytes((0xFF, code)), segment]
        if code == _SCAN:
            scans += 1
            if scans > MAX_SCANS:
                raise Rejected("too_many_scans", f"A JPEG must not have more than {MAX_SCANS} scans.")
            next_marker = _MARKER.search(data, position)
            end = next_marker.start() if next_marker else len(data)
            parts.append(view[position:end])
            position = end
    return Picture("image/jpeg", b"".join(parts).rstrip(b"\xff"), is_closed=False)


def endings(picture: Picture) -> list[Picture]:
    """Return an unclosed picture with its end marker, after nothing, after zeros, and after other pixels.

    If all decode to the same pixels, only the end marker was missing. Otherwise, the decoder needed what follows.
    """
    return [
        replace(picture, data=picture.data + filling + _ENDING, is_closed=True)
        for filling in (b"", bytes(64), b"\xaa" * 64)
    ]


def _is_needed(code: int, start: bytes, length: int) -> bool:
    is_metadata = 0xE0 <= code <= 0xFE
    return not is_metadata or any(
        code == needed and start.startswith(name) and length >= least for needed, name, least in _METADATA
    )
