"""Render the variants of an image."""

import json
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final

from functions.imageproc.decoders import cut_out, read_header
from functions.imageproc.encode import encode
from functions.imageproc.isolation import ResourceLimits, run_in_child
from functions.imageproc.pixels import RenderStep, decode
from functions.imageproc.rejection import Rejected, RejectionCode
from holdall.projects.model import VariantSpec
from holdall.variants.model import RenderedVariant, RenderResult

# Encoders release the GIL. More workers than cores would only hold more pixels in memory.
_MAX_WORKERS: Final = max(2, min(4, os.cpu_count() or 2))
_LARGE_PIXELS: Final = 4_000_000  # pixels


def render(
    source: Path,
    content_type: str,
    specs: Sequence[VariantSpec],
    output_dir: Path,
    *,
    limits: ResourceLimits | None = None,
) -> RenderResult:
    """Render the variants of an image as files in a directory.

    A variant of an animation shows its first frame. Variants are upright, in sRGB, and have no metadata. `content_type` is what
    `probe` returned. The work is done in one child process. Raises Rejected, OSError if a file cannot be read or written, and
    TimeoutError if the machine was busy.
    """
    work = partial(_render_to_json, source, content_type, tuple(specs), output_dir)
    answer = json.loads(run_in_child(work, limits or ResourceLimits()))
    if "rejected" in answer:
        raise Rejected(*answer["rejected"])
    if "failed" in answer:
        raise OSError(*answer["failed"])
    return _parse_result(answer["result"])


def _parse_result(fields: dict[str, Any]) -> RenderResult:
    variants = (RenderedVariant(**{**variant, "path": Path(variant["path"])}) for variant in fields.pop("variants"))
    return RenderResult(**fields, variants=tuple(variants))


def _render_to_json(source: Path, content_type: str, specs: tuple[VariantSpec, ...], output_dir: Path) -> bytes:
    # JSON and not pickle: an attacker who took over the child through a bug of a decoder must not choose what the worker runs.
    warnings.simplefilter("ignore")  # of Pillow, about bytes that are broken or large; this process has no other image
    try:
        result = _decode_and_render(source, content_type, specs, output_dir)
        return json.dumps({"result": asdict(result)}, default=str).encode()
    except Rejected as rejected:
        return json.dumps({"rejected": [rejected.code, rejected.detail]}).encode()
    except OSError as error:
        return json.dumps({"failed": [error.errno, error.strerror, error.filename]}, default=str).encode()


def _decode_and_render(
    source: Path, content_type: str, specs: tuple[VariantSpec, ...], output_dir: Path
) -> RenderResult:
    data = source.read_bytes()
    with _reject_on_error("broken_image", "The image is corrupt or truncated"):
        picture = cut_out(data, content_type)
        (width, height), steps = decode(picture, read_header(picture), specs)
    del data, picture
    return RenderResult(content_type, width, height, _render_variants(steps, output_dir))


def _render_variants(steps: list[RenderStep], output_dir: Path) -> tuple[RenderedVariant, ...]:
    # The most expensive variants first, so that none of them runs alone at the end. Large ones run one by one, because AVIF
    # takes 40 bytes per pixel.
    order = sorted(range(len(steps)), key=lambda number: steps[number].cost, reverse=True)
    large = [number for number in order if steps[number].pixels > _LARGE_PIXELS]
    small = [number for number in order if steps[number].pixels <= _LARGE_PIXELS]
    rendered = {number: _render_variant(output_dir, number, steps[number]) for number in large}
    with ThreadPoolExecutor(_MAX_WORKERS) as pool:
        rendered |= zip(
            small, pool.map(lambda number: _render_variant(output_dir, number, steps[number]), small), strict=True
        )
    return tuple(rendered[number] for number in range(len(steps)))


def _render_variant(output_dir: Path, number: int, step: RenderStep) -> RenderedVariant:
    spec = step.spec
    with _reject_on_error("cannot_encode", f"The variant {spec.name!r} cannot be encoded"):
        image = step.resize()
        encoded = encode(image, spec.format, spec.quality)
    path = output_dir / f"{number:02}.{spec.format}"
    path.write_bytes(encoded)
    return RenderedVariant(spec.name, path, image.width, image.height, len(encoded))


@contextmanager
def _reject_on_error(code: RejectionCode, detail: str) -> Iterator[None]:
    """Turn every exception into a rejection. The block must not read or write files, because that may succeed later.

    Pillow raises OSError, SyntaxError, ValueError, IndexError, struct.error and more for broken bytes, so no type is named.
    """
    try:
        yield
    except Rejected:
        raise
    except MemoryError as error:
        raise Rejected("too_demanding", "Rendering the image exceeds the limit on memory.") from error
    except Exception as error:
        raise Rejected(code, f"{detail} ({type(error).__name__}).") from error
