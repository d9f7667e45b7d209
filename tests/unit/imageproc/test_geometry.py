"""The geometry of variants, for sources and boxes of any size."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.imageproc.geometry import Geometry, compute_geometry
from holdall.projects.variant_specs import VariantSpec
from tests.support.image_renderer import Fit, make_spec
from tests.support.source_tree import ROOT

SIDES = st.integers(1, 16_384)
# The console computes its previews itself, and is held to the same cases: geometry.test.ts, beside them.
CONSOLE_CASES = json.loads((ROOT / "web/src/lib/features/variants/geometry.cases.json").read_text())


def geometry_of(fit: Fit, box: tuple[int, int], source: tuple[int, int]) -> Geometry:
    return compute_geometry(make_spec("any", *box, fit, "webp", 80), *source)


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES))
def test_contain_shows_the_whole_image_inside_the_box(box: tuple[int, int], source: tuple[int, int]) -> None:
    geometry = geometry_of("contain", box, source)
    assert geometry.box == (0.0, 0.0, float(source[0]), float(source[1]))
    assert 1 <= geometry.width <= box[0]
    assert 1 <= geometry.height <= box[1]


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES))
def test_contain_touches_the_box_or_keeps_the_size(box: tuple[int, int], source: tuple[int, int]) -> None:
    geometry = geometry_of("contain", box, source)
    assert geometry.width == box[0] or geometry.height == box[1] or (geometry.width, geometry.height) == source


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES))
def test_contain_keeps_the_aspect_ratio_to_a_pixel(box: tuple[int, int], source: tuple[int, int]) -> None:
    geometry = geometry_of("contain", box, source)
    scale = min(box[0] / source[0], box[1] / source[1], 1)
    assert abs(geometry.width - source[0] * scale) <= 1
    assert abs(geometry.height - source[1] * scale) <= 1


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES))
def test_cover_fills_the_box_if_the_source_is_large_enough(box: tuple[int, int], source: tuple[int, int]) -> None:
    geometry = geometry_of("cover", box, source)
    if source[0] >= box[0] and source[1] >= box[1]:
        assert (geometry.width, geometry.height) == box


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES))
def test_cover_crops_the_center_to_the_aspect_ratio_of_the_box(box: tuple[int, int], source: tuple[int, int]) -> None:
    left, top, right, bottom = geometry_of("cover", box, source).box
    assert abs(left - (source[0] - right)) < 1e-6
    assert abs(top - (source[1] - bottom)) < 1e-6
    assert left >= 0
    assert top >= 0
    assert abs((right - left) * box[1] - (bottom - top) * box[0]) < 1e-6 * box[0] * box[1] * max(source)
    assert min(left, top) < 1e-6, "one axis is not cropped"


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES))
def test_only_stretch_enlarges(box: tuple[int, int], source: tuple[int, int]) -> None:
    fits: tuple[Fit, ...] = ("contain", "cover")
    for fit in fits:
        geometry = geometry_of(fit, box, source)
        left, top, right, bottom = geometry.box
        # Rounding may add half a pixel.
        assert geometry.width <= max(1, right - left + 0.5)
        assert geometry.height <= max(1, bottom - top + 0.5)
        assert geometry.width <= source[0]
        assert geometry.height <= source[1]


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES))
def test_stretch_has_the_size_of_the_box(box: tuple[int, int], source: tuple[int, int]) -> None:
    geometry = geometry_of("stretch", box, source)
    assert (geometry.width, geometry.height) == box
    assert geometry.box == (0.0, 0.0, float(source[0]), float(source[1]))


@given(st.sampled_from(["contain", "cover", "stretch"]), st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES))
def test_transposed_geometry_fits_the_transposed_source(
    fit: Fit, box: tuple[int, int], source: tuple[int, int]
) -> None:
    upright = geometry_of(fit, box, source)
    assert upright.transposed().transposed() == upright
    assert upright.transposed() == geometry_of(fit, (box[1], box[0]), (source[1], source[0]))


@pytest.mark.parametrize("case", CONSOLE_CASES, ids=str)
def test_preview_of_the_console_has_the_same_geometry(case: dict[str, Any]) -> None:
    spec = VariantSpec(name="any", width=case["width"], height=case["height"], fit=case["fit"])
    geometry = compute_geometry(spec, *case["source"])

    assert [geometry.width, geometry.height] == case["size"]
    assert list(geometry.box) == case["box"]
