"""Cut the picture out of an AVIF or HEIC, which are boxes (ISO/IEC 14496-12 and 23008-12)."""

import re
from typing import Final

from functions.imageproc import profiles
from functions.imageproc.picture import Picture

# Items with EXIF data or XMP. Only the properties `irot` and `imir` turn a picture, and the decoders apply or tell them.
_METADATA_ITEMS: Final = re.compile(rb"Exif|mime")
_CODE_POINTS: Final = re.compile(rb"colrnclx(..)(..)", re.DOTALL)


def cut_out(data: bytes, content_type: str) -> Picture:
    """Return the file without metadata items. It keeps its frames, of which a decoder only reads the sizes."""
    parts, description = [], b""
    position = 0
    while position + 8 <= len(data):
        length, kind = int.from_bytes(data[position : position + 4]), data[position + 4 : position + 8]
        if length < 8:  # the box is longer than 4 GiB, or it is the last one
            break
        box = data[position : position + length]
        if kind in {b"meta", b"moov"}:
            box = _METADATA_ITEMS.sub(b"free", box)  # of the same length, so that no position changes
            description += box
        parts.append(box)
        position += length
    code_points = _CODE_POINTS.search(description)
    profile = profiles.from_code_points(*map(int.from_bytes, code_points.groups())) if code_points else None
    return Picture(content_type, b"".join((*parts, data[position:])), profile=profile)
