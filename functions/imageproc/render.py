"""Make the variants of one image: a source file and specs in, files out, or a reason why it can never be."""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from functions.imageproc.encode import CONTENT_TYPES, encode
from functions.imageproc.isolation import ResourceLimits, run_in_child
from functions.imageproc.pixels import RenderStep, decode
from functions.imageproc.probe import probe, read_header
from functions.imageproc.types import Rejected, RenderedVariant, RenderResult, Spec

__all__ = ["Rejected", "RenderResult", "RenderedVariant", "ResourceLimits", "Spec", "probe", "render"]

# Encoders release the interpreter's lock. More at once than cores would only hold more pixels in memory.
_MAX_WORKERS: Final = max(2, min(4, os.cpu_count() or 2))
_LARGE_PIXELS: Final = 4_000_000  # pixels


def render(
    source: Path,
    specs: Sequence[Spec],
    output_dir: Path,
    *,
    declared_type: str | None = None,
    limits: ResourceLimits | None = None,
) -> RenderResult:
    """Make every variant of `specs` from the image in `source`, as files in the folder `into`.

    Of an animation the first frame is shown. Variants are upright, in sRGB, and carry pixels and no metadata.
    `declared` is the content type that the client named, which must be what the bytes are; None asks for no comparison.
    Raises Rejected for a source that no other try could render, OSError when `source` or `into` fail, TimeoutError when
    the machine was too busy. Takes one child process, and up to `limits.memory` bytes in it.
    """
    content_type = probe(source, declared_type)
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


def _render_to_json(source: Path, content_type: str, specs: tuple[Spec, ...], output_dir: Path) -> bytes:
    # Plain JSON: a child that a bug of a decoder took over must not choose what the worker unpickles.
    try:
        return json.dumps(
            {"result": asdict(_decode_and_render(source, content_type, specs, output_dir))}, default=str
        ).encode()
    except Rejected as rejected:
        return json.dumps({"rejected": [rejected.code, rejected.detail]}).encode()
    except OSError as error:
        return json.dumps({"failed": [error.errno, error.strerror, error.filename]}, default=str).encode()


def _decode_and_render(source: Path, content_type: str, specs: tuple[Spec, ...], output_dir: Path) -> RenderResult:
    data = source.read_bytes()
    with _reject_on_error("broken_image", "The image is corrupt or truncated"):
        picture, shots = decode(data, read_header(data, content_type), specs)
    del data
    return replace(picture, variants=_render_variants(shots, output_dir))


def _render_variants(steps: list[RenderStep], output_dir: Path) -> tuple[RenderedVariant, ...]:
    # The dearest first, so that none is left to run alone. Large ones go one by one: AVIF takes 40 bytes for a pixel.
    order = sorted(range(len(steps)), key=lambda number: steps[number].cost, reverse=True)
    large = [number for number in order if steps[number].pixels > _LARGE_PIXELS]
    small = [number for number in order if steps[number].pixels <= _LARGE_PIXELS]
    made = {number: _render_variant(output_dir, number, steps[number]) for number in large}
    with ThreadPoolExecutor(_MAX_WORKERS) as pool:
        made |= zip(
            small, pool.map(lambda number: _render_variant(output_dir, number, steps[number]), small), strict=True
        )
    return tuple(made[number] for number in range(len(steps)))


def _render_variant(output_dir: Path, number: int, step: RenderStep) -> RenderedVariant:
    spec = step.spec
    with _reject_on_error("cannot_encode", f"The variant {spec.name!r} cannot be encoded"):
        image = step.resize()
        encoded = encode(image, spec.format, spec.quality)
    path = output_dir / f"{number:02}.{spec.format}"
    path.write_bytes(encoded)
    return RenderedVariant(spec.name, path, image.width, image.height, CONTENT_TYPES[spec.format], len(encoded))


@contextmanager
def _reject_on_error(code: str, detail: str) -> Iterator[None]:
    """Turn every failure inside into a rejection. Nothing inside does input or output: the bytes are in memory.

    Pillow raises OSError, SyntaxError, ValueError, IndexError, struct.error and more for broken bytes, so none is
    named.
    """
    try:
        yield
    except Rejected:
        raise
    except MemoryError as error:
        raise Rejected("resource_limit_exceeded", "Rendering the image exceeds the limit on memory.") from error
    except Exception as error:
        raise Rejected(code, f"{detail} ({type(error).__name__}).") from error
