"""Names of files: what they may contain, how they sort, and how a download carries them."""

import re
import unicodedata
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AfterValidator, Field

from holdall.platform import ids
from holdall.platform.errors import ValidationFailed
from holdall.platform.text import is_blank, remove_invisible

Disposition = Literal["attachment", "inline"]

MAX_PATH_LENGTH = 1024
_MAX_SORT_KEY_BYTES = 900  # a sort key holds 1024 bytes, and the ID follows the name
# Between a name and the ID in a sort key. No name contains it, and it sorts before every character of a name.
_SEPARATOR = "\x01"
# What no parser of headers changes. Some decode percent signs, and split at quotes and semicolons within quotes.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._()+@,!&=~-]+(?: [A-Za-z0-9._()+@,!&=~-]+)*")


class PrefixTooLong(ValidationFailed):
    """The prefix is longer than the part of a name that is indexed."""

    code, detail = "prefix_too_long", "The prefix is too long."


def name_sort_key(name: str, file_id: str) -> str:
    """Return the key by which the names of files sort, in any case. A name sorts before longer names that begin with it."""
    folded = _fold(name).encode()[:_MAX_SORT_KEY_BYTES].decode(errors="ignore")
    return f"{folded}{_SEPARATOR}{ids.local_part(file_id)}"


def name_key_prefix(prefix: str) -> str:
    """Return what the sort keys of the names with this prefix begin with. Raises PrefixTooLong."""
    folded = _fold(remove_invisible(prefix).lstrip())
    if len(folded.encode()) > _MAX_SORT_KEY_BYTES:
        raise PrefixTooLong
    return folded


def _fold(text: str) -> str:
    """Return text such that equivalent text in another case is equal (Unicode Standard, section 3.13, D145)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def clean_name(filename: str) -> str:
    """Return a file name without folders, controls and bidirectional formatting. It is empty if no character is visible."""
    cleaned = remove_invisible(re.split(r"[/\\]", filename)[-1]).strip()
    return "" if is_blank(cleaned) or cleaned in (".", "..") else cleaned


def clean_relative_path(path: str) -> str | None:
    """Return a path without steps out of its folder, and with the names that `clean_name` returns. None if none is left."""
    names = (clean_name(name) for name in re.split(r"[/\\]", path))
    return "/".join(name for name in names if name) or None


def content_disposition(disposition: Disposition, name: str) -> str:
    """Return a Content-Disposition header from which every parser reads the same name (RFC 6266, section 4.3; RFC 8187).

    It has one parameter: `filename` for a plain name, else `filename*`. Browsers prefer the second of both, but the email
    package of Python and everything that is built on it reads the first, and would save another name.
    """
    cleaned = clean_name(name) or "file"
    if _PLAIN_NAME.fullmatch(cleaned):
        return f'{disposition}; filename="{cleaned}"'
    return f"{disposition}; filename*=UTF-8''{quote(cleaned, safe='')}"


def _validate_filename(filename: str) -> str:
    cleaned = clean_name(filename)
    if not cleaned:
        raise ValueError("must be a valid file name")
    return cleaned


Filename = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_validate_filename)]  # of a request
RelativePath = Annotated[str, Field(max_length=MAX_PATH_LENGTH), AfterValidator(clean_relative_path)]  # of a request
