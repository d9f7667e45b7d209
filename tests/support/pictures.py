"""Pictures against their references in `tests/browser/pictures`. `make pictures` writes these again."""

import io
import os
from pathlib import Path

from PIL import Image, ImageChops
from playwright.sync_api import Page

from tests.support import studio
from tests.support.source_tree import ROOT

REFERENCES = ROOT / "tests" / "browser" / "pictures"
_FAILED = ROOT / ".local" / "pictures"
_REWRITES = os.environ.get("HOLDALL_PICTURES") == "rewrite"
_MOST_DIFFERENT = 0.001  # of the pixels
_TOLERANCE = 12  # of 255 in a channel: the edges of text and of scaled pictures differ between two versions of Chromium


def check(page: Page, name: str, seconds: float) -> str | None:
    """Compare the page with its reference, for this long at most. Return what is wrong."""
    path = REFERENCES / f"{name}.webp"
    if _REWRITES:
        _open(studio.take(page)).save(path, lossless=True, quality=80, method=4)
        return None
    if not path.is_file():
        return f"{name}: there is no reference"
    reference = Image.open(path).convert("RGB")
    actual = _open(
        studio.take(page, lambda picture: _share_of_differences(_open(picture), reference) <= _MOST_DIFFERENT)
    )
    share = _share_of_differences(actual, reference)
    if share <= _MOST_DIFFERENT:
        return None
    _FAILED.mkdir(parents=True, exist_ok=True)
    actual.save(_FAILED / f"{name}.actual.png")
    if actual.size == reference.size:
        _differences(actual, reference).save(_FAILED / f"{name}.difference.png")
    return f"{name}: {share:.2%} of the pixels differ"


def explain(faults: list[str]) -> str:
    lines = "\n".join(faults)
    return f"{lines}\nLook at {_FAILED.relative_to(ROOT)}. If the new pictures are right: make pictures"


def _open(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture)).convert("RGB")


def _share_of_differences(one: Image.Image, other: Image.Image) -> float:
    if one.size != other.size:
        return 1
    return _differences(one, other).histogram()[255] / (one.width * one.height)


def _differences(one: Image.Image, other: Image.Image) -> Image.Image:
    """Return a picture that is white where two differ, and black elsewhere."""
    red, green, blue = ImageChops.difference(one, other).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return most.point(lambda value: 255 if value > _TOLERANCE else 0)


def unused(names: set[str]) -> set[str]:
    """Return the references that no test compares."""
    return {path.stem for path in Path(REFERENCES).glob("*.webp")} - names
