"""The size, the bytes and the quality of variants."""

import errno
import io
import math
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

from functions.imageproc import render as render_module
from functions.imageproc.encode import Format
from functions.imageproc.rejection import Rejected
from functions.imageproc.render import render
from tests.support.image_renderer import Fit, ImageFactory, make_spec
from tests.support.image_samples import encode, sample_image

SPECS = (
    make_spec("thumbnail", 200, 200, "cover", "webp", 80),
    make_spec("small", 640, 640, "contain", "webp", 80),
    make_spec("medium", 1280, 1280, "contain", "jpeg", 80),
    make_spec("large", 1920, 1920, "contain", "avif", 50),
    make_spec("exact", 320, 40, "stretch", "png", 100),
)
PHOTO = Path(__file__).parents[3] / "docs" / "demo" / "photo.jpg"


@pytest.fixture(scope="module")
def large_photo() -> bytes:
    """Return 24 megapixels, so that the decoder scales too."""
    with Image.open(PHOTO) as photo:
        large = photo.resize((6000, 4000), Image.Resampling.BICUBIC)
    return encode(large, "JPEG", quality=92)


def test_every_variant_is_rendered_to_its_spec(image_factory: ImageFactory) -> None:
    result = image_factory.render(PHOTO.read_bytes(), *SPECS)
    assert (result.width, result.height) == (2400, 1350)
    assert [(variant.name, variant.width, variant.height) for variant in result.variants] == [
        ("thumbnail", 200, 200),
        ("small", 640, 360),
        ("medium", 1280, 720),
        ("large", 1920, 1080),
        ("exact", 320, 40),
    ]
    for spec, variant in zip(SPECS, result.variants, strict=True):
        assert variant.size == variant.path.stat().st_size > 0
        with Image.open(variant.path) as image:
            assert (image.format or "").lower() == spec.format
            assert image.size == (variant.width, variant.height)


def test_same_source_and_spec_give_the_same_bytes(image_factory: ImageFactory) -> None:
    data = PHOTO.read_bytes()
    assert image_factory.render_bytes(data, *SPECS) == image_factory.render_bytes(data, *SPECS)


def test_other_variants_do_not_affect_the_bytes_of_a_variant(image_factory: ImageFactory, large_photo: bytes) -> None:
    # A variant that is rendered again, or added to a project later, must be the same as one from the start.
    together = image_factory.render_bytes(large_photo, *SPECS, make_spec("huge", 4096, 4096, "contain", "jpeg", 60))
    alone = [image_factory.render_bytes(large_photo, spec)[0] for spec in SPECS]
    assert together[: len(SPECS)] == alone


@pytest.mark.parametrize("format_", ["webp", "avif", "jpeg", "png"])
@pytest.mark.parametrize("fit", ["contain", "cover"])
def test_only_stretch_enlarges_an_image(image_factory: ImageFactory, fit: Fit, format_: Format) -> None:
    result = image_factory.render(encode(sample_image(48, 32), "PNG"), make_spec("big", 1000, 500, fit, format_, 80))
    expected = (48, 32) if fit == "contain" else (48, 24)
    assert (result.variants[0].width, result.variants[0].height) == expected


def test_stretch_enlarges(image_factory: ImageFactory) -> None:
    result = image_factory.render(
        encode(sample_image(48, 32), "PNG"), make_spec("big", 100, 500, "stretch", "webp", 80)
    )
    assert (result.variants[0].width, result.variants[0].height) == (100, 500)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (6001, 3)])
def test_variant_has_at_least_one_pixel(image_factory: ImageFactory, size: tuple[int, int]) -> None:
    data = encode(Image.new("RGB", size, "red"), "JPEG")
    for variant in image_factory.render(data, *SPECS).variants:
        assert variant.width >= 1
        assert variant.height >= 1


def test_cover_shows_the_center(image_factory: ImageFactory) -> None:
    source = Image.new("RGB", (90, 30), "black")
    source.paste("white", (30, 0, 60, 30))
    variant = image_factory.render_image(encode(source, "PNG"), make_spec("middle", 30, 30, "cover", "png", 100))
    assert variant.get_flattened_data() == ((255, 255, 255),) * 900


@pytest.mark.parametrize(
    ("width", "height", "fit"),
    [
        (1920, 1920, "contain"),
        (1280, 1280, "contain"),
        (640, 640, "contain"),
        (200, 200, "cover"),
        (300, 100, "stretch"),
    ],
)
def test_shortcuts_are_invisible(
    image_factory: ImageFactory, large_photo: bytes, width: int, height: int, fit: Fit
) -> None:
    """Compare with a full decode and one Lanczos resize. Above 40 dB, no one can tell two images apart."""
    variant = image_factory.render_image(large_photo, make_spec("any", width, height, fit, "png", 100))
    with Image.open(io.BytesIO(large_photo)) as whole:
        if fit == "stretch":
            expected: Image.Image = whole.resize((width, height), Image.Resampling.LANCZOS)
        else:
            resize = ImageOps.contain if fit == "contain" else ImageOps.fit
            expected = resize(whole, (width, height), Image.Resampling.LANCZOS)
    assert variant.size == expected.size
    assert _psnr(variant, expected) > 42
    assert _ssim(variant, expected) > 0.985


def _psnr(one: Image.Image, other: Image.Image) -> float:
    errors = ImageStat.Stat(ImageChops.difference(one, other)).rms
    mean_square = sum(error**2 for error in errors) / len(errors)
    return 10 * math.log10(255**2 / mean_square) if mean_square else math.inf


def _ssim(one: Image.Image, other: Image.Image) -> float:
    """Return the structural similarity of the luma over blocks of 8 pixels (Wang et al. 2004, with a flat window)."""
    one, other = one.convert("L"), other.convert("L")
    blocks = [
        _block_ssim(one.crop(box).tobytes(), other.crop(box).tobytes())
        for left in range(0, one.width - 7, 24)
        for top in range(0, one.height - 7, 24)
        for box in [(left, top, left + 8, top + 8)]
    ]
    return sum(blocks) / len(blocks)


def _block_ssim(one: bytes, other: bytes) -> float:
    mean, mean_other = sum(one) / 64, sum(other) / 64
    variance = sum((level - mean) ** 2 for level in one) / 63
    variance_other = sum((level - mean_other) ** 2 for level in other) / 63
    covariance = sum((a - mean) * (b - mean_other) for a, b in zip(one, other, strict=True)) / 63
    luminance = (2 * mean * mean_other + 6.5025) / (mean**2 + mean_other**2 + 6.5025)
    return luminance * (2 * covariance + 58.5225) / (variance + variance_other + 58.5225)


def test_variants_with_the_same_name_have_separate_files(image_factory: ImageFactory) -> None:
    same = [make_spec("../../same", side, side, "contain", "webp", 80) for side in (10, 20)]
    variants = image_factory.render(encode(sample_image(), "PNG"), *same).variants
    assert len({variant.path for variant in variants}) == 2
    assert {variant.path.parent for variant in variants} == {variants[0].path.parent}


def test_image_without_variants_has_its_size(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(encode(sample_image(), "PNG"))
    result = render(tmp_path / "source", "image/png", [], tmp_path)
    assert (result.width, result.height, result.variants) == (48, 32, ())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_full_disk_is_a_rejection(image_factory: ImageFactory, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(_path: Path, _data: bytes) -> int:
        raise OSError(number, "No space")

    data = encode(sample_image(), "PNG")
    image_factory.render(data)
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(Rejected) as rejected:
        render(image_factory.source, "image/png", SPECS, image_factory.output_dir)
    assert rejected.value.code == "too_demanding"


def test_bytes_of_all_variants_are_limited(image_factory: ImageFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [variant.size for variant in image_factory.render(PHOTO.read_bytes(), *SPECS).variants]
    monkeypatch.setattr(render_module, "MAX_OUTPUT_BYTES", sum(sizes))
    assert image_factory.rejection_code(PHOTO.read_bytes(), *SPECS) == ""
    monkeypatch.setattr(render_module, "MAX_OUTPUT_BYTES", sum(sizes) - 1)
    assert image_factory.rejection_code(PHOTO.read_bytes(), *SPECS) == "too_demanding"


def test_write_error_is_not_a_rejection(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(encode(sample_image(), "PNG"))
    with pytest.raises(FileNotFoundError):
        render(tmp_path / "source", "image/png", SPECS, tmp_path / "missing")
