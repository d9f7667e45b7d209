"""Names, settings and variant specs of projects."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from holdall.projects.model import CreateProjectRequest, ProjectSettings, slugify
from holdall.projects.variant_specs import VariantSpec


@given(st.text(max_size=200))
def test_slug_is_short_plain_and_never_empty(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slugify(name))
    assert len(slugify(name)) <= 40


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Holiday photos", "holiday-photos"),
        ("Été à Nîmes", "ete-a-nimes"),
        ("  --a--b--  ", "a-b"),
        ("漢字", "project"),
        ("../../etc", "etc"),
        ("x" * 39 + " y", "x" * 39),
    ],
)
def test_slug_keeps_the_plain_characters_of_a_name(name: str, plain: str) -> None:
    assert slugify(name) == plain


@pytest.mark.parametrize("name", ["", " ", "\u00a0", "x" * 101, "two\nlines", "tab\t", "\u2028", "null\x00", "\ud800"])
def test_name_that_is_blank_or_not_one_line_is_rejected(name: str) -> None:
    with pytest.raises(ValidationError):
        CreateProjectRequest(name=name)


def test_name_is_trimmed_and_normalized() -> None:
    assert CreateProjectRequest(name="  e\u0301te\u0301 ").name == "été"


@pytest.mark.parametrize("hidden", ["\u061c", "\u200b", "\u200f", "\u202e", "\u2066", "\u2069", "\ufeff"])
def test_name_loses_characters_that_no_one_sees(hidden: str) -> None:
    assert CreateProjectRequest(name=f"a{hidden}b").name == "ab"
    with pytest.raises(ValidationError):
        CreateProjectRequest(name=hidden)


def test_name_keeps_its_joiners() -> None:
    assert CreateProjectRequest(name="\u06cc\u200c\u062e").name == "\u06cc\u200c\u062e"


@pytest.mark.parametrize(
    ("allowed_types", "content_type", "expected"),
    [
        (["*/*"], "text/plain", True),
        (["image/*"], "image/png", True),
        (["image/*"], "text/plain", False),
        (["image/png"], "image/png", True),
        (["image/png"], "image/jpeg", False),
        (["image/*"], "imagex/png", False),
        (["text/plain", "image/*"], "image/svg+xml", True),
        (["application/vnd.api+json"], "application/vnd.api+json", True),
    ],
)
def test_types_are_allowed_by_name_family_or_all(allowed_types: list[str], content_type: str, expected: bool) -> None:  # noqa: FBT001  # a column of the table
    assert ProjectSettings.model_validate({"allowedTypes": allowed_types}).allows(content_type) is expected


@pytest.mark.parametrize("pattern", ["", "*", "image", "*/png", "image/", "/png", "image/**", "a/b/c", "image/png\n"])
def test_malformed_media_range_is_rejected(pattern: str) -> None:
    with pytest.raises(ValidationError, match="allowedTypes"):
        ProjectSettings.model_validate({"allowedTypes": [pattern]})


@pytest.mark.parametrize(
    "settings",
    [
        {"visibility": "secret"},
        {"allowedTypes": []},
        {"allowedTypes": ["*/*"] * 51},
        {"variants": [{"name": f"v{number}", "width": 1} for number in range(21)]},
        {"variants": [{"name": "same", "width": 1}, {"name": "same", "width": 2}]},
        {"quota": {"maxBytes": -1}},
        {"quota": {"maxBytes": 1.5}},
        {"quota": {"maxBytes": True}},
        {"quota": {"maxBites": 1}},
        {"colour": "teal"},
    ],
)
def test_invalid_settings_are_rejected(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProjectSettings.model_validate(settings)


@pytest.mark.parametrize(
    "spec",
    [
        {"name": "x"},
        {"name": "x", "width": 0},
        {"name": "x", "width": 8193},
        {"name": "x", "width": -1},
        {"name": "x", "width": "20"},
        {"name": "x", "width": 20.0},
        {"name": "x", "width": True},
        {"name": "x", "width": 20, "fit": "cover"},
        {"name": "x", "height": 20, "fit": "stretch"},
        {"name": "x", "width": 20, "fit": "fill"},
        {"name": "x", "width": 20, "format": "gif"},
        {"name": "x", "width": 20, "quality": 0},
        {"name": "x", "width": 20, "quality": 101},
        {"name": "X", "width": 20},
        {"name": "", "width": 20},
        {"name": "-x", "width": 20},
        {"name": "a/b", "width": 20},
        {"name": "..", "width": 20},
        {"name": "x" * 33, "width": 20},
        {"name": "x\n", "width": 20},
        {"name": "x", "width": 20, "animated": True, "format": "avif"},
        {"name": "x", "width": 20, "extra": 1},
    ],
)
def test_invalid_variant_spec_is_rejected(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VariantSpec.model_validate(spec)


def test_variant_spec_needs_only_one_side_with_contain() -> None:
    spec = VariantSpec(name="x", width=640)

    assert (spec.height, spec.fit, spec.format, spec.quality) == (None, "contain", "webp", 80)


def test_spec_hash_is_stable() -> None:
    # The hashes are in URLs that are in use: a change here changes the URLs of all variants.
    assert VariantSpec(name="any", width=640).spec_hash == "35d6f7f3e26b"
    assert (
        VariantSpec(name="any", width=200, height=100, fit="cover", format="avif", quality=50).spec_hash
        == "6ef153da8081"
    )


def test_spec_hash_does_not_depend_on_the_name() -> None:
    assert VariantSpec(name="a", width=640).spec_hash == VariantSpec(name="b", width=640).spec_hash


@pytest.mark.parametrize(
    "other",
    [{"width": 641}, {"height": 481}, {"fit": "stretch"}, {"format": "png"}, {"quality": 81}, {"animated": True}],
)
def test_spec_hash_depends_on_everything_that_is_rendered(other: dict[str, Any]) -> None:
    spec = {"name": "x", "width": 640, "height": 480, "fit": "cover"}

    assert VariantSpec.model_validate(spec).spec_hash != VariantSpec.model_validate({**spec, **other}).spec_hash


def test_default_project_is_private_with_three_variants() -> None:
    settings = CreateProjectRequest(name="x").settings

    assert settings.visibility == "private"
    assert [spec.name for spec in settings.variants] == ["thumbnail", "small", "large"]
    assert settings.allows("application/octet-stream")
