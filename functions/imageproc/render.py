"""Render the variants of an image."""

import errno
import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from functions.imageproc.animate import AnimationStep, animate
from functions.imageproc.decoders import MAX_SIDE, cut_out, read_header
from functions.imageproc.isolation import ResourceLimits, run_in_child
from functions.imageproc.pixels import RenderStep, decode
from functions.imageproc.placeholder import dominant_color, thumb_hash
from functions.imageproc.probe import probe
from functions.imageproc.rejection import Rejected, RejectionCode
from holdall.projects.variant_specs import VariantSpec
from holdall.variants.model import RenderedVariant, RenderResult

# What all variants of an image may take on the disk together. PNG cannot compress noise: without this bound, an image could
# take a gigabyte, and its worker for more than a minute.
MAX_OUTPUT_BYTES: Final = 512 * 1024**2
# Encoders release the GIL. More workers than cores would only hold more pixels in memory.
_MAX_WORKERS: Final = max(2, min(4, os.cpu_count() or 2))
_LARGE_PIXELS: Final = 4_000_000  # pixels
_FULL_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]


class _Answer(BaseModel):
    """What the child answers. It decodes bytes of strangers, so all that it says is checked."""

    model_config = ConfigDict(strict=True, extra="forbid")

    size: tuple[_Side, _Side] | None = None
    placeholder: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{7,40}={0,2}$")] | None = None
    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")] | None = None
    variant_sizes: list[tuple[_Side, _Side]] = []
    rejected: tuple[RejectionCode, Annotated[str, Field(max_length=500)]] | None = None
    failed: tuple[int | None, str | None, str | None] | None = None  # of an OSError


def render(
    source: Path,
    content_type: str,
    specs: Sequence[VariantSpec],
    output_dir: Path,
    *,
    limits: ResourceLimits | None = None,
) -> RenderResult:
    """Render the variants of an image as files in a directory.

    A variant of an animation shows its first frame, unless its spec says `animated`. Variants are upright, in sRGB, and have no
    metadata. `content_type` is what `probe` returned. The work is done in one child process. Raises Rejected, OSError if a file
    cannot be read or written, and TimeoutError if the machine was busy.
    """
    paths = [output_dir / f"{number:02}.{spec.format}" for number, spec in enumerate(specs)]
    work = partial(_render_to_json, source, content_type, tuple(specs), paths)
    answer = _parse(run_in_child(work, limits or ResourceLimits()))
    if answer.rejected is not None:
        raise Rejected(*answer.rejected)
    if answer.failed is not None:
        raise OSError(*answer.failed)
    if answer.size is None or len(answer.variant_sizes) != len(specs):
        raise _invalid_answer()
    variants = tuple(map(_check_variant, specs, paths, answer.variant_sizes))
    if sum(variant.size for variant in variants) > MAX_OUTPUT_BYTES:
        raise _too_large()
    return RenderResult(content_type, *answer.size, variants, answer.placeholder, answer.colour)


def _parse(answer: bytes) -> _Answer:
    # JSON and not pickle: an attacker who took over the child through a bug of a decoder must not choose what the worker runs.
    try:
        return _Answer.model_validate_json(answer)
    except ValidationError as error:
        raise _invalid_answer() from error


def _check_variant(spec: VariantSpec, path: Path, size: tuple[int, int]) -> RenderedVariant:
    """Return a variant that the child wrote. Raises Rejected if it is not a file with its format and size."""
    width, height = size
    try:
        status = path.lstat()
        is_file = stat.S_ISREG(status.st_mode) and status.st_nlink == 1  # and not a link to another file of the worker
        is_valid = is_file and probe(path) == f"image/{spec.format}"
    except (OSError, Rejected) as error:
        raise _invalid_answer() from error
    if not is_valid or width > (spec.width or MAX_SIDE) or height > (spec.height or MAX_SIDE):
        raise _invalid_answer()
    return RenderedVariant(spec.name, path, width, height, status.st_size)


def _invalid_answer() -> Rejected:
    return Rejected("decoder_crashed", "The decoder did not answer as it should.")


def _too_large() -> Rejected:
    return Rejected("too_demanding", f"The variants must not have more than {MAX_OUTPUT_BYTES} bytes together.")


def _render_to_json(source: Path, content_type: str, specs: tuple[VariantSpec, ...], paths: list[Path]) -> bytes:
    warnings.simplefilter("ignore")  # of Pillow, about bytes that are broken or large; this process has no other image
    try:
        answer = _decode_and_render(source, content_type, specs, paths)
    except Rejected as rejected:
        answer = _Answer(rejected=(rejected.code, rejected.detail))
    except OSError as error:
        answer = _Answer(failed=(error.errno, error.strerror, str(error.filename)))
    return answer.model_dump_json().encode()


def _decode_and_render(source: Path, content_type: str, specs: tuple[VariantSpec, ...], paths: list[Path]) -> _Answer:
    data = source.read_bytes()
    with _reject_on_error("broken_image", "The image is corrupt or truncated"):
        picture = cut_out(data, content_type)
        plan = decode(picture, read_header(picture), specs)
        image = plan.placeholder.resize()
        placeholder, colour = thumb_hash(image), dominant_color(image)
        steps = [animate(step, data, picture) or step for step in plan.steps]
    del data, picture
    sizes = _render_variants(steps, paths)
    return _Answer(size=plan.size, placeholder=placeholder, colour=colour, variant_sizes=sizes)


def _render_variants(steps: Sequence[RenderStep | AnimationStep], paths: list[Path]) -> list[tuple[int, int]]:
    # The most expensive variants first, so that none of them runs alone at the end. Large ones run one by one, because AVIF
    # takes 40 bytes per pixel.
    order = sorted(range(len(steps)), key=lambda number: steps[number].cost, reverse=True)
    large = [number for number in order if steps[number].pixels > _LARGE_PIXELS]
    small = [number for number in order if steps[number].pixels <= _LARGE_PIXELS]
    written: list[int] = []  # bytes of each file

    def render_variant(number: int) -> tuple[int, int]:
        return _render_variant(paths[number], steps[number], written)

    rendered = {number: render_variant(number) for number in large}
    with ThreadPoolExecutor(_MAX_WORKERS) as pool:
        rendered |= zip(small, pool.map(render_variant, small), strict=True)
    return [rendered[number] for number in range(len(steps))]


def _render_variant(path: Path, step: RenderStep | AnimationStep, written: list[int]) -> tuple[int, int]:
    spec = step.spec
    with _reject_on_error("cannot_encode", f"The variant {spec.name!r} cannot be encoded"):
        encoded, size = step.encode()
    written.append(len(encoded))
    if sum(written) > MAX_OUTPUT_BYTES:
        raise _too_large()
    try:
        path.write_bytes(encoded)
    except OSError as error:
        if error.errno in _FULL_DISK:
            raise Rejected("too_demanding", "The variants do not fit on the disk of the worker.") from error
        raise
    return size


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
