"""Text that people type: what is invisible in it, and the media types of RFC 9110."""

import unicodedata

_ZERO_WIDTH_JOINERS = "\u200c\u200d"  # they shape words of Persian and Hindi, and join emoji
_BLACK_FLAG = "\U0001f3f4"  # with the tags that follow, the flag of a region
_FIRST_TAG, _LAST_TAG = "\U000e0020", "\U000e007f"
# Controls, formats, surrogates and separators (Unicode Standard, table 4-4).
_CONTROLS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
MEDIA_TYPE_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}"  # each half of a media type (RFC 6838, section 4.2)
_MEDIA_TYPE_ALIASES = {
    "image/apng": "image/png",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
}


def remove_invisible(text: str) -> str:
    """Return text in NFC without controls and formatting, such as bidirectional overrides. Joiners and flag tags stay."""
    kept, is_flag = [], False
    for character in text:
        is_flag = character == _BLACK_FLAG or (is_flag and _FIRST_TAG <= character <= _LAST_TAG)
        if is_flag or character in _ZERO_WIDTH_JOINERS or unicodedata.category(character) not in _CONTROLS:
            kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


def is_blank(text: str) -> bool:
    """Return whether no character of the text can be seen."""
    return not text.translate(dict.fromkeys(map(ord, _ZERO_WIDTH_JOINERS))).strip()


def normalize_media_type(text: str) -> str:
    """Return a media type in lower case, without parameters, and by its registered name (RFC 9110, section 8.3.1)."""
    essence = text.partition(";")[0].strip().lower()
    return _MEDIA_TYPE_ALIASES.get(essence, essence)
