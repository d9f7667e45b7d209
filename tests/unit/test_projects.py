"""Projects: their names, their settings, and the specs of their variants."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from holdall.projects.model import CreateProjectRequest, ProjectSettings, VariantSpec, slugify


@given(st.text(max_size=200))
def test_a_slug_is_short_plain_and_never_empty(name: str) -> None:
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
def test_a_slug_keeps_what_is_plain_of_a_name(name: str, plain: str) -> None:
    assert slugify(name) == plain


@pytest.mark.parametrize("name", ["", " ", "\u00a0", "x" * 101, "two\nlines", "tab\t", "\u2028", "null\x00", "\ud800"])
def test_a_name_is_one_line_that_is_not_blank(name: str) -> None:
    with pytest.raises(ValidationError):
        CreateProjectRequest(name=name)


def test_a_name_is_kept_trimmed_and_composed() -> None:
    assert CreateProjectRequest(name="  e\u0301te\u0301 ").name == "été"


@pytest.mark.parametrize(
    ("allowed", "content_type", "answer"),
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
def test_types_are_allowed_by_name_by_family_or_all(allowed: list[str], content_type: str, answer: bool) -> None:  # noqa: FBT001  # a column of the table
    assert ProjectSettings.model_validate({"allowedTypes": allowed}).allows(content_type) is answer


@pytest.mark.parametrize(
    "pattern", ["", "*", "image", "*/png", "image/", "/png", "Image/png", "image/**", "a/b/c", "image/png\n"]
)
def test_a_pattern_of_types_has_one_form(pattern: str) -> None:
    with pytest.raises(ValidationError, match="allowedTypes"):
        ProjectSettings.model_validate({"allowedTypes": [pattern]})


@pytest.mark.parametrize(
    "said",
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
def test_settings_that_mean_nothing_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProjectSettings.model_validate(said)


@pytest.mark.parametrize(
    "said",
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
        {"name": "x", "width": 20, "extra": 1},
    ],
)
def test_a_spec_that_cannot_be_drawn_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VariantSpec.model_validate(said)


def test_a_side_that_is_left_out_follows_the_other() -> None:
    spec = VariantSpec(name="x", width=640)

    assert (spec.height, spec.fit, spec.format, spec.quality) == (None, "contain", "webp", 80)


def test_the_hash_of_a_spec_stays_as_it_is() -> None:
    # These stand in URLs that are out in the world: a change here changes every URL of every variant.
    assert VariantSpec(name="any", width=640).spec_hash == "35d6f7f3e26b"
    assert (
        VariantSpec(name="any", width=200, height=100, fit="cover", format="avif", quality=50).spec_hash
        == "6ef153da8081"
    )


def test_the_name_alone_does_not_change_the_hash() -> None:
    assert VariantSpec(name="a", width=640).spec_hash == VariantSpec(name="b", width=640).spec_hash


@pytest.mark.parametrize(
    "other",
    [{"width": 641}, {"height": 481}, {"fit": "stretch"}, {"format": "png"}, {"quality": 81}],
)
def test_whatever_changes_the_picture_changes_the_hash(other: dict[str, Any]) -> None:
    usual = {"name": "x", "width": 640, "height": 480, "fit": "cover"}

    assert VariantSpec.model_validate(usual).spec_hash != VariantSpec.model_validate({**usual, **other}).spec_hash


def test_the_usual_variants_are_three_and_the_usual_project_is_private() -> None:
    usual = CreateProjectRequest(name="x").settings

    assert usual.visibility == "private"
    assert [spec.name for spec in usual.variants] == ["thumbnail", "small", "large"]
    assert usual.allows("application/octet-stream")
