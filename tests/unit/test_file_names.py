"""File names: cleaning, order, and the Content-Disposition header (U6)."""

import re
import unicodedata
from typing import get_args
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from holdall.files.names import (
    Disposition,
    Filename,
    PrefixTooLong,
    clean_name,
    clean_relative_path,
    content_disposition,
    name_key_prefix,
    name_sort_key,
)

FILE_ID = f"000000000000-{'0' * 26}"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
TRICKY_NAMES = st.text(
    st.sampled_from('a.\r\n"\\/;%\x00\x7f\u202e\u2066\u200b\u2028\u2029\ufeffé漢😀\uff02\uff0f \t'), max_size=30
)
NAMES = st.text(max_size=255) | TRICKY_NAMES


@given(NAMES)
def test_cleaned_name_has_no_folder_control_or_formatting_character(name: str) -> None:
    cleaned = clean_name(name)

    assert "/" not in cleaned
    assert "\\" not in cleaned
    visible = (character for character in cleaned if character not in "\u200c\u200d" and not _is_tag(character))
    assert not {unicodedata.category(character) for character in visible} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert cleaned == cleaned.strip()
    assert cleaned not in (".", "..")
    assert clean_name(cleaned) == cleaned


def _is_tag(character: str) -> bool:
    return "\U000e0020" <= character <= "\U000e007f"


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo.jpg", "photo.jpg"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("e\u0301te\u0301.jpg", "été.jpg"),
        ("two\r\nlines", "twolines"),
        (" photo ", "photo"),
        ("folder/", ""),
        ("..", ""),
        ("\u200b", ""),
        ("\u200d\u200c ", ""),
        ("e\u202e\u0301", "é"),
        ("x\U000e0067", "x"),
    ],
)
def test_name_is_cleaned(name: str, cleaned: str) -> None:
    assert clean_name(name) == cleaned


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("Prague/old town/map.pdf", "Prague/old town/map.pdf"),
        ("map.pdf", "map.pdf"),
        ("/etc/passwd", "etc/passwd"),
        ("../../etc/./passwd", "etc/passwd"),
        ("Prague\\old town\\map.pdf", "Prague/old town/map.pdf"),
        ("Prague//map.pdf/", "Prague/map.pdf"),
        ("a\u202e/\u200b/b\r\n", "a/b"),
        ("../..", None),
        ("", None),
    ],
)
def test_relative_path_is_cleaned_and_stays_in_its_folder(path: str, cleaned: str | None) -> None:
    assert clean_relative_path(path) == cleaned


@pytest.mark.parametrize("name", ["", ".", "..", "/", "folder/", "\x00", "\u202e", "x" * 256])
def test_empty_name_is_rejected(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Filename).validate_python(name)


@given(NAMES, st.sampled_from(get_args(Disposition)))
def test_content_disposition_is_safe_for_any_name(name: str, disposition: Disposition) -> None:
    kind, separator, parameter = content_disposition(disposition, name).partition("; ")

    assert (kind, separator) == (disposition, "; ")
    plain = re.fullmatch(r'filename="([^"\\;%]+)"', parameter)
    extended = re.fullmatch(r"filename\*=UTF-8''((?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+)", parameter)
    sent = plain.group(1) if plain else unquote(extended.group(1)) if extended else pytest.fail(parameter)
    assert parameter.isascii()
    assert parameter.isprintable()
    assert sent == (clean_name(name) or "file")


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("two words (1).tar.gz", 'filename="two words (1).tar.gz"'),
        ('\u00e9t\u00e9 "2".jpg', "filename*=UTF-8''%C3%A9t%C3%A9%20%222%22.jpg"),
        ("50%20off.txt", "filename*=UTF-8''50%2520off.txt"),
        ("a;b.txt", "filename*=UTF-8''a%3Bb.txt"),
    ],
)
def test_content_disposition_has_the_plain_form_only_for_plain_names(name: str, parameter: str) -> None:
    assert content_disposition("attachment", name) == f"attachment; {parameter}"


@given(st.text(st.characters(codec="utf-8"), max_size=255))
def test_sort_key_of_a_name_has_at_most_1024_bytes(name: str) -> None:
    assert len(name_sort_key(name, FILE_ID).encode()) <= 1024


def test_long_name_is_cut_between_characters() -> None:
    assert name_sort_key("€" * 500, FILE_ID) == "€" * 300 + f"\x01{'0' * 26}"


@given(st.text("abcXYZ 019._-é漢", max_size=40).map(clean_name), st.integers(0, 40))
def test_sort_key_starts_with_the_key_of_any_prefix(name: str, length: int) -> None:
    assert name_sort_key(name, FILE_ID).startswith(name_key_prefix(name[:length].upper()))
    assert name_sort_key(name, FILE_ID).startswith(name_key_prefix(name[:length].lower()))


def test_names_that_differ_in_case_only_have_the_same_sort_key() -> None:
    assert name_sort_key("STRASSE", FILE_ID) == name_sort_key("Straße", FILE_ID) == name_sort_key("strasse", FILE_ID)
    assert name_sort_key("E\u0301TE\u0301", FILE_ID) == name_sort_key("été", FILE_ID)


def test_name_sorts_before_longer_names_that_begin_with_it() -> None:
    names = ["a", "a b", "a!", 'a"q"', "a#", "a-b", "a.txt", "ab", "b"]

    keys = [name_sort_key(name, FILE_ID) for name in names]
    assert keys == sorted(keys)


@pytest.mark.parametrize("name", ["\u06cc\u200c\u062e", "\u0915\u094d\u200d\u0937", FAMILY, SCOTLAND])
def test_joiners_are_part_of_a_name(name: str) -> None:
    assert clean_name(f"{name}.txt") == f"{name}.txt"
    assert name_sort_key(f"{name}.txt", FILE_ID).startswith(name_key_prefix(name))
    assert unquote(content_disposition("attachment", name).partition("UTF-8''")[2]) == name


@pytest.mark.parametrize(("prefix", "key"), [("a ", "a "), (" a", "a"), ("a\u202e", "a"), ("a/", "a/"), ("\u202e", "")])
def test_prefix_loses_what_names_lose(prefix: str, key: str) -> None:
    assert name_key_prefix(prefix) == key


def test_prefix_that_is_longer_than_the_index_is_rejected() -> None:
    assert name_key_prefix("€" * 300) == "€" * 300
    with pytest.raises(PrefixTooLong):
        name_key_prefix("€" * 301)
